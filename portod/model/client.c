/* SPDX-License-Identifier: Apache-2.0 */
#include "model/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "model/container.h"
#include "model/tree.h"
#include "model/userns.h"

#define NAME_MAX_GIVEN 4096 /* as written, before it is normalised; masks, too */

static struct client *client_alloc(struct container *ct)
{
	struct client *c = xnew(struct client);

	c->pidfd = -1;
	c->task_cred = (struct cred)CRED_INIT;
	c->cred = (struct cred)CRED_INIT;
	c->container = container_ref(ct);
	list_init(&c->weak);
	list_init(&c->waiters);
	return c;
}

struct client *client_new(struct container *ct)
{
	struct client *c = client_alloc(ct);

	c->counted = true;
	ct->nclients++;
	c->read_ns = xstrdup("");
	c->write_ns = xstrdup("");
	return c;
}

struct client *client_dup(const struct client *c)
{
	struct client *copy = client_alloc(c->container);

	copy->pid = c->pid;
	copy->starttime = c->starttime;
	memcpy(copy->comm, c->comm, sizeof(copy->comm));
	cred_copy(&copy->task_cred, &c->task_cred);
	cred_copy(&copy->cred, &c->cred);
	copy->access = c->access;
	copy->porto_gid = c->porto_gid;
	copy->levels = c->levels;
	copy->read_ns = xstrdup(c->read_ns);
	copy->write_ns = xstrdup(c->write_ns);
	return copy;
}

struct client *client_new_internal(struct tree *tree)
{
	struct client *c = client_alloc(tree_root(tree));

	c->read_ns = xstrdup("");
	c->write_ns = xstrdup("");
	c->access = ACCESS_INTERNAL;
	c->task_cred.uid = c->cred.uid = 0;
	c->task_cred.gid = c->cred.gid = 0;
	return c;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	if (c->counted)
		c->container->nclients--;
	close_fd(&c->pidfd);
	cred_deinit(&c->task_cred);
	cred_deinit(&c->cred);
	container_unref(c->container);
	free(c->read_ns);
	free(c->write_ns);
	free(c);
	return NULL;
}

static bool cuts_read_ns(int access)
{
	return access == ACCESS_ISOLATE || access == ACCESS_READ_ISOLATE ||
	       access == ACCESS_SELF_ISOLATE;
}

/* Prefix of all names the container's clients see (or may write, with `child_only_cuts`). */
static char *namespace_of(const struct container *ct, bool child_only_cuts)
{
	char *ns = xstrdup("");

	for (; ct && !container_is_root(ct); ct = ct->parent) {
		int access = ct->spec.enable_porto;
		bool cut = cuts_read_ns(access) || (child_only_cuts && access == ACCESS_CHILD_ONLY);
		const char *own = ct->spec.porto_namespace ? ct->spec.porto_namespace : "";
		char *joined = cut ? xasprintf("%s/%s", ct->name, ns) : xasprintf("%s%s", own, ns);

		free(ns);
		ns = joined;
		if (cut)
			break;
	}
	return ns;
}

char *client_namespace_of(const struct container *ct)
{
	return namespace_of(ct, false);
}

/* A level in four bits for each of the sixteen containers a way up can have: a client's own
 * container stays the same, so equal numbers mean equal levels. 0 on the host. */
static uint64_t levels_of(const struct container *ct)
{
	uint64_t levels = 0;

	for (; !container_is_root(ct); ct = ct->parent)
		levels = levels << 4 | (unsigned)ct->spec.enable_porto;
	return levels;
}

static int check_state(const struct container *ct, struct error *err)
{
	enum container_state s = ct->state;

	if (s == STATE_RUNNING || s == STATE_STARTING || s == STATE_STOPPING || s == STATE_META)
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "container '%s' is %s, its processes may not use the API", ct->name,
			 state_name(s));
}

/* Root inside of a user namespace is not root: an owner that is root would give it the host. It
 * rules what is below the namespace's container, and is no superuser there either. */
static char *namespace_in_userns(const struct container *fence, char *ns)
{
	char *own = xasprintf("%s/", fence->name);

	if (str_has_prefix(ns, own)) {
		free(own);
		return ns;
	}
	free(ns);
	return own;
}

