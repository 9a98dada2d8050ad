# SPDX-License-Identifier: Apache-2.0
"""Memory: what is counted, what is guaranteed, what the dead give back."""

import os
import time

import pytest

from conftest import expect, poll
from test_resources import MIB, V2, knob

PAGE = os.sysconf("SC_PAGE_SIZE")


def number(porto, name, prop):
    return int(porto.get_property(name, prop))


def parsed(text):
    return {key: int(value) for key, value in (item.split(": ") for item in text.split("; "))}


def supported(porto, prop):
    return prop in porto.property_list()


# ---- counters ---------------------------------------------------------------------------------


def test_faults(porto, toolbox, name):
    porto.run(name, "%s hog 32" % toolbox)
    poll(lambda: "touched" in porto.get_property(name, "stdout"))
    # Huge pages make one fault out of many.
    assert number(porto, name, "minor_faults") >= 32 * MIB // (2 * MIB)
    assert number(porto, name, "major_faults") < 10000


def test_shared_memory(porto, name):
    """A file in /dev/shm is shared memory, not file cache."""
    path = "/dev/shm/porto-test-%d" % os.getpid()
    try:
        porto.run(name, "sh -c 'dd if=/dev/zero of=%s bs=1M count=16 2>/dev/null; sleep 1000'" % path)
        poll(lambda: number(porto, name, "shmem_usage") >= 16 * MIB)
        assert number(porto, name, "shmem_usage") < 24 * MIB
        assert number(porto, name, "cache_usage") < 16 * MIB
    finally:
        porto.kill(name, 9)
        if os.path.exists(path):
            os.unlink(path)


def test_locked_memory(porto, toolbox, name):
    porto.run(name, "%s lock 8" % toolbox, memory_limit="64M", ulimit="memlock: unlimited")
    poll(lambda: porto.get_property(name, "stdout"))
    if "locked" not in porto.get_property(name, "stdout"):
        pytest.skip("this host does not let us lock 8 MiB: " + porto.get_property(name, "stdout"))
    poll(lambda: number(porto, name, "mlock_usage") >= 8 * MIB)
    assert number(porto, name, "mlock_usage") < 16 * MIB


def test_reclaimed(porto, name):
    """Cache beyond the limit is taken back, and that is counted. Without the unified tree each
    large page of the cache counts as one of 4 KiB."""
    porto.run(
        name,
        "sh -c 'dd if=/dev/zero of=file bs=1M count=64 2>/dev/null; sync; sleep 1000'",
        memory_limit="16M",
    )
    before = number(porto, name, "memory_reclaimed")
    assert before % PAGE == 0
    poll(lambda: number(porto, name, "memory_reclaimed") > before + (32 * MIB if V2 else 64 * PAGE), 60)
    assert number(porto, name, "memory_usage") <= 16 * MIB


def test_address_spaces(porto, toolbox, name):
    porto.run(name, "%s hog 32" % toolbox)
    poll(lambda: "touched" in porto.get_property(name, "stdout"))
    values = parsed(porto.get_property(name, "virtual_memory"))
    assert list(values) == sorted(
        "count size max_size used max_used anon file shmem huge swap data stack code locked table".split()
    )
    assert values["count"] == 2  # portoinit and the command
    assert 32 * MIB <= values["anon"] <= values["used"] <= values["max_used"] <= values["max_size"]
    assert values["size"] <= values["max_size"]
    assert values["data"] >= 32 * MIB
    assert int(porto.get_property(name, "virtual_memory[count]")) == 2
    assert int(porto.get_property(name, "virtual_memory[used]")) >= 32 * MIB
    # what is below counts for itself
    porto.run(name + "/child", "%s hog 32" % toolbox)
    poll(lambda: "touched" in porto.get_property(name + "/child", "stdout"))
    assert parsed(porto.get_property(name, "virtual_memory"))["used"] < 60 * MIB
    with expect("InvalidProperty"):
        porto.get_property(name, "virtual_memory[none]")


