# SPDX-License-Identifier: Apache-2.0
"""Every property of this issue: default, accepted and refused values, states, lists."""

import os

import pytest

from conftest import NOBODY, as_user, expect
from porto_client import PortoError

STOP, DYN, ANY = "stop", "dyn", "any"

# name: (kind, default or None = depends, [(set, get)], [(bad value, error)])
SETTABLE = {
    "command": (STOP, "", [("sleep 1", "sleep 1"), ("", "")], [("x" * 131073, "InvalidValue")]),
    "command_argv": (STOP, "", [("a\tb c\td", "a\tb c\td")], []),
    "env": (
        STOP,
        "",
        [("A=1;B=2", "A=1;B=2"), ("A=x\\;y", "A=x\\;y"), ("C", "C"), ("", "")],
        [],
    ),
    "user": (STOP, "root", [("nobody", "nobody"), ("12345", "12345")], [("no-such", "InvalidValue")]),
    "group": (
        STOP,
        "root",
        [("nogroup", "nogroup"), ("12345", "12345")],
        [("no-such", "InvalidValue")],
    ),
    "owner_user": (STOP, "root", [("nobody", "nobody")], [("no-such", "InvalidValue")]),
    "owner_group": (STOP, "root", [("nogroup", "nogroup")], [("no-such", "InvalidValue")]),
    "umask": (STOP, "02", [("022", "022"), ("0", "0"), ("777", "0777")], [("9", "InvalidValue")]),
    "cwd": (STOP, None, [("/tmp", "/tmp")], []),
    "ulimit": (
        DYN,
        "",
        [("nofile: 100 200", "nofile: 100 200; "), ("core: unlimited", None)],
        [("nothing: 1 2", "InvalidValue"), ("nofile: x", "InvalidValue")],
    ),
    "oom_score_adj": (
        STOP,
        "0",
        [("500", "500"), ("-1000", "-1000"), ("1000", "1000")],
        [("1001", "InvalidValue"), ("-1001", "InvalidValue"), ("x", "InvalidValue")],
    ),
    "isolate": (STOP, "true", [("false", "false"), ("true", "true")], [("yes", "InvalidValue")]),
    "virt_mode": (STOP, "app", [("app", "app")], [("vm", "InvalidValue")]),
    "enable_porto": (
        DYN,
        "true",
        [
            ("false", "false"),
            ("none", "false"),
            ("read-isolate", "read-isolate"),
            ("read-only", "read-only"),
            ("isolate", "isolate"),
            ("self-isolate", "self-isolate"),
            ("child-only", "child-only"),
            ("full", "true"),
            ("true", "true"),
        ],
        [("maybe", "InvalidValue")],
    ),
    "capabilities": (
        STOP,
        None,
        [("KILL;CHOWN", {"KILL", "CHOWN"}), ("", set())],
        [("NO_SUCH", "InvalidValue")],
    ),
    "capabilities_ambient": (STOP, "", [("KILL", {"KILL"})], [("NO_SUCH", "InvalidValue")]),
    "hostname": (STOP, "", [("box", "box")], []),
    "porto_namespace": (STOP, "", [("ns/", "ns/")], []),
    "root": (STOP, "/", [("/srv/x", "/srv/x"), ("/", "/")], [("../x", "Permission")]),
    "root_readonly": (STOP, "false", [("true", "true")], [("1", "InvalidValue")]),
    "bind": (
        STOP,
        "",
        [("/a /b ro", "/a /b ro"), ("/a /b; /c /d rw", None)],
        [("/a", "InvalidValue"), ("/a /b wrong", "InvalidValue")],
    ),
    "resolv_conf": (DYN, None, [("nameserver 127.0.0.1", "nameserver 127.0.0.1")], []),
    "stdin_path": (STOP, "/dev/null", [("/tmp/in", "/tmp/in")], []),
    "stdout_path": (STOP, "stdout", [("/tmp/out", "/tmp/out")], []),
    "stderr_path": (STOP, "stderr", [("/tmp/err", "/tmp/err")], []),
    "stdout_limit": (
        DYN,
        "8388608",
        [("1M", "1048576"), ("100", "100"), ("1.5K", "1536")],
        [("x", "InvalidValue"), ("-1", "InvalidValue")],
    ),
    "weak": (ANY, "false", [("true", "true")], [("2", "InvalidValue")]),
    "respawn": (ANY, "false", [("true", "true")], [("2", "InvalidValue")]),
    "respawn_count": (ANY, "0", [("5", "5")], [("-5", "InvalidValue"), ("x", "InvalidValue")]),
    "max_respawns": (ANY, "", [("5", "5"), ("-1", None)], [("x", "InvalidValue")]),
    "respawn_delay": (
        ANY,
        "1000000000ns",
        [("2s", "2000000000ns"), ("100ms", "100000000ns"), ("5", "5ns"), ("0.5s", "500000000ns")],
        [("5 parsecs", "InvalidValue")],
    ),
    "aging_time": (ANY, "86400", [("10", "10"), ("0", "0")], [("x", "InvalidValue")]),
    "oom_is_fatal": (DYN, "true", [("false", "false")], [("x", "InvalidValue")]),
    "memory_limit": (
        DYN,
        "0",
        [("64M", "67108864"), ("1.5G", "1610612736"), ("0", "0")],
        [("1K", "InvalidValue"), ("-1", "InvalidValue"), ("lots", "InvalidValue")],
    ),
    "cpu_limit": (
        DYN,
        "0c",
        [("1.5c", "1.5c"), ("500000000ns", "0.5c"), ("0", "0c"), ("50", None), ("50%", None)],
        [("x", "InvalidValue"), ("-1c", "InvalidValue"), ("1cc", "InvalidValue")],
    ),
    "cpu_weight": (
        DYN,
        "1",
        [("2.5", "2.5"), ("0.01", "0.01"), ("100", "100")],
        [("0", "InvalidValue"), ("101", "InvalidValue"), ("x", "InvalidValue"), ("1c", "InvalidValue")],
    ),
    "cpu_period": (
        DYN,
        "100000000",
        [("50ms", "50000000")],
        [("1us", "InvalidValue"), ("2s", "InvalidValue")],
    ),
    "thread_limit": (DYN, "10000", [("100", "100"), ("1K", "1024")], [("x", "InvalidValue")]),
    "private": (ANY, "", [("note", "note"), ("", "")], [("x" * 4097, "InvalidValue")]),
    "labels": (ANY, "", [("TEST.a: 1; TEST.b: 2", "TEST.a: 1; TEST.b: 2")], [("x: 1", "InvalidLabel")]),
}

