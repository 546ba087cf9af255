"""socket.socketpair with threads, select and descriptors that go along."""
import os
import select
import selectors
import socket
import threading


def server(s):
    total = 0
    while True:
        block = s.recv(10000)
        if not block:
            break
        total += len(block)
        s.sendall(block)
    s.sendall(b"%d" % total)
    s.shutdown(socket.SHUT_WR)


def echoes():
    pairs = [socket.socketpair() for _ in range(8)]
    threads = [threading.Thread(target=server, args=(b,)) for _, b in pairs]
    for t in threads:
        t.start()
    sel = selectors.DefaultSelector()
    got = {}
    for i, (a, _) in enumerate(pairs):
        a.setblocking(False)
        sel.register(a, selectors.EVENT_READ | selectors.EVENT_WRITE, [i, 200000])
        got[i] = b""
    while sel.get_map():
        for key, events in sel.select():
            i, left = key.data
            if events & selectors.EVENT_WRITE:
                n = key.fileobj.send(b"%d" % i * min(left, 7000))
                key.data[1] -= n
                if key.data[1] <= 0:
                    key.fileobj.shutdown(socket.SHUT_WR)
                    sel.modify(key.fileobj, selectors.EVENT_READ, key.data)
            if events & selectors.EVENT_READ:
                block = key.fileobj.recv(30000)
                got[i] += block
                if not block:
                    sel.unregister(key.fileobj)
    for t in threads:
        t.join()
    print([(len(g), g[-6:]) for g in got.values()])


def descriptors():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    r, w = os.pipe()
    socket.send_fds(a, [b"two"], [r, w])
    os.close(r)
    os.close(w)
    text, fds, flags, _ = socket.recv_fds(b, 10, 4)
    os.write(fds[1], b"still open")
    print(text, len(fds), flags & socket.MSG_CTRUNC, os.read(fds[0], 100))
    a.close()
    print(b.recv(10))


def timeouts():
    a, b = socket.socketpair()
    a.settimeout(0.02)
    try:
        a.recv(1)
    except TimeoutError as e:
        print(e)
    print(select.select([a], [b], [], 0.01)[1] == [b])
    b.send(b"x")
    print(a.recv(1, socket.MSG_PEEK), a.recv(1))
    b.close()
    print(a.recv(1))
    try:
        a.send(b"x")
    except BrokenPipeError as e:
        print(e.strerror)


echoes()
descriptors()
timeouts()
