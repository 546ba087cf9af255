package emulate

import "golang.org/x/sys/unix"

// kcmp answers KCMP_EPOLL_TFD about what the model keeps out of the kernel's epoll (kernel/kcmp.c: kcmp_epoll_target,
// fs/eventpoll.c: ep_find_tfd). The files themselves are told apart by their placeholders.
func (k *Kernel) kcmp(c *Call) Outcome {
	const (
		cmpFile  = 0
		epollTFD = 7
	)
	if c.Results != nil {
		return Outcome{Kind: KindDone, Ret: c.Results[0]}
	}
	of, in := k.Tasks[c.Arg(0)], k.Tasks[c.Arg(1)]
	if c.Arg(2) != epollTFD || of == nil || in == nil {
		return Pass()
	}
	var slot [12]byte // struct kcmp_epoll_slot: efd, tfd, toff
	if c.get(slot[:], c.Args[4]) != 0 {
		return Pass()
	}
	efd, tfd, toff := le32(slot[:]), le32(slot[4:]), le32(slot[8:])
	f := in.Files.Get(int(efd))
	if f == nil {
		return Pass()
	}
	ep, ok := f.ops.(*Epoll)
	if !ok {
		return Pass()
	}
	for key := range ep.items {
		if key.fd != int(tfd) {
			continue
		}
		if toff > 0 {
			toff--
			continue
		}
		switch {
		case in.Files.Get(int(tfd)) == key.file:
			args := c.Args
			args[2], args[4] = cmpFile, uint64(tfd)
			return Ask(KernelCall{Nr: unix.SYS_KCMP, Args: args})
		case of.Files.Get(c.Arg(3)) == key.file:
			return Done(0)
		}
		return Done(1)
	}
	return Pass()
}
