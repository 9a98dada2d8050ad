/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own price of what the daemon does, without a daemon.
 *
 *   bare cycle PLAN N [parent]  make the groups of PLAN, start /bin/true in them and in new pid,
 *                               mount, ipc and uts namespaces with its own /proc, wait, remove the
 *                               groups; N times, prints nanoseconds per cycle
 *   bare read LIST N            open, read and close each file of LIST, N times over; prints
 *                               nanoseconds per pass
 *
 * PLAN has lines "group DIR", "dir DIR" (a group that holds no process of its own) and "knob FILE
 * VALUE"; they are carried out in their order, the groups removed in reverse. A line "parent DIR"
 * is made before and removed after all cycles. The process
 * moves itself into the groups, which is the fast way since Linux 5.5; with `parent` we move it,
 * as most programs do: each move then waits for an RCU grace period.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 8192

enum kind { GROUP, DIR, KNOB, PARENT, KINDS };

struct line {
	enum kind kind;
	char *path;
	char *value;
};

struct plan {
	struct line line[LINES_MAX];
	size_t n;
};

static void die(const char *what, const char *path)
{
	fprintf(stderr, "bare: %s %s: %s\n", what, path, strerror(errno));
	_exit(1);
}

static uint64_t now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static bool parse_line(struct line *l, char *text)
{
	static const char *const names[] = { "group ", "dir ", "knob ", "parent " };
	char *value;

	for (size_t i = 0; i < KINDS; i++) {
		if (strncmp(text, names[i], strlen(names[i])))
			continue;
		l->kind = (enum kind)i;
		l->path = strdup(text + strlen(names[i]));
		value = l->kind == KNOB ? strchr(l->path, ' ') : NULL;
		if (value)
			*value++ = '\0';
		l->value = value;
		return l->kind != KNOB || value;
	}
	return false;
}

/* Plain lists of files are plans of groups: only the paths count. */
static void load(struct plan *p, const char *path, bool plain)
{
	FILE *f = fopen(path, "re");
	char text[4096];

	if (!f)
		die("open", path);
	while (p->n < LINES_MAX && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = '\0';
		if (plain)
			p->line[p->n++].path = strdup(text);
		else if (parse_line(&p->line[p->n], text))
			p->n++;
		else
			die("understand", text);
	}
	fclose(f);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("write", path);
	close(fd);
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die("mkdir", path);
}

/* The last task may need a moment to leave. */
static void remove_dir(const char *path)
{
	for (int i = 0; i < 20000; i++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return;
		if (errno != EBUSY)
			break;
		usleep(50);
	}
	die("rmdir", path);
}

static void enter(const struct plan *p, pid_t pid)
{
	char path[4200], text[32];

	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < p->n; i++) {
		if (p->line[i].kind != GROUP)
			continue;
		snprintf(path, sizeof(path), "%s/cgroup.procs", p->line[i].path);
		write_file(path, text);
	}
}

static void child(const struct plan *p, int go)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (go >= 0)
		read(go, &c, 1);
	else
		enter(p, 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		die("mount", "/proc");
	execv("/bin/true", argv);
	die("execute", "/bin/true");
}

static void start_and_wait(const struct plan *p, bool by_parent)
{
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
	int go[2] = { -1, -1 }, status = -1;
	pid_t pid;

	if (by_parent && pipe2(go, O_CLOEXEC) < 0)
		die("make a", "pipe");
	pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (pid < 0)
		die("clone", "");
	if (pid == 0)
		child(p, go[0]);
	if (by_parent) {
		enter(p, pid);
		write(go[1], "", 1);
		close(go[0]);
		close(go[1]);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("run", "/bin/true");
}

static void make_groups(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->line[i].kind == KNOB)
			write_file(p->line[i].path, p->line[i].value);
		else
			make_dir(p->line[i].path);
	}
}

static void remove_groups(const struct plan *p)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->line[i].kind != KNOB)
			remove_dir(p->line[i].path);
}

/* Parents come first in a plan, their knobs right behind them, then the groups. */
static void split(struct plan *p, struct plan *ret_parents, struct plan *ret_cycle)
{
	size_t i = 0;

	while (i < p->n && p->line[i].kind != GROUP && p->line[i].kind != DIR)
		i++;
	ret_parents->n = i;
	memcpy(ret_parents->line, p->line, i * sizeof(p->line[0]));
	ret_cycle->n = p->n - i;
	memcpy(ret_cycle->line, p->line + i, ret_cycle->n * sizeof(p->line[0]));
}

static void run_cycles(struct plan *p, unsigned n, bool by_parent)
{
	static struct plan parents, cycle;
	uint64_t start;

	split(p, &parents, &cycle);
	make_groups(&parents);
	start = now_nsec();
	for (unsigned i = 0; i < n; i++) {
		make_groups(&cycle);
		start_and_wait(&cycle, by_parent);
		remove_groups(&cycle);
	}
	printf("%.0f\n", (double)(now_nsec() - start) / n);
	remove_groups(&parents);
}

static void read_files(const struct plan *p, unsigned n)
{
	uint64_t start = now_nsec();
	char buf[4096];

	for (unsigned i = 0; i < n; i++) {
		for (size_t k = 0; k < p->n; k++) {
			int fd = open(p->line[k].path, O_RDONLY | O_CLOEXEC);

			if (fd < 0 || read(fd, buf, sizeof(buf)) < 0)
				die("read", p->line[k].path);
			close(fd);
		}
	}
	printf("%.0f\n", (double)(now_nsec() - start) / n);
}

int main(int argc, char **argv)
{
	static struct plan plan;
	unsigned n = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

	if (n && !strcmp(argv[1], "cycle")) {
		load(&plan, argv[2], false);
		run_cycles(&plan, n, argc > 4 && !strcmp(argv[4], "parent"));
	} else if (n && !strcmp(argv[1], "read")) {
		load(&plan, argv[2], true);
		read_files(&plan, n);
	} else {
		fprintf(stderr, "usage: bare cycle PLAN N [parent] | read LIST N\n");
		return 2;
	}
	return 0;
}
