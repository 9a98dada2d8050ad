/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What behaviour tests run inside containers: one static program, the first argument chooses.
 * Plain and without error handling beyond what a test wants to see.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Allocate and touch MiB, say so, then wait. */
static int hog(size_t mib)
{
	char *p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < mib << 20; i += 4096)
		p[i] = 1;
	printf("touched\n");
	fflush(stdout);
	pause();
	return 0;
}

/* The same in a child: what is killed is not the main process. */
static int hog_child(size_t mib)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(hog(mib));
	waitpid(pid, &status, 0);
	printf("child %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	fflush(stdout);
	pause();
	return 0;
}

/* Lock MiB, say so, then wait. */
static int lock(size_t mib)
{
	char *p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("%s\n", mlock(p, mib << 20) == 0 ? "locked" : strerror(errno));
	fflush(stdout);
	pause();
	return 0;
}

/* Fork children that wait; print how many came to life. */
static int fork_bomb(int count)
{
	int done = 0;

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		done++;
	}
	printf("%d %s\n", done, done == count ? "all" : strerror(errno));
	fflush(stdout);
	pause();
	return 0;
}

static void *idle(void *arg)
{
	pause();
	return arg;
}

static int threads(int count)
{
	for (int i = 0; i < count; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, idle, NULL))
			return 2;
	}
	printf("ready\n");
	fflush(stdout);
	pause();
	return 0;
}

/* Use this much processor time. */
static int burn(long ms)
{
	struct timespec ts;

	do {
		for (volatile int i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	} while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < ms);
	return 0;
}

/* Burn for so much wall time; print the processor milliseconds that were had. */
static int spin(long ms)
{
	struct timespec now, start, cpu;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (volatile int i = 0; i < 10000; i++)
			;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%ld\n", cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000);
	return 0;
}

/* Open descriptors except the one used for looking. */
static int fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *de;

	while ((de = readdir(dir)) != NULL) {
		char link[300], target[300];
		ssize_t len;

		if (de->d_name[0] == '.' || atoi(de->d_name) == dirfd(dir))
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%s", de->d_name);
		len = readlink(link, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = 0;
		printf("%s %s\n", de->d_name, target);
	}
	return 0;
}

/* Signals: blocked, ignored, caught, as the kernel says. */
static int signals(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) ||
		    !strncmp(line, "SigCgt", 6))
			fputs(line, stdout);
	return 0;
}

static volatile sig_atomic_t got;

static void on_signal(int sig)
{
	got = sig;
}

/* Catch a signal, say which, exit with the given code. */
static int catch_signal(int sig, int code)
{
	signal(sig, on_signal);
	printf("ready\n");
	fflush(stdout);
	while (!got)
		pause();
	printf("got %d\n", (int)got);
	fflush(stdout);
	return code;
}

static int ignore_signal(int sig)
{
	signal(sig, SIG_IGN);
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
	return 0;
}

static int die(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	kill(getpid(), sig);
	pause();
	return 0;
}

/* Counts how often each process of a family of so many gets the signal: a line for each time. */
static int family(int count, int sig)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			if (i % 2)
				setsid(); /* the signal finds it all the same */
			break;
		}
	}
	signal(sig, on_signal);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		pause();
		if (got == sig) {
			got = 0;
			printf("got %d\n", getpid());
			fflush(stdout);
		}
	}
	return 0;
}

/* On the signal a child is started, which must not get the signal, too. */
static int fork_on_signal(int sig)
{
	signal(sig, on_signal);
	printf("ready\n");
	fflush(stdout);
	while (!got)
		pause();
	if (fork() == 0) {
		signal(sig, SIG_DFL);
		printf("forked\n");
		fflush(stdout);
		pause();
		_exit(0);
	}
	for (;;)
		pause();
	return 0;
}

/* Forks as fast as it can: each process makes the next one and ends. */
static int flee(void)
{
	for (;;) {
		if (fork() != 0)
			_exit(0);
		setsid();
	}
	return 0;
}

/* A grandchild that lives on, the main process ends with the code. */
static int leave(int code)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			pause();
			_exit(0);
		}
		_exit(0);
	}
	wait(NULL);
	return code;
}

