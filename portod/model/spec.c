/* SPDX-License-Identifier: Apache-2.0 */
#include "model/spec.h"

#include <stdlib.h>

void container_spec_deinit(struct container_spec *s)
{
	free(s->command);
	strv_deinit(&s->command_argv);
	free(s->core_command);
	smap_deinit(&s->env);
	smap_deinit(&s->env_secret);
	cred_deinit(&s->task_cred);
	cred_deinit(&s->owner_cred);
	strv_deinit(&s->task_groups);
	free(s->seccomp);
	free(s->seccomp_name);
	strv_deinit(&s->owner_containers);
	free(s->cwd);
	smap_deinit(&s->ulimit);
	strv_deinit(&s->devices);
	idmap_deinit(&s->uid_map);
	idmap_deinit(&s->gid_map);
	free(s->hostname);
	smap_deinit(&s->namespaces);
	free(s->net);
	free(s->porto_namespace);
	free(s->root);
	strv_deinit(&s->bind);
	strv_deinit(&s->mounts);
	strv_deinit(&s->masked_paths);
	strv_deinit(&s->readonly_paths);
	smap_deinit(&s->symlink);
	smap_deinit(&s->sysctl);
	strv_deinit(&s->place);
	free(s->resolv_conf);
	free(s->etc_hosts);
	for (int i = 0; i < 3; i++)
		free(s->stdio_path[i]);
	free(s->cpu_set.list);
	smap_deinit(&s->io_limit);
	smap_deinit(&s->io_ops_limit);
	smap_deinit(&s->io_guarantee);
	smap_deinit(&s->io_ops_guarantee);
	smap_deinit(&s->place_limit);
	free(s->private_value);
	smap_deinit(&s->labels);
}
