/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which method a request carries is read from the schema's descriptor: every optional message field
 * of TPortoRequest is a method. So there is no list of methods here that could forget one.
 *
 * protobuf-c recurses once per nesting level of the schema, not of the input: no type of ours
 * contains itself, so the depth is bounded by porto.proto (test_request checks it).
 *
 * Bound of the memory: protobuf-c needs up to about 40 bytes per field for its scan and a C struct
 * per sub-message, which may be two bytes on the wire. A frame of honest content stays far below
 * the factor; the slack is for a small frame with the largest structs.
 */
#include "rpc/request.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/arena.h"
#include "rpc/nul.h"

#define DECODE_FACTOR 32
#define DECODE_SLACK  (1024 * 1024)
#define DECODE_MAX    (256 * 1024 * 1024)

#define SAME_CODE(ours, wire) \
	_Static_assert((int)(ours) == (int)PORTO__EERROR__##wire, "error.h and porto.proto differ")

SAME_CODE(ERR_SUCCESS, Success);
SAME_CODE(ERR_UNKNOWN, Unknown);
SAME_CODE(ERR_INVALID_METHOD, InvalidMethod);
SAME_CODE(ERR_CONTAINER_ALREADY_EXISTS, ContainerAlreadyExists);
SAME_CODE(ERR_CONTAINER_DOES_NOT_EXIST, ContainerDoesNotExist);
SAME_CODE(ERR_INVALID_PROPERTY, InvalidProperty);
SAME_CODE(ERR_INVALID_DATA, InvalidData);
SAME_CODE(ERR_INVALID_VALUE, InvalidValue);
SAME_CODE(ERR_INVALID_STATE, InvalidState);
SAME_CODE(ERR_NOT_SUPPORTED, NotSupported);
SAME_CODE(ERR_RESOURCE_NOT_AVAILABLE, ResourceNotAvailable);
SAME_CODE(ERR_PERMISSION, Permission);
SAME_CODE(ERR_VOLUME_ALREADY_EXISTS, VolumeAlreadyExists);
SAME_CODE(ERR_VOLUME_NOT_FOUND, VolumeNotFound);
SAME_CODE(ERR_NO_SPACE, NoSpace);
SAME_CODE(ERR_BUSY, Busy);
SAME_CODE(ERR_VOLUME_ALREADY_LINKED, VolumeAlreadyLinked);
SAME_CODE(ERR_VOLUME_NOT_LINKED, VolumeNotLinked);
SAME_CODE(ERR_LAYER_ALREADY_EXISTS, LayerAlreadyExists);
SAME_CODE(ERR_LAYER_NOT_FOUND, LayerNotFound);
SAME_CODE(ERR_NO_VALUE, NoValue);
SAME_CODE(ERR_VOLUME_NOT_READY, VolumeNotReady);
SAME_CODE(ERR_INVALID_COMMAND, InvalidCommand);
SAME_CODE(ERR_LOST_ERROR, LostError);
SAME_CODE(ERR_DEVICE_NOT_FOUND, DeviceNotFound);
SAME_CODE(ERR_INVALID_PATH, InvalidPath);
SAME_CODE(ERR_INVALID_NETWORK_ADDRESS, InvalidNetworkAddress);
SAME_CODE(ERR_PORTO_FROZEN, PortoFrozen);
SAME_CODE(ERR_LABEL_NOT_FOUND, LabelNotFound);
SAME_CODE(ERR_INVALID_LABEL, InvalidLabel);
SAME_CODE(ERR_HELPER_ERROR, HelperError);
SAME_CODE(ERR_HELPER_FATAL_ERROR, HelperFatalError);
SAME_CODE(ERR_INVALID_FILESYSTEM, InvalidFilesystem);
SAME_CODE(ERR_NOT_FOUND, NotFound);
SAME_CODE(ERR_SOCKET_ERROR, SocketError);
SAME_CODE(ERR_SOCKET_UNAVAILABLE, SocketUnavailable);
SAME_CODE(ERR_SOCKET_TIMEOUT, SocketTimeout);
SAME_CODE(ERR_PORTOD_RELOADED, PortodReloaded);
SAME_CODE(ERR_TAINT, Taint);
SAME_CODE(ERR_DOCKER, Docker);
SAME_CODE(ERR_DOCKER_IMAGE_NOT_FOUND, DockerImageNotFound);

static const struct error no_error = ERROR_INIT;

/* ---- decoding ---- */

static size_t decode_limit(size_t len)
{
	if (len > (DECODE_MAX - DECODE_SLACK) / DECODE_FACTOR)
		return DECODE_MAX;
	return DECODE_SLACK + len * DECODE_FACTOR;
}

static const ProtobufCMessage *method_args(const Porto__TPortoRequest *msg,
					   const ProtobufCFieldDescriptor *f)
{
	if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED)
		return NULL;
	return *(ProtobufCMessage *const *)((const char *)msg + f->offset);
}

