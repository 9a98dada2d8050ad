/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without a C library, for portoinit only.
 *
 * Starting a static glibc program takes several times as long as the rest of what portoinit does in
 * its life: it asks the processor for its features, which traps in a virtual machine, and touches
 * dozens of pages. So where we know the calling convention the program brings its own entry point
 * and calls; elsewhere (TINY_LIBC) it is an ordinary static program.
 *
 * Functions return what the kernel returns: -errno on failure. All files of the program but one
 * define TINY_PART before they include this.
 */
#pragma once

#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long sys4(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

#ifndef TINY_PART
/* The stack holds argc and argv; the ABI wants it aligned at a call. */
__asm__(".text\n.globl _start\n_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call tiny_start\n"
	"	hlt\n");
#endif

/* rt_sigaction(2) wants a way back from a handler; we have none, since we have no handlers. */
#define TINY_START 1

#elif defined(__aarch64__)

static inline long sys4(long nr, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}

#ifndef TINY_PART
__asm__(".text\n.globl _start\n_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	and sp, x0, #-16\n"
	"	bl tiny_start\n"
	"	brk #0\n");
#endif

#define TINY_START 1

#else

#include <errno.h>
#include <unistd.h>

static inline long sys4(long nr, long a, long b, long c, long d)
{
	long r = syscall(nr, a, b, c, d);

	return r < 0 ? -errno : r;
}

#define TINY_START 0

#endif

/* Never returns. */
_Noreturn void tiny_main(char **argv);

#ifdef TINY_PART
/* Another file has the entry point. */
#elif TINY_START
/* Called by _start only. */
_Noreturn void tiny_start(void **stack);
_Noreturn void tiny_start(void **stack)
{
	tiny_main((char **)(stack + 1));
}
#else
int main(int argc, char **argv)
{
	(void)argc;
	tiny_main(argv);
}
#endif
