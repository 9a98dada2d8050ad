/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The typed calls: arguments into a request, a reply into a result. Each builds its request on the
 * stack; everything else happens in conn_call().
 */
#include <stdlib.h>
#include <string.h>

#include "client/conn.h"
#include "client/result.h"

#define REQUEST_INIT PORTO__TPORTO_REQUEST__INIT

/* protobuf-c does not know const; packing does not change what it packs. */
static char *str(const char *s)
{
	return (char *)(s ? s : "");
}

static char **strv(const char *const *v)
{
	return (char **)v;
}

static size_t strv_count(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int call_simple(struct porto_conn *conn, struct call *call)
{
	int r;

	conn_enter(conn);
	r = conn_call(conn, call);
	call_done(call);
	return r;
}

/* Copy of a string of the reply for the caller. */
static int give_string(struct porto_conn *conn, const char *from, char **ret)
{
	char *copy;

	if (!ret)
		return 0;
	copy = strdup(from ? from : "");
	if (!copy)
		return conn_error_memory(conn);
	*ret = copy;
	return 0;
}

/* ---- Life cycle ---- */

#define DEFINE_NAME_CALL(func, id, field, type, init)       \
	int func(struct porto_conn *conn, const char *name) \
	{                                                   \
		Porto__TPortoRequest req = REQUEST_INIT;    \
		struct call call = CALL_INIT(id, &req);     \
		type body = init;                           \
                                                            \
		body.name = str(name);                      \
		req.field = &body;                          \
		return call_simple(conn, &call);            \
	}

DEFINE_NAME_CALL(porto_create, METHOD_CREATE, create, Porto__TCreateRequest,
		 PORTO__TCREATE_REQUEST__INIT)
DEFINE_NAME_CALL(porto_create_weak, METHOD_CREATE_WEAK, createweak, Porto__TCreateRequest,
		 PORTO__TCREATE_REQUEST__INIT)
DEFINE_NAME_CALL(porto_start, METHOD_START, start, Porto__TStartRequest,
		 PORTO__TSTART_REQUEST__INIT)
DEFINE_NAME_CALL(porto_pause, METHOD_PAUSE, pause, Porto__TPauseRequest,
		 PORTO__TPAUSE_REQUEST__INIT)
DEFINE_NAME_CALL(porto_resume, METHOD_RESUME, resume, Porto__TResumeRequest,
		 PORTO__TRESUME_REQUEST__INIT)
DEFINE_NAME_CALL(porto_respawn, METHOD_RESPAWN, respawn, Porto__TRespawnRequest,
		 PORTO__TRESPAWN_REQUEST__INIT)

int porto_destroy(struct porto_conn *conn, const char *name)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_DESTROY, &req);
	Porto__TDestroyRequest body = PORTO__TDESTROY_REQUEST__INIT;
	int r;

	body.name = str(name);
	req.destroy = &body;
	r = call_simple(conn, &call);
	if (r == PORTO_E_CONTAINER_DOES_NOT_EXIST && call.repeated) {
		conn_enter(conn);
		return 0;
	}
	return r;
}

static int call_stop(struct porto_conn *conn, const char *name, int64_t timeout_msec, bool keep)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_STOP, &req);
	Porto__TStopRequest body = PORTO__TSTOP_REQUEST__INIT;

	body.name = str(name);
	if (timeout_msec >= 0) {
		if (timeout_msec > UINT32_MAX)
			timeout_msec = UINT32_MAX;
		body.has_timeout_ms = true;
		body.timeout_ms = (uint32_t)timeout_msec;
		call.extra_ms = timeout_msec;
	}
	/* What a daemon of Porto does not know is sent only when it is asked for. */
	body.has_keep = body.keep = keep;
	call.repeatable = keep;
	req.stop = &body;
	return call_simple(conn, &call);
}

int porto_stop(struct porto_conn *conn, const char *name, int64_t timeout_msec)
{
	return call_stop(conn, name, timeout_msec, false);
}

int porto_stop_keep(struct porto_conn *conn, const char *name, int64_t timeout_msec)
{
	return call_stop(conn, name, timeout_msec, true);
}

static int call_kill(struct porto_conn *conn, const char *name, int sig, bool all)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_KILL, &req);
	Porto__TKillRequest body = PORTO__TKILL_REQUEST__INIT;

	body.name = str(name);
	body.has_sig = true;
	body.sig = sig;
	body.has_all = body.all = all;
	call.repeatable = sig == 0;
	req.kill = &body;
	return call_simple(conn, &call);
}

