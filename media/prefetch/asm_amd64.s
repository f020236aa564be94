#include "textflag.h"

// func regions(r *region, n int)
TEXT ·regions(SB), NOSPLIT, $0-16
	MOVQ r+0(FP), SI
	MOVQ n+8(FP), CX

next:
	DECQ CX
	JLT  done
	MOVQ (SI), AX
	ADDQ $8, SI
	MOVBLZX AX, DX
	SHRQ $8, AX
	SHLQ $6, AX

lines:
	DECQ       DX
	JLT        next
	PREFETCHT0 (AX)
	ADDQ       $64, AX
	JMP        lines

done:
	RET

// func stack(below, above int)
TEXT ·stack(SB), NOSPLIT, $0-16
	MOVQ below+0(FP), CX
	MOVQ above+8(FP), DX
	LEAQ below+0(FP), AX
	MOVQ AX, BX

down:
	DECQ       CX
	JLT        up
	SUBQ       $64, AX
	PREFETCHT0 (AX)
	JMP        down

up:
	DECQ       DX
	JLT        done
	PREFETCHT0 (BX)
	ADDQ       $64, BX
	JMP        up

done:
	RET
