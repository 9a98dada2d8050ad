# SPDX-License-Identifier: Apache-2.0
"""Processors of containers: lists, nodes, jails, and who follows whom."""

import os

import pytest

from conftest import expect, poll
from test_cpu import main_pid, shares  # noqa: F401
from test_resources import V2

HOST = sorted(os.sched_getaffinity(1))
FIRST, LAST = HOST[0], HOST[-1]

pytestmark = pytest.mark.skipif(
    len(HOST) < 2, reason="the host has one processor, every set of them is the same"
)


@pytest.fixture(autouse=True)
def needs_cpuset(porto):
    if "cpu_set" not in porto.property_list():
        pytest.skip("the host has no controller cpuset")


def cpus(porto, name):
    """What the kernel lets the main process use."""
    return sorted(os.sched_getaffinity(main_pid(porto, name)))


def listed(numbers):
    """The kernel's short form."""
    text, numbers = [], sorted(numbers)
    while numbers:
        first = last = numbers.pop(0)
        while numbers and numbers[0] == last + 1:
            last = numbers.pop(0)
        text.append(str(first) if first == last else "%d-%d" % (first, last))
    return ",".join(text)


def test_default(porto, name):
    porto.run(name, "sleep 1000")
    assert porto.get_property(name, "cpu_set") == ""
    assert porto.get_property(name, "cpu_set_affinity") == listed(HOST)
    assert cpus(porto, name) == HOST


def test_list(porto, name):
    porto.run(name, "sleep 1000", cpu_set=str(LAST))
    assert cpus(porto, name) == [LAST]
    assert porto.get_property(name, "cpu_set_affinity") == str(LAST)


