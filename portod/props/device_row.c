/* SPDX-License-Identifier: Apache-2.0 */
#include "props/device_row.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "model/client.h"

#define ROW_SYNTAX "'device access [path [mode [user [group]]]]'"
#define NO_MODE    ((mode_t)-1)
#define NO_ID      ((uid_t)-1)
#define MODE_MAX   0777

enum { W_DEVICE, W_ACCESS, W_PATH, W_MODE, W_USER, W_GROUP, W_NUMBER };

/* ---- words ---- */

/* "10" or "*" up to `end`. */
static int parse_number(const char *s, char end, int *ret, const char **ret_rest)
{
	auto_free char *word = xstrndup(s, strcspn(s, ":"));
	uint64_t v;

	*ret_rest = s + strlen(word);
	if (**ret_rest != end)
		return -EINVAL;
	if (!strcmp(word, "*")) {
		*ret = DEVICE_ANY;
		return 0;
	}
	if (word[strspn(word, "0123456789")] || num_parse_u64(word, &v) < 0 || v > DEVICE_MAX)
		return -EINVAL;
	*ret = (int)v;
	return 0;
}

/* c:10:200, b:8:*, a:*:* */
static int parse_rule(const char *word, struct device_rule *ret)
{
	const char *p = word;
	struct device_rule r = { .type = *p };

	if (!*p || !strchr("abc", *p) || p[1] != ':' ||
	    parse_number(p + 2, ':', &r.major, &p) < 0 ||
	    parse_number(p + 1, '\0', &r.minor, &p) < 0)
		return -EINVAL;
	/* Which minors of any major would mean nothing; and `a` is what the kernel has for all. */
	if (r.major == DEVICE_ANY && r.minor != DEVICE_ANY)
		return -EINVAL;
	if (r.type == 'a' && r.major != DEVICE_ANY)
		return -EINVAL;
	*ret = r;
	return 0;
}

static void put_number(int n, struct buf *out)
{
	if (n == DEVICE_ANY)
		buf_addc(out, '*');
	else
		buf_addf(out, "%d", n);
}

static void put_rule(const struct device_rule *r, struct buf *out)
{
	buf_addf(out, "%c:", r->type);
	put_number(r->major, out);
	buf_addc(out, ':');
	put_number(r->minor, out);
}

static int parse_access(const char *word, struct device_row *row, struct error *err)
{
	bool none = false;

	for (const char *p = word; *p; p++) {
		if (*p == 'r')
			row->d.rule.access |= DEVICE_READ;
		else if (*p == 'w')
			row->d.rule.access |= DEVICE_WRITE;
		else if (*p == 'm')
			row->d.rule.access |= DEVICE_MKNOD;
		else if (*p == '-')
			none = true;
		else if (*p == '?')
			row->d.optional = true;
		else if (*p == '*')
			row->wildcard = true;
		else
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.100s' is no access: letters r, w, m, -, ?, * are",
					 word);
	}
	if (none == (row->d.rule.access != 0))
		return error_set(err, ERR_INVALID_VALUE,
				 "access '%.100s': either some of r, w, m, or - is needed", word);
	return 0;
}

/* A normal path below /dev, not in one of the file systems that are mounted there. */
static int parse_dev_path(const char *word, bool inside, char **ret, struct error *err)
{
	static const char *const mounts[] = { "/dev/pts", "/dev/shm", "/dev/mqueue",
					      "/dev/hugepages" };
	auto_free char *path = path_normalize(word);

	if (strlen(word) >= PATH_MAX)
		return error_set(err, ERR_INVALID_VALUE, "path '%.40s…' is too long", word);
	if (!str_has_prefix(path, "/dev/"))
		return error_set(err, ERR_INVALID_VALUE, "'%.200s' is not below /dev", word);
	for (size_t i = 0; inside && i < ARRAY_SIZE(mounts); i++)
		if (path_below(path, mounts[i]))
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.200s' is in a file system of its own inside, where no "
					 "node can be made",
					 word);
	*ret = take_ptr(path);
	return 0;
}

static int parse_mode(const char *word, mode_t *ret, struct error *err)
{
	uint32_t v;

	if (num_parse_oct(word, &v) < 0 || v > MODE_MAX)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is no mode of a device, 0 .. 0777 are", word);
	*ret = (mode_t)v;
	return 0;
}

