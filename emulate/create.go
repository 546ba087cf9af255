package emulate

// untold stands where the kernel has not written two numbers yet.
const untold = "\xff\xff\xff\xff\xff\xff\xff\xff"

// create serves the calls that make two descriptors: the kernel makes a placeholder pair, and made puts
// files of the model over its two numbers. addr is where the program wants the numbers, argument arg of the
// call. In a table that several tasks share, the numbers reach the program only when the filter covers
// them: the kernel writes them to scratch first.
func (k *Kernel) create(c *Call, arg int, made func(fds [2]int)) Outcome {
	if c.Task.Native || k.sharedWithout(c.Task) {
		return Pass()
	}
	if c.Step == 0 && c.Task.Files.users == 1 {
		return Hear()
	}
	switch c.Step {
	case 0:
		c.Step = 1
		fds := &Scratch{Data: []byte(untold), Arg: arg, Back: true}
		c.State = fds
		return Ask(KernelCall{Nr: c.Sys.Nr, Args: c.Args, Scratch: []*Scratch{fds}})
	case 1:
		if ret := c.Results[0]; ret < 0 {
			// __sys_socketpair tells the numbers before it makes the sockets, whatever comes of that.
			if got := c.State.(*Scratch).Data; string(got) != untold {
				if e := c.put(c.Args[arg], got); e != 0 {
					return Fail(e)
				}
			}
			return Outcome{Kind: KindDone, Ret: ret}
		}
		c.Step = 2
		made(pairOf(c.State.(*Scratch).Data))
		return Ask()
	case 2:
		fds := pairOf(c.State.(*Scratch).Data)
		if e := c.put(c.Args[arg], c.State.(*Scratch).Data); e != 0 {
			// The kernel, too, gives the numbers back when they cannot be told (fs/pipe.c: do_pipe2).
			c.Step = 3
			k.remove(c.Task.Files, fds[0])
			k.remove(c.Task.Files, fds[1])
			return Ask(closing(fds[0]), closing(fds[1]))
		}
		return Done(0)
	}
	return Fail(efault)
}

// created is create's answer for a table of one task: the numbers are read where the kernel wrote them.
func (k *Kernel) created(c *Call, arg int, ret int64, made func(fds [2]int)) {
	var raw [8]byte
	if ret == 0 && c.get(raw[:], c.Args[arg]) == 0 {
		made(pairOf(raw[:]))
	}
}

func pairOf(raw []byte) [2]int { return [2]int{int(int32(le32(raw))), int(int32(le32(raw[4:])))} }

// sharedWithout tells whether a process that is no thread of t's shares its table (clone with CLONE_FILES
// alone). No filter of t's reaches such a process, so what they make is left to the kernel.
func (k *Kernel) sharedWithout(t *Task) bool {
	if t.Files.users == 1 {
		return false
	}
	for _, o := range k.Tasks {
		if o.Files == t.Files && o.TGID != t.TGID {
			return true
		}
	}
	return false
}