def test_stalls(porto, name):
    if not os.path.exists("/proc/pressure/memory"):
        pytest.skip("the kernel does not count stalls")
    porto.run(name, "sleep 1000")
    values = parsed(porto.get_property(name, "memory_pressure"))
    assert set(values) == {"full", "some"}
    porto.set_property(name, "memory_limit", "8M")
    porto.run(
        name + "/busy",
        "sh -c 'while :; do dd if=/dev/zero of=file bs=1M count=64 2>/dev/null; "
        "cat file file >/dev/null; done'",
    )
    poll(lambda: parsed(porto.get_property(name, "memory_pressure"))["some"] > values["some"], 60)
    assert number(porto, "/", "memory_pressure[some]") > 0


def test_counters_of_the_root(porto, portod):
    """They are the host's."""
    with open("/proc/meminfo") as file:
        info = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}
    assert 0 < number(porto, "/", "memory_usage") <= info["MemTotal"]
    assert number(porto, "/", "shmem_usage") <= info["MemTotal"]
    assert number(porto, "/", "minor_faults") > 1000
    assert number(porto, "/", "memory_limit") <= info["MemTotal"]
    assert number(porto, "/", "memory_limit_total") == info["MemTotal"]


def test_counters_need_a_start(porto, name):
    porto.create(name)
    for prop in (
        "memory_reclaimed memory_pressure shmem_usage mlock_usage minor_faults major_faults "
        "virtual_memory cpu_throttled cpu_pressure"
    ).split():
        if supported(porto, prop):
            with expect("InvalidState"):
                porto.get_property(name, prop)
            with expect("InvalidValue"):
                porto.set_property(name, prop, "1")


def test_counters_of_an_ancestor(porto, name):
    """A nested container without a group of its own shows the numbers of the one above."""
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000")
    if "memory" in porto.get_property(name + "/child", "controllers").split(";"):
        pytest.skip("in the unified tree every container has a group of its own")
    assert number(porto, name + "/child", "minor_faults") >= number(porto, name, "minor_faults") // 2
    with expect("NoValue"):
        porto.get_property(name + "/child", "minor_faults", real=True)


# ---- guarantee --------------------------------------------------------------------------------


def test_guarantee(porto, name):
    porto.create(name)
    if not supported(porto, "memory_guarantee"):
        with expect("NotSupported"):
            porto.set_property(name, "memory_guarantee", "1M")
        with expect("NotSupported"):
            porto.get_property(name, "memory_guarantee_total")
        pytest.skip("without the unified tree the kernel guarantees nothing")
    porto.set(name, memory_guarantee="16M", command="sleep 1000")
    assert number(porto, name, "memory_guarantee_total") == 0
    porto.start(name)
    assert knob(porto, name, "memory", "memory.low") == str(16 * MIB)
    porto.run(name + "/child", "sleep 1000", memory_guarantee="32M")
    assert number(porto, name, "memory_guarantee_total") == 32 * MIB
    assert knob(porto, name, "memory", "memory.low") == str(32 * MIB)
    with expect("ResourceNotAvailable"):
        porto.set_property(name, "memory_guarantee", "1P")
    assert number(porto, name, "memory_guarantee") == 16 * MIB
    assert knob(porto, name, "memory", "memory.low") == str(32 * MIB)
    porto.stop(name + "/child", 0)
    assert knob(porto, name, "memory", "memory.low") == str(16 * MIB)


# ---- what the dead give back --------------------------------------------------------------------


def soft_limit(porto, name):
    value = int(knob(porto, name, "memory", "memory.soft_limit_in_bytes"))
    return None if value > 1 << 50 else value


@pytest.fixture
def needs_press(porto):
    if not supported(porto, "pressurize_on_death"):
        pytest.skip("the kernel has neither soft limits nor memory.reclaim")


def test_dead_container_is_pressed(porto, name, needs_press):
    if V2:
        pytest.skip("in the unified tree there is no soft limit to look at")
    porto.run(name, "sleep 1000", pressurize_on_death=True)
    assert soft_limit(porto, name) is None
    porto.kill(name, 9)
    porto.finish(name)
    poll(lambda: soft_limit(porto, name) == MIB)
    porto.set(name, private="still settable")
    porto.stop(name)
    porto.start(name)
    assert soft_limit(porto, name) is None


def test_pressed_container_respawns_without(porto, name, needs_press):
    if V2:
        pytest.skip("in the unified tree there is no soft limit to look at")
    porto.run(name, "sh -c 'sleep 0.1; exit 1'", pressurize_on_death=True, respawn=True, max_respawns=1)
    porto.wait_state(name, "dead")
    poll(lambda: soft_limit(porto, name) == MIB)
    porto.set_property(name, "max_respawns", "-1")
    porto.respawn(name)
    poll(lambda: soft_limit(porto, name) is None or porto.state(name) == "dead")


