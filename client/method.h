/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of libporto: what the library knows about each request besides its arguments. One row
 * each; decides which calls may be repeated after a lost connection and how long they may take.
 */
#pragma once

#include <stdbool.h>

enum method_id {
	METHOD_CREATE,
	METHOD_CREATE_WEAK,
	METHOD_DESTROY,
	METHOD_LIST,
	METHOD_GET_PROPERTY,
	METHOD_SET_PROPERTY,
	METHOD_GET_DATA,
	METHOD_GET,
	METHOD_START,
	METHOD_STOP,
	METHOD_PAUSE,
	METHOD_RESUME,
	METHOD_RESPAWN,
	METHOD_KILL,
	METHOD_WAIT,
	METHOD_ASYNC_WAIT,
	METHOD_STOP_ASYNC_WAIT,
	METHOD_LIST_PROPERTIES,
	METHOD_LIST_DATA_PROPERTIES,
	METHOD_CREATE_FROM_SPEC,
	METHOD_UPDATE_FROM_SPEC,
	METHOD_LIST_CONTAINERS_BY,
	METHOD_FIND_LABEL,
	METHOD_SET_LABEL,
	METHOD_INC_LABEL,
	METHOD_LOCATE_PROCESS,
	METHOD_ATTACH_PROCESS,
	METHOD_ATTACH_THREAD,
	METHOD_CONVERT_PATH,
	METHOD_VERSION,
	METHOD_GET_SYSTEM,
	METHOD_SET_SYSTEM,
	METHOD_CLEAR_STATISTICS,
	METHOD_RAW,
	_METHOD_COUNT,
};

struct method {
	const char *name;
	bool repeatable; /* running it twice is as good as once */
	/* Lasts as long as its argument says: reconnecting may take all of that time too. */
	bool long_wait;
};

extern const struct method methods[_METHOD_COUNT];