int porto_kill(struct porto_conn *conn, const char *name, int sig)
{
	return call_kill(conn, name, sig, false);
}

int porto_kill_all(struct porto_conn *conn, const char *name, int sig)
{
	return call_kill(conn, name, sig, true);
}

int porto_list(struct porto_conn *conn, const char *mask, uint64_t changed_since,
	       struct porto_list **ret_list)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_LIST, &req);
	Porto__TListRequest body = PORTO__TLIST_REQUEST__INIT;
	struct porto_list *list;
	int r;

	body.mask = (char *)mask;
	body.has_changed_since = changed_since != 0;
	body.changed_since = changed_since;
	req.list = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		list = result_list(&call);
		r = list ? 0 : conn_error_memory(conn);
		if (list)
			*ret_list = list;
	}
	call_done(&call);
	return r;
}

int porto_wait(struct porto_conn *conn, const char *const *names, const char *const *labels,
	       int64_t timeout_msec, struct porto_event **ret_event)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_WAIT, &req);
	Porto__TWaitRequest body = PORTO__TWAIT_REQUEST__INIT;
	Porto__TWaitResponse none = PORTO__TWAIT_RESPONSE__INIT;
	struct porto_event *event;
	int r;

	body.name = strv(names);
	body.n_name = strv_count(names);
	body.label = strv(labels);
	body.n_label = strv_count(labels);
	if (timeout_msec >= 0) {
		if (timeout_msec > UINT32_MAX)
			timeout_msec = UINT32_MAX;
		body.has_timeout_ms = true;
		body.timeout_ms = (uint32_t)timeout_msec;
		call.remaining_ms = &body.timeout_ms;
	}
	call.extra_ms = timeout_msec;
	req.wait = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		event = result_event(call.rsp->wait ? call.rsp->wait : &none);
		r = event ? 0 : conn_error_memory(conn);
		if (event)
			*ret_event = event;
	}
	call_done(&call);
	return r;
}

int porto_locate_process(struct porto_conn *conn, uint32_t pid, const char *comm, char **ret_name)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_LOCATE_PROCESS, &req);
	Porto__TLocateProcessRequest body = PORTO__TLOCATE_PROCESS_REQUEST__INIT;
	int r;

	body.has_pid = true;
	body.pid = pid;
	body.comm = str(comm); /* old daemons want it even if empty */
	req.locateprocess = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0)
		r = give_string(conn, call.rsp->locateprocess ? call.rsp->locateprocess->name : "",
				ret_name);
	call_done(&call);
	return r;
}

static void fill_attach(Porto__TAttachProcessRequest *body, const char *name, uint32_t pid,
			const char *comm)
{
	body->name = str(name);
	body->has_pid = true;
	body->pid = pid;
	body->comm = str(comm); /* old daemons want it even if empty */
}

int porto_attach_process(struct porto_conn *conn, const char *name, uint32_t pid, const char *comm)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_ATTACH_PROCESS, &req);
	Porto__TAttachProcessRequest body = PORTO__TATTACH_PROCESS_REQUEST__INIT;

	fill_attach(&body, name, pid, comm);
	req.attachprocess = &body;
	return call_simple(conn, &call);
}

int porto_attach_thread(struct porto_conn *conn, const char *name, uint32_t tid, const char *comm)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_ATTACH_THREAD, &req);
	Porto__TAttachProcessRequest body = PORTO__TATTACH_PROCESS_REQUEST__INIT;

	fill_attach(&body, name, tid, comm);
	req.attachthread = &body;
	return call_simple(conn, &call);
}

int porto_convert_path(struct porto_conn *conn, const char *path, const char *source,
		       const char *destination, char **ret_path)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_CONVERT_PATH, &req);
	Porto__TConvertPathRequest body = PORTO__TCONVERT_PATH_REQUEST__INIT;
	int r;

	body.path = str(path);
	body.source = str(source); /* likewise */
	body.destination = str(destination);
	req.convertpath = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0)
		r = give_string(conn, call.rsp->convertpath ? call.rsp->convertpath->path : "",
				ret_path);
	call_done(&call);
	return r;
}

/* ---- Properties ---- */

