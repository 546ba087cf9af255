package emulate_test

import (
	"testing"
)

// poll(2), select(2), epoll(7): fs/select.c, fs/eventpoll.c.
func TestWaits(t *testing.T) {
	plays(t, []rule{
		{"a poll wakes for what it asked, and for HUP and ERR always", `
			pair x y STREAM
			B: pollwait y PRI -1 = blocked
			write x "a"
			B = blocked
			send x "b" OOB
			B = PRI
			C: pollwait x RDHUP -1 = blocked
			shutdown y WR
			C = RDHUP
			D: pollwait x PRI -1 = blocked
			close y
			D = ERR|HUP`},
		{"a poll's time", `
			pipe r w
			B: pollwait r IN 10 = blocked
			sleep 9
			B = blocked
			sleep 1
			B = 0
			pollwait r IN 0 = 0
			B: pollwait r IN 10 = blocked
			B interrupt restart = EINTR`},
		{"pollers are all woken, readers one by one", `
			race
			pipe r w
			B: read r 1 = blocked
			C: pollwait r IN -1 = blocked
			D: pollwait r IN -1 = blocked
			E: read r 1 = blocked
			write w "x"
			C = IN
			D = IN
			B = "x"
			E = blocked`},
		{"level-triggered", `
			pipe r w
			epoll e
			watch e r IN
			wait e 0 = nothing
			write w "ab"
			wait e 0 = r:IN
			wait e 0 = r:IN
			read r 2
			wait e 0 = nothing
			close w
			wait e 0 = r:HUP`},
		{"edges: every write of a pipe that was polled, every packet", `
			pipe r w
			epoll e
			watch e r IN ET
			write w "a"
			wait e 0 = r:IN
			wait e 0 = nothing
			write w "b"
			wait e 0 = r:IN
			read r 1
			wait e 0 = nothing
			watch e w OUT ET
			wait e 0 = w:OUT
			read r 1
			wait e 0 = nothing
			setfl w NONBLOCK
			write w 70000
			write w 1 = EAGAIN
			read r 4096
			wait e 0 = r:IN w:OUT
			read r 4096
			wait e 0 = nothing`},
		{"edges of a stream", `
			pair x y STREAM NONBLOCK
			epoll e
			watch e x IN OUT ET
			wait e 0 = x:OUT
			write x "a"
			wait e 0 = nothing
			read y 9
			wait e 0 = x:OUT
			write y "b"
			wait e 0 = x:IN|OUT
			rewatch e x IN OUT ET
			wait e 0 = x:IN|OUT
			wait e 0 = nothing`},
		{"once", `
			pipe r w
			epoll e
			watch e r IN ONESHOT
			write w "a"
			wait e 0 = r:IN
			write w "b"
			wait e 0 = nothing
			close w
			wait e 0 = nothing
			rewatch e r IN ONESHOT
			wait e 0 = r:IN|HUP`},
		{"the ready list is a queue: those that were told go to its end", `
			pipe r w
			pipe s v
			epoll e
			watch e r IN
			watch e s IN
			write v "1"
			write w "2"
			wait1 e 0 = s:IN
			wait1 e 0 = r:IN
			wait1 e 0 = s:IN
			wait e 0 = r:IN s:IN`},
		{"of two interests in one file the later is told first", `
			pipe r w
			dup r s
			epoll e
			watch e r IN
			watch e s IN
			write w "x"
			wait e 0 = s:IN r:IN`},
		{"errors of epoll_ctl", `
			pipe r w
			epoll e
			watch e r IN
			watch e r IN = EEXIST
			rewatch e w OUT = ENOENT
			unwatch e w = ENOENT
			watch e e IN = EINVAL
			watch e w OUT EXCLUSIVE
			rewatch e w OUT = EINVAL
			unwatch e w
			watch e w OUT EXCLUSIVE ONESHOT = EINVAL
			unwatch e r
			watch e r IN`},
		{"an interest lives as long as its file, whatever the number", `
			pipe r w
			epoll e
			watch e r IN
			dup r s
			write w "a"
			close r
			wait e 0 = r:IN
			watch e s IN
			close s
			wait e 0 = nothing`},
		{"sleepers: the last to come is the first", `
			pipe r w
			epoll e
			watch e r IN ET
			B: wait e -1 = blocked
			C: wait e -1 = blocked
			write w "a"
			C = r:IN
			B = blocked
			write w "b"
			B = r:IN
			D: wait e 20 = blocked
			sleep 20
			D = nothing`},
		{"exclusive interests of several epolls: one sleeper is woken", `
			pipe r w
			epoll e
			epoll f
			watch e r IN EXCLUSIVE
			watch f r IN EXCLUSIVE
			B: wait e -1 = blocked
			C: wait f -1 = blocked
			write w "a"
			B = r:IN
			C = blocked
			close w
			C = r:IN|HUP`},
		{"an epoll in an epoll, and in a poll", `
			pipe r w
			epoll e
			epoll f
			watch e r IN
			watch f e IN
			poll f = 0
			B: wait f -1 = blocked
			C: pollwait f IN -1 = blocked
			write w "a"
			B = e:IN
			C = IN
			wait e 0 = r:IN
			read r 1
			wait f 0 = nothing`},
	})
}
