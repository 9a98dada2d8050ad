/* SPDX-License-Identifier: Apache-2.0 */
/* Mount plans as text: the facts of reference/containers.md §21. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/xalloc.h"
#include "kernel/layout.h"

#define PROTECTION                                              \
	"?remount-ro /proc/sysrq-trigger nosuid nodev noexec\n" \
	"?remount-ro /proc/irq nosuid nodev noexec\n"           \
	"?remount-ro /proc/bus nosuid nodev noexec\n"           \
	"?remount-ro /proc/sys nosuid nodev noexec\n"           \
	"?mask /proc/kcore\n"                                   \
	"?mask /proc/keys\n"                                    \
	"?mask /proc/timer_list\n"                              \
	"?mask /proc/sched_debug\n"                             \
	"?mask /proc/latency_stats\n"                           \
	"?mask /sys/fs/cgroup -> /proc/acpi dir\n"              \
	"?mask /sys/fs/cgroup -> /proc/scsi dir\n"              \
	"?mask /sys/fs/cgroup -> /proc/asound dir\n"            \
	"?mask /sys/fs/cgroup -> /sys/firmware dir\n"           \
	"?mask /sys/fs/cgroup -> /sys/devices/virtual/powercap dir\n"

#define BEGIN(root) "propagation / slave rec\nroot " root "\n"
#define END         "propagation / shared rec\n"

static char *plan_text(const struct layout_params *p)
{
	struct plan plan = PLAN_INIT;
	struct buf out = BUF_INIT;

	layout_build(p, &plan);
	plan_format(&plan, &out);
	plan_deinit(&plan);
	return buf_take(&out);
}

static void check(const struct layout_params *p, const char *expected)
{
	auto_free char *text = plan_text(p);

	assert_string_equal(text, expected);
}

static void check_contains(const struct layout_params *p, const char *part, bool expected)
{
	auto_free char *text = plan_text(p);

	assert_int_equal(!!strstr(text, part), expected);
}

static void host_root_gets_fresh_proc_and_sys(void **state)
{
	struct layout_params p = { .root = "/", .isolate = true };

	(void)state;
	check(&p, BEGIN("/") "mount proc proc -> /proc nosuid nodev noexec\n"
			     "?unmount /sys\n"
			     "mount sysfs sysfs -> /sys ro nosuid nodev noexec\n" PROTECTION END);
}

static void chroot_gets_its_own_dev_and_run(void **state)
{
	char null[] = "/dev/null", tun[] = "/dev/net/tun", gone[] = "/dev/gone", vda[] = "/dev/vda";
	const struct device nodes[] = {
		{ .path = null, .rule = { 'c', 1, 3, DEVICE_RWM }, .mode = 0666 },
		{ .path = tun, .rule = { 'c', 10, 200, DEVICE_RW }, .mode = 0600 },
		{ .rule = { 'c', 136, DEVICE_ANY, DEVICE_RW } },
		{ .path = gone, .missing = true, .rule = { 'c', 0, 0, DEVICE_RW } },
		{ .path = vda, .rule = { 'b', 254, 0, DEVICE_READ }, .mode = 0640, .gid = 6 },
	};
	struct layout_params p = {
		.root = "/img",
		.isolate = true,
		.run_size = 1000,
		.dev_size = 2000,
		.devpts_max = 256,
		.devices = nodes,
		.ndevices = ARRAY_SIZE(nodes),
	};

	(void)state;
	check(&p,
	      BEGIN("/img") "mkdir /proc 0775\n"
			    "mount proc proc -> /proc nosuid nodev noexec\n"
			    "mkdir /dev 0775\n"
			    "mount tmpfs tmpfs -> /dev nosuid strictatime [mode=755,size=2000]\n"
			    "mkdir /dev/pts 0755\n"
			    "mkdir /dev/shm 1777\n"
			    "mknod /dev/null char 0666 1:3\n"
			    "mkdir /dev/net 0755\n"
			    "mknod /dev/net/tun char 0600 10:200\n"
			    "mknod /dev/vda block 0640 0:6 254:0\n"
			    "symlink pts/ptmx -> /dev/ptmx\n"
			    "symlink /proc/self/fd -> /dev/fd\n"
			    "symlink /proc/self/fd/0 -> /dev/stdin\n"
			    "symlink /proc/self/fd/1 -> /dev/stdout\n"
			    "symlink /proc/self/fd/2 -> /dev/stderr\n"
			    "mount devpts devpts -> /dev/pts nosuid noexec "
			    "[newinstance,ptmxmode=0666,mode=620,gid=5,max=256]\n"
			    "mkdir /sys 0775\n"
			    "mount sysfs sysfs -> /sys ro nosuid nodev noexec\n"
			    "mkdir /run 0775\n"
			    "skeleton tmpfs tmpfs -> /run nosuid nodev strictatime "
			    "[mode=755,size=1000]\n"
			    "mkdir /run/lock 1777\n"
			    "mkdir /run/shm 1777\n"
			    "bind inside:/run/lock -> /run/lock nosuid nodev noexec\n"
			    "bind inside:/run/shm -> /dev/shm nosuid nodev\n" PROTECTION
			    "pivot\n" END);
}

static void files_of_devices_are_writable_in_sys(void **state)
{
	char a[] = "/sys/class/a", b[] = "/sys/b", *paths[] = { a, b };
	const struct strv sysfs = { paths, 2 };
	struct layout_params p = { .root = "/img", .sysfs = &sysfs };

	(void)state;
	check_contains(&p,
		       "mount sysfs sysfs -> /sys nosuid nodev noexec\n"
		       "?bind inside:/sys/class/a -> /sys/class/a\n"
		       "?bind inside:/sys/b -> /sys/b\n"
		       "change /sys ro\n",
		       true);
	p.root = "/";
	check_contains(&p, "?bind inside:/sys/b -> /sys/b\nchange /sys ro\n", true);
}

static void root_is_read_only_before_anything_is_mounted(void **state)
{
	struct layout_params p = { .root = "/img", .root_readonly = true };

	(void)state;
	check_contains(&p, "root /img\nroot-readonly\nmkdir /proc", true);
}

static void binds_come_last_and_without_devices(void **state)
{
	char a[] = "/a", b[] = "/b", c[] = "/c", d[] = "/d";
	struct bind_mount binds[] = {
		{ a, b, BIND_RO | BIND_REC },
		{ c, d, BIND_DEV | BIND_SUID | BIND_EXEC | BIND_NOATIME | BIND_PRIVATE },
		{ a, d, BIND_RW | BIND_NOSUID | BIND_NOEXEC | BIND_UNBINDABLE | BIND_REC },
	};
	struct layout_params p = {
		.root = "/", .binds = binds, .nbinds = 3, .owner_uid = 5, .owner_gid = 6
	};

	(void)state;
	check_contains(&p,
		       "powercap dir\n"
		       "bind /a -> /b ro nodev rec 5:6\n"
		       "bind /c -> /d noatime -nosuid -nodev -noexec 5:6\n"
		       "bind /a -> /d nosuid nodev noexec rec 5:6\n"
		       "propagation / shared rec\n"
		       "propagation /d private\n"
		       "propagation /d unbindable rec\n",
		       true);
}

static void overlays_follow_the_root(void **state)
{
	char src[] = "/x", dst[] = "/etc/resolv.conf";
	struct bind_mount bind = { src, dst, 0 };
	struct layout_params p = { .root = "/",
				   .hostname = "h",
				   .resolv_conf = "nameserver ::1\n" };

	(void)state;
	check_contains(&p, "file /etc/resolv.conf [nameserver ::1\n]\n?file /etc/hostname [h\n]\n",
		       true);
	p.root = "/img";
	check_contains(&p,
		       "file /etc/resolv.conf [nameserver ::1\n] 0644\n"
		       "file /etc/hostname [h\n] 0644\npivot\n",
		       true);
	/* What somebody put there himself stays visible. */
	p.binds = &bind;
	p.nbinds = 1;
	check_contains(&p, "file /etc/resolv.conf", false);
	check_contains(&p, "file /etc/hostname", true);
}

