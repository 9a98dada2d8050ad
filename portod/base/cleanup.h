/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup attributes and ownership hand-over for locals.
 *
 * A variable declared with one of the `auto_…` macros is released when it leaves its scope.
 * Hand it over with take_ptr() / take_fd(). Never blocks.
 */
#pragma once

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines `<func>p(type *p)`, which calls func(*p) if *p is not NULL. */
#define DEFINE_CLEANUP(type, func)          \
	static inline void func##p(type *p) \
	{                                   \
		if (*p)                     \
			func(*p);           \
	}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define auto_free     _cleanup_(cleanup_free)
#define auto_close    _cleanup_(cleanup_close)
#define auto_fclose   _cleanup_(cleanup_fclose)
#define auto_closedir _cleanup_(cleanup_closedir)

/* Return the value and leave NULL / -1 behind. */
#define take_ptr(p)                        \
	__extension__({                    \
		__typeof__(p) *_pp = &(p); \
		__typeof__(p) _v = *_pp;   \
		*_pp = NULL;               \
		_v;                        \
	})

static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

/* Close *fd if it is open and leave -1. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member)                                   \
	__extension__({                                                   \
		const __typeof__(((type *)0)->member) *_m = (ptr);        \
		(type *)((char *)(uintptr_t)_m - offsetof(type, member)); \
	})
