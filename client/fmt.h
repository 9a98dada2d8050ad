/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of portoctl: property values for people, and for programs as JSON. Never blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The value as a person wants to read it: sizes and times with units, exit status in words. With
 * `split` lists have one item per line. Unknown properties, and values that do not parse, stay as
 * they are. To be freed.
 */
char *fmt_property(const char *name, const char *value, bool split);

/* Streams longer than this are shown with their middle left out. To be freed. */
#define FMT_STREAM_MAX 4096
char *fmt_stream(const char *value);

/* Time in seconds, as text, to a duration: "0:42:10"; unchanged if it is no number. To be freed. */
char *fmt_seconds(const char *value);

/* "2024-05-17 12:00:00", local time. Returns buf. */
#define FMT_TIME_MAX 32
const char *fmt_timestamp(uint64_t when, char *buf, size_t size);

/* "exit code: 1", "exit signal: 9 (Killed)". To be freed. */
char *fmt_exit_status(int status);

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *text);
