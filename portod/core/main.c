/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porto-core [--config FILE] PID TID VPID VTID SIGNAL DUMPABLE ULIMIT UID GID <DUMP
 *
 * kernel.core_pattern calls it by a link in the state directory, whose neighbour core.conf is the
 * configuration of that daemon: the pattern has room for 127 bytes only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "client/libporto.h"
#include "config.h"
#include "core/core.h"

#define CALL_MS    10000 /* for one request: who dies waits for us */
#define CONNECT_MS 3000  /* the daemon may be about to come back */
#define LINK_NAME  "core"

struct helper {
	const PortoConfig__TPortodConfig *config;
	struct porto_conn *conn;
	struct core_info info;
	struct core_owner owner;
};

/* The kernel gives us only the pipe: nothing we open may become a standard stream. */
static void open_standard_streams(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

static bool has_command(const struct helper *h)
{
	const struct core_owner *o = &h->owner;

	if (!o->known || !o->started || str_is_empty(o->command))
		return false;
	/* The memory of a set-user-ID program of the host is not for a user's command. */
	return h->info.dumpable == 1 || o->chrooted;
}

/* What is ignored on purpose; NULL = it is wanted. */
static const char *why_not(const struct helper *h, bool command)
{
	if (h->info.ulimit == 0)
		return "its ulimit is 0";
	if (h->info.dumpable == 0 && !command)
		return "it is not dumpable";
	return NULL;
}

static void find_file_owner(const struct helper *h, uid_t *ret_uid, gid_t *ret_gid)
{
	bool host = str_eq(h->owner.container, "/");

	*ret_uid = 0;
	*ret_gid = 0;
	if (h->info.dumpable != 1)
		return;
	if (h->owner.known) {
		*ret_uid = h->owner.uid;
		*ret_gid = h->owner.gid;
	} else if (host && porto_connect_count(h->conn)) {
		*ret_uid = h->info.uid;
		*ret_gid = h->info.gid;
	}
}

static int save(const struct helper *h, struct error *err)
{
	const PortoConfig__TCoreConfig *m = h->config->core;
	struct core_store store = {
		.pattern = m->default_pattern,
		.limit = m->space_limit_mb << 20,
		.slot_limit = m->slot_space_limit_mb << 20,
		.sync_size = m->sync_size,
	};
	struct core_file file;
	uid_t uid;
	gid_t gid;
	int r;

	if (str_is_empty(store.pattern))
		return error_set(err, ERR_NOT_FOUND,
				 "there is neither a core_command nor core.default_pattern");
	find_file_owner(h, &uid, &gid);
	r = core_save(&store, &h->info, h->owner.container, uid, gid, STDIN_FILENO, &file, err);
	if (r == 0)
		log_info("core dumps: %s, %llu bytes%s", file.name, (unsigned long long)file.size,
			 file.truncated ? ", cut at the ulimit" : "");
	free(file.name);
	return r;
}

static int consume(const struct helper *h, bool command, struct error *err)
{
	struct error why = ERROR_INIT;
	bool used = false;

	if (!command)
		return save(h, err);
	if (core_feed(h->conn, &h->info, &h->owner, (unsigned)h->config->core->timeout_s, &used,
		      &why) == 0)
		return 0;
	if (used) {
		*err = why;
		return -1;
	}
	log_warning("core dumps: %s; saving it instead", why.text);
	return save(h, err);
}

static int handle(struct helper *h)
{
	const struct core_info *c = &h->info;
	struct error err = ERROR_INIT;
	char text[ERROR_MESSAGE_MAX];
	const char *why;
	bool command;

	core_owner_ask(h->conn, c, &h->owner);
	log_info("core dumps: process %d (%s) of container %s, signal %d, dumpable %d, ulimit %llu",
		 (int)c->pid, c->exe, h->owner.container, c->sig, c->dumpable,
		 (unsigned long long)c->ulimit);
	core_count(h->conn, h->owner.container, "CORE.total");
	command = has_command(h);
	why = why_not(h, command);
	if (why) {
		log_info("core dumps: process %d is not dumped: %s", (int)c->pid, why);
		return 0;
	}
	if (consume(h, command, &err)) {
		log_error("core dumps: process %d: %s", (int)c->pid,
			  error_message(&err, text, sizeof(text)));
		return 1;
	}
	core_count(h->conn, h->owner.container, "CORE.dumped");
	return 0;
}

static int run(const struct config *config, char **words)
{
	struct helper h = { .config = config->msg };
	struct error err = ERROR_INIT;
	int status = 1;

	if (core_info_parse(words, &h.info, &err)) {
		log_error("core dumps: %s", err.text);
		fprintf(stderr, "porto-core: %s\n", err.text);
		return 1;
	}
	core_info_look(&h.info);
	h.conn = porto_open(config->msg->daemon->socket_path);
	if (h.conn) {
		porto_set_timeout(h.conn, CALL_MS);
		porto_set_connect_timeout(h.conn, CONNECT_MS);
		status = handle(&h);
	}
	core_owner_deinit(&h.owner);
	porto_close(h.conn);
	return status;
}

/* Beside the link that we were called by, if it is one. */
static char *neighbour(const char *argv0)
{
	auto_free char *dir = path_dirname(argv0);
	char *path = xasprintf("%s/core.conf", dir);

	if (path_is_absolute(argv0) && str_eq(path_basename(argv0), LINK_NAME) &&
	    access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

int main(int argc, char **argv)
{
	auto_free char *file = NULL;
	struct config *config = NULL;
	struct error err = ERROR_INIT;
	char text[ERROR_MESSAGE_MAX];
	int first = 1, status;

	open_standard_streams();
	if (argc > 2 && str_eq(argv[1], "--config")) {
		file = xstrdup(argv[2]);
		first = 3;
	} else if (argc > 0) {
		file = neighbour(argv[0]);
	}
	if (argc - first != CORE_WORDS) {
		fprintf(stderr, "usage: porto-core [--config FILE] PID TID VPID VTID SIGNAL "
				"DUMPABLE ULIMIT UID GID <DUMP\n");
		return 1;
	}
	if (file ? config_load_file(file, &config, &err) : config_load_system("", &config, &err)) {
		fprintf(stderr, "porto-core: %s\n", error_message(&err, text, sizeof(text)));
		return 1;
	}
	(void)log_open(config->log_path, "porto-core");
	log_set_level(config->msg->log->debug     ? LOG_DEBUG
		      : config->msg->log->verbose ? LOG_VERBOSE
						  : LOG_INFO);
	status = run(config, argv + first);
	config_free(config);
	return status;
}
