/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asking: credentials, own container, access level, namespace (reference/protocol.md §8).
 * Process and container are those of the connect; access level and namespaces follow what
 * enable_porto of the container and of those above it says now. Memory only, but for the user
 * database in client_authorize() of an ordinary user.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"
#include "base/error.h"
#include "base/list.h"

struct container;
struct tree;

/* Ordered. */
enum access_level {
	ACCESS_NONE,
	ACCESS_READ_ISOLATE,
	ACCESS_READ_ONLY,
	ACCESS_ISOLATE,
	ACCESS_SELF_ISOLATE,
	ACCESS_CHILD_ONLY,
	ACCESS_NORMAL,
	ACCESS_SUPERUSER,
	ACCESS_INTERNAL,
};

struct client {
	pid_t pid;          /* 0 = internal */
	uint64_t starttime; /* of pid */
	int pidfd;          /* of pid, -1 if none; owned */
	char comm[32];
	struct cred task_cred;       /* of the connecting process */
	struct cred cred;            /* effective: the container's owner inside a container */
	struct container *container; /* own container (the root container on the host); referenced
				        */
	enum access_level access;
	gid_t porto_gid;          /* as given to client_authorize() */
	uint64_t levels;          /* enable_porto of the way up when access was computed */
	char *read_ns, *write_ns; /* prefixes, "" = all; owned */
	struct list weak;         /* weak containers bound to this connection */
	struct list waiters;      /* struct watch subscriptions, see model/watch.h */
	void *conn;               /* the connection, for pushes; NULL = internal */
	bool counted;             /* in container->nclients */
};

struct client *client_new(struct container *ct);
/* An actor of the daemon itself: superuser without connection. */
struct client *client_new_internal(struct tree *tree);
/* Identity and rights as they are now, without connection: for an operation that goes on when the
 * client has left. */
struct client *client_dup(const struct client *c);
struct client *client_free(struct client *c);

static inline bool client_is_superuser(const struct client *c)
{
	return c->access >= ACCESS_SUPERUSER;
}

/* Prefix of the names that processes of `ct` see, "" = all. New string. */
char *client_namespace_of(const struct container *ct);

/* Compute access level and namespaces from `container`, cred and group membership. Returns
 * ERR_PERMISSION for ACCESS_NONE or a container in a state that may not talk. */
int client_authorize(struct client *c, gid_t porto_gid, struct error *err);
/* Before each request and notification: compute both again if a level on the way up has changed
 * since. Errors as above; access is ACCESS_NONE after them. Cheap when nothing has changed. */
int client_refresh(struct client *c, struct error *err);

/* May act as `cred`'s owner: superuser or the same uid. */
bool client_controls_cred(const struct client *c, const struct cred *cred);
/* protocol.md §8.3. */
int client_can_control(const struct client *c, const struct container *ct, bool as_parent,
		       struct error *err);

/* May create `name`, whose parent is `parent`: control as parent, or the name itself is in the
 * write namespace, which need not end at a slash. */
int client_can_create(const struct client *c, const struct container *parent, const char *name,
		      struct error *err);

/* May it say by path which namespace a container joins? Superusers on the host: one in a container
 * could reach what is outside of it. */
bool client_may_name_namespaces(const struct client *c);
/* The same for names below /run/netns, of the host or its own. */
bool client_may_name_netns(const struct client *c);

/* What the client wrote -> absolute name ("" = root); protocol.md §9. New string. */
int client_resolve_name(const struct client *c, const char *name, char **ret_name,
			struct error *err);
/* May it name the container with this absolute name, in whichever form? */
bool client_sees(const struct client *c, const char *name);
/* And to the container: ERR_CONTAINER_DOES_NOT_EXIST. */
int client_resolve(const struct client *c, struct tree *tree, const char *name,
		   struct container **ret, struct error *err);
/* Absolute name as this client sees it, NULL = hidden. Points into the container or a literal. */
const char *client_compose(const struct client *c, const struct container *ct);
/* The same, `/porto/…` for what is outside. New string. */
char *client_relative(const struct client *c, const struct container *ct);