/* "a, b, c", cut where `size` ends. */
static void method_names(const Porto__TPortoRequest *msg, char *buf, size_t size)
{
	const ProtobufCMessageDescriptor *d = msg->base.descriptor;
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		size_t n = strlen(f->name);

		if (!method_args(msg, f))
			continue;
		if (len + n + 3 > size)
			return;
		if (len) {
			memcpy(buf + len, ", ", 2);
			len += 2;
		}
		memcpy(buf + len, f->name, n + 1);
		len += n;
	}
}

static int refuse_count(const Porto__TPortoRequest *msg, unsigned known, struct error *err)
{
	unsigned unknown = msg->base.n_unknown_fields;
	char names[512];

	if (!known && !unknown)
		return error_set(err, ERR_INVALID_METHOD, "request without a method");
	if (!known)
		return error_set(err, ERR_INVALID_METHOD, "unknown method: field %u of the request",
				 msg->base.unknown_fields[0].tag);
	method_names(msg, names, sizeof(names));
	if (unknown)
		return error_set(err, ERR_INVALID_METHOD,
				 "unknown field %u of the request beside method %s",
				 msg->base.unknown_fields[0].tag, names);
	return error_set(err, ERR_INVALID_METHOD, "%u methods in one request: %s", known, names);
}

static int find_method(const Porto__TPortoRequest *msg, const ProtobufCFieldDescriptor **ret_field,
		       struct error *err)
{
	const ProtobufCMessageDescriptor *d = msg->base.descriptor;
	const ProtobufCFieldDescriptor *found = NULL;
	const ProtobufCMessage *args;
	unsigned known = 0;

	for (unsigned i = 0; i < d->n_fields; i++) {
		if (!method_args(msg, &d->fields[i]))
			continue;
		found = &d->fields[i];
		known++;
	}
	if (known != 1 || msg->base.n_unknown_fields)
		return refuse_count(msg, known, err);

	/* This is how a client that is newer than us learns that we would ignore what it asks. */
	args = method_args(msg, found);
	if (args->n_unknown_fields)
		return error_set(err, ERR_INVALID_METHOD, "unknown field %u of method %s",
				 args->unknown_fields[0].tag, found->name);
	*ret_field = found;
	return 0;
}

static const Porto__TPortoRequest *unpack(struct arena *a, const void *body, size_t len,
					  struct error *err)
{
	const Porto__TPortoRequest *msg;

	msg = porto__tporto_request__unpack(arena_protobuf(a), len, body);
	if (msg)
		return msg;
	if (arena_was_exhausted(a))
		error_set(err, ERR_INVALID_METHOD,
			  "decode a request of %zu bytes: it needs more than %zu bytes of memory",
			  len, decode_limit(len));
	else
		error_set(err, ERR_INVALID_METHOD,
			  "decode a request of %zu bytes: not a TPortoRequest message", len);
	return NULL;
}

/* Cut there, a name would be another's name. */
static int check_nul(const void *body, size_t len, const ProtobufCFieldDescriptor *method,
		     struct error *err)
{
	const ProtobufCFieldDescriptor *f = nul_find(&porto__tporto_request__descriptor, body, len);

	if (!f)
		return 0;
	return error_set(err, ERR_INVALID_VALUE, "%s: field '%s' has the forbidden byte 0x00",
			 method->name, f->name);
}