/* Send the bytes (hex) to a unix socket, print the first answer as hex. */
static int ask(const char *path, const char *hex)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	unsigned char buf[65536];
	size_t len = 0;
	ssize_t got_len;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		printf("connect: %s\n", strerror(errno));
		return 1;
	}
	for (; hex[2 * len]; len++) {
		unsigned byte;

		sscanf(hex + 2 * len, "%2x", &byte);
		buf[len] = (unsigned char)byte;
	}
	if (write(fd, buf, len) != (ssize_t)len) {
		printf("write: %s\n", strerror(errno));
		return 1;
	}
	got_len = read(fd, buf, sizeof(buf));
	if (got_len <= 0) {
		printf("closed\n");
		return 1;
	}
	for (ssize_t i = 0; i < got_len; i++)
		printf("%02x", buf[i]);
	printf("\n");
	return 0;
}

/* Print lines of 100 bytes, numbered, so many of them. */
static int lines(long count)
{
	for (long i = 0; i < count; i++)
		printf("%099ld\n", i);
	fflush(stdout);
	return 0;
}

/* For each byte on stdin, a socket: connect to `path` and pass the connection back, or the errno.
 * Who connected is who asks, whoever uses the connection after. */
static int connect_for_others(const char *path)
{
	char c;

	while (read(0, &c, 1) == 1) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		unsigned char code = 0;
		char control[CMSG_SPACE(sizeof(fd))] = { 0 };
		struct iovec iov = { &code, 1 };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct cmsghdr *cmsg;

		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
			code = (unsigned char)errno;
		} else {
			msg.msg_control = control;
			msg.msg_controllen = sizeof(control);
			cmsg = CMSG_FIRSTHDR(&msg);
			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
			memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		}
		if (sendmsg(0, &msg, 0) != 1)
			return 1;
		close(fd);
	}
	return 0;
}

/* ---- file systems in user space ---- */

/* Answers the first request, which asks for the version, reads all others, and answers none. */
static void *serve(void *arg)
{
	static char request[1 << 16];
	int fd = *(int *)arg;
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} reply = {
		.init = { .major = FUSE_KERNEL_VERSION, .minor = 23, .max_write = 4096 },
	};

	if (read(fd, request, sizeof(request)) <= 0)
		return NULL;
	reply.header.len = sizeof(reply);
	reply.header.unique = ((struct fuse_in_header *)request)->unique;
	if (write(fd, &reply, sizeof(reply)) < 0)
		return NULL;
	while (read(fd, request, sizeof(request)) > 0)
		;
	return NULL;
}

/* Mount it; with `hang` wait for its own answer, where no signal reaches. */
static int fuse(const char *dir, int hang)
{
	int fd = open("/dev/fuse", O_RDWR);
	pthread_t thread;
	struct stat st;
	char options[100];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0 || mount("box", dir, "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		printf("%s: %s\n", fd < 0 ? "open" : "mount", strerror(errno));
		return 1;
	}
	pthread_create(&thread, NULL, serve, &fd);
	printf("mounted\n");
	fflush(stdout);
	if (hang)
		printf("%d\n", stat(dir, &st));
	else
		pause();
	return 0;
}

/* ---- looking for what is not ours ---- */

static int is_daemon(int pid, char comm[64])
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		n = read(fd, comm, 63);
	close(fd);
	comm[n > 0 ? n - 1 : 0] = 0;
	return !strncmp(comm, "porto", 5);
}

/* Unless it is a program by now: then it may be looked at. The name changes a moment after the
 * program is there. */
static void report(int pid, const char *what)
{
	char comm[64];

	usleep(1000);
	if (!is_daemon(pid, comm))
		return;
	printf("%s: %s\n", comm, what);
	fflush(stdout);
}

