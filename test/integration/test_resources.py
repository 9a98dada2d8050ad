# SPDX-License-Identifier: Apache-2.0
"""Limits and counters, on whatever cgroup layout this host has."""

import os
import time

import pytest

from conftest import expect, poll
from porto_client import PortoError

MIB = 1 << 20
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def knob(porto, name, controller, *files):
    """Content of the container's control file, read by the test itself."""
    path = porto.get_property(name, "cgroups[%s]" % (controller if not V2 else "unified"))
    base = ""
    if not path.startswith("/sys/fs/cgroup"):
        base = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/" + controller
    for file in files:
        for leaf in "", "/leaf":
            try:
                with open(base + path + leaf + "/" + file) as handle:
                    return handle.read().strip()
            except FileNotFoundError:
                continue
    pytest.fail("none of %s in %s%s" % (files, base, path))


# ---- memory ---------------------------------------------------------------------------------------


def test_memory_limit_is_written(porto, name):
    porto.run(name, "sleep 1000", memory_limit="64M")
    assert knob(porto, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MIB)
    porto.set_property(name, "memory_limit", "128M")
    assert knob(porto, name, "memory", "memory.limit_in_bytes", "memory.max") == str(128 * MIB)
    porto.set_property(name, "memory_limit", "0")
    text = knob(porto, name, "memory", "memory.limit_in_bytes", "memory.max")
    assert text == "max" or int(text) > 1 << 50


def test_memory_counters(porto, toolbox, name):
    porto.run(name, "%s hog 32" % toolbox)
    poll(lambda: "touched" in porto.get_property(name, "stdout"))
    usage = int(porto.get_property(name, "memory_usage"))
    anon = int(porto.get_property(name, "anon_usage"))
    cache = int(porto.get_property(name, "cache_usage"))
    # The kernel folds its per-cpu counters in lazily.
    assert 31 * MIB <= anon < 48 * MIB
    assert anon <= usage + MIB
    assert usage < 64 * MIB
    assert cache < 32 * MIB


def test_cache_counter(porto, portod, name):
    porto.run(name, "sh -c 'dd if=/dev/zero of=file bs=1M count=16 2>/dev/null; sleep 1000'")
    # On a tmpfs it counts as shared memory.
    poll(lambda: int(porto.get_property(name, "cache_usage")) >= 15 * MIB
         or int(porto.get_property(name, "memory_usage")) >= 15 * MIB)


def test_out_of_memory(porto, toolbox, name):
    porto.run(name, "%s hog 200" % toolbox, memory_limit="32M")
    assert porto.finish(name) == -99
    assert porto.get_property(name, "oom_killed") == "true"
    assert int(porto.get_property(name, "exit_status")) & 0x7F == 9
    assert porto.get_system().container_oom >= 1


def test_out_of_memory_of_a_child_process(porto, toolbox, name):
    """Fatal for the whole container, although the main process is not hit."""
    porto.run(name, "%s hog-child 200" % toolbox, memory_limit="32M")
    assert porto.finish(name) == -99
    assert porto.get_property(name, "oom_killed") == "true"
    assert porto.get_property(name, "process_count") == "0"


def test_out_of_memory_that_is_not_fatal(porto, toolbox, name):
    porto.run(name, "%s hog-child 200" % toolbox, memory_limit="32M", oom_is_fatal=False)
    poll(lambda: "child 9" in porto.get_property(name, "stdout"), 30)
    assert porto.state(name) == "running"
    assert int(porto.get_property(name, "oom_kills_total", sync=True)) >= 1
    assert int(porto.get_property(name, "oom_kills", sync=True)) >= 1
    porto.kill(name, 9)
    porto.finish(name)
    assert porto.get_property(name, "oom_killed") == "false"
    assert porto.get_property(name, "exit_code") == "-9"


