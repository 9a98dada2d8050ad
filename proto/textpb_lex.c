/* SPDX-License-Identifier: Apache-2.0 */
#include "textpb_lex.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char out_of_memory[] = "out of memory";

static enum token fail(struct lexer *l, const char *error)
{
	l->error = error;
	l->token = TOKEN_ERROR;
	l->pos = l->end; /* stay there */
	return l->token;
}

static bool add(struct lexer *l, char c)
{
	if (l->len + 1 >= l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		char *text = realloc(l->text, cap);

		if (!text)
			return false;
		l->text = text;
		l->cap = cap;
	}
	l->text[l->len++] = c;
	l->text[l->len] = '\0';
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void skip_blanks(struct lexer *l)
{
	for (; l->pos < l->end; l->pos++) {
		if (*l->pos == '#') {
			const char *eol = memchr(l->pos, '\n', (size_t)(l->end - l->pos));

			l->pos = eol ? eol : l->end;
			if (!eol)
				return;
		}
		if (*l->pos == '\n')
			l->next_line++;
		else if (!strchr(" \t\r\f\v", *l->pos) || !*l->pos)
			return;
	}
}

/* Up to `max` digits of 8 or 16; returns how many. */
static int read_code(struct lexer *l, unsigned base, int max, uint32_t *ret)
{
	int n = 0;

	*ret = 0;
	for (; n < max && l->pos < l->end; n++, l->pos++) {
		int d = hex_digit(*l->pos);

		if (d < 0 || (unsigned)d >= base)
			break;
		*ret = *ret * base + (uint32_t)d;
	}
	return n;
}

static bool add_utf8(struct lexer *l, uint32_t c)
{
	if (c < 0x80)
		return add(l, (char)c);
	if (c < 0x800)
		return add(l, (char)(0xc0 | c >> 6)) && add(l, (char)(0x80 | (c & 0x3f)));
	if (c < 0x10000)
		return add(l, (char)(0xe0 | c >> 12)) && add(l, (char)(0x80 | (c >> 6 & 0x3f))) &&
		       add(l, (char)(0x80 | (c & 0x3f)));
	return add(l, (char)(0xf0 | c >> 18)) && add(l, (char)(0x80 | (c >> 12 & 0x3f))) &&
	       add(l, (char)(0x80 | (c >> 6 & 0x3f))) && add(l, (char)(0x80 | (c & 0x3f)));
}

/* Behind a backslash. NULL on success, else the error. */
static const char *read_escape(struct lexer *l)
{
	static const char from[] = "nrtabfv\\'\"?", to[] = "\n\r\t\a\b\f\v\\'\"?";
	const char *simple;
	uint32_t code;
	char c;

	if (l->pos == l->end)
		return "string is not closed";
	c = *l->pos;
	if (c >= '0' && c <= '7') {
		read_code(l, 8, 3, &code);
		if (code > 0xff)
			return "octal escape is larger than a byte";
		return add(l, (char)code) ? NULL : out_of_memory;
	}
	l->pos++;
	if (c == 'x' || c == 'X') {
		if (read_code(l, 16, 2, &code) == 0)
			return "\\x without hexadecimal digits";
		return add(l, (char)code) ? NULL : out_of_memory;
	}
	if (c == 'u' || c == 'U') {
		int n = c == 'u' ? 4 : 8;

		if (read_code(l, 16, n, &code) != n || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return "malformed unicode escape";
		return add_utf8(l, code) ? NULL : out_of_memory;
	}
	simple = c ? strchr(from, c) : NULL;
	if (!simple)
		return "unknown escape in a string";
	return add(l, to[simple - from]) ? NULL : out_of_memory;
}

static enum token read_string(struct lexer *l)
{
	char quote = *l->pos++;
	const char *error = NULL;

	while (!error) {
		char c;

		if (l->pos == l->end || *l->pos == '\n')
			return fail(l, "string is not closed");
		c = *l->pos++;
		if (c == quote)
			return l->token = TOKEN_STRING;
		if (c == '\\')
			error = read_escape(l);
		else if (!add(l, c))
			error = out_of_memory;
	}
	return fail(l, error);
}

static enum token read_word(struct lexer *l, enum token kind)
{
	bool hex = l->end - l->pos > 1 && l->pos[0] == '0' && (l->pos[1] | 0x20) == 'x';

	for (; l->pos < l->end; l->pos++) {
		char c = *l->pos;
		bool exponent = kind == TOKEN_NUMBER && !hex && (c == '+' || c == '-') && l->len &&
				(l->text[l->len - 1] | 0x20) == 'e';

		if (!is_word_start(c) && !is_digit(c) && !exponent &&
		    !(kind == TOKEN_NUMBER && c == '.'))
			break;
		if (!add(l, c))
			return fail(l, out_of_memory);
	}
	return l->token = kind;
}

void lexer_init(struct lexer *l, const char *text, size_t len)
{
	*l = (struct lexer){ .pos = text, .end = text + len, .line = 1, .next_line = 1 };
	lexer_next(l);
}

void lexer_deinit(struct lexer *l)
{
	free(l->text);
	*l = (struct lexer){ 0 };
}

enum token lexer_next(struct lexer *l)
{
	char c;

	if (l->token == TOKEN_ERROR)
		return l->token;
	skip_blanks(l);
	l->line = l->next_line;
	l->len = 0;
	if (l->text)
		l->text[0] = '\0';
	if (l->pos == l->end)
		return l->token = TOKEN_END;
	c = *l->pos;
	if (c == '"' || c == '\'') {
		/* So that text is there for an empty string too. */
		if (!add(l, '\0'))
			return fail(l, out_of_memory);
		l->len = 0;
		return read_string(l);
	}
	if (is_word_start(c))
		return read_word(l, TOKEN_WORD);
	if (is_digit(c) || (c == '.' && l->end - l->pos > 1 && is_digit(l->pos[1])))
		return read_word(l, TOKEN_NUMBER);
	if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
		return fail(l, "character that is not text outside of a string");
	l->pos++;
	if (!add(l, c))
		return fail(l, out_of_memory);
	return l->token = TOKEN_CHAR;
}