# Read-only ones: (readable when: always, run = after start, dead)
READABLE = {
    "id": "always",
    "level": "always",
    "state": "always",
    "absolute_name": "always",
    "absolute_namespace": "always",
    "parent": "always",
    "start_error": "always",
    "time": "always",
    "creation_time": "always",
    "start_time": "always",
    "change_time": "always",
    "root_path": "always",
    "capabilities_allowed": "always",
    "cgroups": "always",
    "memory_limit_total": "always",
    "cpu_limit_bound": "always",
    "oom_kills_total": "always",
    "root_pid": "run",
    "stdout": "run",
    "stderr": "run",
    "stdout_offset": "run",
    "stderr_offset": "run",
    "memory_usage": "run",
    "anon_usage": "run",
    "cache_usage": "run",
    "cpu_usage": "run",
    "cpu_usage_system": "run",
    "process_count": "run",
    "thread_count": "run",
    "exit_status": "dead",
    "exit_code": "dead",
    "oom_killed": "dead",
    "core_dumped": "dead",
    "death_time": "dead",
}

USABLE = {"virt_mode": ("app", "app"), "root": ("/", "/"), "labels": ("TEST.a: 1", "TEST.a: 1")}


def same(got, want):
    if want is None:
        return True
    if isinstance(want, set):
        return set(filter(None, got.split(";"))) == want
    return got == want


