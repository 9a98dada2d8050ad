/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: a journal in memory in front of one sqlite table.
 *
 * Puts and deletes are appended to the journal; store_commit() plays it in one transaction. So a
 * put costs a memcpy, all sqlite errors appear in one place, and a failed commit loses nothing:
 * sqlite rolls a transaction back by itself when the disk is full, the journal stays and the next
 * commit plays it again. A SIGKILL loses what was not committed, which is what no reply has
 * promised yet.
 *
 * Locking mode EXCLUSIVE keeps the WAL index on our heap (no shared memory file, no lock calls per
 * transaction). Record locks of a killed process are gone before its parent can reap it, so the
 * next server opens at once.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/store.h"

/* Only reached while commits fail (or by a turn that writes that much). */
#define JOURNAL_MAX  ((size_t)64 << 20)
/* Kept allocated between turns. */
#define JOURNAL_KEEP ((size_t)64 << 10)
/* Waiting for a dying predecessor's lock, at open only. */
#define LOCK_WAIT_MS 5000

enum statement { ST_BEGIN, ST_COMMIT, ST_PUT, ST_DEL_KEY, ST_DEL, ST_EACH, _ST_COUNT };

/* One journal record; the strings follow, each with its NUL. */
enum record_op { REC_PUT, REC_DEL_KEY, REC_DEL };

struct record {
	int64_t id;
	uint32_t kind_len, key_len, value_len; /* without NUL */
	uint32_t op;
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *st[_ST_COUNT];
	struct buf journal;
	pid_t owner; /* the process that opened it */
};

static const char *const statements[_ST_COUNT] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_PUT] = "INSERT OR REPLACE INTO kv (kind, id, key, value) VALUES (?1, ?2, ?3, ?4)",
	[ST_DEL_KEY] = "DELETE FROM kv WHERE kind = ?1 AND id = ?2 AND key = ?3",
	[ST_DEL] = "DELETE FROM kv WHERE kind = ?1 AND id = ?2",
	[ST_EACH] = "SELECT id, key, value FROM kv WHERE kind = ?1 ORDER BY id, key",
};

/* migrations[n] leads from version n to n + 1. */
static const char *const migrations[] = {
#include "schema.sql.inc"
};

#define SCHEMA_VERSION ((int)ARRAY_SIZE(migrations))

/*
 * synchronous=OFF: only a crash of the kernel could lose or tear something, and the state does not
 * outlive that. Checkpoint at 256 pages: a commit never copies more than 1 MiB back into the file.
 * Cache 1 MiB: the daemon is small; the rest is in the page cache anyway.
 */
static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE;"
			      "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = OFF;"
			      "PRAGMA wal_autocheckpoint = 256;"
			      "PRAGMA cache_size = -1024;"
			      "PRAGMA mmap_size = 0;"
			      "PRAGMA temp_store = MEMORY;";

static int db_error(struct error *err, sqlite3 *db, const char *what)
{
	int rc = sqlite3_errcode(db) & 0xff, sys = sqlite3_system_errno(db);

	if (rc == SQLITE_FULL || sys == ENOSPC || sys == EDQUOT)
		return error_sys(err, ERR_NO_SPACE, sys, "%s: %s", what, sqlite3_errmsg(db));
	if (rc == SQLITE_BUSY)
		return error_set(err, ERR_BUSY, "%s: another process uses the state", what);
	return error_set(err, ERR_UNKNOWN, "%s: %s", what, sqlite3_errmsg(db));
}

static int db_exec(struct store *s, const char *sql, const char *what, struct error *err)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_error(err, s->db, what);
	return 0;
}

/* ---- open ---- */

/* One thread: no mutexes; nobody reads its statistics: no counting. Fails harmlessly when sqlite
 * was used before. */
static void configure_sqlite(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Environment variables of containers may be secrets. The WAL inherits the mode of the file. */
static int create_private(const char *path, struct error *err)
{
	int fd;

	if (strcmp(path, ":memory:") == 0)
		return 0;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "create state file %s", path);
	close(fd);
	return 0;
}

static int read_version(struct store *s, int *ret, struct error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW) {
		db_error(err, s->db, "read the state's version");
		sqlite3_finalize(st);
		return -1;
	}
	*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return 0;
}

static int migrate_step(struct store *s, int from, struct error *err)
{
	char sql[64];

	/* The pragma takes no parameters. It is transactional like the rest. */
	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version = %d; COMMIT", from + 1);
	if (db_exec(s, migrations[from], "migrate the state", err) < 0 ||
	    db_exec(s, sql, "store the state's version", err) < 0) {
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		return error_prefix(err, "from version %d", from);
	}
	return 0;
}

/* BEGIN IMMEDIATE also takes the exclusive lock, now rather than in the first turn. */
static int migrate(struct store *s, struct error *err)
{
	int version = 0;

	for (;;) {
		if (db_exec(s, "BEGIN IMMEDIATE", "lock the state", err) < 0 ||
		    read_version(s, &version, err) < 0)
			return -1;
		if (version > SCHEMA_VERSION)
			return error_set(err, ERR_NOT_SUPPORTED,
					 "state has version %d, this portod knows %d", version,
					 SCHEMA_VERSION);
		if (version < 0)
			return error_set(err, ERR_INVALID_DATA, "state has version %d", version);
		if (version == SCHEMA_VERSION)
			return db_exec(s, "COMMIT", "lock the state", err);
		if (migrate_step(s, version, err) < 0)
			return -1;
	}
}

static int prepare_statements(struct store *s, struct error *err)
{
	int i;

	for (i = 0; i < _ST_COUNT; i++)
		if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->st[i], NULL) != SQLITE_OK)
			return db_error(err, s->db, "prepare a statement");
	return 0;
}