static void socket_and_options(void **state)
{
	struct layout_params p = { .root = "/img", .socket_path = "/run/portod.socket" };

	(void)state;
	check_contains(&p,
		       "bind inside:/run/shm -> /dev/shm nosuid nodev\n"
		       "?bind /run/portod.socket -> /run/portod.socket\n",
		       true);
	p.socket_path = "/tmp/sock";
	check_contains(&p,
		       "?bind /run/portod.socket -> /run/portod.socket\n"
		       "?bind /tmp/sock -> /run/portod.socket\n",
		       true);
	check_contains(&p, "tracing", false);
	check_contains(&p, "hugetlbfs", false);
	check_contains(&p, "skeleton tmpfs tmpfs -> /run nosuid nodev strictatime [mode=755]\n",
		       true);
	p.enable_tracefs = p.enable_hugetlbfs = true;
	check_contains(&p, "?bind /sys/kernel/tracing -> /sys/kernel/tracing ro\n", true);
	check_contains(&p,
		       "mount hugetlbfs hugetlbfs -> /dev/hugepages nosuid nodev [mode=01777]\n",
		       true);
	p.root = "/";
	check_contains(&p, "?mount tracefs tracefs -> /sys/kernel/tracing", true);
	check_contains(&p, "portod.socket", false);
}

