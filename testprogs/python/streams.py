"""asyncio: many subprocesses with piped streams at once, and their ends."""
import asyncio

PIPE = asyncio.subprocess.PIPE


async def one(n):
    p = await asyncio.create_subprocess_exec("tr", "0-9", "a-j", stdin=PIPE, stdout=PIPE)
    out, _ = await p.communicate(str(n).encode() * 20000)
    return len(out), out[:3], p.returncode


async def talk():
    p = await asyncio.create_subprocess_exec("sed", "-u", "s/^/> /", stdin=PIPE, stdout=PIPE)
    for i in range(200):
        p.stdin.write(b"%d\n" % i)
        await p.stdin.drain()
        assert await p.stdout.readline() == b"> %d\n" % i
    p.stdin.close()
    return await p.stdout.read(), await p.wait()


async def killed():
    p = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        await asyncio.wait_for(p.stdout.read(1), 0.05)
    except asyncio.TimeoutError:
        print("timeout")
    p.terminate()
    return await p.wait()


async def main():
    print(await asyncio.gather(*(one(n) for n in range(12))))
    print(await asyncio.gather(talk(), talk(), talk()))
    print(await killed())
    p = await asyncio.create_subprocess_shell("echo out; echo err >&2; exit 9", stdout=PIPE, stderr=PIPE)
    print(await p.communicate(), p.returncode)


asyncio.run(main())