def test_every_property_of_the_issue_is_listed(porto):
    listed = porto.property_list()
    missing = (set(SETTABLE) | set(READABLE)) - set(listed) - {"porto_stat"}
    assert not missing
    for row in listed.values():
        assert row.desc, row.name
        assert row.desc.endswith(" (ro)") == row.read_only or row.read_only is False, row.name
    assert list(listed) == sorted(listed)


def test_flags_in_the_list(porto):
    listed = porto.property_list()
    for name, (kind, *_) in SETTABLE.items():
        assert not listed[name].read_only, name
        assert listed[name].dynamic == (kind in (DYN, ANY)), name
    for name in READABLE:
        assert listed[name].read_only, name


def test_data_list_is_the_read_only_half(porto):
    listed = porto.property_list()
    data = porto.data_list()
    assert set(data) == {n for n, row in listed.items() if row.read_only}


def test_hidden_ones_are_readable(porto):
    assert "porto_stat" not in porto.property_list()
    assert "porto_uptime" in porto.get_property("/", "porto_stat")
    assert int(porto.get_property("/", "porto_stat[porto_uptime]")) >= 0
    assert porto.get_property("/", "porto_stat[containers]").isdigit()
    with expect("InvalidValue"):
        porto.get_property("/", "porto_stat[no_such]")


@pytest.mark.parametrize("prop", sorted(SETTABLE))
def test_default(porto, name, prop):
    porto.create(name)
    default = SETTABLE[prop][1]
    value = porto.get_property(name, prop)
    if default is not None:
        assert same(value, default)
    assert porto.get_data(name, prop) == value


@pytest.mark.parametrize("prop", sorted(SETTABLE))
def test_set_and_get(porto, name, prop):
    porto.create(name)
    for value, want in SETTABLE[prop][2]:
        porto.set_property(name, prop, value)
        assert same(porto.get_property(name, prop), want), "%s = %s" % (prop, value)
        # What comes out goes in again.
        text = porto.get_property(name, prop)
        porto.set_property(name, prop, text)
        assert porto.get_property(name, prop) == text


@pytest.mark.parametrize("prop", sorted(SETTABLE))
def test_refused_values_change_nothing(porto, name, prop):
    porto.create(name)
    before = porto.get_property(name, prop)
    for value, error in SETTABLE[prop][3]:
        with expect(error) as caught:
            porto.set_property(name, prop, value)
        assert porto.get_property(name, prop) == before, value
        assert prop in caught.error.text or value[:20] in caught.error.text, caught.error.text


@pytest.mark.parametrize("prop", sorted(SETTABLE))
def test_set_by_state(porto, name, prop):
    kind, _, values, _ = SETTABLE[prop]
    value = USABLE.get(prop, values[0])[0]
    porto.create(name)
    # Values that a start needs to be able to live with.
    porto.set(name, command="sleep 1000")
    if prop == "resolv_conf":  # only a file of its own can change
        porto.set_property(name, prop, "nameserver 127.0.0.2")
    porto.start(name)
    if kind == STOP:
        with expect("InvalidState"):
            porto.set_property(name, prop, value)
    elif prop == "ulimit":
        porto.set_property(name, prop, "nofile: 1000 1000")
    else:
        porto.set_property(name, prop, value)
    if prop == "respawn":
        porto.set_property(name, prop, "false")
    porto.kill(name, 9)
    porto.wait_state(name, "dead")
    if kind == ANY:
        porto.set_property(name, prop, value)
    else:
        with expect("InvalidState"):
            porto.set_property(name, prop, value)


@pytest.mark.parametrize("prop", sorted(READABLE))
def test_read_only(porto, name, prop):
    porto.create(name)
    with expect("InvalidValue"):
        porto.set_property(name, prop, "1")


@pytest.mark.parametrize("prop", sorted(READABLE))
def test_read_by_state(porto, name, prop):
    when = READABLE[prop]

    def readable(yes):
        if yes:
            return porto.get_property(name, prop)
        with expect("InvalidState"):
            porto.get_property(name, prop)

    porto.create(name)
    readable(when == "always")
    porto.set_property(name, "command", "sleep 1000")
    porto.start(name)
    readable(when in ("always", "run"))
    porto.kill(name, 9)
    porto.finish(name)
    readable(when != "run" or prop != "root_pid")


