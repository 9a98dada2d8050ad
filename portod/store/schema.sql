-- SPDX-License-Identifier: Apache-2.0
-- Version 1 of the state. Compiled into store.c; later versions are steps in its migrations table.
-- One row is one value of one object. WITHOUT ROWID: the primary key is the table, so a row costs
-- one b-tree entry and an object's rows are neighbours.
CREATE TABLE kv (
	kind TEXT NOT NULL,
	id INTEGER NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (kind, id, key)
) WITHOUT ROWID;
