/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are checked after each file, so an error names the file that brought the value in. The
 * line is not known any more then; it is found again by looking for the option in the text.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "portod-config.h"
#include "proto/textpb.h"

#define CONFIG_FILE_MAX (1024 * 1024)

/* ---- rules ---- */

enum rule_kind {
	RULE_RANGE,
	RULE_PATH,          /* absolute, normal */
	RULE_OPTIONAL_PATH, /* or empty */
	RULE_SOCKET_PATH,   /* and fits into a socket address */
	RULE_SUBTREE,       /* relative, normal */
};

struct rule {
	const char *section, *option;
	enum rule_kind kind;
	double min, max;
};

#define KIB    1024.
#define MIB    (1024. * KIB)
#define UINT32 4294967295.
#define ANY    18446744073709551615.

static const struct rule rules[] = {
	{ "daemon", "socket_path", RULE_SOCKET_PATH, 0, 0 },
	{ "daemon", "state_dir", RULE_PATH, 0, 0 },
	{ "daemon", "cgroup_prefix", RULE_SUBTREE, 0, 0 },
	{ "daemon", "place", RULE_PATH, 0, 0 },
	{ "daemon", "log_path", RULE_OPTIONAL_PATH, 0, 0 },
	{ "daemon", "pid_file", RULE_OPTIONAL_PATH, 0, 0 },
	{ "daemon", "helpers_dir", RULE_OPTIONAL_PATH, 0, 0 },
	{ "daemon", "cgroupfs_root_path", RULE_PATH, 0, 0 },
	{ "daemon", "max_clients", RULE_RANGE, 1, 1000000 },
	{ "daemon", "max_clients_in_container", RULE_RANGE, 1, 1000000 },
	{ "daemon", "max_msg_len", RULE_RANGE, 1 * KIB, 1024 * MIB },
	{ "daemon", "max_client_output", RULE_RANGE, 64 * KIB, 1024 * MIB },
	{ "daemon", "max_request_queue", RULE_RANGE, 1, 1000000 },
	{ "daemon", "max_client_waiters", RULE_RANGE, 1, 1000000 },
	{ "daemon", "io_threads", RULE_RANGE, 1, 1000 },
	{ "daemon", "vl_threads", RULE_RANGE, 1, 1000 },
	{ "container", "max_total", RULE_RANGE, 1, 1000000 },
	{ "container", "stdout_limit", RULE_RANGE, 0, ANY },
	{ "container", "std_stream_read_limit", RULE_RANGE, 1, 1024 * MIB },
	{ "container", "devpts_max", RULE_RANGE, 1, 1048576 },
	{ "container", "rt_priority", RULE_RANGE, 0, 99 },
	{ "container", "rt_nice", RULE_RANGE, -20, 19 },
	{ "container", "high_nice", RULE_RANGE, -20, 19 },
	{ "container", "cpu_period", RULE_RANGE, 1e6, 1e9 }, /* what the kernel takes */
	{ "container", "cpu_limit_scale", RULE_RANGE, 0, 1e6 },
	{ "container", "memory_high_limit_proportion", RULE_RANGE, 0, 1 },
	{ "container", "default_thread_limit", RULE_RANGE, 1, 4194304 },
	{ "container", "default_coredump_filter", RULE_RANGE, 0, UINT32 },
	{ "core", "timeout_s", RULE_RANGE, 1, 86400. * 365 },
	{ "core", "default_pattern", RULE_OPTIONAL_PATH, 0, 0 },
	{ "core", "space_limit_mb", RULE_RANGE, 0, ANY / MIB - 1 },
	{ "core", "slot_space_limit_mb", RULE_RANGE, 0, ANY / MIB - 1 },
	{ "core", "kernel_dir", RULE_PATH, 0, 0 },
};

/* ---- looking into messages ---- */

static const void *field_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (const char *)m + f->offset;
}

/* Sections are message fields of the top level. */
static const ProtobufCMessage *section_of(const struct config *c, const char *name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(c->msg->base.descriptor, name);

	return f ? *(ProtobufCMessage *const *)field_of(&c->msg->base, f) : NULL;
}

static double number_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const void *p = field_of(m, f);

	/* Only what config.proto uses. */
	if (f->type == PROTOBUF_C_TYPE_UINT32)
		return *(const uint32_t *)p;
	if (f->type == PROTOBUF_C_TYPE_INT32)
		return *(const int32_t *)p;
	if (f->type == PROTOBUF_C_TYPE_UINT64)
		return (double)*(const uint64_t *)p;
	if (f->type == PROTOBUF_C_TYPE_INT64)
		return (double)*(const int64_t *)p;
	if (f->type == PROTOBUF_C_TYPE_DOUBLE)
		return *(const double *)p;
	abort();
}

