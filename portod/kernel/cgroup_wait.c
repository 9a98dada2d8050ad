/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for groups to become empty or frozen.
 *
 * The pauses start far below a scheduler tick, since a killed process is usually gone within tens
 * of microseconds, and double up to a limit. cgroup.events of the unified tree wakes us up early;
 * it is no replacement, because the kernel delays notifications that follow each other within
 * 10 ms, and v1 has nothing like it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/num.h"
#include "kernel/cgroup_backend.h"

#define PAUSE_MIN_US 100
#define PAUSE_MAX_US 50000

void cgroup_wait_init(struct cgroup_wait *w, const struct cgroup_hierarchy *hr, const char *path,
		      unsigned timeout_ms)
{
	char buf[512];

	w->deadline = clock_mono_nsec() + timeout_ms * NSEC_PER_MSEC;
	w->pause_us = PAUSE_MIN_US;
	w->events_fd = -1;
	if (!hr || hr->ops != &cgroup_v2_backend)
		return;
	w->events_fd = cgroup_open(hr, path, "cgroup.events", O_RDONLY);
	if (w->events_fd >= 0 && read(w->events_fd, buf, sizeof(buf)) < 0)
		close_fd(&w->events_fd);
}

void cgroup_wait_deinit(struct cgroup_wait *w)
{
	if (w->events_fd >= 0)
		close_fd(&w->events_fd);
}

bool cgroup_wait_next(struct cgroup_wait *w)
{
	uint64_t now = clock_mono_nsec(), pause = w->pause_us * NSEC_PER_USEC;
	struct pollfd pfd = { .fd = w->events_fd, .events = POLLPRI };
	struct timespec ts;
	char buf[512];

	if (now >= w->deadline)
		return false;
	if (pause > w->deadline - now)
		pause = w->deadline - now;
	ts.tv_sec = (time_t)(pause / NSEC_PER_SEC);
	ts.tv_nsec = (long)(pause % NSEC_PER_SEC);
	if (ppoll(&pfd, w->events_fd >= 0, &ts, NULL) > 0) {
		/* Reading arms it again. A file of a removed group would stay ready for ever. */
		if (pread(w->events_fd, buf, sizeof(buf), 0) < 0)
			close_fd(&w->events_fd);
		return true;
	}
	w->pause_us = w->pause_us * 2 > PAUSE_MAX_US ? PAUSE_MAX_US : w->pause_us * 2;
	return true;
}