static int derive(struct client *c, struct error *err)
{
	const struct container *ct = c->container, *fence = userns_fence(ct);
	int access = ACCESS_NORMAL;

	for (const struct container *up = ct; up; up = up->parent)
		if (up->spec.enable_porto < access)
			access = up->spec.enable_porto;
	c->levels = levels_of(ct);
	c->access = ACCESS_NONE;
	if (access == ACCESS_NONE)
		return error_set(err, ERR_PERMISSION,
				 "container '%s' or one above it has enable_porto=false", ct->name);

	cred_copy(&c->cred, container_is_root(ct) ? &c->task_cred : &ct->spec.owner_cred);
	if (c->cred.uid == 0) {
		if (access == ACCESS_NORMAL)
			access = fence ? ACCESS_CHILD_ONLY : ACCESS_SUPERUSER;
	} else {
		cred_load_groups(&c->cred);
		if (!cred_in_group(&c->cred, c->porto_gid) && access > ACCESS_READ_ONLY)
			access = ACCESS_READ_ONLY;
	}
	c->access = (enum access_level)access;
	free(c->read_ns);
	c->read_ns = namespace_of(ct, false);
	free(c->write_ns);
	c->write_ns = namespace_of(ct, true);
	if (fence && c->cred.uid == 0)
		c->write_ns = namespace_in_userns(fence, c->write_ns);
	return 0;
}

int client_authorize(struct client *c, gid_t porto_gid, struct error *err)
{
	c->porto_gid = porto_gid;
	return derive(c, err) ? -1 : check_state(c->container, err);
}

int client_refresh(struct client *c, struct error *err)
{
	if (c->access == ACCESS_INTERNAL)
		return 0;
	if ((c->access == ACCESS_NONE || c->levels != levels_of(c->container)) && derive(c, err))
		return -1;
	return check_state(c->container, err);
}

bool client_controls_cred(const struct client *c, const struct cred *cred)
{
	return client_is_superuser(c) || cred->uid == (uid_t)-1 || c->cred.uid == cred->uid;
}

bool client_may_name_namespaces(const struct client *c)
{
	return client_is_superuser(c) && c->container->spec.virt_mode == VIRT_HOST;
}

bool client_may_name_netns(const struct client *c)
{
	return client_is_superuser(c) || c->container->spec.virt_mode == VIRT_HOST;
}

static bool in_write_scope(const struct client *c, const struct container *ct, bool as_parent)
{
	size_t len = strlen(c->write_ns);

	if (strncmp(ct->name, c->write_ns, len) == 0)
		return true;
	/* The container the namespace is rooted at: "a" for "a/". */
	if (as_parent && len == strlen(ct->name) + 1 && c->write_ns[len - 1] == '/' &&
	    strncmp(ct->name, c->write_ns, len - 1) == 0)
		return true;
	if (container_is_below(ct, c->container))
		return true;
	return ct == c->container && (as_parent || ct->spec.enable_porto == ACCESS_SELF_ISOLATE);
}

static bool owner_containers_allow(const struct client *c, const struct container *ct)
{
	if (ct->spec.owner_containers.n == 0 || container_is_root(c->container))
		return true;
	for (size_t i = 0; i < ct->spec.owner_containers.n; i++) {
		const char *rest =
			str_has_prefix(ct->spec.owner_containers.v[i], c->container->name)
				? ct->spec.owner_containers.v[i] + strlen(c->container->name)
				: NULL;

		if (rest && (*rest == '\0' || *rest == '/'))
			return true;
	}
	return false;
}

/* All but the scope. */
static int check_rights(const struct client *c, const struct container *ct, bool as_parent,
			const char *name, struct error *err)
{
	if (c->access <= ACCESS_READ_ONLY)
		return error_set(err, ERR_PERMISSION,
				 "cannot change container '%s': the client's access is read-only",
				 name);
	if (container_is_root(ct) && !as_parent)
		return error_set(err, ERR_PERMISSION, "the root container is read-only");
	if (c->access == ACCESS_INTERNAL)
		return 0;
	/* Every writer may create first-level containers. */
	if (!container_is_root(ct) && !client_controls_cred(c, &ct->spec.owner_cred))
		return error_set(err, ERR_PERMISSION,
				 "container '%s' belongs to uid %u, the client acts as uid %u",
				 name, ct->spec.owner_cred.uid, c->cred.uid);
	if (!owner_containers_allow(c, ct))
		return error_set(err, ERR_PERMISSION,
				 "container '%s' may be changed only from its owner_containers",
				 name);
	return 0;
}

