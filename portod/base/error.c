/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts are valid UTF-8, also where they are cut or quote what is none: they end up in protobuf
 * strings, and clients in other languages refuse a message with one that is not.
 */
#include "error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	const char *name;
} names[] = {
	{ ERR_SUCCESS, "Success" },
	{ ERR_UNKNOWN, "Unknown" },
	{ ERR_INVALID_METHOD, "InvalidMethod" },
	{ ERR_CONTAINER_ALREADY_EXISTS, "ContainerAlreadyExists" },
	{ ERR_CONTAINER_DOES_NOT_EXIST, "ContainerDoesNotExist" },
	{ ERR_INVALID_PROPERTY, "InvalidProperty" },
	{ ERR_INVALID_DATA, "InvalidData" },
	{ ERR_INVALID_VALUE, "InvalidValue" },
	{ ERR_INVALID_STATE, "InvalidState" },
	{ ERR_NOT_SUPPORTED, "NotSupported" },
	{ ERR_RESOURCE_NOT_AVAILABLE, "ResourceNotAvailable" },
	{ ERR_PERMISSION, "Permission" },
	{ ERR_VOLUME_ALREADY_EXISTS, "VolumeAlreadyExists" },
	{ ERR_VOLUME_NOT_FOUND, "VolumeNotFound" },
	{ ERR_NO_SPACE, "NoSpace" },
	{ ERR_BUSY, "Busy" },
	{ ERR_VOLUME_ALREADY_LINKED, "VolumeAlreadyLinked" },
	{ ERR_VOLUME_NOT_LINKED, "VolumeNotLinked" },
	{ ERR_LAYER_ALREADY_EXISTS, "LayerAlreadyExists" },
	{ ERR_LAYER_NOT_FOUND, "LayerNotFound" },
	{ ERR_NO_VALUE, "NoValue" },
	{ ERR_VOLUME_NOT_READY, "VolumeNotReady" },
	{ ERR_INVALID_COMMAND, "InvalidCommand" },
	{ ERR_LOST_ERROR, "LostError" },
	{ ERR_DEVICE_NOT_FOUND, "DeviceNotFound" },
	{ ERR_INVALID_PATH, "InvalidPath" },
	{ ERR_INVALID_NETWORK_ADDRESS, "InvalidNetworkAddress" },
	{ ERR_PORTO_FROZEN, "PortoFrozen" },
	{ ERR_LABEL_NOT_FOUND, "LabelNotFound" },
	{ ERR_INVALID_LABEL, "InvalidLabel" },
	{ ERR_HELPER_ERROR, "HelperError" },
	{ ERR_HELPER_FATAL_ERROR, "HelperFatalError" },
	{ ERR_INVALID_FILESYSTEM, "InvalidFilesystem" },
	/* The spelling of two of these is the wire's. */
	{ ERR_NBD_SOCKET_TIMEOUT, "NbdSocketTimeout" },
	{ ERR_NBD_SOCKET_UNAVAILABLE, "NbdSocketUnavaliable" },
	{ ERR_NBD_SOCKET_ERROR, "NbdSocketError" },
	{ ERR_NBD_UNKNOWN_EXPORT, "NbdUnkownExport" },
	{ ERR_NBD_PROTO_ERROR, "NbdProtoError" },
	{ ERR_NOT_FOUND, "NotFound" },
	{ ERR_SOCKET_ERROR, "SocketError" },
	{ ERR_SOCKET_UNAVAILABLE, "SocketUnavailable" },
	{ ERR_SOCKET_TIMEOUT, "SocketTimeout" },
	{ ERR_PORTOD_RELOADED, "PortodReloaded" },
	{ ERR_TAINT, "Taint" },
	{ ERR_DOCKER, "Docker" },
	{ ERR_DOCKER_IMAGE_NOT_FOUND, "DockerImageNotFound" },
};

/* Length of the UTF-8 character at s, which ends at a NUL; 0 if it is none. */
static size_t char_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Too long for what they say, surrogates, and above all planes. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* What is no character becomes `?`: clients send any bytes, and texts quote and cut them. */
static void make_utf8(char *text)
{
	while (*text) {
		size_t n = char_length((const unsigned char *)text);

		if (n == 0)
			*text = '?';
		text += n ? n : 1;
	}
}

