# SPDX-License-Identifier: Apache-2.0
"""cgroupfs: what of its groups a container sees, rules, and cannot reach."""

import os
import signal

import pytest

from conftest import NOBODY, Daemon, expect, poll, read, running
from porto_client import PortoError, frame, make_request

TOP = "/sys/fs/cgroup"
RW = "enable_rw_cgroupfs: true"


@pytest.fixture(scope="module")
def portod():
    """A daemon that permits cgroupfs=rw."""
    yield from running(Daemon(container=RW))


def hierarchies():
    """Mount points of cgroup file systems below the usual place: name -> type."""
    found = {}
    for line in read("/proc/self/mountinfo").splitlines():
        fields = line.split()
        fstype = fields[fields.index("-") + 1]
        if fstype in ("cgroup", "cgroup2") and fields[4].startswith(TOP):
            found[fields[4][len(TOP) + 1 :]] = fstype
    return found


UNIFIED_ONLY = hierarchies().get("") == "cgroup2"
HAS_V1 = "cgroup" in hierarchies().values()


@pytest.fixture
def inside(porto, rootfs, name):
    def run(line, **props):
        props.setdefault("root", rootfs)
        return porto.output(name, "sh -c '%s'" % line, **props)

    return run


def mounts_of(text):
    """point -> (options, fstype, root) of a mountinfo text."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        found[fields[4]] = (fields[5].split(","), fields[fields.index("-") + 1], fields[3])
    return found


def groups_below(portod, part):
    return [path for path in portod.cgroup_dirs() if part in path]


def test_none(inside):
    assert inside("ls -A %s" % TOP) == ""
    assert not [t for _, t, _ in mounts_of(inside("cat /proc/self/mountinfo")).values() if "cgroup" in t]


@pytest.mark.parametrize("root", [True, False])
def test_ro(porto, rootfs, name, root):
    props = {"root": rootfs} if root else {}
    text = porto.output(name, "cat /proc/self/mountinfo", cgroupfs="ro", **props)
    mounts = {p: m for p, m in mounts_of(text).items() if m[1] in ("cgroup", "cgroup2")}
    assert mounts
    for point, (options, _, top) in mounts.items():
        assert "ro" in options and {"nosuid", "nodev", "noexec"} <= set(options), point
        assert top == "/", "the container's own group is all it sees"
    if not UNIFIED_ONLY:
        assert "ro" in mounts_of(text)[TOP][0]


def test_namespace(porto, name):
    porto.run(name, "sleep 1000", cgroupfs="ro")
    pid = porto.get_property(name, "root_pid")
    assert os.readlink("/proc/%s/ns/cgroup" % pid) != os.readlink("/proc/self/ns/cgroup")
    porto.run(name + "/child", "sleep 1000", isolate=False)
    child = porto.get_property(name + "/child", "root_pid")
    assert os.readlink("/proc/%s/ns/cgroup" % pid) == os.readlink("/proc/%s/ns/cgroup" % child)


def test_own_group_is_the_root(inside):
    for line in inside("cat /proc/self/cgroup", cgroupfs="ro").splitlines():
        if "systemd" not in line:  # the host's manager has that one
            assert line.split(":", 2)[2] == "/", line


def test_its_processes_are_there(inside):
    names = inside("ls %s" % TOP, cgroupfs="ro").split()
    where = TOP if UNIFIED_ONLY else TOP + "/" + sorted(set(names) & set(hierarchies()))[0]
    procs = inside("cat %s/cgroup.procs" % where, cgroupfs="ro").split()
    assert "2" in procs


@pytest.mark.skipif(not HAS_V1, reason="a version 1 hierarchy shows the limit")
def test_ro_shows_the_limit(inside):
    line = "cat %s/memory/memory.limit_in_bytes" % TOP
    assert int(inside(line, cgroupfs="ro", memory_limit=64 << 20)) == 64 << 20


def test_rw_needs_permission(own_portod):
    daemon = own_portod()
    with daemon.client() as porto:
        porto.create("a")
        porto.set_property("a", "command", "true")
        porto.set_property("a", "cgroupfs", "rw")
        with expect("Permission") as got:
            porto.start("a")
        assert "enable_rw_cgroupfs" in got.error.text
        assert porto.get_property("a", "state") == "stopped"
        porto.set_property("a", "cgroupfs", "ro")
        porto.start("a")
        porto.destroy("a")


def test_rw_can_make_groups(inside):
    """In every hierarchy that is writable, and move itself there."""
    out = inside(
        "cd %s; for d in . *; do [ -w $d/cgroup.procs ] && mkdir $d/sub 2>/dev/null || continue; "
        "echo 0 >$d/sub/cgroup.procs && echo $d; done; cat /proc/self/cgroup" % TOP,
        cgroupfs="rw",
    )
    made = [line for line in out.splitlines() if ":" not in line]
    assert made == ["."] if UNIFIED_ONLY else {"freezer", "memory", "pids"} <= set(made)
    moved = [line for line in out.splitlines() if line.endswith(":/sub")]
    assert len(moved) == len(made)


@pytest.mark.skipif(UNIFIED_ONLY, reason="only where there is a tmpfs for several hierarchies")
def test_the_directory_itself_is_read_only(inside):
    assert "Read-only" in inside("mkdir %s/x 2>&1; true" % TOP, cgroupfs="rw")


@pytest.mark.skipif(UNIFIED_ONLY, reason="version 1")
@pytest.mark.parametrize("controller", ["blkio", "cpuset"])
def test_flat_limits_stay_read_only(inside, controller):
    assert "Read-only" in inside("mkdir %s/%s/x 2>&1; true" % (TOP, controller), cgroupfs="rw")


LIMITS = {
    "memory_limit": (64 << 20, "memory", ["memory.limit_in_bytes", "memory.max"]),
    "thread_limit": (50, "pids", ["pids.max"]),
    "cpu_limit": ("1c", "cpu", ["cpu.cfs_quota_us", "cpu.max"]),
}


@pytest.mark.parametrize("prop", LIMITS)
def test_own_limits_are_out_of_reach(porto, portod, rootfs, name, prop):
    """A root inside writes whatever it finds: the container's own group does not change."""
    value, controller, files = LIMITS[prop]
    line = "cd %s; find . -type f -name %s.\\* | while read f; do " % (TOP, controller)
    line += "for v in -1 max 1 99999999999; do echo $v >$f; done; done 2>/dev/null; echo; sleep 1000"
    porto.create(name)
    porto.set(name, root=rootfs, cgroupfs="rw", command="sh -c '%s'" % line, **{prop: value})
    porto.start(name)
    own = [
        path
        for path in portod.cgroup_dirs()
        if os.path.basename(path).endswith(name) and any(os.path.exists(path + "/" + f) for f in files)
    ]
    assert own
    before = {p + "/" + f: read(p + "/" + f) for p in own for f in files}
    poll(lambda: porto.get_property(name, "stdout") == "\n")
    assert {path: read(path) for path in before} == before