def test_out_of_memory_in_the_parent_s_limit(porto, toolbox, name):
    """The limit is the parent's: all of it ends, the child too, which may be the first to go."""
    for i in range(10):
        top = "%s-%d" % (name, i)
        porto.create(top)
        porto.set_property(top, "memory_limit", "32M")
        porto.start(top)
        porto.run(top + "/child", "%s hog 200" % toolbox)
        porto.wait_state(top, "dead")
        assert porto.get_property(top, "exit_code") == "-99"
        porto.wait_state(top + "/child", "dead")
        assert porto.get_property(top + "/child", "exit_code") == "-99"
        assert porto.get_property(top + "/child", "oom_killed") == "true"
        porto.destroy(top)


def test_out_of_memory_is_forgotten_by_the_next_run(porto, toolbox, name):
    porto.run(name, "%s hog 200" % toolbox, memory_limit="32M")
    assert porto.finish(name) == -99
    porto.stop(name)
    porto.set(name, command="sh -c 'exit 3'")
    porto.start(name)
    assert porto.finish(name) == 3
    assert porto.get_property(name, "oom_killed") == "false"


# With v2 the kernel ends the whole group, portoinit too, and counts each; some kernels count the
# one that was chosen first a second time.
OF_A_FATAL_ONE = ("2", "3") if V2 else ("1",)


def test_a_fatal_one_is_counted(porto, toolbox, name):
    """The daemon does not kill before the kernel has."""
    for i in range(10):
        inner = "%s-%d" % (name, i)
        porto.run(inner, "%s hog 64" % toolbox, memory_limit="16M")
        assert porto.finish(inner) == -99
        assert porto.get_property(inner, "oom_kills") in OF_A_FATAL_ONE
        assert porto.get_property(inner, "oom_kills_total") in OF_A_FATAL_ONE
        porto.destroy(inner)


def test_kills_are_counted_for_ever(porto, toolbox, name):
    porto.run(name, "%s hog-child 200" % toolbox, memory_limit="32M", oom_is_fatal=False)
    poll(lambda: "child 9" in porto.get_property(name, "stdout"), 30)
    poll(lambda: int(porto.get_property(name, "oom_kills", sync=True)) == 1)
    porto.stop(name, 0)
    assert porto.get_property(name, "oom_kills_total") == "1"
    porto.start(name)
    poll(lambda: "child 9" in porto.get_property(name, "stdout"), 30)
    poll(lambda: porto.get_property(name, "oom_kills_total", sync=True) == "2")
    poll(lambda: porto.get_property(name, "oom_kills", sync=True) == "1")


def test_respawn_after_out_of_memory(porto, toolbox, name):
    porto.run(
        name,
        "%s hog 200" % toolbox,
        memory_limit="32M",
        respawn=True,
        max_respawns=2,
        respawn_delay="50ms",
    )
    porto.wait_state(name, "dead", timeout=60)
    assert porto.get_property(name, "respawn_count") == "2"
    assert porto.get_property(name, "exit_code") == "-99"


def test_respawn_after_out_of_memory_is_a_new_run(porto, toolbox, tmp_path, name):
    """The group is the same, and so is the kernel's count: what was counted before is not now."""
    mark = tmp_path / "mark"
    porto.run(
        name,
        "sh -c 'test -e %s && exit 3; touch %s; exec %s hog 200'" % (mark, mark, toolbox),
        memory_limit="32M",
        respawn=True,
        max_respawns=1,
        respawn_delay="50ms",
    )
    porto.wait_state(name, "dead", timeout=60)
    assert mark.exists()
    assert porto.get_property(name, "exit_code") == "3"
    assert porto.get_property(name, "oom_killed") == "false"
    assert porto.get_property(name, "oom_kills", sync=True) == "0"
    assert porto.get_property(name, "oom_kills_total", sync=True) in OF_A_FATAL_ONE


