/* SPDX-License-Identifier: Apache-2.0 */
/* Words of protobuf's text format; used by textpb.c only. Pure memory. */
#pragma once

#include <stddef.h>

enum token {
	TOKEN_END,
	TOKEN_WORD,   /* text: letters, digits, _ ; begins with no digit */
	TOKEN_NUMBER, /* text: begins with a digit or a dot; not checked further */
	TOKEN_STRING, /* text: unescaped, may contain zero bytes */
	TOKEN_CHAR,   /* text: one character */
	TOKEN_ERROR,  /* error */
};

struct lexer {
	const char *pos, *end; /* borrowed */
	unsigned line;         /* of the current token */
	unsigned next_line;
	enum token token; /* current */
	char *text;       /* owned; of the current token, terminated */
	size_t len, cap;
	const char *error; /* static text when token is TOKEN_ERROR */
};

/* Ready with the first token as the current one. */
void lexer_init(struct lexer *l, const char *text, size_t len);
void lexer_deinit(struct lexer *l);
enum token lexer_next(struct lexer *l);