def test_unknown_properties(porto, name):
    porto.create(name)
    for prop in "no_such", "", "state[]", "UPPER", "command_":
        with expect("InvalidProperty"):
            porto.get_property(name, prop)
        with expect("InvalidProperty"):
            porto.set_property(name, prop, "x")
    with expect("InvalidValue"):
        porto.get_property(name, "state[x]")
    with expect("InvalidValue"):
        porto.set_property(name, "private[x]", "x")


def test_values_are_trimmed(porto, name):
    porto.create(name)
    porto.set_property(name, "private", " \t x y \n")
    assert porto.get_property(name, "private") == "x y"


def test_indexed_ones(porto, name):
    porto.create(name)
    porto.set_property(name, "env", "A=1;B=2")
    assert porto.get_property(name, "env[A]") == "1"
    porto.set_property(name, "env[A]", "3")
    porto.set_property(name, "env[C]", "4")
    assert porto.get_property(name, "env") == "A=3;B=2;C=4"
    with expect("InvalidValue"):
        porto.get_property(name, "env[D]")
    assert porto.get_property(name, "env[PATH]").startswith("/usr/local/sbin:")
    porto.set_property(name, "ulimit[nofile]", "100 200")
    assert porto.get_property(name, "ulimit[nofile]") == "nofile: 100 200"
    porto.set_property(name, "command_argv", "a\tb\tc")
    assert porto.get_property(name, "command_argv[1]") == "b"
    porto.set_property(name, "command_argv[1]", "B")
    assert porto.get_property(name, "command_argv") == "a\tB\tc"
    with expect("InvalidProperty"):
        porto.get_property(name, "command_argv[9]")
    with expect("InvalidProperty"):
        porto.get_property(name, "command_argv[x]")
    assert porto.get_property(name, "capabilities_allowed[KILL]") in ("true", "false")
    porto.set_property(name, "capabilities", "KILL")
    porto.set_property(name, "capabilities[CHOWN]", "true")
    assert set(porto.get_property(name, "capabilities").split(";")) == {"KILL", "CHOWN"}
    porto.set_property(name, "capabilities[KILL]", "false")
    assert porto.get_property(name, "capabilities") == "CHOWN"


def test_command_and_argv_replace_each_other(porto, name):
    porto.create(name)
    porto.set_property(name, "command_argv", "echo\ta b\tc'd")
    assert porto.get_property(name, "command")
    porto.set_property(name, "command", "true")
    assert porto.get_property(name, "command_argv") == ""
    assert porto.get_property(name, "command") == "true"


def test_users_by_number_and_name(porto, name):
    porto.create(name)
    porto.set_property(name, "user", "65534")
    assert porto.get_property(name, "user") == "nobody"
    # Setting the user leaves the group alone.
    assert porto.get_property(name, "group") == "root"
    assert porto.get_property(name, "task_cred").split()[:2] == ["65534", "0"]
    porto.set_property(name, "group", "65534")
    assert porto.get_property(name, "task_cred").split()[:2] == ["65534", "65534"]
    assert porto.get_property(name, "owner_cred").split()[:2] == ["0", "0"]


def test_credentials_show_the_groups_as_set(porto, name):
    porto.create(name)
    porto.set(name, user="nobody", group="nogroup")
    assert porto.get_property(name, "task_cred") == "65534 65534 65534"
    porto.set_property(name, "task_groups", "bin;daemon")
    assert porto.get_property(name, "task_cred") == "65534 65534 2 1"
    assert [*porto.spec(name, "task_cred").task_cred.grp] == [2, 1]
    porto.set_property(name, "task_groups", "")
    assert porto.get_property(name, "task_cred") == "65534 65534"
    assert [*porto.spec(name, "task_cred").task_cred.grp] == []