/* Every section is there, so that nobody has to ask. */
static void add_sections(PortoConfig__TPortodConfig *msg)
{
#define ADD(section, type)                                     \
	if (!msg->section) {                                   \
		msg->section = xmalloc(sizeof(*msg->section)); \
		porto_config__##type##__init(msg->section);    \
	}
	ADD(log, tlog_config)
	ADD(daemon, tdaemon_config)
	ADD(container, tcontainer_config)
	ADD(volumes, tvolumes_config)
	ADD(core, tcore_config)
	ADD(network, tnetwork_config)
	ADD(metrics, tmetrics_config)
#undef ADD
}

/* ---- finding a line again ---- */

struct scan {
	const char *at, *word;
	size_t len;
	unsigned line;
};

static bool is_word(char ch)
{
	return ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       (ch >= '0' && ch <= '9');
}

static void skip_string(struct scan *s)
{
	char quote = *s->at++;

	while (*s->at && *s->at != quote && *s->at != '\n')
		s->at += s->at[0] == '\\' && s->at[1] ? 2 : 1;
	if (*s->at == quote)
		s->at++;
}

/* Next word outside of strings and comments. */
static bool next_word(struct scan *s)
{
	for (; *s->at; s->at++) {
		while (*s->at == '"' || *s->at == '\'')
			skip_string(s);
		if (*s->at == '#')
			s->at += strcspn(s->at, "\n");
		if (*s->at == '\n')
			s->line++;
		if (!*s->at)
			return false;
		if (is_word(*s->at))
			break;
	}
	s->word = s->at;
	while (is_word(*s->at))
		s->at++;
	s->len = (size_t)(s->at - s->word);
	return s->len > 0;
}

static bool word_is(const struct scan *s, const char *word)
{
	return strlen(word) == s->len && !memcmp(word, s->word, s->len);
}

static bool opens_section(const struct scan *s)
{
	const char *p = s->at + strspn(s->at, " \t\r\n:");

	return *p == '{' || *p == '<';
}

/* The last line that sets the option, 0 = none in this text. */
static unsigned find_line(const char *text, const char *section, const char *option)
{
	const ProtobufCMessageDescriptor *d = &porto_config__tportod_config__descriptor;
	struct scan s = { .at = text, .line = 1 };
	unsigned found = 0;
	bool inside = false;
	char name[64];

	while (next_word(&s)) {
		snprintf(name, sizeof(name), "%.*s", (int)s.len, s.word);
		if (opens_section(&s) && protobuf_c_message_descriptor_get_field_by_name(d, name))
			inside = word_is(&s, section);
		else if (inside && word_is(&s, option))
			found = s.line;
	}
	return found;
}

/* ---- checking ---- */

/* One file being read. */
struct source {
	const char *path, *text;
};

static int refuse(const struct source *src, const char *section, const char *option,
		  struct error *err, const char *why)
{
	unsigned line = find_line(src->text, section, option);

	if (!line)
		return error_set(err, ERR_INVALID_VALUE, "%s: %s.%s: %s", src->path, section,
				 option, why);
	return error_set(err, ERR_INVALID_VALUE, "%s:%u: %s.%s: %s", src->path, line, section,
			 option, why);
}

static int check_range(const struct source *src, const struct rule *r, double v, struct error *err)
{
	char why[128];

	if (v >= r->min && v <= r->max) /* NaN is neither */
		return 0;
	snprintf(why, sizeof(why), "%.15g is not in %.15g .. %.15g", v, r->min, r->max);
	return refuse(src, r->section, r->option, err, why);
}

/* "a/b": no empty, `.` or `..` component. */
static bool is_subtree(const char *s)
{
	auto_free char *abs = xasprintf("/%s", s);

	return *s && *s != '/' && path_is_normal(abs);
}

static int check_text(const struct source *src, const struct rule *r, const char *v,
		      struct error *err)
{
	if (r->kind == RULE_OPTIONAL_PATH && !*v)
		return 0;
	if (r->kind == RULE_SUBTREE && !is_subtree(v))
		return refuse(src, r->section, r->option, err,
			      "not a relative path without empty, \".\" and \"..\" parts");
	if (r->kind != RULE_SUBTREE && (!path_is_normal(v) || !strcmp(v, "/")))
		return refuse(src, r->section, r->option, err,
			      "not an absolute path without empty, \".\" and \"..\" parts");
	if (r->kind == RULE_SOCKET_PATH && strlen(v) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return refuse(src, r->section, r->option, err, "longer than a socket path can be");
	return 0;
}

static int check_rule(const struct config *c, const struct source *src, const struct rule *r,
		      struct error *err)
{
	const ProtobufCMessage *m = section_of(c, r->section);
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, r->option);
	const char *text;