def test_limit_below_the_usage(porto, toolbox, name):
    porto.run(name, "%s hog 64" % toolbox)
    poll(lambda: "touched" in porto.get_property(name, "stdout"))
    if V2:
        pytest.skip("with cgroup v2 a limit below the usage reclaims and kills")
    with expect("Busy", "ResourceNotAvailable"):
        porto.set_property(name, "memory_limit", "16M")
    assert porto.get_property(name, "memory_limit") == "0"
    assert porto.state(name) == "running"


def test_slow_change_does_not_block_others(portod, porto, toolbox, name):
    """Shrinking a limit reclaims in the kernel; the daemon answers meanwhile."""
    import porto_client

    porto.run(name, "sh -c 'dd if=/dev/zero of=f bs=1M count=100 2>/dev/null; sleep 1000'")
    poll(lambda: int(porto.get_property(name, "memory_usage")) > 90 * MIB)
    with portod.client() as other:
        other.send(
            porto_client.make_request(
                "SetProperty", name=name, property="memory_limit", value="64M"
            )
        )
        start = time.monotonic()
        porto.version()
        porto.get([name], ["state"])
        assert time.monotonic() - start < 0.5
        other.recv_reply()


def test_nested_limits(porto, toolbox, name):
    porto.create(name)
    porto.set_property(name, "memory_limit", "512M")
    porto.start(name)
    porto.run(name + "/child", "%s hog 200" % toolbox, memory_limit="32M")
    porto.wait_state(name + "/child", "dead")
    assert porto.get_property(name + "/child", "exit_code") == "-99"
    assert porto.state(name) == "meta"


# ---- cpu -------------------------------------------------------------------------------------------


def test_cpu_limit(porto, toolbox, name):
    """Half a core: the kernel gives no more, with room for a noisy machine."""
    porto.run(name, "%s spin 1000" % toolbox, cpu_limit="0.5c")
    porto.finish(name)
    used = int(porto.get_property(name, "stdout"))
    assert used < 750, "%d ms of cpu in one second" % used


def test_cpu_knobs(porto, name):
    porto.run(name, "sleep 1000", cpu_limit="1.5c", cpu_period="50ms")
    if V2:
        assert knob(porto, name, "cpu", "cpu.max") == "75000 50000"
    else:
        assert knob(porto, name, "cpu", "cpu.cfs_period_us") == "50000"
        assert knob(porto, name, "cpu", "cpu.cfs_quota_us") == "75000"
    porto.set_property(name, "cpu_limit", "0")
    text = knob(porto, name, "cpu", "cpu.cfs_quota_us", "cpu.max")
    assert text == "-1" or text.startswith("max")


def test_cpu_weight(porto, name):
    porto.run(name, "sleep 1000")
    base = float(knob(porto, name, "cpu", "cpu.shares", "cpu.weight"))
    porto.set_property(name, "cpu_weight", "2")
    assert float(knob(porto, name, "cpu", "cpu.shares", "cpu.weight")) == pytest.approx(2 * base, rel=0.02)
    porto.set_property(name, "cpu_weight", "0.5")
    assert float(knob(porto, name, "cpu", "cpu.shares", "cpu.weight")) == pytest.approx(base / 2, rel=0.02)


def test_cpu_usage(porto, toolbox, name):
    porto.run(name, "%s burn 200" % toolbox)
    porto.finish(name)
    used = int(porto.get_property(name, "cpu_usage"))
    assert 180e6 < used < 5e9
    assert int(porto.get_property(name, "cpu_usage_system")) <= used + 50e6


