/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as text, and calls made of it: for people, scripts and debugging. */
#include "client/text.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Numbers in text are the same in every language. */
static locale_t enter_c_locale(locale_t *ret_c)
{
	*ret_c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return *ret_c ? uselocale(*ret_c) : (locale_t)0;
}

static void leave_c_locale(locale_t c, locale_t old)
{
	if (!c)
		return;
	uselocale(old);
	freelocale(c);
}

int text_parse(struct porto_conn *conn, const ProtobufCMessageDescriptor *type, const char *text,
	       size_t size, const struct textpb_options *options, int code, const char *what,
	       ProtobufCMessage **ret)
{
	ProtobufCMessage *m = textpb_new(type);
	locale_t c, old = enter_c_locale(&c);
	char why[256];
	int r = m ? textpb_parse(m, text, size, options, why, sizeof(why)) : -ENOMEM;

	leave_c_locale(c, old);
	if (r == 0) {
		*ret = m;
		return 0;
	}
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
	if (r == -ENOMEM)
		return conn_error_memory(conn);
	return conn_error_errno(conn, code, 0, "%s: %s", what, why);
}

char *text_print(const ProtobufCMessage *m)
{
	locale_t c, old = enter_c_locale(&c);
	char *text = textpb_print(m);

	leave_c_locale(c, old);
	return text;
}

/* ---- Calls ---- */

/* What methods were called in older schemas, where it is more than a matter of case. */
static const char *other_name(const ProtobufCMessageDescriptor *type, const char *name)
{
	static const struct {
		const char *old, *now;
	} renamed[] = {
		{ "dataList", "ListDataProperties" },
		{ "getData", "GetDataProperty" },
		{ "listStorage", "ListStorages" },
		{ "propertyList", "ListProperties" },
	};

	if (type != &porto__tporto_request__descriptor)
		return NULL;
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
		if (strcmp(renamed[i].old, name) == 0)
			return renamed[i].now;
	}
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (strcasecmp(type->fields[i].name, name) == 0)
			return type->fields[i].name;
	}
	return NULL;
}

/* The reply as text; its error in *ret_code. */
static int print_reply(struct porto_conn *conn, const char *reply, size_t size, char **ret_text,
		       int *ret_code)
{
	Porto__TPortoResponse *rsp = porto__tporto_response__unpack(NULL, size,
								    (const uint8_t *)reply);
	char *text = rsp ? text_print(&rsp->base) : NULL;
	int code = rsp ? (int)rsp->error : 0;

	if (!rsp)
		return conn_error_errno(conn, PORTO_E_SOCKET_ERROR, 0,
					"raw call: the reply cannot be decoded");
	porto__tporto_response__free_unpacked(rsp, NULL);
	if (!text)
		return conn_error_memory(conn);
	*ret_text = text;
	*ret_code = code;
	return 0;
}

static int pack(struct porto_conn *conn, const char *text, size_t size, uint8_t **ret,
		size_t *ret_size)
{
	struct textpb_options options = { .other_name = other_name };
	ProtobufCMessage *req;
	int r = text_parse(conn, &porto__tporto_request__descriptor, text, size, &options,
			   PORTO_E_INVALID_METHOD, "request", &req);

	if (r)
		return r;
	*ret_size = protobuf_c_message_get_packed_size(req);
	*ret = malloc(*ret_size + 1);
	if (*ret)
		protobuf_c_message_pack(req, *ret);
	protobuf_c_message_free_unpacked(req, NULL);
	return *ret ? 0 : conn_error_memory(conn);
}

int porto_call_text(struct porto_conn *conn, const char *text, size_t size, char **ret_reply,
		    int *ret_code)
{
	uint8_t *packed;
	size_t packed_size, reply_size;
	char *reply;
	int r;

	conn_enter(conn);
	r = pack(conn, text, size, &packed, &packed_size);
	if (r)
		return r;
	r = porto_call_raw(conn, packed, packed_size, &reply, &reply_size);
	free(packed);
	if (r)
		return r;
	r = print_reply(conn, reply, reply_size, ret_reply, ret_code);
	porto_free_string(reply);
	return r;
}
