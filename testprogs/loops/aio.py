"""asyncio under load: subprocesses, socketpairs, pipes, timeouts, threads and signals at once. LOAD says how much."""
import asyncio
import hashlib
import os
import signal
import socket

PIPE = asyncio.subprocess.PIPE
LOAD = int(os.environ.get("LOAD", "1"))


async def child(i, gate):
    async with gate:
        p = await asyncio.create_subprocess_exec("sh", "-c", f"cat; echo {i} >&2; exit {i % 7}", stdin=PIPE, stdout=PIPE, stderr=PIPE)
        out, err = await p.communicate(bytes([i % 256]) * 5000 * (i % 20))
        return len(out), int(err), p.returncode


async def relay(n):
    """messages of growing size through a ring of socketpairs"""
    ends = [socket.socketpair() for _ in range(8)]
    streams = []
    for a, b in ends:
        r, _ = await asyncio.open_connection(sock=b)
        _, w = await asyncio.open_connection(sock=a)
        streams.append((r, w))

    async def hop(i):
        (r, _), (_, w) = streams[i], streams[(i + 1) % len(streams)]
        while line := await r.readline():
            w.write(line[:-1] + bytes([97 + i]) + b"\n")
            await w.drain()
        w.close()

    tasks = [asyncio.create_task(hop(i)) for i in range(len(ends) - 1)]
    out, into = streams[-1][0], streams[0][1]
    total = hashlib.md5()
    for i in range(n):
        into.write(b"%d:" % i + b"x" * (i % 3000) + b"\n")
        total.update(await out.readline())
    into.close()
    await asyncio.gather(*tasks)
    rest = await out.read()
    for _, w in streams:
        w.close()
    return total.hexdigest(), rest


async def timeouts(n):
    """reads that nobody answers, cancelled in turn, and one that is answered after them"""
    a, b = socket.socketpair()
    r, w = await asyncio.open_connection(sock=a)
    missed = 0
    for _ in range(n):
        try:
            await asyncio.wait_for(r.readexactly(1), 0.004)
        except asyncio.TimeoutError:
            missed += 1
    b.send(b"!")
    got = await asyncio.wait_for(r.readexactly(1), 30)
    b.close()
    eof = await r.read()
    w.close()
    return missed, got, eof


async def pipes(n):
    """connect_read_pipe and connect_write_pipe on os.pipe"""
    loop = asyncio.get_running_loop()
    r, w = os.pipe()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(r, "rb"))
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(w, "wb"))
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def feed():
        for i in range(n):
            writer.write(bytes([i % 256]) * 3001)
            await writer.drain()
        writer.close()

    task = asyncio.create_task(feed())
    digest, size = hashlib.md5(), 0
    while part := await reader.read(1 << 16):
        digest.update(part)
        size += len(part)
    await task
    return size, digest.hexdigest()


async def threads(n):
    """callbacks from other threads, through the loop's own socketpair"""
    loop, total = asyncio.get_running_loop(), 0

    def work(i):
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, i * i), loop).result()

    for i in range(0, n, 8):
        total += sum(await asyncio.gather(*(loop.run_in_executor(None, work, j) for j in range(i, i + 8))))
    return total


async def signals(n):
    loop, got = asyncio.get_running_loop(), asyncio.Queue()
    loop.add_signal_handler(signal.SIGUSR1, got.put_nowait, 1)
    for _ in range(n):
        os.kill(os.getpid(), signal.SIGUSR1)
        await got.get()
    return loop.remove_signal_handler(signal.SIGUSR1)


async def killed(n):
    async def one(i):
        p = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        p.stdin.write(b"x")
        first = await p.stdout.read(1)
        (p.kill, p.terminate)[i % 2]()
        return first, await p.wait(), await p.stdout.read()

    return set(await asyncio.gather(*(one(i) for i in range(n))))


async def main():
    gate = asyncio.Semaphore(8)
    jobs = {
        "children": asyncio.gather(*(child(i, gate) for i in range(40 * LOAD))), "relay": relay(300 * LOAD), "timeouts": timeouts(40 * LOAD),
        "pipes": pipes(300 * LOAD), "threads": threads(160 * LOAD), "signals": signals(60 * LOAD), "killed": killed(10),
    }
    done = dict(zip(jobs, await asyncio.gather(*jobs.values())))
    print(hashlib.md5(repr(done.pop("children")).encode()).hexdigest(), sorted(done.pop("killed")))
    for name, what in done.items():
        print(name, what)


asyncio.run(main())