/* Remove an incomplete UTF-8 sequence from the end of text[0..len). */
static void cut_partial_char(char *text, size_t len)
{
	size_t i = len, need;
	unsigned char c;

	while (i > 0 && len - i < 4 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
		i--;
	if (i == 0)
		return;
	c = (unsigned char)text[i - 1];
	need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	if (need > 1 && len - (i - 1) < need)
		text[i - 1] = '\0';
}

static void __attribute__((format(printf, 3, 0)))
format_text(char *buf, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, size, fmt, ap);

	if (n < 0)
		buf[0] = '\0';
	else if ((size_t)n >= size)
		cut_partial_char(buf, size - 1);
	make_utf8(buf);
}

static void __attribute__((format(printf, 3, 4)))
format_cut(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	if (size == 0)
		return;
	va_start(ap, fmt);
	format_text(buf, size, fmt, ap);
	va_end(ap);
}

/* The old text may be an argument, so the new one is made aside. */
static void __attribute__((format(printf, 4, 0)))
assign(struct error *err, int code, int sys, const char *fmt, va_list ap)
{
	char text[ERROR_TEXT_MAX];

	format_text(text, sizeof(text), fmt, ap);
	err->code = code;
	err->sys = sys;
	memcpy(err->text, text, strlen(text) + 1);
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	assign(err, (int)code, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int error_errno(struct error *err, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	assign(err, (int)error_code_of_errno(sys), sys, fmt, ap);
	va_end(ap);
	return -1;
}

int error_sys(struct error *err, enum error_code code, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	assign(err, (int)code, sys, fmt, ap);
	va_end(ap);
	return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char prefix[ERROR_TEXT_MAX], text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	format_text(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	format_cut(text, sizeof(text), "%s: %s", prefix, err->text);
	memcpy(err->text, text, strlen(text) + 1);
	return -1;
}

void error_clear(struct error *err)
{
	err->code = ERR_SUCCESS;
	err->sys = 0;
	err->text[0] = '\0';
}

enum error_code error_code_of_errno(int sys)
{
	switch (sys) {
	case EPERM:
	case EACCES:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case ENOMEM:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
		return ERR_RESOURCE_NOT_AVAILABLE;
	case EBUSY:
		return ERR_BUSY;
	case EOPNOTSUPP:
	case ENOSYS:
		return ERR_NOT_SUPPORTED;
	default:
		return ERR_UNKNOWN;
	}
}

const char *error_name(int code)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].code == code)
			return names[i].name;
	}
	return "Unknown";
}

const char *error_message(const struct error *err, char *buf, size_t size)
{
	char text[128];

	if (err->sys)
		format_cut(buf, size, "%s%s%s", strerror_r(err->sys, text, sizeof(text)),
			   err->text[0] ? ": " : "", err->text);
	else
		format_cut(buf, size, "%s", err->text);
	return buf;
}

const char *error_string(const struct error *err, char *buf, size_t size)
{
	char message[ERROR_MESSAGE_MAX];

	format_cut(buf, size, "%s:(%s)", error_name(err->code),
		   error_message(err, message, sizeof(message)));
	return buf;
}

static bool code_of_name(const char *name, size_t len, int *ret)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) == len && !memcmp(names[i].name, name, len)) {
			*ret = names[i].code;
			return true;
		}
	}
	return false;
}

void error_parse(struct error *ret_err, const char *string)
{
	const char *open = strstr(string, ":(");
	size_t len = strlen(string);

	error_clear(ret_err);
	if (open && string[len - 1] == ')' &&
	    code_of_name(string, (size_t)(open - string), &ret_err->code)) {
		format_cut(ret_err->text, sizeof(ret_err->text), "%.*s",
			   (int)(len - (size_t)(open - string) - 3), open + 2);
		return;
	}
	ret_err->code = ERR_UNKNOWN;
	format_cut(ret_err->text, sizeof(ret_err->text), "%s", string);
}