def test_the_group_of_the_user_may_be_used(group_portod, root_client):
    """Also when neither the client nor the owner is in it."""
    with as_user(NOBODY, 7):
        member = group_portod.client()
    with member:
        name = "primary"
        member.create(name)
        try:
            root_client.set_property(name, "group", "nogroup")
            member.set_property(name, "command", "id -g")
            member.start(name)
            assert member.finish(name) == 0
            assert member.get_property(name, "stdout") == "65534\n"
            member.stop(name)
            root_client.set_property(name, "group", "bin")
            with expect("Permission"):
                member.start(name)
        finally:
            root_client.destroy(name)


def test_controllers(porto, name):
    porto.create(name)
    porto.create(name + "/child")
    top = set(porto.get_property(name, "controllers").split(";"))
    child = set(porto.get_property(name + "/child", "controllers").split(";"))
    assert {"freezer", "memory", "cpu", "cpuacct", "pids"} <= top
    assert "memory" not in child
    assert porto.get_property(name, "controllers[memory]") == "true"
    assert porto.get_property(name + "/child", "controllers[memory]") == "false"
    # A property that needs a controller brings it.
    porto.set_property(name + "/child", "memory_limit", "64M")
    assert "memory" in porto.get_property(name + "/child", "controllers").split(";")
    with expect("InvalidValue"):
        porto.set_property(name, "controllers", "freezer;no-such")


def test_controller_cannot_come_later(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000")
    with expect("NotSupported"):
        porto.set_property(name + "/child", "memory_limit", "64M")
    assert porto.get_property(name + "/child", "memory_limit") == "0"


def test_cgroups(porto, portod, name):
    porto.run(name, "sleep 1000")
    groups = porto.get_property(name, "cgroups")
    assert "memory: /" in groups
    memory = porto.get_property(name, "cgroups[memory]")
    assert portod.id in memory and name in memory
    with expect("InvalidProperty"):
        porto.get_property(name, "cgroups[no-such]")
    pid = porto.get_property(name, "root_pid")
    with open("/proc/%s/cgroup" % pid) as file:
        text = file.read()
    assert memory in text or portod.id in text


def test_raw_knobs(porto, name):
    porto.run(name, "sleep 1000", memory_limit="64M")
    v1 = os.path.isdir("/sys/fs/cgroup/memory")
    knob = "memory.limit_in_bytes" if v1 else "memory.max"
    assert porto.get_property(name, knob).strip() == str(64 << 20)
    with expect("InvalidProperty"):
        porto.set_property(name, knob, "1")
    with expect("InvalidValue"):
        porto.get_property(name, "memory.no_such")
    with expect("InvalidValue", "InvalidProperty"):
        porto.get_property(name, "nothing.stat")
    for path in "memory./etc/passwd", "memory.../../cgroup.procs", "memory.x/../../../etc/passwd":
        with expect("InvalidValue", "InvalidProperty"):
            porto.get_property(name, path)
    porto.stop(name, 0)
    with expect("InvalidState"):
        porto.get_property(name, knob)


def test_limits_of_the_chain(porto, name):
    porto.create(name)
    porto.create(name + "/child")
    porto.set(name, memory_limit="64M", cpu_limit="1c")
    porto.set(name + "/child", memory_limit="128M", cpu_limit="2c")
    assert porto.get_property(name + "/child", "memory_limit_total") == str(64 << 20)
    assert porto.get_property(name + "/child", "cpu_limit_bound") == "1c"
    porto.set(name, memory_limit="256M")
    assert porto.get_property(name + "/child", "memory_limit_total") == str(128 << 20)


def test_super_user_limit_of_streams(porto, name):
    porto.create(name)
    porto.set_property(name, "stdout_limit", "2G")


def test_percent_of_all_cores(porto, name):
    porto.create(name)
    half = "%gc" % (os.cpu_count() / 2)
    for value in "50", "50%":
        porto.set_property(name, "cpu_limit", value)
        assert porto.get_property(name, "cpu_limit") == half


def test_root_container_values(porto):
    values = porto.get(["/"], ["state", "memory_usage", "process_count", "cpu_limit", "level"])["/"]
    assert values["state"] == "meta"
    assert values["level"] == "0"