static int open_db(struct store *s, const char *path, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (create_private(path, err) < 0)
		return -1;
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		return db_error(err, s->db, "open");
	sqlite3_busy_timeout(s->db, LOCK_WAIT_MS);
	if (db_exec(s, pragmas, "configure", err) < 0 || migrate(s, err) < 0)
		return -1;
	return prepare_statements(s, err);
}

static void destroy(struct store *s)
{
	int i;

	for (i = 0; i < _ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	buf_deinit(&s->journal);
	free(s);
}

int store_open(const char *path, struct store **ret, struct error *err)
{
	struct store *s;

	configure_sqlite();
	s = xnew(struct store);
	s->owner = getpid();
	if (open_db(s, path, err) < 0) {
		destroy(s);
		return error_prefix(err, "state %s", path);
	}
	*ret = s;
	return 0;
}

struct store *store_close(struct store *s)
{
	struct error err = ERROR_INIT;
	char text[ERROR_MESSAGE_MAX];

	if (!s)
		return NULL;
	if (store_commit(s, &err) < 0)
		log_error("State changes are lost: %s", error_message(&err, text, sizeof(text)));
	destroy(s);
	return NULL;
}

/* ---- journal ---- */

static int journal_add(struct store *s, struct record r, const char *kind, const char *key,
		       const char *value, struct error *err)
{
	size_t kind_len = strlen(kind), key_len = strlen(key), value_len = strlen(value);
	size_t size = sizeof(r) + kind_len + key_len + value_len + 3;

	if (size > JOURNAL_MAX || s->journal.len > JOURNAL_MAX - size)
		return error_set(err, ERR_NO_SPACE,
				 "store %s %lld %s: too much is waiting for a commit", kind,
				 (long long)r.id, key);
	r.kind_len = (uint32_t)kind_len;
	r.key_len = (uint32_t)key_len;
	r.value_len = (uint32_t)value_len;
	buf_add(&s->journal, &r, sizeof(r));
	buf_add(&s->journal, kind, kind_len + 1);
	buf_add(&s->journal, key, key_len + 1);
	buf_add(&s->journal, value, value_len + 1);
	return 0;
}

int store_put(struct store *s, const char *kind, int64_t id, const char *key, const char *value,
	      struct error *err)
{
	struct record r = { .id = id, .op = value ? REC_PUT : REC_DEL_KEY };

	return journal_add(s, r, kind, key, value ? value : "", err);
}

int store_delete(struct store *s, const char *kind, int64_t id, struct error *err)
{
	struct record r = { .id = id, .op = REC_DEL };

	return journal_add(s, r, kind, "", "", err);
}

bool store_is_dirty(const struct store *s)
{
	return s->journal.len > 0;
}

/* ---- commit ---- */

static int run(struct store *s, enum statement st, const char *what, struct error *err)
{
	int rc = sqlite3_step(s->st[st]);

	if (rc != SQLITE_DONE)
		db_error(err, s->db, what);
	sqlite3_reset(s->st[st]);
	return rc == SQLITE_DONE ? 0 : -1;
}

static void bind_text(sqlite3_stmt *st, int at, const char *text, uint32_t len)
{
	/* STATIC: the journal does not move while it is played. */
	sqlite3_bind_text(st, at, text, (int)len, SQLITE_STATIC);
}

static int play_record(struct store *s, const struct record *r, const char *strings,
		       struct error *err)
{
	static const enum statement by_op[] = {
		[REC_PUT] = ST_PUT, [REC_DEL_KEY] = ST_DEL_KEY, [REC_DEL] = ST_DEL
	};
	const char *kind = strings, *key = kind + r->kind_len + 1, *value = key + r->key_len + 1;
	sqlite3_stmt *st = s->st[by_op[r->op]];

	bind_text(st, 1, kind, r->kind_len);
	sqlite3_bind_int64(st, 2, r->id);
	if (r->op != REC_DEL)
		bind_text(st, 3, key, r->key_len);
	if (r->op == REC_PUT)
		bind_text(st, 4, value, r->value_len);
	return run(s, by_op[r->op], "write the state", err);
}

static int play_journal(struct store *s, struct error *err)
{
	size_t at = 0;
	struct record r;

	while (at < s->journal.len) {
		memcpy(&r, s->journal.data + at, sizeof(r));
		at += sizeof(r);
		if (play_record(s, &r, s->journal.data + at, err) < 0)
			return -1;
		at += (size_t)r.kind_len + r.key_len + r.value_len + 3;
	}
	return 0;
}

int store_commit(struct store *s, struct error *err)
{
	if (!store_is_dirty(s))
		return 0;
	/* A child must not touch the parent's sqlite. */
	assert(getpid() == s->owner);
	if (run(s, ST_BEGIN, "begin a transaction", err) < 0)
		return -1;
	if (play_journal(s, err) < 0 || run(s, ST_COMMIT, "commit the state", err) < 0) {
		/* Often sqlite has done that already. */
		if (!sqlite3_get_autocommit(s->db))
			sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	buf_shrink(&s->journal, JOURNAL_KEEP);
	return 0;
}

/* ---- reading ---- */

static const char *column_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return text ? (const char *)text : "";
}

int store_each(struct store *s, const char *kind,
	       int (*fn)(void *arg, int64_t id, const char *key, const char *value), void *arg,
	       struct error *err)
{
	sqlite3_stmt *st = s->st[ST_EACH];
	int rc, r = 0;

	if (store_commit(s, err) < 0)
		return -1;
	sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
	while (r == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW)
		r = fn(arg, sqlite3_column_int64(st, 0), column_text(st, 1), column_text(st, 2));
	if (r == 0 && rc != SQLITE_DONE)
		r = db_error(err, s->db, "read the state");
	sqlite3_reset(st);
	return r;
}
