#include "textflag.h"

// func vfork(flags uintptr) (pid uintptr)
//
// Parent and child share the stack, and the child's calls overwrite the return address that lies there. So it is kept in
// a register across the call.
TEXT ·vfork(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ	flags+0(FP), DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$56, AX // clone
	POPQ	R12
	SYSCALL
	PUSHQ	R12
	MOVQ	AX, pid+8(FP)
	RET
