"""A loop of one's own on selectors: generators as tasks, woken by descriptors, timeouts, and signals through a wakeup
socketpair, as trio has it. It runs on epoll, poll and select. LOAD says how much."""
import collections
import hashlib
import heapq
import os
import selectors
import signal
import socket
import time

LOAD = int(os.environ.get("LOAD", "1"))


class TimedOut(Exception):
    pass


class Loop:
    def __init__(self, selector):
        self.selector, self.ready, self.timers, self.live, self.seq = selector, collections.deque(), [], 0, 0
        self.children = {}
        self.wake, self.waker = socket.socketpair()
        for s in self.wake, self.waker:
            s.setblocking(False)
        self.selector.register(self.wake, selectors.EVENT_READ, None)
        self.old = signal.set_wakeup_fd(self.waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def spawn(self, task):
        self.live += 1
        self.ready.append((task, None, None))

    def timer(self, after, entry):
        self.seq += 1
        heapq.heappush(self.timers, (time.monotonic() + after, self.seq, entry))

    def step(self, task, value, error):
        try:
            what, arg, limit = task.throw(error) if error else task.send(value)
        except StopIteration:
            self.live -= 1
            return
        if what == "sleep":
            self.timer(arg, [task, None])
        elif what == "child":
            self.children[arg] = task
            self.reap()
        else:
            entry = [task, arg]
            self.selector.register(arg, selectors.EVENT_READ if what == "read" else selectors.EVENT_WRITE, entry)
            if limit is not None:
                self.timer(limit, entry)

    def reap(self):
        for pid in list(self.children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self.ready.append((self.children.pop(pid), os.waitstatus_to_exitcode(status), None))

    def run(self):
        while self.live:
            while self.ready:
                self.step(*self.ready.popleft())
            if not self.live:
                break
            wait = max(0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, _ in self.selector.select(wait):
                if key.data is None:
                    while True:
                        try:
                            if not self.wake.recv(4096):
                                break
                        except BlockingIOError:
                            break
                    self.reap()
                    continue
                task, key.data[0] = key.data[0], None
                self.selector.unregister(key.fd)
                self.ready.append((task, None, None))
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                entry = heapq.heappop(self.timers)[2]
                if entry[0]:
                    task, entry[0] = entry[0], None
                    if entry[1] is not None:
                        self.selector.unregister(entry[1])
                    self.ready.append((task, None, TimedOut() if entry[1] is not None else None))
        signal.set_wakeup_fd(self.old)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        self.wake.close()
        self.waker.close()


def write_all(fd, data):
    while data:
        try:
            data = data[os.write(fd, data):]
        except BlockingIOError:
            yield "write", fd, None


def read_some(fd, n, limit=None):
    while True:
        try:
            return os.read(fd, n)
        except BlockingIOError:
            yield "read", fd, limit


def pair(kind):
    a, b = os.pipe() if kind == "pipe" else [s.detach() for s in socket.socketpair()]
    os.set_blocking(a, False)
    os.set_blocking(b, False)
    return a, b


def producer(fd, n, seed):
    for i in range(n):
        yield from write_all(fd, bytes([(seed + i) % 256]) * (1 + 37 * i % 9000))
    os.close(fd)


def consumer(fd, results, name):
    digest, size = hashlib.md5(), 0
    while part := (yield from read_some(fd, 10000)):
        digest.update(part)
        size += len(part)
    os.close(fd)
    results[name] = size, digest.hexdigest()


def ping(fd, n, results, name):
    for i in range(n):
        yield from write_all(fd, b"%06d" % i)
        assert (yield from read_some(fd, 6)) == b"%06d" % i
    os.close(fd)
    results[name] = n


def pong(fd):
    while part := (yield from read_some(fd, 6)):
        yield from write_all(fd, part)
    os.close(fd)


def patient(n, results):
    r, w = pair("pipe")
    missed = 0
    for _ in range(n):
        try:
            yield from read_some(r, 1, 0.003)
        except TimedOut:
            missed += 1
    os.write(w, b"x")
    results["timeouts"] = missed, (yield from read_some(r, 1, 60))
    os.close(r)
    os.close(w)


def child(i, results):
    r, w = pair("pipe")
    os.set_blocking(w, True)
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"seq {i * 10}; exit {i % 5}"], os.environ,
                         file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
    os.close(w)
    text = b""
    while part := (yield from read_some(r, 4096)):
        text += part
    os.close(r)
    status = yield "child", pid, None
    results[f"child {i}"] = len(text), status


def sleeper(results):
    for _ in range(20):
        yield "sleep", 0.005, None
    results["slept"] = 20


for kind in selectors.EpollSelector, selectors.PollSelector, selectors.SelectSelector:
    results, loop = {}, Loop(kind())
    for i in range(6):
        r, w = pair(("pipe", "pair")[i % 2])
        loop.spawn(producer(w, 60 * LOAD, i))
        loop.spawn(consumer(r, results, f"flow {i}"))
    for i in range(6):
        a, b = pair("pair")
        loop.spawn(ping(a, 60 * LOAD, results, f"ping {i}"))
        loop.spawn(pong(b))
    loop.spawn(patient(20, results))
    loop.spawn(sleeper(results))
    for i in range(16 * LOAD):
        loop.spawn(child(i, results))
    loop.run()
    print(kind.__name__, len(results), hashlib.md5(repr(sorted(results.items())).encode()).hexdigest())
    for name in "flow 1", "ping 2", "timeouts", "slept", "child 9":
        print("  ", name, results[name])