int porto_get_property(struct porto_conn *conn, const char *name, const char *property,
		       unsigned flags, char **ret_value)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_GET_PROPERTY, &req);
	Porto__TGetPropertyRequest body = PORTO__TGET_PROPERTY_REQUEST__INIT;
	int r;

	body.name = str(name);
	body.property = str(property);
	body.has_sync = body.sync = (flags & PORTO_GET_SYNC) != 0;
	body.has_real = body.real = (flags & PORTO_GET_REAL) != 0;
	req.getproperty = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0)
		r = give_string(conn, call.rsp->getproperty ? call.rsp->getproperty->value : "",
				ret_value);
	call_done(&call);
	return r;
}

int porto_get_data(struct porto_conn *conn, const char *name, const char *data, unsigned flags,
		   char **ret_value)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_GET_DATA, &req);
	Porto__TGetDataPropertyRequest body = PORTO__TGET_DATA_PROPERTY_REQUEST__INIT;
	int r;

	body.name = str(name);
	body.data = str(data);
	body.has_sync = body.sync = (flags & PORTO_GET_SYNC) != 0;
	body.has_real = body.real = (flags & PORTO_GET_REAL) != 0;
	req.getdataproperty = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0)
		r = give_string(conn,
				call.rsp->getdataproperty ? call.rsp->getdataproperty->value : "",
				ret_value);
	call_done(&call);
	return r;
}

int porto_set_property(struct porto_conn *conn, const char *name, const char *property,
		       const char *value)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_SET_PROPERTY, &req);
	Porto__TSetPropertyRequest body = PORTO__TSET_PROPERTY_REQUEST__INIT;

	body.name = str(name);
	body.property = str(property);
	body.value = str(value);
	req.setproperty = &body;
	return call_simple(conn, &call);
}

int porto_get(struct porto_conn *conn, const char *const *names, const char *const *variables,
	      unsigned flags, uint64_t changed_since, struct porto_get_result **ret_result)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_GET, &req);
	Porto__TGetRequest body = PORTO__TGET_REQUEST__INIT;
	struct porto_get_result *result;
	int r;

	body.name = strv(names);
	body.n_name = strv_count(names);
	body.variable = strv(variables);
	body.n_variable = strv_count(variables);
	body.has_nonblock = body.nonblock = (flags & PORTO_GET_NONBLOCK) != 0;
	body.has_sync = body.sync = (flags & PORTO_GET_SYNC) != 0;
	body.has_real = body.real = (flags & PORTO_GET_REAL) != 0;
	body.has_changed_since = changed_since != 0;
	body.changed_since = changed_since;
	req.get = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		result = result_get(&call);
		r = result ? 0 : conn_error_memory(conn);
		if (result)
			*ret_result = result;
	}
	call_done(&call);
	return r;
}

static int call_properties(struct porto_conn *conn, struct call *call,
			   struct porto_properties **ret_list)
{
	struct porto_properties *list;
	int r;

	conn_enter(conn);
	r = conn_call(conn, call);
	if (r == 0) {
		list = result_properties(call);
		r = list ? 0 : conn_error_memory(conn);
		if (list)
			*ret_list = list;
	}
	call_done(call);
	return r;
}

int porto_list_properties(struct porto_conn *conn, struct porto_properties **ret_list)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_LIST_PROPERTIES, &req);
	Porto__TListPropertiesRequest body = PORTO__TLIST_PROPERTIES_REQUEST__INIT;

	req.listproperties = &body;
	return call_properties(conn, &call, ret_list);
}

int porto_list_data_properties(struct porto_conn *conn, struct porto_properties **ret_list)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_LIST_DATA_PROPERTIES, &req);
	Porto__TListDataPropertiesRequest body = PORTO__TLIST_DATA_PROPERTIES_REQUEST__INIT;

	req.listdataproperties = &body;
	return call_properties(conn, &call, ret_list);
}

/* ---- Labels ---- */

int porto_find_label(struct porto_conn *conn, const char *label, const char *mask,
		     const char *state, const char *value, struct porto_labels **ret_labels)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_FIND_LABEL, &req);
	Porto__TFindLabelRequest body = PORTO__TFIND_LABEL_REQUEST__INIT;
	struct porto_labels *labels;
	int r;

	body.label = str(label);
	body.mask = (char *)mask;
	body.state = (char *)state;
	body.value = (char *)value;
	req.findlabel = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		labels = result_labels(&call);
		r = labels ? 0 : conn_error_memory(conn);
		if (labels)
			*ret_labels = labels;
	}
	call_done(&call);
	return r;
}

