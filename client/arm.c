/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a subscription on a connection, the first time and again after a loss. The daemon begins
 * with the present state of everything, which makes up for what was missed; only for labels the
 * states must be asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "client/event.h"

#define ARM_TIMEOUT_MS 5000

static size_t vector_count(char **v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

void event_fill_wait(Porto__TWaitRequest *wait, const struct porto_subscription *sub)
{
	uint64_t now, ms;

	porto__twait_request__init(wait);
	wait->name = sub->names;
	wait->n_name = vector_count(sub->names);
	wait->label = sub->labels;
	wait->n_label = vector_count(sub->labels);
	wait->target_state = sub->target_state;
	if (sub->deadline == DEADLINE_NEVER)
		return;
	now = monotonic_now();
	ms = sub->deadline > now ? (sub->deadline - now + 999999) / 1000000 : 0;
	wait->has_timeout_ms = true;
	wait->timeout_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* One exchange within the arming of a subscription. */
static int arm_exchange(struct transport *t, const Porto__TPortoRequest *req,
			Porto__TPortoResponse **ret_rsp)
{
	int64_t ms = ARM_TIMEOUT_MS;
	size_t size;
	uint8_t *frame;
	bool sent;
	int r;

	if (t->conn->timeout_ms >= 0 && t->conn->timeout_ms < ms)
		ms = t->conn->timeout_ms;
	frame = pack_request(req, &size);
	if (!frame)
		return -ENOMEM;
	r = exchange(t, frame, size, deadline_after(ms), &sent, ret_rsp, NULL);
	free(frame);
	return r;
}

/* State of one container as of now, for events that were missed. */
static int queue_state(struct porto_subscription *sub,
		       const Porto__TGetResponse__TContainerGetListResponse *entry)
{
	const Porto__TGetResponse__TContainerGetValueResponse *value;
	Porto__TWaitResponse report = PORTO__TWAIT_RESPONSE__INIT;

	if ((entry->has_no_changes && entry->no_changes) || entry->n_keyval == 0)
		return 0;
	value = entry->keyval[0];
	report.name = entry->name;
	report.has_when = entry->has_change_time;
	report.when = entry->change_time;
	if (!value->has_error || value->error == 0)
		report.state = value->value;
	else if ((int)value->error == PORTO_E_CONTAINER_DOES_NOT_EXIST)
		report.state = (char *)"destroyed";
	else
		return 0;
	return event_queue(sub, &report);
}

/*
 * A subscription to labels is not told states when it begins. After a lost connection they are
 * asked for, so that no change is missed.
 */
static int fetch_states(struct transport *t)
{
	struct porto_subscription *sub = t->sub;
	Porto__TPortoRequest req = PORTO__TPORTO_REQUEST__INIT;
	Porto__TGetRequest get = PORTO__TGET_REQUEST__INIT;
	Porto__TPortoResponse *rsp;
	char state[] = "state";
	char *variables[] = { state };
	size_t i;
	int r;

	if (sub->labels[0] == NULL || !sub->names[0])
		return 0;
	get.name = sub->names;
	get.n_name = vector_count(sub->names);
	get.variable = variables;
	get.n_variable = 1;
	get.has_changed_since = true;
	get.changed_since = sub->last_seen;
	req.get = &get;
	r = arm_exchange(t, &req, &rsp);
	if (r < 0)
		return r;
	sub->resyncing = true;
	for (i = 0; r == 0 && rsp->get && i < rsp->get->n_list; i++)
		r = queue_state(sub, rsp->get->list[i]);
	sub->resyncing = false;
	porto__tporto_response__free_unpacked(rsp, NULL);
	if (r == 0)
		take_buffered_events(t);
	return r;
}

static int accepted(struct transport *t, const Porto__TPortoResponse *rsp)
{
	struct porto_subscription *sub = t->sub;
	struct epoll_event ev = { .events = EPOLLIN };
	bool again = sub->resyncing;
	int r;

	/* What came before the reply is the present state; what comes behind it is news. */
	sub->resyncing = false;
	take_buffered_events(t);
	if (again && sub->active && t->fd >= 0) {
		r = fetch_states(t);
		if (r < 0)
			return r;
	}
	if (rsp->has_timestamp && rsp->timestamp > sub->last_seen)
		sub->last_seen = rsp->timestamp;
	sub->was_armed = true;
	if (!t->polled && t->fd >= 0 && epoll_ctl(t->conn->epoll_fd, EPOLL_CTL_ADD, t->fd, &ev) < 0)
		return -errno;
	t->polled = t->fd >= 0;
	return 0;
}

static int refused(struct porto_subscription *sub, const Porto__TPortoResponse *rsp)
{
	sub->active = false;
	sub->refused = (int)rsp->error;
	sub->refused_text = strdup(rsp->errormsg ? rsp->errormsg : "");
	return sub->was_armed ? event_note(sub, "lost", rsp->errormsg) : 0;
}

int event_arm(struct transport *t)
{
	struct porto_subscription *sub = t->sub;
	Porto__TPortoRequest req = PORTO__TPORTO_REQUEST__INIT;
	Porto__TPortoResponse *rsp = NULL;
	Porto__TWaitRequest wait;
	int r = 0;

	if (!sub || !sub->active)
		return 0;
	event_fill_wait(&wait, sub);
	req.asyncwait = &wait;
	sub->resyncing = sub->was_armed;
	if (sub->resyncing)
		r = event_note(sub, "resync", "");
	if (r == 0)
		r = arm_exchange(t, &req, &rsp);
	if (r == 0)
		r = rsp->error == 0 ? accepted(t, rsp) : refused(sub, rsp);
	if (rsp)
		porto__tporto_response__free_unpacked(rsp, NULL);
	sub->resyncing = false;
	return r;
}