static void mount_namespace_is_needed(void **state)
{
	char a[] = "/a";
	struct bind_mount bind = { a, a, 0 };
	struct layout_params p = { .root = "/" };

	(void)state;
	assert_false(layout_needs_mount_ns(&p, false));
	assert_true(layout_needs_mount_ns(&p, true));
	p.isolate = true;
	assert_true(layout_needs_mount_ns(&p, false));
	p = (struct layout_params){ .root = "/img" };
	assert_true(layout_needs_mount_ns(&p, false));
	p = (struct layout_params){ .root = "/", .hostname = "" };
	assert_false(layout_needs_mount_ns(&p, false));
	p.hostname = "h";
	assert_true(layout_needs_mount_ns(&p, false));
	p = (struct layout_params){ .root = "/", .resolv_conf = "" };
	assert_true(layout_needs_mount_ns(&p, false));
	p = (struct layout_params){ .root = "/", .root_readonly = true };
	assert_true(layout_needs_mount_ns(&p, false));
	p = (struct layout_params){ .root = "/", .binds = &bind, .nbinds = 1 };
	assert_true(layout_needs_mount_ns(&p, false));
}

/* One of each: co-mounted, read-only, named, unified. */
static struct cgroup_view v1_views[] = {
	{ .name = (char *)"freezer", .options = (char *)"freezer", .writable = true },
	{ .name = (char *)"cpu,cpuacct", .options = (char *)"cpu,cpuacct", .writable = true },
	{ .name = (char *)"blkio", .options = (char *)"blkio" },
	{ .name = (char *)"systemd", .options = (char *)"name=systemd", .writable = true },
	{ .name = (char *)"unified", .writable = true },
};

static void control_groups_are_mounted_after_the_protection(void **state)
{
	char *names[] = { (char *)"cpu", (char *)"cpuacct", NULL };
	struct layout_params p = { .root = "/", .cgroups = v1_views, .ncgroups = 5 };

	(void)state;
	v1_views[1].links = (struct strv){ .v = names, .n = 2 };
	check(&p, BEGIN("/") "mount proc proc -> /proc nosuid nodev noexec\n"
			     "?unmount /sys\n"
			     "mount sysfs sysfs -> /sys ro nosuid nodev noexec\n" PROTECTION
			     "mount tmpfs tmpfs -> /sys/fs/cgroup nosuid nodev noexec [mode=755]\n"
			     "mkdir /sys/fs/cgroup/freezer 0755\n"
			     "mount cgroup cgroup -> /sys/fs/cgroup/freezer nosuid nodev noexec "
			     "[freezer]\n"
			     "mkdir /sys/fs/cgroup/cpu,cpuacct 0755\n"
			     "mount cgroup cgroup -> /sys/fs/cgroup/cpu,cpuacct nosuid nodev "
			     "noexec [cpu,cpuacct]\n"
			     "symlink cpu,cpuacct -> /sys/fs/cgroup/cpu\n"
			     "symlink cpu,cpuacct -> /sys/fs/cgroup/cpuacct\n"
			     "mkdir /sys/fs/cgroup/blkio 0755\n"
			     "mount cgroup cgroup -> /sys/fs/cgroup/blkio ro nosuid nodev noexec "
			     "[blkio]\n"
			     "mkdir /sys/fs/cgroup/systemd 0755\n"
			     "mount cgroup cgroup -> /sys/fs/cgroup/systemd nosuid nodev noexec "
			     "[name=systemd]\n"
			     "mkdir /sys/fs/cgroup/unified 0755\n"
			     "mount cgroup2 cgroup2 -> /sys/fs/cgroup/unified nosuid nodev noexec\n"
			     "change /sys/fs/cgroup ro\n" END);
	assert_true(layout_needs_mount_ns(&p, false));
}