def test_cpu_usage_of_a_subtree(porto, toolbox, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/child", "%s burn 200" % toolbox)
    porto.finish(name + "/child")
    assert int(porto.get_property(name, "cpu_usage")) > 180e6


# ---- threads ----------------------------------------------------------------------------------------


def test_thread_limit(porto, toolbox, name):
    porto.run(name, "%s fork 100" % toolbox, thread_limit=20)
    poll(lambda: porto.get_property(name, "stdout"))
    count, *reason = porto.get_property(name, "stdout").split()
    assert int(count) < 20
    assert "unavailable" in " ".join(reason)
    assert int(porto.get_property(name, "thread_count")) <= 20
    assert porto.state(name) == "running"


def test_thread_limit_at_run_time(porto, name):
    porto.run(name, "sleep 1000")
    assert knob(porto, name, "pids", "pids.max") == "10000"
    porto.set_property(name, "thread_limit", "50")
    assert knob(porto, name, "pids", "pids.max") == "50"


def test_counts(porto, toolbox, name):
    porto.run(name, "%s threads 5" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    # portoinit and the command.
    assert porto.get_property(name, "process_count") == "2"
    assert porto.get_property(name, "thread_count") == "7"
    porto.run(name + "/child", "sleep 1000")
    assert porto.get_property(name, "process_count") == "4"


def test_start_with_too_few_threads(porto, name):
    porto.create(name)
    porto.set(name, command="true", thread_limit=1)
    with expect("ResourceNotAvailable", "Unknown"):
        porto.start(name)
    assert porto.state(name) == "stopped"


# ---- freezer ----------------------------------------------------------------------------------------


def test_freezer(porto, portod, name):
    porto.run(name, "sleep 1000")
    porto.pause(name)
    if V2:
        assert "frozen 1" in knob(porto, name, "freezer", "cgroup.events")
    else:
        # With a v2 hierarchy beside v1 either of the two freezers may have been used.
        frozen = False
        for path in portod.cgroup_dirs():
            for file, text in ("freezer.state", "FROZEN"), ("cgroup.events", "frozen 1"):
                try:
                    with open(os.path.join(path, file)) as handle:
                        frozen = frozen or text in handle.read()
                except FileNotFoundError:
                    pass
        assert frozen
    porto.resume(name)


def test_counters_after_death(porto, toolbox, name):
    """What was used stays readable until the stop."""
    porto.run(name, "%s burn 50" % toolbox)
    porto.finish(name)
    assert int(porto.get_property(name, "cpu_usage")) > 0
    assert porto.get_property(name, "memory_usage").isdigit()
    porto.stop(name)
    with expect("InvalidState"):
        porto.get_property(name, "cpu_usage")


def test_limits_survive_a_second_start(porto, name):
    porto.run(name, "sleep 1000", memory_limit="64M", thread_limit=77)
    porto.stop(name, 0)
    porto.start(name)
    assert knob(porto, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MIB)
    assert knob(porto, name, "pids", "pids.max") == "77"


# ---- values that are kept without effect ----------------------------------------------------------


def test_notes(porto, name):
    porto.create(name)
    porto.set_property(name, "place_limit", "/place: 1G; default: 5")
    assert porto.get_property(name, "place_limit") == "/place: 1073741824; default: 5"
    porto.set_property(name, "place_limit[/place]", "2K")
    assert porto.get_property(name, "place_limit[/place]") == "2048"
    for bad in "1G", "a: b", "a: -1", ": 5":
        with expect("InvalidValue"):
            porto.set_property(name, "place_limit", bad)
    with expect("InvalidValue"):
        porto.get_property(name, "place_limit[none]")
    assert porto.get_property(name, "place_usage") == ""
    assert porto.get_property(name, "place_usage[/place]") == ""
    with expect("InvalidValue"):
        porto.set_property(name, "place_usage", "a: 1")
    porto.set_property(name, "bind_dns", "true")
    assert porto.get_property(name, "bind_dns") == "true"
    porto.set_property(name, "link_memory_writeback_blkio", "true")
    assert porto.get_property(name, "link_memory_writeback_blkio") == "true"
    assert not {"bind_dns", "link_memory_writeback_blkio"} & set(porto.property_list())
    assert "place_limit" in porto.get_property(name, "taint")


def test_notes_in_specs(porto, name):
    """Told only when they are set, and taken."""
    porto.create_from_spec(name, private="x")
    (told,) = porto.list_by(name)
    for field in "place_limit", "dirty_limit", "link_memory_writeback_blkio", "anon_limit":
        assert not told.spec.HasField(field), field
    porto.set_property(name, "place_limit", "/a: 5")
    porto.set_property(name, "dirty_limit", "2M")
    (told,) = porto.list_by(name)
    assert told.spec.dirty_limit == 2 * MIB
    assert [(e.key, e.val) for e in told.spec.place_limit.map] == [("/a", 5)]
    porto.create_from_spec(name + "2", place_limit={"map": [{"key": "/b", "val": 7}]}, dirty_limit=3 * MIB)
    assert porto.get_property(name + "2", "place_limit") == "/b: 7"
    assert porto.get_property(name + "2", "dirty_limit") == str(3 * MIB)
    porto.destroy(name + "2")


def test_no_kills_are_no_value(porto, toolbox, name):
    porto.run(name, "sleep 1000")
    for prop in "oom_kills", "oom_kills_total":
        assert porto.get_property(name, prop) == "0"
        with expect("NoValue"):
            porto.get_property(name, prop, real=True)
    porto.run(name + "2", "%s hog 200" % toolbox, memory_limit="32M")
    assert porto.finish(name + "2") == -99
    for prop in "oom_kills", "oom_kills_total":
        assert int(porto.get_property(name + "2", prop, real=True)) >= 1
    porto.destroy(name + "2")


def test_dirty_limit(porto, name):
    """Taken everywhere, and not listed."""
    assert not {"dirty_limit", "dirty_limit_bound"} & set(porto.property_list())
    porto.run(name, "sleep 1000")
    assert porto.get_property(name, "dirty_limit") == "0"
    assert porto.get_property(name, "dirty_limit_bound") == ""
    porto.set_property(name, "dirty_limit", "2M")
    porto.create(name + "/child")
    assert porto.get_property(name + "/child", "dirty_limit_bound") == str(2 * MIB)
    porto.set_property(name + "/child", "dirty_limit", "1M")
    assert porto.get_property(name + "/child", "dirty_limit_bound") == str(MIB)
    with expect("InvalidValue"):
        porto.set_property(name, "dirty_limit", "5")
    assert "dirty_limit" in porto.get_property(name, "taint")


NOTES = {
    "anon_limit": ("2M", str(2 * MIB)),
    "anon_only": ("true", "true"),
    "recharge_on_pgfault": ("true", "true"),
    "memory_lock_policy": ("disabled", "disabled"),
}


@pytest.mark.parametrize("prop", NOTES)
def test_notes_of_the_unified_tree(porto, name, prop):
    """As Porto has it: refused on version 1, taken without effect on version 2."""
    value, shown = NOTES[prop]
    porto.run(name, "sleep 1000")
    if not V2:
        assert prop not in porto.property_list()
        with expect("NotSupported"):
            porto.get_property(name, prop)
        with expect("NotSupported"):
            porto.set_property(name, prop, value)
        return
    porto.set_property(name, prop, value)
    assert porto.get_property(name, prop) == shown
    assert prop == "memory_lock_policy" or prop in porto.get_property(name, "taint")
    with expect("InvalidValue"):
        porto.set_property(name, prop, "x")
    with expect("NotSupported"):
        porto.set_property(name, "memory_lock_policy", "mlockall")


# ---- what a limit of memory means for /run ---------------------------------------------------------


def test_size_of_run(porto, rootfs, name):
    """Half of the least limit above, whoever has it."""
    porto.create(name)
    porto.set_property(name, "memory_limit", "64M")
    porto.start(name)
    text = porto.output(name + "/child", "stat -f -c '%b %s' /run", root=rootfs, memory_limit="128M")
    blocks, size = map(int, text.split())
    assert blocks * size == 32 * MIB