def test_changes_at_run_time(porto, toolbox, name):
    porto.run(name, "%s threads 3" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    pid = main_pid(porto, name)
    for value, expected in (
        (str(FIRST), [FIRST]),
        (str(LAST), [LAST]),
        ("%d,%d" % (LAST, FIRST), [FIRST, LAST]),
        ("all", HOST),
        (str(FIRST), [FIRST]),
        ("inherit", HOST),
        ("node 0", HOST),
        ("", HOST),
    ):
        porto.set_property(name, "cpu_set", value)
        for tid in os.listdir("/proc/%d/task" % pid):
            assert sorted(os.sched_getaffinity(int(tid))) == expected, value
    assert porto.get_property(name, "cpu_set") == ""


def test_text(porto, name):
    porto.create(name)
    for value, text in (
        ("%d,%d" % (LAST, FIRST), listed([FIRST, LAST])),
        ("node 0", "node 0"),
        ("jail 1", "jail 1"),
        ("node 0; jail 2", "jail 2; node 0"),
        ("jail 1;node 0", "jail 1; node 0"),
        ("all", ""),
        (str(FIRST), str(FIRST)),
        ("inherit", ""),
    ):
        porto.set_property(name, "cpu_set", value)
        assert porto.get_property(name, "cpu_set") == text


def test_children_follow(porto, name):
    """Those that inherit, at any depth, also while the set grows and shrinks."""
    child, leaf = name + "/child", name + "/child/leaf"
    for ct in name, child, leaf:
        porto.create(ct)
        porto.set(ct, command="sleep 1000")
    porto.set(child, cpu_set="inherit")
    porto.set(leaf, cpu_set="inherit")
    porto.start(leaf)
    for value, expected in (str(FIRST), [FIRST]), (str(LAST), [LAST]), ("all", HOST):
        porto.set_property(name, "cpu_set", value)
        assert [cpus(porto, ct) for ct in (name, child, leaf)] == [expected] * 3


def test_a_child_has_a_part(porto, name):
    porto.run(name, "sleep 1000", cpu_set=listed([FIRST, LAST]))
    porto.run(name + "/child", "sleep 1000", cpu_set=str(LAST))
    assert cpus(porto, name + "/child") == [LAST]
    porto.set_property(name + "/child", "cpu_set", "inherit")
    assert cpus(porto, name + "/child") == [FIRST, LAST]


def test_more_than_the_parent_has(porto, name):
    porto.run(name, "sleep 1000", cpu_set=str(FIRST))
    porto.create(name + "/child")
    porto.set(name + "/child", command="sleep 1000", cpu_set=str(LAST))
    if V2:
        pytest.skip("the unified tree gives what both have")
    with expect("InvalidValue"):
        porto.start(name + "/child")
    assert porto.state(name + "/child") == "stopped"
    porto.set(name + "/child", cpu_set="inherit")
    porto.start(name + "/child")
    with expect("InvalidValue") as refused:
        porto.set_property(name + "/child", "cpu_set", str(LAST))
    assert str(LAST) in refused.error.text
    # everything is as it was
    assert porto.get_property(name + "/child", "cpu_set") == ""
    assert cpus(porto, name + "/child") == [FIRST]


def test_less_than_a_child_has(porto, name):
    """Taking a child's only processor from the parent is refused, and changes nobody."""
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000", cpu_set=str(LAST))
    porto.run(name + "/other", "sleep 1000", cpu_set="inherit")
    if V2:
        pytest.skip("the unified tree gives what both have")
    with expect("InvalidValue"):
        porto.set_property(name, "cpu_set", str(FIRST))
    assert porto.get_property(name, "cpu_set") == ""
    assert [cpus(porto, ct) for ct in (name, name + "/child", name + "/other")] == [HOST, [LAST], HOST]


@pytest.mark.parametrize(
    "value",
    ["x", "0-", "1,", "-1", "node", "node x", "node 99", "jail", "jail 0", "jail 9999", "jail 1; jail 1",
     "node 0; node 0", "jail 1; node 99", "9000", "1-0", "jail 1; node 0; jail 2", "0;1", "all; node 0"],
)
def test_bad_values(porto, name, value):
    porto.create(name)
    with expect("InvalidValue") as refused:
        porto.set_property(name, "cpu_set", value)
    assert "cpu_set" in refused.error.text
    assert porto.get_property(name, "cpu_set") == ""


def test_offline_processor(porto, name):
    porto.create(name)
    with expect("InvalidValue"):
        porto.set_property(name, "cpu_set", str(LAST + 1))


def test_survives_restart(own_portod, name):
    daemon = own_portod()
    with daemon.client() as porto:
        porto.create(name)
        porto.set(name, command="sleep 1000", cpu_set="jail 1; node 0")
        porto.start(name)
        before = cpus(porto, name)
    daemon.kill_server()
    with daemon.client() as porto:
        assert porto.get_property(name, "cpu_set") == "jail 1; node 0"
        assert cpus(porto, name) == before
        # the jail is known to be there
        assert jail_state(porto)[before[0]] == 1
        porto.destroy(name)


# ---- jails ------------------------------------------------------------------------------------


def jail_state(porto):
    lines = porto.get_property("/", "porto_cpu_jail_state").splitlines()
    return {int(cpu): int(count) for cpu, count in (line.split() for line in lines[1:])}


def test_jails_spread(porto, name):
    names = ["%s-%d" % (name, i) for i in range(2 * len(HOST))]
    for ct in names:
        porto.run(ct, "sleep 1000", cpu_set="jail 1")
    used = sorted(cpu for ct in names for cpu in cpus(porto, ct))
    assert used == sorted(2 * HOST)
    assert set(jail_state(porto).values()) == {2}
    for ct in names:
        porto.stop(ct, 0)
    assert set(jail_state(porto).values()) == {0}


def test_jail_of_a_stopped_container_takes_nothing(porto, name):
    porto.create(name)
    porto.set(name, cpu_set="jail 1")
    assert set(jail_state(porto).values()) == {0}


def test_jail_grows_and_ends(porto, name):
    porto.run(name, "sleep 1000", cpu_set="jail 1")
    assert len(cpus(porto, name)) == 1
    porto.set_property(name, "cpu_set", "jail 2")
    assert len(cpus(porto, name)) == 2
    assert sum(jail_state(porto).values()) == 2
    porto.set_property(name, "cpu_set", "all")
    assert cpus(porto, name) == HOST
    assert sum(jail_state(porto).values()) == 0


def test_jail_in_a_jail(porto, name):
    porto.run(name, "sleep 1000", cpu_set="jail 1")
    porto.create(name + "/child")
    porto.set(name + "/child", command="sleep 1000", cpu_set="jail 1")
    with expect("ResourceNotAvailable"):
        porto.start(name + "/child")
    porto.set(name + "/child", cpu_set="inherit")
    porto.start(name + "/child")
    with expect("ResourceNotAvailable"):
        porto.set_property(name + "/child", "cpu_set", "jail 1")
    assert porto.get_property(name + "/child", "cpu_set") == ""
    assert cpus(porto, name + "/child") == cpus(porto, name)
    # and around one
    porto.set_property(name, "cpu_set", "all")
    porto.set_property(name + "/child", "cpu_set", "jail 1")
    with expect("ResourceNotAvailable"):
        porto.set_property(name, "cpu_set", "jail 1")
    assert len(cpus(porto, name + "/child")) == 1
    assert cpus(porto, name) == HOST


def test_jail_within_the_parent_s_processors(porto, name):
    porto.run(name, "sleep 1000", cpu_set=str(LAST))
    porto.run(name + "/child", "sleep 1000", cpu_set="jail 1")
    assert cpus(porto, name + "/child") == [LAST]
    porto.create(name + "/large")
    porto.set(name + "/large", command="sleep 1000", cpu_set="jail 2")
    with expect("ResourceNotAvailable"):
        porto.start(name + "/large")


def test_jails_are_evened_out(porto, name):
    """When others leave, what is crowded moves to what is free."""
    names = ["%s-%d" % (name, i) for i in range(3 * len(HOST))]
    for ct in names:
        porto.run(ct, "sleep 1000", cpu_set="jail 1")
    stay = [ct for ct in names if cpus(porto, ct) == [FIRST]]
    assert len(stay) == 3
    for ct in names:
        if ct not in stay:
            porto.stop(ct, 0)
    poll(lambda: max(jail_state(porto).values()) <= 2, 20)
    poll(lambda: len({tuple(cpus(porto, ct)) for ct in stay}) == 2, 20)
    for ct in stay:
        assert porto.get_property(ct, "cpu_set") == "jail 1"


# ---- shares, on one processor -------------------------------------------------------------------


@pytest.mark.parametrize("heavy", [{"cpu_weight": "4"}, {"cpu_guarantee": "1c"}, {"cpu_policy": "high"}])
def test_shares_are_felt(porto, toolbox, name, heavy):
    """Two that want the same processor get it by their shares; whatever else runs there takes from
    both."""
    light = name + "-light"
    for ct in name, light:
        porto.create(ct)
        porto.set(ct, command="%s spin 2000" % toolbox, cpu_set=str(LAST))
    porto.set(name, **heavy)
    porto.start(light)
    porto.start(name)
    porto.finish(light)
    porto.finish(name)
    had, less = (int(porto.get_property(ct, "stdout")) for ct in (name, light))
    assert had > 1.5 * less, "%d ms against %d ms" % (had, less)
