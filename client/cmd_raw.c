/* SPDX-License-Identifier: Apache-2.0 */
/* Any request, as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"

static char *join_words(const struct args *args)
{
	char *text = xstrdup(args->words[0]), *more;

	for (int i = 1; i < args->count; i++) {
		more = xasprintf("%s %s", text, args->words[i]);
		free(text);
		text = more;
	}
	return text;
}

int cmd_raw(struct ctl *ctl, const struct args *args)
{
	char *text = join_words(args), *reply;
	int code, status;

	if (porto_call_text(ctl->conn, text, strlen(text), &reply, &code) != 0) {
		status = ctl_error(ctl, "Cannot call");
	} else {
		puts(reply);
		status = code ? exit_status_of(code) : 0;
		porto_free_string(reply);
	}
	free(text);
	return status;
}