int porto_get_label(struct porto_conn *conn, const char *name, const char *label, char **ret_value)
{
	/* A label is a property of the same name. */
	return porto_get_property(conn, name, label, 0, ret_value);
}

int porto_set_label(struct porto_conn *conn, const char *name, const char *label, const char *value,
		    const char *prev_value, const char *state, char **ret_prev_value)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_SET_LABEL, &req);
	Porto__TSetLabelRequest body = PORTO__TSET_LABEL_REQUEST__INIT;
	int r;

	body.name = str(name);
	body.label = str(label);
	body.value = str(value);
	body.prev_value = (char *)prev_value;
	body.state = (char *)state;
	call.repeatable = !prev_value && !state;
	req.setlabel = &body;
	if (ret_prev_value)
		*ret_prev_value = NULL;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (call.rsp && call.rsp->setlabel && call.rsp->setlabel->prev_value && ret_prev_value)
		*ret_prev_value = strdup(call.rsp->setlabel->prev_value);
	call_done(&call);
	return r;
}

int porto_inc_label(struct porto_conn *conn, const char *name, const char *label, int64_t add,
		    int64_t *ret_result)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_INC_LABEL, &req);
	Porto__TIncLabelRequest body = PORTO__TINC_LABEL_REQUEST__INIT;
	int r;

	body.name = str(name);
	body.label = str(label);
	body.has_add = true;
	body.add = add;
	req.inclabel = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (call.rsp && call.rsp->inclabel && ret_result)
		*ret_result = call.rsp->inclabel->result;
	call_done(&call);
	return r;
}

/* ---- Daemon ---- */

int porto_version(struct porto_conn *conn, char **ret_version, char **ret_revision)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_VERSION, &req);
	Porto__TVersionRequest body = PORTO__TVERSION_REQUEST__INIT;
	const Porto__TVersionResponse *v;
	char *version = NULL;
	int r;

	req.version = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		v = call.rsp->version;
		r = give_string(conn, v ? v->tag : "", &version);
		if (r == 0)
			r = give_string(conn, v ? v->revision : "", ret_revision);
	}
	if (r == 0 && ret_version)
		*ret_version = version;
	else
		free(version);
	call_done(&call);
	return r;
}

int porto_get_system(struct porto_conn *conn, struct porto_map **ret_map)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_GET_SYSTEM, &req);
	Porto__TGetSystemRequest body = PORTO__TGET_SYSTEM_REQUEST__INIT;
	struct porto_map *map;
	int r;

	req.getsystem = &body;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		map = result_system(&call);
		r = map ? 0 : conn_error_memory(conn);
		if (map)
			*ret_map = map;
	}
	call_done(&call);
	return r;
}

int porto_set_system(struct porto_conn *conn, const char *name, bool value)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_SET_SYSTEM, &req);
	Porto__TSetSystemRequest body = PORTO__TSET_SYSTEM_REQUEST__INIT;

	if (strcmp(name, "frozen") == 0) {
		body.has_frozen = true;
		body.frozen = value;
	} else if (strcmp(name, "verbose") == 0) {
		body.has_verbose = true;
		body.verbose = value;
	} else if (strcmp(name, "debug") == 0) {
		body.has_debug = true;
		body.debug = value;
	} else {
		conn_enter(conn);
		return conn_error_errno(conn, PORTO_E_INVALID_VALUE, 0,
					"SetSystem: no setting called %s", name);
	}
	req.setsystem = &body;
	return call_simple(conn, &call);
}

int porto_clear_statistics(struct porto_conn *conn, const char *name)
{
	Porto__TPortoRequest req = REQUEST_INIT;
	struct call call = CALL_INIT(METHOD_CLEAR_STATISTICS, &req);
	Porto__TClearStatisticsRequest body = PORTO__TCLEAR_STATISTICS_REQUEST__INIT;

	body.stat = (char *)(uintptr_t)name;
	req.clearstatistics = &body;
	return call_simple(conn, &call);
}

int porto_call_raw(struct porto_conn *conn, const void *request, size_t size, char **ret_reply,
		   size_t *ret_size)
{
	struct call call = CALL_INIT(METHOD_RAW, NULL);
	int r;

	call.raw = request;
	call.raw_size = size;
	conn_enter(conn);
	r = conn_call(conn, &call);
	if (r == 0) {
		*ret_reply = call.reply;
		*ret_size = call.reply_size;
		call.reply = NULL;
	}
	call_done(&call);
	return r;
}
