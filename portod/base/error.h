/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flat error value.
 *
 * One small struct without pointers: it can be copied, stored as a container's start error, and
 * sent through a pipe in one atomic write (it is smaller than PIPE_BUF).
 *
 * Rules: created where the failure happened, with verb + object ("write memory.max 100M");
 * prefixed on the way up only to add a noun; never logged and returned; logged once, at the end
 * of the request or job. Functions above `base` return 0 or -1 and fill *err on -1. `err` may not
 * be NULL. Every setter returns -1, so `return error_set(err, …);` is the idiom.
 *
 * The code enum repeats the numbers of EError of the wire; rpc/request.c asserts that they agree.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

enum error_code {
	ERR_SUCCESS = 0,
	ERR_UNKNOWN = 1,
	ERR_INVALID_METHOD = 2,
	ERR_CONTAINER_ALREADY_EXISTS = 3,
	ERR_CONTAINER_DOES_NOT_EXIST = 4,
	ERR_INVALID_PROPERTY = 5,
	ERR_INVALID_DATA = 6,
	ERR_INVALID_VALUE = 7,
	ERR_INVALID_STATE = 8,
	ERR_NOT_SUPPORTED = 9,
	ERR_RESOURCE_NOT_AVAILABLE = 10,
	ERR_PERMISSION = 11,
	ERR_VOLUME_ALREADY_EXISTS = 12,
	ERR_VOLUME_NOT_FOUND = 13,
	ERR_NO_SPACE = 14,
	ERR_BUSY = 15,
	ERR_VOLUME_ALREADY_LINKED = 16,
	ERR_VOLUME_NOT_LINKED = 17,
	ERR_LAYER_ALREADY_EXISTS = 18,
	ERR_LAYER_NOT_FOUND = 19,
	ERR_NO_VALUE = 20,
	ERR_VOLUME_NOT_READY = 21,
	ERR_INVALID_COMMAND = 22,
	ERR_LOST_ERROR = 23,
	ERR_DEVICE_NOT_FOUND = 24,
	ERR_INVALID_PATH = 25,
	ERR_INVALID_NETWORK_ADDRESS = 26,
	ERR_PORTO_FROZEN = 27,
	ERR_LABEL_NOT_FOUND = 28,
	ERR_INVALID_LABEL = 29,
	ERR_HELPER_ERROR = 30,
	ERR_HELPER_FATAL_ERROR = 31,
	ERR_INVALID_FILESYSTEM = 32,
	ERR_NBD_SOCKET_TIMEOUT = 33,
	ERR_NBD_SOCKET_UNAVAILABLE = 34,
	ERR_NBD_SOCKET_ERROR = 35,
	ERR_NBD_UNKNOWN_EXPORT = 36,
	ERR_NBD_PROTO_ERROR = 37,
	ERR_NOT_FOUND = 404,
	ERR_SOCKET_ERROR = 502,
	ERR_SOCKET_UNAVAILABLE = 503,
	ERR_SOCKET_TIMEOUT = 504,
	ERR_PORTOD_RELOADED = 505,
	ERR_TAINT = 666,
	ERR_DOCKER = 700,
	ERR_DOCKER_IMAGE_NOT_FOUND = 701,
};

#define ERROR_TEXT_MAX 1000

struct error {
	int code;                  /* enum error_code; 0 = no error */
	int sys;                   /* errno behind it, 0 if none */
	char text[ERROR_TEXT_MAX]; /* sentence without the errno's text; always terminated */
};

#define ERROR_INIT \
	{          \
		0  \
	}

/* Set code and text, no errno. Returns -1. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));
/* Set from errno value `sys`, the code derived by error_code_of_errno(). Returns -1. */
int error_errno(struct error *err, int sys, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));
/* Set an explicit code and keep errno value `sys` for the text. Returns -1. */
int error_sys(struct error *err, enum error_code code, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), cold));
/* Prepend "<formatted>: " to the text. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));
/* Forget it. */
void error_clear(struct error *err);

/*
 * errno -> wire code: EPERM, EACCES = Permission; ENOSPC, EDQUOT = NoSpace; ENOMEM, EAGAIN, EMFILE,
 * ENFILE = ResourceNotAvailable; EBUSY = Busy; EOPNOTSUPP, ENOSYS = NotSupported; else Unknown.
 */
enum error_code error_code_of_errno(int sys);

/* Wire name, for example "InvalidValue"; "Unknown" for a number that is not in the enum. */
const char *error_name(int code);

/*
 * What a user reads: "<strerror>: <text>" when an errno is attached, else "<text>".
 * Returns buf, always terminated.
 */
const char *error_message(const struct error *err, char *buf, size_t size);
#define ERROR_MESSAGE_MAX (ERROR_TEXT_MAX + 128)

/* "Name:(message)", the form of start_error and of log lines. Returns buf. */
const char *error_string(const struct error *err, char *buf, size_t size);
/* Reverse of error_string(), for the stored start error; unknown text becomes code Unknown. The
 * errno is not recovered: its text becomes part of the text. */
void error_parse(struct error *ret_err, const char *string);
