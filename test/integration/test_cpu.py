# SPDX-License-Identifier: Apache-2.0
"""Shares, limits and scheduling of the cpus, as the processes inside feel them."""

import os

import pytest

from conftest import expect, poll
from test_resources import V2, knob

OTHER, BATCH, IDLE, RR = os.SCHED_OTHER, os.SCHED_BATCH, os.SCHED_IDLE, os.SCHED_RR


def main_pid(porto, name):
    return int(porto.get_property(name, "root_pid"))


def threads(pid):
    return [int(tid) for tid in os.listdir("/proc/%d/task" % pid)]


def scheduling(pid):
    """(class, nice value), the same for all threads of a process."""
    seen = {(os.sched_getscheduler(tid), os.getpriority(os.PRIO_PROCESS, tid)) for tid in threads(pid)}
    assert len(seen) == 1, seen
    return seen.pop()


def shares(porto, name):
    return float(knob(porto, name, "cpu", "cpu.shares", "cpu.weight"))


BASE = 100 if V2 else 1024


# ---- class and nice value ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("normal", (OTHER, 0)),
        ("iso", (OTHER, 0)),
        ("nosmt", (OTHER, 0)),
        ("high", (OTHER, -10)),
        ("rt", (OTHER, -20)),
        ("batch", (BATCH, 0)),
        ("idle", (IDLE, 0)),
    ],
)
def test_policy(porto, name, policy, expected):
    porto.run(name, "sleep 1000", cpu_policy=policy)
    assert scheduling(main_pid(porto, name)) == expected


