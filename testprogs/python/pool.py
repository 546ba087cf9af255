"""multiprocessing: pools, queues and pipes, with processes started in the way that the argument names."""
import multiprocessing as mp
import sys


def square(n):
    return n * n


def fails(n):
    raise ValueError(n)


def echo(c):
    while True:
        word = c.recv()
        if word is None:
            return
        c.send(word[::-1])


def produce(q, n):
    for i in range(100):
        q.put((n, i, b"x" * 1000))
    q.put(None)


def pools():
    with mp.Pool(4) as p:
        print(sum(p.map(square, range(3000))), p.apply(square, (12,)))
        print(sorted(p.imap_unordered(square, range(10))))
        try:
            p.apply(fails, (3,))
        except ValueError as e:
            print("raised", e)


def connections():
    ours, theirs = mp.Pipe()
    p = mp.Process(target=echo, args=(theirs,))
    p.start()
    theirs.close()
    for word in "ab", "x" * 300000:
        ours.send(word)
        print(len(ours.recv()))
    print("waits", ours.poll(0.01))
    ours.send(None)
    p.join()
    print(p.exitcode)
    try:
        ours.recv()
    except EOFError:
        print("end of file")


def queues():
    q = mp.Queue()
    workers = [mp.Process(target=produce, args=(q, n)) for n in range(3)]
    for w in workers:
        w.start()
    ends, items = 0, set()
    while ends < 3:
        item = q.get()
        if item is None:
            ends += 1
        else:
            items.add(item[:2])
    for w in workers:
        w.join()
    print(len(items), [w.exitcode for w in workers])


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    connections()
    pools()
    queues()