/* Everything that shows or changes a process of the daemon on its way to become a command. */
static void try_all(int pid)
{
	static const char *const files[] = { "mem",     "environ", "maps",        "auxv",   "io",
					     "syscall", "stack",   "personality", "pagemap" };
	static const char *const dirs[] = { "root/", "cwd/", "fd", "fdinfo", "map_files" };
	static const char *const spaces[] = { "mnt", "user", "net", "ipc", "uts", "cgroup", "pid" };
	char path[64], byte, link[64];
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
	int fd;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, &byte, 1) == 1)
			report(pid, files[i]);
		close(fd);
		if (!strcmp(files[i], "mem") && (fd = open(path, O_RDWR)) >= 0) {
			report(pid, "mem can be opened");
			close(fd);
		}
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, dirs[i]);
		fd = open(path, O_RDONLY | O_DIRECTORY);
		if (fd >= 0)
			report(pid, dirs[i]);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, spaces[i]);
		fd = open(path, O_RDONLY);
		if (fd >= 0)
			report(pid, path);
		if (fd >= 0 && setns(fd, 0) == 0)
			report(pid, "setns");
		close(fd);
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink(path, link, sizeof(link)) >= 0)
		report(pid, "exe");
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1)
		report(pid, "process_vm_readv");
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
		report(pid, "ptrace");
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0) {
		int got = (int)syscall(SYS_pidfd_getfd, fd, 3, 0);

		if (got >= 0)
			report(pid, "pidfd_getfd");
		close(got);
		if (setns(fd, CLONE_NEWNS) == 0)
			report(pid, "setns by pidfd");
		close(fd);
	}
}

/* For so many seconds; then how many such processes were seen. A process of the daemon is told by
 * its name, or by the name that it gave itself. */
static int snoop(long seconds)
{
	struct timespec now, start;
	long seen = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		DIR *dir = opendir("/proc");
		struct dirent *de;

		while (dir && (de = readdir(dir))) {
			char comm[64];
			int pid = atoi(de->d_name);

			if (pid <= 0 || pid == getpid() || !is_daemon(pid, comm))
				continue;
			seen++;
			try_all(pid);
		}
		if (dir)
			closedir(dir);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < seconds);
	printf("seen %ld\n", seen);
	return 0;
}

/* ---- somebody who may trace, and what he finds in others ---- */

static unsigned long long status_word(int pid, const char *field)
{
	char path[64], line[256];
	unsigned long long v = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			v = strtoull(line + strlen(field) + 1, NULL, 16);
	if (file)
		fclose(file);
	return v;
}

/* A word that only the daemon's own memory or files have. */
static void look_for_daemon(int pid, const char *file)
{
	char path[64], text[1024];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f))
		if (strstr(text, "sqlite") || strstr(text, "protobuf") || strstr(text, "/portod\n")) {
			printf("%s of the daemon\n", file);
			break;
		}
	if (f)
		fclose(f);
}

static void look_at_links(int pid)
{
	char path[64], link[512];
	struct dirent *de;
	DIR *dir;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n >= 7 && !strncmp(link + n - 7, "/portod", 7))
		printf("exe of the daemon\n");
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (de = readdir(dir))) {
		n = readlinkat(dirfd(dir), de->d_name, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = 0;
		if (strstr(link, "state.db") || strstr(link, "eventpoll") || strstr(link, "cgroup"))
			printf("fd %s of the daemon\n", link);
	}
	if (dir)
		closedir(dir);
}

/* Look at all that come, stop each for a moment, until there is a file `end`; says what has more
 * rights than we may have. */
static int spy(const char *end)
{
	unsigned long long ours = status_word(getpid(), "CapBnd:"), theirs;
	long traced = 0;

	do {
		DIR *dir = opendir("/proc");
		struct dirent *de;

		while (dir && (de = readdir(dir))) {
			int pid = atoi(de->d_name), status;

			if (pid <= 1 || pid == getpid())
				continue;
			if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
				ptrace(PTRACE_INTERRUPT, pid, 0, 0);
				traced += waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
			}
			theirs = status_word(pid, "CapPrm:");
			if (theirs & ~ours)
				printf("capabilities %llx\n", theirs & ~ours);
			look_at_links(pid);
			look_for_daemon(pid, "maps");
			/* Killed meanwhile: its parent learns it when we do. */
			if (ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
				while (waitpid(-1, &status, __WALL | WNOHANG) > 0)
					;
		}
		if (dir)
			closedir(dir);
	} while (access(end, F_OK) < 0);
	printf("traced %ld\n", traced);
	return 0;
}

