/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "client/fmt.h"

static int wait_once(struct ctl *ctl, const struct args *args, const char *const *labels,
		     int64_t timeout)
{
	struct porto_event *event;
	int status = 0;

	if (porto_wait(ctl->conn, args->words, labels, timeout, &event) != 0)
		return ctl_error(ctl, "Can't wait for container");
	if (*event->name) {
		puts(event->name);
	} else {
		fputs("timeout\n", stderr);
		status = EXIT_TIMEOUT;
	}
	porto_free_event(event);
	return status;
}

static void print_event(struct porto_subscription *sub, const struct porto_event *event,
			void *userdata)
{
	bool *timed_out = userdata;
	char when[FMT_TIME_MAX];

	(void)sub;
	if (!*event->name) {
		if (strcmp(event->state, "timeout") == 0) {
			*timed_out = true;
			puts("timeout");
		} else if (strcmp(event->state, "resync") == 0) {
			fputs("Connection to the daemon was lost, present states follow\n", stderr);
		} else {
			fprintf(stderr, "Can't wait any longer: %s\n", event->value);
		}
		return;
	}
	printf("%s %s\t%s", fmt_timestamp(event->when, when, sizeof(when)), event->state,
	       event->name);
	if (*event->label)
		printf("\t%s = %s", event->label, event->value);
	else if (*event->start_error)
		printf("\tstart_error = %s", event->start_error);
	else if (event->has_exit_code)
		printf("\texit_code = %d", event->exit_code);
	putchar('\n');
	fflush(stdout);
}

static int wait_async(struct ctl *ctl, const struct args *args, const char *const *labels,
		      int64_t timeout)
{
	static const char *const all[] = { "***", NULL };
	const char *state = args_value(args, 'S');
	struct porto_subscription *sub;
	bool timed_out = false;

	if (porto_subscribe(ctl->conn, args->count ? args->words : all, labels, state, timeout,
			    print_event, &timed_out, &sub) != 0)
		return ctl_error(ctl, "Can't wait for containers");
	while (porto_subscription_active(sub))
		if (porto_dispatch_wait(ctl->conn, PORTO_FOREVER, NULL) != 0)
			return ctl_error(ctl, "Can't wait for containers");
	/* What the end of the subscription left in the queue. */
	if (porto_dispatch(ctl->conn, NULL) != 0)
		return ctl_error(ctl, "Can't wait for containers");
	/* Watching for a time ends as planned; waiting for a state was in vain. */
	return timed_out && state ? EXIT_TIMEOUT : 0;
}

int cmd_wait(struct ctl *ctl, const struct args *args)
{
	const char **labels = xrealloc(NULL, (size_t)args->n_given + 1, sizeof(*labels));
	bool async = args_has(args, 'A') || args_has(args, 'S');
	int64_t timeout, msec;
	int n = 0, i, status;

	for (i = 0; i < args->n_given; i++)
		if (args->given[i].id == 'L')
			labels[n++] = args->given[i].value;
	labels[n] = NULL;
	if (!args_time(args, 'T', 1000, PORTO_FOREVER, &timeout) ||
	    !args_time(args, 't', 1, timeout, &msec))
		status = 1;
	else if (async)
		status = wait_async(ctl, args, labels, msec);
	else if (args->count == 0)
		status = command_usage(command_find("wait"), 1);
	else
		status = wait_once(ctl, args, labels, msec);
	free(labels);
	return status;
}