@pytest.mark.skipif(not HAS_V1, reason="version 1")
def test_memory_limit_holds_below(porto, rootfs, name):
    """Also for processes in a group without any limit that the container made."""
    line = "mkdir %s/memory/x; echo -1 >%s/memory/memory.limit_in_bytes; " % (TOP, TOP)
    line += "echo 0 >%s/memory/x/cgroup.procs; exec toolbox hog 200" % TOP
    porto.run(name, "sh -c '%s'" % line, root=rootfs, cgroupfs="rw", memory_limit=64 << 20)
    assert porto.finish(name) == -99
    assert porto.get_property(name, "oom_killed") == "true"


def test_processes_in_groups_made_inside_are_found(porto, portod, rootfs, name):
    line = "cd %s; for d in . *; do mkdir -p $d/sub/deep && echo 0 >$d/sub/deep/cgroup.procs; done 2>/dev/null"
    line += "; echo ready; sleep 1000"
    porto.run(name, "sh -c '%s'" % (line % TOP), root=rootfs, cgroupfs="rw")
    poll(lambda: porto.get_property(name, "stdout") == "ready\n")
    pid = int(porto.get_property(name, "root_pid"))
    assert any("/sub/deep" in line for line in read("/proc/%d/cgroup" % pid).splitlines())
    assert porto.locate(pid) == name
    assert int(porto.get_property(name, "process_count")) == 2, "portoinit and sleep"
    porto.stop(name)
    assert not groups_below(portod, name)
    assert not os.path.exists("/proc/%d" % pid)


def test_client_in_a_group_made_inside(porto, portod, toolbox, rootfs, name):
    """Who asks is found by its group: the nearest container."""
    line = "cd %s; for d in . *; do mkdir -p $d/sub && echo 0 >$d/sub/cgroup.procs; done 2>/dev/null; "
    line += "exec toolbox ask /run/portod.socket %s"
    message = make_request("GetProperty", name="self", property="absolute_name")
    out = porto.output(
        name, "sh -c '%s'" % (line % (TOP, frame(message).hex())), root=rootfs, cgroupfs="rw"
    )
    assert ("/porto/" + name).encode().hex() in out


