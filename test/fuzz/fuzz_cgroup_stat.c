/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of the kernel about control groups. Besides not crashing: results lie inside the text, and
 * device rules survive printing.
 */
#include <string.h>

#include "fuzz.h"
#include "base/buf.h"
#include "base/xalloc.h"
#include "kernel/cgroup_proc.h"
#include "kernel/cgroup_stat.h"
#include "kernel/device.h"

static void check_stat(const char *text)
{
	static const char *const keys[] = { "total_inactive_anon", "oom_kill", "a", NULL };
	uint64_t one, sum;
	const char *pos = text;

	cgroup_stat_number(text, &one);
	for (size_t i = 0; keys[i]; i++) {
		if (cgroup_stat_key(text, keys[i], &one) == 0 &&
		    cgroup_stat_sum(text, keys, &sum) == 0)
			FUZZ_CHECK(sum >= one);
	}
	while (cgroup_stat_next_pid(&pos))
		FUZZ_CHECK(pos > text);
	FUZZ_CHECK(*pos == '\0');
}

static void check_mounts(const char *text)
{
	auto_free char *copy = xstrdup(text);
	char *end = copy + strlen(copy), *pos = copy, *line, *word;
	struct cgroup_mount m;

	while ((line = cgroup_next_line(&pos))) {
		if (!cgroup_mount_parse(line, &m))
			continue;
		FUZZ_CHECK(m.root >= copy && m.point > m.root && m.options <= end);
		while ((word = cgroup_next_word(&m.options)))
			FUZZ_CHECK(!strchr(word, ','));
	}
}

static void check_member(const char *text, const char *controller)
{
	auto_free char *copy = xstrdup(text);
	size_t len = strlen(text);
	int r = 1;
	char *path = cgroup_member_path(copy, controller, &r);

	FUZZ_CHECK(!path == (r < 0));
	FUZZ_CHECK(!path || (path > copy && path < copy + len && *path == '/'));
}

static void check_rules(const char *text)
{
	_cleanup_(device_rules_deinit) struct device_rules rules = DEVICE_RULES_INIT;
	_cleanup_(device_rules_deinit) struct device_rules again = DEVICE_RULES_INIT;
	char line[DEVICE_RULE_MAX];
	auto_buf b = BUF_INIT;

	if (device_rules_parse(text, &rules) < 0)
		return;
	for (size_t i = 0; i < rules.n; i++)
		buf_addf(&b, "%s\n", device_rule_format(&rules.v[i], line, sizeof(line)));
	FUZZ_CHECK(device_rules_parse(buf_str(&b), &again) == 0);
	FUZZ_CHECK(again.n == rules.n);
	for (size_t i = 0; i < rules.n; i++)
		FUZZ_CHECK(device_rules_access(&again, &rules.v[i]) == rules.v[i].access);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);

	check_stat(text);
	check_mounts(text);
	check_member(text, "");
	check_member(text, "freezer");
	check_member(text, "name=systemd");
	check_rules(text);
	return 0;
}