static void the_unified_tree_alone_needs_no_directory(void **state)
{
	struct cgroup_view view = { .name = (char *)"", .writable = false };
	struct layout_params p = { .root = "/", .cgroups = &view, .ncgroups = 1 };

	(void)state;
	check_contains(&p, "mount cgroup2 cgroup2 -> /sys/fs/cgroup ro nosuid nodev noexec\n" END,
		       true);
	check_contains(&p, "mkdir /sys/fs/cgroup", false);
	check_contains(&p, "tmpfs", false);
}

static void control_groups_for_systemd_only(void **state)
{
	struct layout_params p = { .root = "/img", .cgroups = v1_views + 3, .ncgroups = 1 };

	(void)state;
	p.cgroups_for = "/sbin/init";
	check_contains(&p,
		       "if-program /sbin/init [systemd]\n"
		       "if mount tmpfs tmpfs -> /sys/fs/cgroup nosuid nodev noexec [mode=755]\n"
		       "if mkdir /sys/fs/cgroup/systemd 0755\n"
		       "if mount cgroup cgroup -> /sys/fs/cgroup/systemd nosuid nodev noexec "
		       "[name=systemd]\n"
		       "if change /sys/fs/cgroup ro\n"
		       "pivot\n",
		       true);
}

static void flags_have_names(void **state)
{
	unsigned all = 0;

	(void)state;
	for (unsigned flag = 1; bind_flag_name(flag); flag <<= 1) {
		assert_int_equal(bind_flag_parse(bind_flag_name(flag)), flag);
		all |= flag;
	}
	assert_int_equal(all, (BIND_RUNBINDABLE << 1) - 1);
	assert_int_equal(bind_flag_parse("r"), 0);
	assert_int_equal(bind_flag_parse(""), 0);
}

static void plans_grow(void **state)
{
	struct plan plan = PLAN_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		plan_add(&plan, PLAN_MKDIR, NULL, "/x")->mode = (mode_t)i;
	assert_int_equal(plan.n, 1000);
	assert_int_equal(plan.ops[999].mode, 999);
	for (int kind = 0; kind < _PLAN_KIND_COUNT; kind++)
		assert_string_not_equal(plan_kind_name((enum plan_kind)kind), "unknown");
	plan_deinit(&plan);
	assert_null(plan.ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_root_gets_fresh_proc_and_sys),
		cmocka_unit_test(chroot_gets_its_own_dev_and_run),
		cmocka_unit_test(files_of_devices_are_writable_in_sys),
		cmocka_unit_test(root_is_read_only_before_anything_is_mounted),
		cmocka_unit_test(binds_come_last_and_without_devices),
		cmocka_unit_test(overlays_follow_the_root),
		cmocka_unit_test(socket_and_options),
		cmocka_unit_test(mount_namespace_is_needed),
		cmocka_unit_test(control_groups_are_mounted_after_the_protection),
		cmocka_unit_test(the_unified_tree_alone_needs_no_directory),
		cmocka_unit_test(control_groups_for_systemd_only),
		cmocka_unit_test(flags_have_names),
		cmocka_unit_test(plans_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
