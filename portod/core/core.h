/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porto-core: what the kernel runs for each core dump when `core.enable` is set, as root in the
 * host's namespaces, with the dump on standard input (core(5), "Piping core dumps to a program").
 * The dying process waits for it to end, and /proc/PID is there meanwhile.
 *
 * It is a client of the daemon: it asks whose process that was, counts, gives the dump to the
 * container's core_command, or saves it as a file. A crash of its own leaves no trace but a log
 * line: the kernel does not dump core handlers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"

#define CORE_WORDS 9 /* of the command line, from the kernel: %P %I %p %i %s %d %c %u %g */
#define CORE_NAME  64

/* Who crashed, and how. */
struct core_info {
	pid_t pid, tid;   /* process and thread, as the host sees them */
	pid_t vpid, vtid; /* as they see themselves */
	int sig;
	int dumpable;    /* prctl(2) PR_GET_DUMPABLE: 0 no, 1 yes, 2 only for root */
	uint64_t ulimit; /* RLIMIT_CORE, bytes; UINT64_MAX = unlimited */
	uid_t uid;
	gid_t gid;
	/* From /proc; "" if it cannot be read. */
	char comm[CORE_NAME];        /* of the process */
	char thread_comm[CORE_NAME]; /* of the thread */
	char exe[CORE_NAME];         /* file name of the program, plain characters only */
	char exe_path[4096];
	time_t when;
};

/* Take the kernel's words; ERR_INVALID_VALUE names the one that is no number. */
int core_info_parse(char *const words[CORE_WORDS], struct core_info *ret, struct error *err);
/* And what /proc says; `when` is now. */
void core_info_look(struct core_info *c);
/* YYYYMMDDThhmmss, local time. */
void core_info_time(const struct core_info *c, char buf[32]);

/* ---- core_name.c: pure ---- */

/* "container%name%exe.pid.Ssignal.time.core" and `suffix`; "/" is the host. New string of at most
 * NAME_MAX bytes. */
char *core_file_name(const struct core_info *c, const char *container, const char *suffix);
/* What every file of containers below the same first-level container begins with. New string. */
char *core_slot_prefix(const char *container);
/* ".gz", ".xz", ".zst" or "" by the end of the pattern. Points into a literal. */
const char *core_suffix(const char *pattern);
/* The last component of a pattern of core(5) with everything replaced. New string, never with a
 * slash, at most NAME_MAX bytes; "" when it stands for no file name. */
char *core_expand(const char *pattern, const struct core_info *c, const char *hostname);

/* ---- core_save.c ---- */

struct core_store {
	const char *pattern;        /* where to, core(5); absolute */
	uint64_t limit, slot_limit; /* bytes on disk: the directory; one first-level container */
	uint64_t sync_size; /* bytes after which the kernel is told to write back, 0 = off */
};

struct core_file {
	char *name;     /* owned */
	uint64_t size;  /* bytes read */
	bool truncated; /* at the ulimit */
};

/*
 * Copy `in` to a file beside the pattern, mode 0440, owned by owner:group, with a second name by
 * the pattern. Runs of zeroes become holes, or it is compressed. ERR_NO_SPACE: a limit is reached,
 * and nothing is left. Blocks as long as reading and writing take.
 */
int core_save(const struct core_store *st, const struct core_info *c, const char *container,
	      uid_t owner, gid_t group, int in, struct core_file *ret, struct error *err);

/* ---- core_sink.c: the file that is written ---- */

struct core_sink;

/* `suffix` chooses the compression; `budget`: bytes on disk. The descriptor stays the caller's. */
struct core_sink *core_sink_new(int fd, const char *suffix, uint64_t budget, uint64_t sync_size,
				struct error *err);
int core_sink_write(struct core_sink *s, const void *data, size_t len, struct error *err);
/* All is written: flush, set the size. */
int core_sink_end(struct core_sink *s, struct error *err);
struct core_sink *core_sink_free(struct core_sink *s);

/* ---- core_client.c ---- */

struct porto_conn;

/* What the daemon knows about the container; all strings owned. */
struct core_owner {
	char *container; /* "/" = the host */
	bool known;      /* the rest is filled in: it is a container, and the daemon answers */
	bool chrooted, started;
	char *command;            /* core_command */
	char *user, *group, *cwd; /* of its processes */
	char *owner_user, *owner_group;
	uid_t uid; /* owner */
	gid_t gid;
};

/* Without the daemon the container is "/" and nothing is known; the reason goes to the log. */
void core_owner_ask(struct porto_conn *conn, const struct core_info *c, struct core_owner *ret);
void core_owner_deinit(struct core_owner *o);
/* Add one to a label of the container and of all above it. */
void core_count(struct porto_conn *conn, const char *container, const char *label);
/*
 * Run the command in a container of its own below, the dump on its standard input, and wait for its
 * end. 0 = it took it; -1 with *ret_used = somebody may have read from the pipe, so that nobody
 * else can have it.
 */
int core_feed(struct porto_conn *conn, const struct core_info *c, const struct core_owner *o,
	      unsigned timeout_s, bool *ret_used, struct error *err);
