#include "textflag.h"

// func regions(r *region, n int)
TEXT ·regions(SB), NOSPLIT, $0-16
	MOVD r+0(FP), R0
	MOVD n+8(FP), R1

next:
	SUBS $1, R1, R1
	BLT  done
	MOVD.P 8(R0), R2
	AND  $255, R2, R3
	LSR  $8, R2, R2
	LSL  $6, R2, R2

lines:
	SUBS $1, R3, R3
	BLT  next
	PRFM (R2), PLDL1KEEP
	ADD  $64, R2, R2
	B    lines

done:
	RET

// func stack(below, above int)
TEXT ·stack(SB), NOSPLIT, $0-16
	MOVD below+0(FP), R1
	MOVD above+8(FP), R2
	MOVD $below+0(FP), R0
	MOVD R0, R3

down:
	SUBS $1, R1, R1
	BLT  up
	SUB  $64, R0, R0
	PRFM (R0), PLDL1KEEP
	B    down

up:
	SUBS $1, R2, R2
	BLT  done
	PRFM (R3), PLDL1KEEP
	ADD  $64, R3, R3
	B    up

done:
	RET