static int control(const struct client *c, const struct container *ct, bool as_parent,
		   bool in_scope, struct error *err)
{
	const char *name = container_is_root(ct) ? "/" : ct->name;

	if (!in_scope && c->access > ACCESS_READ_ONLY)
		return error_set(
			err, ERR_PERMISSION,
			"container '%s' is outside of what the client's container may change",
			name);
	return check_rights(c, ct, as_parent, name, err);
}

int client_can_control(const struct client *c, const struct container *ct, bool as_parent,
		       struct error *err)
{
	return control(c, ct, as_parent, in_write_scope(c, ct, as_parent), err);
}

int client_can_create(const struct client *c, const struct container *parent, const char *name,
		      struct error *err)
{
	bool in_scope = in_write_scope(c, parent, true) || str_has_prefix(name, c->write_ns);

	return control(c, parent, true, in_scope, err);
}

/* `.`: the container that is the parent of the namespace. */
static char *namespace_parent(const char *ns)
{
	const char *slash = strrchr(ns, '/');

	return slash ? xstrndup(ns, (size_t)(slash - ns)) : xstrdup("");
}

static char *expand_name(const struct client *c, const char *name)
{
	if (strcmp(name, "/") == 0)
		return xstrdup("");
	if (strcmp(name, "self") == 0)
		return xstrdup(c->container->name);
	if (str_has_prefix(name, "self/"))
		return container_is_root(c->container)
			       ? xstrdup(name + 5)
			       : xasprintf("%s/%s", c->container->name, name + 5);
	if (strcmp(name, ".") == 0)
		return namespace_parent(c->read_ns);
	if (str_has_prefix(name, "/porto/"))
		return xstrdup(name + 7);
	return xasprintf("%s%s", c->read_ns, name);
}

static bool is_name_or_above(const char *name, const char *of)
{
	size_t len = strlen(name);

	return strncmp(of, name, len) == 0 && (of[len] == '\0' || of[len] == '/' || len == 0);
}

bool client_sees(const struct client *c, const char *name)
{
	const char *own = c->container->name;
	size_t len = strlen(own);

	return str_has_prefix(name, c->read_ns) || len == 0 ||
	       (strncmp(name, own, len) == 0 && name[len] == '/') || is_name_or_above(name, own);
}

int client_resolve_name(const struct client *c, const char *name, char **ret_name,
			struct error *err)
{
	auto_free char *full = NULL;
	char *normal;

	if (!*name)
		return error_set(err, ERR_INVALID_VALUE, "container name is empty");
	if (strlen(name) > NAME_MAX_GIVEN)
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%.40s…' is %zu bytes long", name, strlen(name));
	if (*name == '/' && name[1] && !str_has_prefix(name, "/porto/"))
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%s' begins with a slash; absolute names begin "
				 "with /porto/",
				 name);
	full = expand_name(c, name);
	normal = path_normalize(full + strspn(full, "/"));
	if (strcmp(normal, ".") == 0)
		*normal = '\0';
	if (strcmp(normal, "..") == 0 || str_has_prefix(normal, "../")) {
		free(normal);
		return error_set(err, ERR_PERMISSION, "container name '%s' leads out of the tree",
				 name);
	}
	if (!client_sees(c, normal)) {
		free(normal);
		return error_set(err, ERR_PERMISSION,
				 "container '%s' is outside of the client's namespace", name);
	}
	*ret_name = normal;
	return 0;
}

int client_resolve(const struct client *c, struct tree *tree, const char *name,
		   struct container **ret, struct error *err)
{
	auto_free char *full = NULL;
	struct container *ct;

	/* Most clients are on the host and say plain names: no need to copy these around. */
	if (!*c->read_ns && *name && (ct = tree_find(tree, name))) {
		*ret = ct;
		return 0;
	}
	if (client_resolve_name(c, name, &full, err))
		return -1;
	ct = tree_find(tree, full);
	if (!ct)
		return error_set(err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s does not exist",
				 name);
	*ret = ct;
	return 0;
}

const char *client_compose(const struct client *c, const struct container *ct)
{
	size_t len = strlen(c->read_ns);

	if (container_is_root(ct))
		return "/";
	if (strncmp(ct->name, c->read_ns, len) != 0 || !ct->name[len])
		return NULL;
	return ct->name + len;
}

char *client_relative(const struct client *c, const struct container *ct)
{
	const char *name = client_compose(c, ct);

	return name ? xstrdup(name) : xasprintf("/porto/%s", ct->name);
}
