package emulate

// Handlers that do not stand yet; each goes from here when its own file comes.

type epitem struct{}

func (*epitem) drop(*Kernel) {}

func (k *Kernel) poll(c *Call) Outcome            { return Pass() }
func (k *Kernel) ppoll(c *Call) Outcome           { return Pass() }
func (k *Kernel) sel(c *Call) Outcome             { return Pass() }
func (k *Kernel) pselect6(c *Call) Outcome        { return Pass() }
func (k *Kernel) epollCreate(c *Call) Outcome     { return Pass() }
func (k *Kernel) epollCreate1(c *Call) Outcome    { return Pass() }
func (k *Kernel) sawEpollCreate(c *Call, r int64) {}
func (k *Kernel) epollCtl(c *Call) Outcome        { return Pass() }
func (k *Kernel) sawEpollCtl(c *Call, r int64)    {}
func (k *Kernel) epollWait(c *Call) Outcome       { return Pass() }
func (k *Kernel) epollPwait2(c *Call) Outcome     { return Pass() }

func (k *Kernel) socketpair(c *Call) Outcome     { return Pass() }
func (k *Kernel) sawSocketpair(c *Call, r int64) {}
func (k *Kernel) connect(c *Call) Outcome        { return Pass() }
func (k *Kernel) sendto(c *Call) Outcome         { return Pass() }
func (k *Kernel) recvfrom(c *Call) Outcome       { return Pass() }
func (k *Kernel) sendmsg(c *Call) Outcome        { return Pass() }
func (k *Kernel) recvmsg(c *Call) Outcome        { return Pass() }
func (k *Kernel) sendmmsg(c *Call) Outcome       { return Pass() }
func (k *Kernel) recvmmsg(c *Call) Outcome       { return Pass() }
func (k *Kernel) shutdown(c *Call) Outcome       { return Pass() }
func (k *Kernel) sawShutdown(c *Call, r int64)   {}
func (k *Kernel) setsockopt(c *Call) Outcome     { return Pass() }
func (k *Kernel) sawSetsockopt(c *Call, r int64) {}
func (k *Kernel) getsockopt(c *Call) Outcome     { return Pass() }

func (k *Kernel) pipe(c *Call) Outcome     { return Pass() }
func (k *Kernel) sawPipe(c *Call, r int64) {}
func (k *Kernel) sendfile(c *Call) Outcome { return Pass() }
func (k *Kernel) splice(c *Call) Outcome   { return Pass() }
func (k *Kernel) tee(c *Call) Outcome      { return Pass() }
func (k *Kernel) vmsplice(c *Call) Outcome { return Pass() }

func (k *Kernel) open(c *Call) Outcome           { return Pass() }
func (k *Kernel) openat(c *Call) Outcome         { return Pass() }
func (k *Kernel) openat2(c *Call) Outcome        { return Pass() }
func (k *Kernel) creat(c *Call) Outcome          { return Pass() }
func (k *Kernel) sawOpen(c *Call, r int64)       {}
func (k *Kernel) close(c *Call) Outcome          { return Pass() }
func (k *Kernel) sawClose(c *Call, r int64)      {}
func (k *Kernel) closeRange(c *Call) Outcome     { return Pass() }
func (k *Kernel) sawCloseRange(c *Call, r int64) {}
func (k *Kernel) dup(c *Call) Outcome            { return Pass() }
func (k *Kernel) sawDup(c *Call, r int64)        {}
func (k *Kernel) dup2(c *Call) Outcome           { return Pass() }
func (k *Kernel) dup3(c *Call) Outcome           { return Pass() }
func (k *Kernel) sawDup2(c *Call, r int64)       {}
func (k *Kernel) fcntl(c *Call) Outcome          { return Pass() }
func (k *Kernel) sawFcntl(c *Call, r int64)      {}
func (k *Kernel) ioctl(c *Call) Outcome          { return Pass() }
func (k *Kernel) sawIoctl(c *Call, r int64)      {}
func (k *Kernel) unshare(c *Call) Outcome        { return Pass() }
func (k *Kernel) sawUnshare(c *Call, r int64)    {}
func (k *Kernel) escape(c *Call) Outcome         { return Pass() }
func (k *Kernel) pidfdGetfd(c *Call) Outcome     { return Pass() }