	if (r->kind == RULE_RANGE)
		return f->default_value || *(const protobuf_c_boolean *)((const char *)m +
									 f->quantifier_offset)
			       ? check_range(src, r, number_of(m, f), err)
			       : 0;
	text = *(char *const *)field_of(m, f);
	return text ? check_text(src, r, text, err) : 0;
}

static int check(const struct config *c, const struct source *src, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (check_rule(c, src, &rules[i], err) < 0)
			return -1;
	if (c->msg->network->enable_host_net_classes && !c->msg->network->enable_netcls_classid)
		return refuse(src, "network", "enable_host_net_classes", err,
			      "needs network.enable_netcls_classid");
	return 0;
}

/* ---- reading ---- */

/* "line 12: text" of the parser -> "FILE:12: text". */
static int refuse_syntax(const char *path, const char *why, struct error *err)
{
	unsigned line;
	int n = 0;

	if (sscanf(why, "line %u: %n", &line, &n) == 1 && n > 0)
		return error_set(err, ERR_INVALID_VALUE, "%s:%u: %s", path, line, why + n);
	return error_set(err, ERR_INVALID_VALUE, "%s: %s", path, why);
}

static int parse(struct config *c, const char *path, const char *text, size_t len,
		 struct error *err)
{
	const struct source src = { path, text };
	char why[512];

	if (textpb_parse(&c->msg->base, text, len, NULL, why, sizeof(why)) < 0)
		return refuse_syntax(path, why, err);
	add_sections(c->msg);
	return check(c, &src, err);
}

static int read_file(struct config *c, const char *path, struct error *err)
{
	auto_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &len);
	if (r < 0)
		return error_errno(err, -r, "read configuration %s", path);
	return parse(c, path, text, len, err);
}

static bool is_readable(const char *path)
{
	return access(path, R_OK) == 0;
}

static int read_main_file(struct config *c, const char *root, struct error *err)
{
	static const char *const names[] = { "/etc/portod.conf", "/etc/default/portod.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("%s%s", root, names[i]);

		if (is_readable(path))
			return read_file(c, path, err);
	}
	return 0;
}

static int read_directory(struct config *c, const char *root, struct error *err)
{
	auto_free char *dir_path = xasprintf("%s/etc/portod.conf.d", root);
	auto_closedir DIR *dir = opendir(dir_path);
	auto_strv names = STRV_INIT;
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : error_errno(err, errno, "open %s", dir_path);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && str_has_suffix(e->d_name, ".conf"))
			strv_add(&names, e->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir_path, names.v[i]);

		if (read_file(c, path, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the result ---- */

static struct config *config_new(void)
{
	struct config *c = xnew(struct config);

	c->msg = xmalloc(sizeof(*c->msg));
	porto_config__tportod_config__init(c->msg);
	add_sections(c->msg);
	return c;
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;
	porto_config__tportod_config__free_unpacked(c->msg, NULL);
	free(c->helpers_dir);
	free(c->log_path);
	free(c->pid_file);
	free(c->file);
	free(c);
	return NULL;
}

/* The default of a string option is shared, a value that was set is not. */
static bool is_unset(const PortoConfig__TDaemonConfig *d, const char *option)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(d->base.descriptor, option);
	const char *v = *(char *const *)field_of(&d->base, f);

	return !v || v == f->default_value;
}

static char *dup_unless_empty(const char *s)
{
	return str_is_empty(s) ? NULL : xstrdup(s);
}

static void derive(struct config *c)
{
	const PortoConfig__TDaemonConfig *d = c->msg->daemon;

	c->helpers_dir = xstrdup(str_is_empty(d->helpers_dir) ? PORTO_HELPERS_DIR : d->helpers_dir);
	c->log_path = dup_unless_empty(d->log_path);
	/* A daemon with a place of its own must not take the pid file of the host's. */
	if (is_unset(d, "pid_file") && !is_unset(d, "state_dir"))
		c->pid_file = path_join(d->state_dir, "portod.pid");
	else
		c->pid_file = dup_unless_empty(d->pid_file);
}

int config_load_file(const char *path, struct config **ret, struct error *err)
{
	_cleanup_(config_freep) struct config *c = config_new();

	if (read_file(c, path, err) < 0)
		return -1;
	derive(c);
	c->file = xstrdup(path);
	*ret = take_ptr(c);
	return 0;
}

int config_load_system(const char *root, struct config **ret, struct error *err)
{
	_cleanup_(config_freep) struct config *c = config_new();

	if (read_main_file(c, root, err) < 0 || read_directory(c, root, err) < 0)
		return -1;
	derive(c);
	*ret = take_ptr(c);
	return 0;
}