def test_kill_and_stop_with_many_groups(porto, portod, rootfs, name):
    line = "cd %s; for d in . *; do for i in 1 2 3 4 5; do mkdir $d/g$i 2>/dev/null && " % TOP
    line += "(echo 0 >$d/g$i/cgroup.procs; exec sleep 1000) & done; done; echo ready; wait"
    porto.run(name, "sh -c '%s'" % line, root=rootfs, cgroupfs="rw", isolate=False)
    poll(lambda: porto.get_property(name, "stdout") == "ready\n")
    porto.stop(name, 0)
    assert not groups_below(portod, name)
    porto.start(name)
    porto.wait_state(name, "running")


@pytest.mark.skipif(not HAS_V1, reason="version 1")
def test_frozen_inside_dies_all_the_same(porto, portod, rootfs, name):
    line = "cd %s/freezer; mkdir g; sleep 1000 & echo $! >g/cgroup.procs; echo FROZEN >g/freezer.state; "
    line += "echo ready; sleep 1000"
    porto.run(name, "sh -c '%s'" % (line % TOP), root=rootfs, cgroupfs="rw")
    poll(lambda: porto.get_property(name, "stdout") == "ready\n")
    porto.pause(name)
    porto.resume(name)
    porto.stop(name, 0)
    assert not groups_below(portod, name)


def test_respawn_finds_an_empty_group(porto, portod, rootfs, name):
    line = "cd %s; for d in . *; do mkdir $d/x 2>/dev/null && echo $d; done; exit 3" % TOP
    porto.run(name, "sh -c '%s'" % line, root=rootfs, cgroupfs="rw", respawn=True, max_respawns=2)
    poll(lambda: porto.get_property(name, "state") == "dead" and porto.get_property(name, "respawn_count") == "2")
    out = porto.get_property(name, "stdout").splitlines()
    assert out and len(out) % 3 == 0 and out == out[: len(out) // 3] * 3


def test_user_gets_the_files_of_delegation(porto, rootfs, name):
    """An ordinary user rules its group, but writes no limit there."""
    line = "cd %s; for d in . *; do [ -f $d/cgroup.procs ] || continue; mkdir $d/x 2>/dev/null || continue; "
    line += "echo $d; find $d -maxdepth 1 -type f -user %d; done" % NOBODY
    out = porto.output(
        name, "sh -c '%s'" % (line % TOP), root=rootfs, cgroupfs="rw", user=NOBODY, group=NOBODY
    )
    files = {os.path.basename(line) for line in out.splitlines() if "cgroup." in line or "tasks" in line}
    own = {os.path.basename(line) for line in out.splitlines() if "/" in line}
    assert {"cgroup.procs"} <= files == own
    allowed = {"cgroup.procs", "tasks", "cgroup.clone_children"}
    allowed |= set((read("/sys/kernel/cgroup/delegate") or "").split())
    assert own <= allowed
    assert "freezer" in out.split() or UNIFIED_ONLY


def test_child_has_groups_beside(porto, portod, rootfs, name):
    """A container below is not in what its parent rules, and cannot be moved there."""
    porto.run(name, "sleep 1000", root=rootfs, cgroupfs="rw")
    porto.run(name + "/child", "sleep 1000")
    pid = porto.get_property(name + "/child", "root_pid")
    for line in read("/proc/%s/cgroup" % pid).splitlines():
        assert "%leaf" not in line or UNIFIED_ONLY
    assert porto.locate(int(pid)) == name + "/child"


def test_survives_a_restart(porto, portod, rootfs, name):
    line = "cd %s; for d in . *; do mkdir -p $d/sub && echo 0 >$d/sub/cgroup.procs; done 2>/dev/null; "
    line += "echo ready; sleep 1000"
    porto.run(name, "sh -c '%s'" % (line % TOP), root=rootfs, cgroupfs="rw")
    poll(lambda: porto.get_property(name, "stdout") == "ready\n")
    portod.kill_server()
    with portod.client() as again:
        assert again.state(name) == "running"
        pid = int(again.get_property(name, "root_pid"))
        assert again.locate(pid) == name
        again.kill(name, signal.SIGKILL)
        again.wait_state(name, "dead")
        again.stop(name)
    assert not groups_below(portod, name)


def test_unknown_value(porto, name):
    porto.create(name)
    for value in "yes", "", "RW":
        with pytest.raises(PortoError, match="cgroupfs") as got:
            porto.set_property(name, "cgroupfs", value)
        assert got.value.name == "InvalidValue"
    assert porto.get_property(name, "cgroupfs") == "none"

