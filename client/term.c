/* SPDX-License-Identifier: Apache-2.0 */
#include "client/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PTY_NAME_MAX 64

bool term_raw(struct term *t, int fd)
{
	struct termios raw;

	if (tcgetattr(fd, &t->saved) < 0)
		return false;
	raw = t->saved;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return false;
	t->fd = fd;
	t->raw = true;
	return true;
}

void term_restore(struct term *t)
{
	if (t->raw)
		tcsetattr(t->fd, TCSANOW, &t->saved);
	t->raw = false;
}

void pty_resize(int master, int like)
{
	struct winsize ws;

	if (ioctl(like, TIOCGWINSZ, &ws) == 0)
		ioctl(master, TIOCSWINSZ, &ws);
}

int pty_open(int like, int *ret_master, int *ret_slave)
{
	char name[PTY_NAME_MAX];
	struct termios settings;
	int master, slave, r;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return -errno;
	if (grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)) != 0)
		goto fail;
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		goto fail;
	if (tcgetattr(like, &settings) == 0)
		tcsetattr(slave, TCSANOW, &settings);
	/* Before anybody runs there: the first thing many programs do is ask for the size. */
	pty_resize(master, like);
	*ret_master = master;
	*ret_slave = slave;
	return 0;
fail:
	r = -errno;
	close(master);
	return r;
}