def test_hollow_container_is_pressed(porto, name, needs_press):
    """One without command, as long as nothing below it runs."""
    if V2:
        pytest.skip("in the unified tree there is no soft limit to look at")
    porto.create(name)
    porto.set(name, pressurize_on_death=True)
    porto.start(name)
    poll(lambda: soft_limit(porto, name) == MIB)
    porto.run(name + "/child", "sleep 1000")
    poll(lambda: soft_limit(porto, name) is None)
    porto.kill(name + "/child", 9)
    porto.finish(name + "/child")
    poll(lambda: soft_limit(porto, name) == MIB)
    porto.set_property(name, "pressurize_on_death", "false")
    poll(lambda: soft_limit(porto, name) is None)
    porto.set_property(name, "pressurize_on_death", "true")
    poll(lambda: soft_limit(porto, name) == MIB)


def test_configured_default(own_portod, name):
    daemon = own_portod(container="pressurize_on_death: true dead_memory_soft_limit: 4194304")
    with daemon.client() as porto:
        if not supported(porto, "pressurize_on_death") or V2:
            pytest.skip("there are no soft limits to look at")
        porto.run(name, "true")
        assert porto.get_property(name, "pressurize_on_death") == "true"
        porto.finish(name)
        poll(lambda: soft_limit(porto, name) == 4 * MIB)
        # and again after a restart of the server
        daemon.kill_server()
    with daemon.client() as porto:
        assert soft_limit(porto, name) == 4 * MIB
        porto.destroy(name)


def test_memory_is_given_back_at_once(porto, name, needs_press):
    if not V2:
        pytest.skip("without the unified tree it is given back when somebody needs it")
    porto.run(
        name, "dd if=/dev/zero of=file bs=1M count=64", pressurize_on_death=True, stderr_path="/dev/null"
    )
    porto.finish(name)
    poll(lambda: number(porto, name, "memory_usage") < 16 * MIB)


# ---- huge pages -------------------------------------------------------------------------------


def test_huge_pages(porto, name):
    porto.create(name)
    if not supported(porto, "hugetlb_limit"):
        with expect("NotSupported"):
            porto.set_property(name, "hugetlb_limit", "2M")
        with expect("NotSupported"):
            porto.get_property(name, "hugetlb_usage")
        pytest.skip("the host has no controller hugetlb that can be used")
    porto.set(name, command="sleep 1000", hugetlb_limit="4M")
    porto.start(name)
    assert knob(porto, name, "hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max") == str(4 * MIB)
    assert number(porto, name, "hugetlb_usage") == 0
    porto.set_property(name, "hugetlb_limit", "0")


# ---- core dumps -------------------------------------------------------------------------------


def test_what_is_dumped(porto, name):
    def filter_of():
        with open("/proc/%s/coredump_filter" % porto.get_property(name, "root_pid")) as file:
            return int(file.read(), 16)

    porto.run(name, "sleep 1000")
    default = filter_of()
    porto.stop(name, 0)
    assert porto.get_property(name, "coredump_filter") == ""
    porto.set(name, coredump_filter="0x1f")
    porto.start(name)
    assert filter_of() == 0x1F
    assert porto.get_property(name, "coredump_filter") == "0x1f"
    with expect("InvalidState"):
        porto.set_property(name, "coredump_filter", "1")
    porto.stop(name, 0)
    porto.set(name, coredump_filter="0")
    porto.start(name)
    assert filter_of() == 0
    porto.stop(name, 0)
    porto.set(name, coredump_filter="")
    porto.start(name)
    assert filter_of() == default
    porto.stop(name, 0)
    with expect("InvalidValue"):
        porto.set(name, coredump_filter="0x200")


def test_configured_dump_filter(own_portod, name):
    daemon = own_portod(container="default_coredump_filter: 3")
    with daemon.client() as porto:
        porto.run(name, "sleep 1000")
        with open("/proc/%s/coredump_filter" % porto.get_property(name, "root_pid")) as file:
            assert int(file.read(), 16) == 3
        porto.destroy(name)