struct request *request_decode(struct conn *c, struct client *client, const void *body, size_t len,
			       const ProtobufCFieldDescriptor **ret_field, struct error *err)
{
	struct arena *a = arena_new(decode_limit(len));
	const ProtobufCFieldDescriptor *field = NULL;
	const Porto__TPortoRequest *msg;
	struct request *rq;

	msg = unpack(a, body, len, err);
	if (!msg || find_method(msg, &field, err) < 0 || check_nul(body, len, field, err) < 0) {
		arena_free(a);
		return NULL;
	}
	rq = arena_alloc(a, sizeof(*rq));
	list_init(&rq->node);
	rq->conn = c;
	rq->client = client;
	rq->arena = a;
	rq->msg = msg;
	rq->args = method_args(msg, field);
	rq->start_nsec = clock_mono_nsec();
	rq->timestamp = clock_wall_sec();
	*ret_field = field;
	return rq;
}

/* ---- the reply ---- */

/* Pack into the output of the connection. */
static void send_message(struct conn *c, const Porto__TPortoResponse *resp)
{
	size_t len = porto__tporto_response__get_packed_size(resp);

	porto__tporto_response__pack(resp, conn_send_reserve(c, len));
	conn_send_commit(c, len);
}

static void set_result(Porto__TPortoResponse *resp, const struct error *err, char *text,
		       size_t size, uint64_t timestamp)
{
	resp->has_error = 1;
	resp->error = (Porto__EError)err->code;
	resp->errormsg = text;
	text[0] = '\0';
	if (err->code)
		error_message(err, text, size);
	resp->has_timestamp = 1;
	resp->timestamp = timestamp;
}

static void request_free(struct request *rq)
{
	list_del(&rq->node);
	arena_free(rq->arena);
}

static void finish(struct request *rq, const struct error *err, Porto__TPortoResponse *resp)
{
	struct conn *c = rq->conn;
	char text[ERROR_MESSAGE_MAX];

	if (rq->on_reply)
		rq->on_reply(rq, err);
	if (c) {
		set_result(resp, err, text, sizeof(text), rq->timestamp);
		send_message(c, resp);
		resp->errormsg = NULL;
	}
	request_free(rq);
	if (c)
		conn_request_done(c);
}

void request_reply(struct request *rq, Porto__TPortoResponse *resp)
{
	finish(rq, &no_error, resp);
}

void request_ok(struct request *rq)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;

	finish(rq, &no_error, &resp);
}

void request_fail(struct request *rq, const struct error *err)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;

	request_fail_with(rq, err, &resp);
}

void request_fail_with(struct request *rq, const struct error *err, Porto__TPortoResponse *resp)
{
	struct error bug;

	/* Success by mistake would be worse than a vague error. */
	if (err->code == ERR_SUCCESS) {
		bug = *err;
		bug.code = ERR_UNKNOWN;
		err = &bug;
	}
	finish(rq, err, resp);
}

void request_abandon(struct request *rq)
{
	if (rq->on_abandon)
		rq->on_abandon(rq);
	request_free(rq);
}

void request_send_error(struct conn *c, const struct error *err)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	char text[ERROR_MESSAGE_MAX];

	set_result(&resp, err, text, sizeof(text), clock_wall_sec());
	send_message(c, &resp);
	conn_request_done(c);
}

void request_pack_push(Porto__TPortoResponse *resp, struct buf *out)
{
	size_t len;

	resp->has_error = 1;
	resp->error = PORTO__EERROR__Success;
	len = porto__tporto_response__get_packed_size(resp);
	buf_reset(out);
	buf_reserve(out, len);
	porto__tporto_response__pack(resp, (uint8_t *)out->data);
	buf_commit(out, len);
}

bool request_push(struct conn *c, const struct buf *packed)
{
	if (!conn_may_push(c, packed->len))
		return false;
	conn_send(c, packed->data, packed->len);
	return true;
}

void request_push_last(struct conn *c, Porto__TPortoResponse *resp)
{
	resp->has_error = 1;
	resp->error = PORTO__EERROR__Success;
	send_message(c, resp);
	conn_close_after_flush(c);
}

/* ---- memory ---- */

void *request_alloc(struct request *rq, size_t size)
{
	return arena_alloc(rq->arena, size);
}

char *request_strdup(struct request *rq, const char *s)
{
	return arena_strdup(rq->arena, s);
}