static int parse_owner(const struct strv *w, struct device *d, struct error *err)
{
	const char *user = w->n > W_USER ? w->v[W_USER] : "-";
	const char *group = w->n > W_GROUP ? w->v[W_GROUP] : "-";

	if (strcmp(user, "-") != 0 && cred_parse_user(user, &d->uid) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no user '%.100s'", user);
	if (strcmp(group, "-") != 0 && cred_parse_group(group, &d->gid) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no group '%.100s'", group);
	return 0;
}

/* ---- a row of a client ---- */

static int parse_device_word(const char *word, struct device_row *row, struct error *err)
{
	unsigned access = row->d.rule.access;

	if (*word == '/') {
		/* Who may use a device may make its node. Numbers without a node are exact. */
		if ((access & DEVICE_RW) && !row->wildcard)
			row->d.rule.access |= DEVICE_MKNOD;
		return parse_dev_path(word, false, &row->d.source, err);
	}
	if (parse_rule(word, &row->d.rule) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.200s' is no device: a path below /dev, or type:major:minor "
				 "like c:10:200, b:8:*, a:*:*",
				 word);
	row->d.rule.access = access;
	row->by_number = true;
	if (row->wildcard || row->d.optional)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.200s' is a number: * and ? in the access are for paths", word);
	return 0;
}

static int parse_words(const struct strv *w, struct device_row *row, struct error *err)
{
	struct device *d = &row->d;
	const char *path = w->n > W_PATH ? w->v[W_PATH] : "-";

	d->mode = NO_MODE;
	d->uid = d->gid = NO_ID;
	if (parse_access(w->v[W_ACCESS], row, err) || parse_device_word(w->v[W_DEVICE], row, err))
		return -1;
	if (strcmp(path, "-") != 0 ? parse_dev_path(path, true, &d->path, err)
	    : !row->by_number      ? parse_dev_path(d->source, true, &d->path, err)
				   : 0)
		return -1;
	if (w->n > W_MODE && strcmp(w->v[W_MODE], "-") != 0 &&
	    parse_mode(w->v[W_MODE], &d->mode, err))
		return -1;
	return parse_owner(w, d, err);
}

static const struct device *known_device(const struct device_list *known, const char *source)
{
	for (size_t i = 0; known && i < known->n; i++) {
		if (str_eq(known->v[i].source, source))
			return &known->v[i];
	}
	return NULL;
}

/* Number, and what was not said about the node, from the host. */
static int look_up(struct device_row *row, const struct device_list *known, struct error *err)
{
	struct device host = { 0 }, *d = &row->d;
	const struct device *old = d->rule.access ? NULL : known_device(known, d->source);
	unsigned access = d->rule.access;
	int r = device_find(d->source, &host);

	if (r < 0 && old) {
		d->rule = old->rule;
		d->rule.access = 0;
		d->missing = old->missing;
		return 0;
	}
	if (r < 0 && d->optional) {
		d->missing = true;
		return 0;
	}
	if (r < 0)
		return error_set(err, ERR_DEVICE_NOT_FOUND, "'%.200s' %s", d->source,
				 r == -ENOTBLK  ? "is not a device"
				 : r == -ENOENT ? "does not exist on the host"
						: strerror(-r));
	row->found = true;
	row->host_mode = host.mode;
	row->host_uid = host.uid;
	row->host_gid = host.gid;
	d->rule = host.rule;
	d->rule.access = access;
	if (row->wildcard)
		d->rule.minor = DEVICE_ANY;
	d->mode = d->mode == NO_MODE ? host.mode : d->mode;
	d->uid = d->uid == NO_ID ? host.uid : d->uid;
	d->gid = d->gid == NO_ID ? host.gid : d->gid;
	return 0;
}

static int complete_number(struct device *d, struct error *err)
{
	if (d->path && (d->rule.type == 'a' || d->rule.major < 0 || d->rule.minor < 0))
		return error_set(err, ERR_INVALID_VALUE,
				 "the number means many devices, for which no node '%.200s' can be "
				 "made",
				 d->path);
	if (!d->path)
		return 0;
	if (d->rule.access)
		d->rule.access |= DEVICE_MKNOD;
	d->mode = d->mode == NO_MODE ? 0600 : d->mode;
	d->uid = d->uid == NO_ID ? 0 : d->uid;
	d->gid = d->gid == NO_ID ? 0 : d->gid;
	return 0;
}

int device_row_parse(const char *text, const struct device_list *known, struct device_row *ret,
		     struct error *err)
{
	struct device_row row = { 0 };
	auto_strv words = STRV_INIT;

	strv_split(&words, text, ' ');
	if (words.n < 2 || words.n > W_NUMBER)
		return error_set(err, ERR_INVALID_VALUE, "'%.200s' is not like " ROW_SYNTAX, text);
	if (parse_words(&words, &row, err) ||
	    (row.by_number ? complete_number(&row.d, err) : look_up(&row, known, err))) {
		device_deinit(&row.d);
		return -1;
	}
	*ret = row;
	return 0;
}

/* ---- rights ---- */

static unsigned allowed_by_mode(const struct device_row *row, const struct cred *c)
{
	unsigned bits = row->host_mode & 7;

	if (c->uid == row->host_uid)
		bits = row->host_mode >> 6 & 7;
	else if (cred_in_group(c, row->host_gid))
		bits = row->host_mode >> 3 & 7;
	return (bits & 4 ? DEVICE_READ : 0) | (bits & 2 ? DEVICE_WRITE : 0);
}

static int refuse(const struct device_row *row, const struct client *client, const char *what,
		  struct error *err)
{
	return error_set(err, ERR_PERMISSION, "%s%s%s: the client acts as user %u", what,
			 row->d.source ? " " : "", row->d.source ? row->d.source : "",
			 client->cred.uid);
}

int device_row_check(const struct device_row *row, const struct client *client, struct error *err)
{
	const struct cred *c = &client->cred;
	const struct device *d = &row->d;

	if (row->by_number && !client_is_superuser(client))
		return refuse(row, client, "only a superuser may name devices by number", err);
	if (c->uid == 0 || client_is_superuser(client) || !row->found || !d->rule.access)
		return 0;
	if (row->wildcard)
		return refuse(row, client, "only root may have all minors of", err);
	if (d->rule.access & DEVICE_RW & ~allowed_by_mode(row, c))
		return refuse(row, client, "may not read or write", err);
	if (c->uid != row->host_uid &&
	    ((d->mode & ~row->host_mode) || d->uid != row->host_uid || d->gid != row->host_gid))
		return refuse(row, client, "may not widen the mode or change the owner of", err);
	return 0;
}

/* ---- printing ---- */

static void put_access(const struct device *d, struct buf *out)
{
	buf_addf(out, "%s%s%s%s%s%s", d->rule.access & DEVICE_READ ? "r" : "",
		 d->rule.access & DEVICE_WRITE ? "w" : "", d->rule.access & DEVICE_MKNOD ? "m" : "",
		 d->rule.access ? "" : "-",
		 d->source && d->rule.minor == DEVICE_ANY && !d->missing ? "*" : "",
		 d->optional ? "?" : "");
}

static void add_device_words(const struct device *d, struct strv *w)
{
	auto_buf text = BUF_INIT;

	if (d->source) {
		strv_add(w, d->source);
	} else {
		put_rule(&d->rule, &text);
		strv_add(w, buf_str(&text));
		buf_reset(&text);
	}
	put_access(d, &text);
	strv_add(w, buf_str(&text));
	strv_add(w, d->path ? d->path : "-");
	strv_add_take(w, d->mode == NO_MODE ? xstrdup("-") : xasprintf("%#o", (unsigned)d->mode));
}

void device_row_format(const struct device *d, struct buf *out)
{
	auto_strv w = STRV_INIT;
	auto_free char *text = NULL;

	add_device_words(d, &w);
	strv_add_take(&w, d->uid == NO_ID ? xstrdup("-") : cred_user_name(d->uid));
	strv_add_take(&w, d->gid == NO_ID ? xstrdup("-") : cred_group_name(d->gid));
	text = strv_join(&w, ' ');
	buf_adds(out, text);
}

char *device_row_save(const struct device *d)
{
	auto_strv w = STRV_INIT;
	auto_buf number = BUF_INIT;

	add_device_words(d, &w);
	strv_add_take(&w, d->uid == NO_ID ? xstrdup("-") : xasprintf("%u", d->uid));
	strv_add_take(&w, d->gid == NO_ID ? xstrdup("-") : xasprintf("%u", d->gid));
	put_rule(&d->rule, &number);
	strv_add(&w, d->missing ? "-" : buf_str(&number));
	return strv_join(&w, ' ');
}

int device_row_load(const char *text, struct device *ret, struct error *err)
{
	struct device_row row = { 0 };
	auto_strv w = STRV_INIT;
	unsigned access;

	strv_split(&w, text, ' ');
	if (w.n != W_NUMBER + 1)
		return error_set(err, ERR_INVALID_VALUE, "'%.200s' is no stored device", text);
	if (parse_words(&w, &row, err)) {
		device_deinit(&row.d);
		return -1;
	}
	access = row.d.rule.access;
	row.d.missing = strcmp(w.v[W_NUMBER], "-") == 0;
	if (!row.d.missing && parse_rule(w.v[W_NUMBER], &row.d.rule) < 0) {
		device_deinit(&row.d);
		return error_set(err, ERR_INVALID_VALUE, "'%.200s' is no stored device", text);
	}
	row.d.rule.access = access;
	*ret = row.d;
	return 0;
}