/* Make a process that waits in the kernel execute `program`, and see what it may then. */
static int hijack(int pid, const char *program)
{
#ifdef __x86_64__
	struct user_regs_struct regs;
	unsigned long where;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC) < 0) {
		printf("seize: %s\n", strerror(errno));
		return 1;
	}
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, &status, __WALL);
	ptrace(PTRACE_GETREGS, pid, 0, &regs);
	where = (regs.rsp - 4096) & ~15UL;
	for (size_t i = 0; i <= strlen(program); i += sizeof(long)) {
		long word = 0;

		strncpy((char *)&word, program + i, sizeof(word));
		ptrace(PTRACE_POKEDATA, pid, where + i, word);
	}
	regs.orig_rax = ~0UL;
	regs.rax = SYS_execve;
	regs.rdi = where;
	regs.rsi = regs.rdx = 0;
	regs.rip -= 2; /* the instruction that it waits in */
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, __WALL);
	printf("%s %llx\n", status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8) ? "executed" : "failed",
	       status_word(pid, "CapPrm:") & ~status_word(getpid(), "CapBnd:"));
	return 0;
#else
	(void)pid, (void)program;
	printf("not on this machine\n");
	return 0;
#endif
}

/* Nested in a user namespace of its own, which makes all capabilities there. */
static int in_userns(char **argv)
{
	if (unshare(CLONE_NEWUSER) < 0) {
		printf("unshare: %s\n", strerror(errno));
		return 1;
	}
	execvp(argv[0], argv);
	return 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;

	if (argc < 2)
		return pause();
	if (!strcmp(what, "hog"))
		return hog((size_t)n);
	if (!strcmp(what, "lock"))
		return lock((size_t)n);
	if (!strcmp(what, "hog-child"))
		return hog_child((size_t)n);
	if (!strcmp(what, "fork"))
		return fork_bomb((int)n);
	if (!strcmp(what, "threads"))
		return threads((int)n);
	if (!strcmp(what, "burn"))
		return burn(n);
	if (!strcmp(what, "spin"))
		return spin(n);
	if (!strcmp(what, "fds"))
		return fds();
	if (!strcmp(what, "signals"))
		return signals();
	if (!strcmp(what, "catch"))
		return catch_signal((int)n, argc > 3 ? atoi(argv[3]) : 0);
	if (!strcmp(what, "ignore"))
		return ignore_signal((int)n);
	if (!strcmp(what, "die"))
		return die((int)n);
	if (!strcmp(what, "exit"))
		return (int)n;
	if (!strcmp(what, "family"))
		return family((int)n, argc > 3 ? atoi(argv[3]) : SIGUSR1);
	if (!strcmp(what, "fork-on-signal"))
		return fork_on_signal((int)n);
	if (!strcmp(what, "flee")) {
		if (fork() == 0)
			return flee();
		pause();
		return 0;
	}
	if (!strcmp(what, "leave"))
		return leave((int)n);
	if (!strcmp(what, "connect"))
		return connect_for_others(argv[2]);
	if (!strcmp(what, "ask"))
		return ask(argv[2], argv[3]);
	if (!strcmp(what, "lines"))
		return lines(n);
	if (!strcmp(what, "fuse") || !strcmp(what, "fuse-hang"))
		return fuse(argv[2], !strcmp(what, "fuse-hang"));
	if (!strcmp(what, "ids")) {
		printf("%d %d\n", getuid(), geteuid());
		return 0;
	}
	if (!strcmp(what, "snoop"))
		return snoop(n);
	if (!strcmp(what, "spy"))
		return spy(argv[2]);
	if (!strcmp(what, "hijack"))
		return hijack((int)n, argv[3]);
	if (!strcmp(what, "in-userns"))
		return in_userns(argv + 2);
	if (!strcmp(what, "pid")) {
		printf("%d %d %d\n", getpid(), getppid(), getsid(0));
		return 0;
	}
	if (!strcmp(what, "ids")) {
		printf("%d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
		return 0;
	}
	if (!strcmp(what, "args")) {
		for (int i = 2; i < argc; i++)
			printf("[%s]\n", argv[i]);
		return 0;
	}
	if (!strcmp(what, "ready")) {
		printf("ready\n");
		fflush(stdout);
		pause();
		return 0;
	}
	fprintf(stderr, "toolbox: %s?\n", what);
	return 64;
}