def test_policy_changes_for_all_threads(porto, toolbox, name):
    porto.run(name, "%s threads 5" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    pid = main_pid(porto, name)
    assert scheduling(pid) == (OTHER, 0)
    for policy, expected in ("idle", (IDLE, 0)), ("batch", (BATCH, 0)), ("high", (OTHER, -10)), (
        "normal",
        (OTHER, 0),
    ):
        porto.set_property(name, "cpu_policy", policy)
        assert scheduling(pid) == expected
        assert porto.get_property(name, "cpu_policy") == policy


def test_policy_is_inherited_by_a_new_container(porto, name):
    porto.run(name, "sleep 1000", cpu_policy="batch")
    porto.run(name + "/child", "sleep 1000")
    assert porto.get_property(name + "/child", "cpu_policy") == "batch"
    assert scheduling(main_pid(porto, name + "/child")) == (BATCH, 0)
    # a change does not reach it
    porto.set_property(name, "cpu_policy", "normal")
    assert scheduling(main_pid(porto, name + "/child")) == (BATCH, 0)
    assert scheduling(main_pid(porto, name)) == (OTHER, 0)


def test_policy_of_a_second_run(porto, name):
    porto.run(name, "sleep 1000")
    porto.set_property(name, "cpu_policy", "idle")
    porto.stop(name, 0)
    porto.start(name)
    assert scheduling(main_pid(porto, name)) == (IDLE, 0)


@pytest.mark.parametrize(
    "weight, policy, nice",
    [("2", "normal", -7), ("0.5", "normal", 7), ("1", "normal", 0), ("100", "normal", -20),
     ("0.01", "normal", 19), ("2", "high", -17), ("0.5", "high", -2)],
)
def test_weight_shifts_the_nice_value(porto, name, weight, policy, nice):
    porto.run(name, "sleep 1000", cpu_weight=weight, cpu_policy=policy)
    assert scheduling(main_pid(porto, name)) == (OTHER, nice)


def test_weight_changes_at_run_time(porto, toolbox, name):
    porto.run(name, "%s threads 3" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    porto.set_property(name, "cpu_weight", "2")
    assert scheduling(main_pid(porto, name)) == (OTHER, -7)
    porto.set_property(name, "cpu_weight", "1")
    assert scheduling(main_pid(porto, name)) == (OTHER, 0)


def test_weight_below_without_controller(porto, name):
    """A nested container has no group of its own for cpu, but its processes have a nice value."""
    porto.create(name)
    porto.start(name)
    porto.run(name + "/child", "sleep 1000", cpu_weight="0.5")
    assert scheduling(main_pid(porto, name + "/child")) == (OTHER, 7)


def test_real_time_class(own_portod, name):
    daemon = own_portod(container="rt_priority: 10")
    with daemon.client() as porto:
        porto.run(name, "sleep 1000", cpu_policy="rt")
        pid = main_pid(porto, name)
        if os.sched_getscheduler(pid) == OTHER:
            pytest.skip("the kernel gives this group no real-time tasks")
        assert os.sched_getscheduler(pid) == RR
        assert os.sched_getparam(pid).sched_priority == 10
        porto.set_property(name, "cpu_policy", "normal")
        assert scheduling(pid) == (OTHER, 0)
        porto.destroy(name)


# ---- shares -----------------------------------------------------------------------------------


def test_shares(porto, name):
    """A guarantee is worth more the larger it is, and more than none."""
    porto.run(name, "sleep 1000")
    assert shares(porto, name) == BASE
    seen = [BASE]
    for guarantee in "0.5c", "1c", "2c":
        porto.set_property(name, "cpu_guarantee", guarantee)
        seen.append(shares(porto, name))
    assert seen == sorted(seen) and len(set(seen)) == 4
    assert seen[3] == pytest.approx(2 * seen[2])
    porto.set_property(name, "cpu_weight", "0.5")
    assert shares(porto, name) == pytest.approx(seen[2])
    porto.set_property(name, "cpu_guarantee", "0")
    assert shares(porto, name) == pytest.approx(BASE / 2)


@pytest.mark.parametrize("policy", ["high", "rt"])
def test_shares_of_a_policy(porto, name, policy):
    porto.run(name, "sleep 1000", cpu_policy=policy)
    assert shares(porto, name) == 16 * BASE


def test_shares_of_an_idle_container(porto, name):
    porto.run(name, "sleep 1000", cpu_policy="idle", cpu_guarantee="2c")
    assert shares(porto, name) == (1 if V2 else 2)
    porto.set_property(name, "cpu_policy", "normal")
    assert shares(porto, name) > BASE


def test_idle_group(own_portod, name):
    daemon = own_portod(container="enable_sched_idle: true")
    with daemon.client() as porto:
        porto.run(name, "sleep 1000", cpu_policy="idle", cpu_weight="3")
        try:
            assert knob(porto, name, "cpu", "cpu.idle") == "1"
        except pytest.fail.Exception:
            pytest.skip("the kernel has no idle groups (Linux 5.15)")
        assert scheduling(main_pid(porto, name))[0] == OTHER
        # while it is idle the weight has to wait, afterwards it counts
        porto.set_property(name, "cpu_weight", "2")
        porto.set_property(name, "cpu_policy", "normal")
        assert knob(porto, name, "cpu", "cpu.idle") == "0"
        assert shares(porto, name) == 2 * BASE
        porto.destroy(name)


def test_guarantee_needs_the_controller(porto, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/child", "sleep 1000")
    owned = porto.get_property(name + "/child", "controllers").split(";")
    if "cpu" in owned:
        pytest.skip("in the unified tree every container has all controllers")
    with expect("NotSupported"):
        porto.set_property(name + "/child", "cpu_guarantee", "1c")
    assert porto.get_property(name + "/child", "cpu_guarantee") == "0c"
    porto.stop(name + "/child", 0)
    porto.set_property(name + "/child", "cpu_guarantee", "1c")
    assert "cpu" in porto.get_property(name + "/child", "controllers").split(";")


def test_guarantee_bounds(porto, name):
    cores = "%dc" % os.sysconf("SC_NPROCESSORS_ONLN")
    assert porto.get_property("/", "cpu_guarantee") == cores
    porto.create(name)
    porto.create(name + "/child")
    porto.set(name, cpu_guarantee="1.5c")
    porto.set(name + "/child", cpu_guarantee="2c")
    assert porto.get_property(name, "cpu_guarantee_bound") == "1.5c"
    assert porto.get_property(name + "/child", "cpu_guarantee_bound") == "1.5c"
    assert porto.get_property(name + "/child", "cpu_guarantee_total") == "1.5c"
    porto.set(name + "/child", cpu_guarantee="0.5c")
    assert porto.get_property(name + "/child", "cpu_guarantee_bound") == "0.5c"


# ---- limits -----------------------------------------------------------------------------------


def quota(porto, name):
    """Cores, or None."""
    if V2:
        value, period = knob(porto, name, "cpu", "cpu.max").split()
    else:
        value = knob(porto, name, "cpu", "cpu.cfs_quota_us")
        period = knob(porto, name, "cpu", "cpu.cfs_period_us")
    return None if value in ("max", "-1") else float(value) / float(period)


def test_limit_of_a_parent_reaches_its_children(porto, name):
    """Lowered and raised, in whatever order the kernel wants it."""
    child, grandchild = name + "/child", name + "/child/leaf"
    porto.create(name)
    porto.create(child)
    porto.create(grandchild)
    for ct, limit in (name, "2c"), (child, "1.5c"), (grandchild, "1c"):
        porto.set(ct, cpu_limit=limit)
    porto.set(grandchild, command="sleep 1000")
    porto.start(grandchild)
    assert [quota(porto, ct) for ct in (name, child, grandchild)] == [2, 1.5, 1]
    porto.set_property(name, "cpu_limit", "0.5c")
    assert [quota(porto, ct) for ct in (name, child, grandchild)] == [0.5, 0.5, 0.5]
    assert porto.get_property(grandchild, "cpu_limit_bound") == "0.5c"
    assert porto.get_property(grandchild, "cpu_limit") == "1c"
    porto.set_property(name, "cpu_limit", "1.2c")
    assert [quota(porto, ct) for ct in (name, child, grandchild)] == [1.2, 1.2, 1]
    porto.set_property(name, "cpu_limit", "0")
    assert [quota(porto, ct) for ct in (name, child, grandchild)] == [None, 1.5, 1]
    porto.set_property(child, "cpu_period", "50ms")
    porto.set_property(child, "cpu_limit", "0.1c")
    assert [quota(porto, ct) for ct in (name, child, grandchild)] == [None, 0.1, 0.1]


def test_limit_scale(own_portod, name):
    daemon = own_portod(container="cpu_limit_scale: 1.5")
    with daemon.client() as porto:
        porto.run(name, "sleep 1000", cpu_limit="1c")
        assert quota(porto, name) == 1.5
        assert porto.get_property(name, "cpu_limit") == "1c"
        porto.destroy(name)


def test_time_at_the_limit(porto, toolbox, name):
    porto.run(name, "%s spin 300" % toolbox, cpu_limit="0.2c")
    assert porto.get_property(name, "cpu_throttled").isdigit()
    porto.finish(name)
    assert int(porto.get_property(name, "cpu_throttled")) > 0


def test_no_time_at_a_limit_without_one(porto, toolbox, name):
    porto.run(name, "%s burn 50" % toolbox)
    porto.finish(name)
    assert porto.get_property(name, "cpu_throttled") == "0"


def test_stalls_are_counted(porto, toolbox, name):
    """A container that is held back at its limit, or by others, waits for a cpu."""
    if not os.path.exists("/proc/pressure/cpu"):
        pytest.skip("the kernel does not count stalls")
    porto.run(name, "%s spin 500" % toolbox, cpu_limit="0.2c")
    porto.finish(name)
    stalls = porto.get_property(name, "cpu_pressure")
    values = dict(item.split(": ") for item in stalls.split("; "))
    assert int(values["some"]) > 0
    assert int(porto.get_property(name, "cpu_pressure[some]")) >= int(values["some"])
    assert 0 <= float(porto.get_property(name, "cpu_pressure[some.avg10]")) <= 100
    with expect("InvalidValue"):
        porto.get_property(name, "cpu_pressure[some.no]")
    with expect("InvalidValue"):
        porto.get_property(name, "cpu_pressure[none]")
    assert int(porto.get_property("/", "cpu_pressure[some]")) >= int(values["some"])
