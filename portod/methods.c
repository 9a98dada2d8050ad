/* SPDX-License-Identifier: Apache-2.0 */
#include "methods.h"

#include "base/cleanup.h"

#define R 0
#define W METHOD_WRITE
#define S (METHOD_WRITE | METHOD_SUPERUSER)

const struct method methods[] = {
	{ 1, "Create", W, handle_create },
	{ 2, "Destroy", W, handle_destroy },
	{ 3, "List", R, handle_list },
	{ 4, "GetProperty", R, handle_get_property },
	{ 5, "SetProperty", W, handle_set_property },
	{ 6, "GetDataProperty", R, handle_get_data },
	{ 7, "Start", W, handle_start },
	{ 8, "Stop", W, handle_stop },
	{ 9, "Pause", W, handle_pause },
	{ 10, "Resume", W, handle_resume },
	{ 11, "ListProperties", R, handle_list_properties },
	{ 12, "ListDataProperties", R, handle_list_data },
	{ 13, "Kill", W, handle_kill },
	{ 14, "Version", R, handle_version },
	{ 15, "Get", R, handle_get },
	{ 16, "Wait", METHOD_WAITS, handle_wait },
	{ 17, "CreateWeak", W, handle_create_weak },
	{ 18, "Respawn", W, handle_respawn },
	{ 19, "AsyncWait", R, handle_async_wait },
	{ 20, "FindLabel", R, handle_find_label },
	{ 21, "SetLabel", W, handle_set_label },
	{ 22, "IncLabel", W, handle_inc_label },
	{ 103, "ListVolumeProperties", R, NULL },
	{ 104, "CreateVolume", W, NULL },
	{ 105, "LinkVolume", W, NULL },
	{ 106, "UnlinkVolume", W, NULL },
	{ 107, "ListVolumes", R, NULL },
	{ 108, "TuneVolume", W, NULL },
	{ 109, "CheckVolume", R, NULL },
	{ 110, "ImportLayer", W, NULL },
	{ 111, "RemoveLayer", W, NULL },
	{ 112, "ListLayers", R, NULL },
	{ 113, "ExportLayer", W, NULL },
	{ 114, "GetLayerPrivate", R, NULL },
	{ 115, "SetLayerPrivate", W, NULL },
	{ 116, "ListStorages", R, NULL },
	{ 117, "RemoveStorage", W, NULL },
	{ 118, "ImportStorage", W, NULL },
	{ 119, "ExportStorage", W, NULL },
	{ 120, "LinkVolumeTarget", W, NULL },
	{ 121, "UnlinkVolumeTarget", W, NULL },
	{ 122, "CreateMetaStorage", W, NULL },
	{ 123, "ResizeMetaStorage", W, NULL },
	{ 124, "RemoveMetaStorage", W, NULL },
	{ 125, "SetSymlink", W, handle_set_symlink },
	{ 126, "NewVolume", W, NULL },
	{ 127, "GetVolume", R, NULL },
	{ 128, "StopAsyncWait", R, handle_stop_async_wait },
	{ 200, "ConvertPath", R, handle_convert_path },
	{ 201, "AttachProcess", W, handle_attach_process },
	{ 202, "LocateProcess", R, handle_locate_process },
	{ 203, "AttachThread", W, handle_attach_thread },
	{ 230, "CreateFromSpec", W | METHOD_SPEC, handle_create_from_spec },
	{ 231, "UpdateFromSpec", W | METHOD_SPEC, handle_update_from_spec },
	{ 232, "ListContainersBy", R, handle_list_containers_by },
	{ 300, "GetSystem", R, handle_get_system },
	{ 301, "SetSystem", S, handle_set_system },
	{ 302, "ClearStatistics", S, handle_clear_statistics },
	{ 303, "dockerImageStatus", R, NULL },
	{ 304, "listDockerImages", R, NULL },
	{ 305, "pullDockerImage", W, NULL },
	{ 306, "removeDockerImage", W, NULL },
	{ 307, "CleanupPlace", W, NULL },
};

const size_t methods_count = ARRAY_SIZE(methods);

const struct method *method_find(uint32_t field)
{
	size_t low = 0, high = methods_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (methods[mid].field == field)
			return &methods[mid];
		if (methods[mid].field < field)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int check(const struct handler_env *env, const struct request *rq, struct error *err)
{
	const struct method *m = rq->method;
	struct client *c = rq->client;

	if (client_refresh(c, err))
		return -1;
	if ((m->flags & METHOD_WRITE) && c->access <= ACCESS_READ_ONLY)
		return error_set(
			err, ERR_PERMISSION,
			"%s is not for this client: uid %u in container '%s' may only read "
			"(see enable_porto and the group porto)",
			m->name, c->task_cred.uid, c->container->name);
	if ((m->flags & METHOD_SUPERUSER) && !client_is_superuser(c))
		return error_set(err, ERR_PERMISSION, "%s is only for the superuser of the host",
				 m->name);
	if ((m->flags & METHOD_WRITE) && env->system->frozen && !client_is_superuser(c))
		return error_set(err, ERR_PORTO_FROZEN,
				 "%s is refused: the daemon is frozen for maintenance", m->name);
	if (!m->handle)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "method %s is not supported by this version of portod", m->name);
	return 0;
}

void method_dispatch(const struct handler_env *env, struct request *rq)
{
	struct conn *conn = rq->conn;
	bool shut_out;
	struct error err = ERROR_INIT;

	if (check(env, rq, &err) == 0) {
		rq->method->handle(env, rq);
		return;
	}
	shut_out = rq->client->access == ACCESS_NONE;
	request_fail(rq, &err);
	/* As at connect: who may ask for nothing has no connection. */
	if (shut_out && conn)
		conn_refuse(conn);
}
