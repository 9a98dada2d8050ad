# SPDX-License-Identifier: Apache-2.0
"""Wrong input for every property, generated from the daemon's own table: the documented error, the
name of the property and the value in its text, and nothing changed.

A value type that this file does not know fails test_types_are_known: no row can be forgotten."""

import json
import os
import re
import subprocess

import pytest

from conftest import BUILD, NOBODY, as_user
from porto_client import PortoError

TABLE = json.loads(
    subprocess.run(
        [os.path.join(BUILD, "man", "prop-table"), "--json"], check=True, stdout=subprocess.PIPE
    ).stdout
)
ROWS = {row["name"]: row for row in TABLE}
LONG = "x" * 200000
HUGE = "9" * 400

NUMBERS = ["x", "1x2", "1 2", HUGE, "18446744073709551616", "--1", "0x", "1,5", ".", "+", LONG]
UNSIGNED = NUMBERS + ["-1", "-18446744073709551615", ""]

# Values that no row of the type takes. A row may take any text: then only the rows below count.
BY_TYPE = {
    "bool": ["", "yes", "no", "0", "1", "TRUE", "True", "truefalse", "true false", "t", LONG],
    "uint": UNSIGNED + ["1.5", "1K", "0x10"],
    "octal": UNSIGNED + ["8", "9", "0o7", "777777777777777777777777"],
    "hex": UNSIGNED + ["g", "0xg"],
    "hex or empty": [text for text in UNSIGNED if text] + ["g", "0xg", "0x200", "-1"],
    "map of disks": ["x", "1Q", "no-such-disk: 1", "fs: x", "fs: -1", "fs: 1; fs: ", "/ x: 1", "/ r w: 1", "hw: 1",
                     "..: 1", ": 1", "4095:1234: 1", "a: b: c", "/: 99999999999999999999", HUGE, LONG],
    "processors": ["x", "0-", "1,", "-1", "node", "node 99", "jail", "jail 0", "jail 9999", "9000", HUGE, LONG],
    "size": UNSIGNED + ["1Q", "1KK", "K", "1 K K", "16E", "1e30"],
    "nsec": UNSIGNED + ["1h", "1S", "s", "1 s s"],
    "cpu": UNSIGNED + ["1cc", "c", "1c c", "1e3x"],
    "int": NUMBERS + ["9223372036854775808", "-9223372036854775809", "1.5"],
    "double": NUMBERS + ["-1", "1c", "nan", "inf", "1e999", ""],
    "enum": ["no-such", "NO_SUCH", LONG],
    "environment": ["=x", "A=1;=2"],
    "resource limits": ["x", "nofile", "nofile: x", "nofile: 1 2 3", "no-such: 1", "nofile: -5", "nofile: 5 1"],
    "labels": ["x: y", "ab.c: y", "A.b: y", "PORTO.x: y", "AB.c: a b", "AB.%s: y" % ("x" * 200), "AB.c"],
    "capabilities": ["NO_SUCH", "CHOWN;NO_SUCH", "chown;no", "CHOWN,KILL", LONG],
    "controllers": ["no-such", "memory;no-such", LONG],
    "id map": ["x", "0", "0 0", "0 0 0", "0 0 1 1", "-1 0 1", "0 0 1; 0 1 1", "0 0 1; 1 0 1", "0 0 4294967296", "0 4294967295 1", "0 4294967296 1", "5 100 10; 0 0 6", LONG],
    "credentials": ["no-such-user", "-1", "4294967296", "0 0 x", LONG],
    "list of groups": [
        "no-such-group",
        "root;no-such-group",
        "-1",
        "4294967295",
        "99999999999",
        "root root",
        ";".join(str(i) for i in range(1025)),
    ],
    "table of devices": [
        "/dev/null",
        "/dev/null x",
        "/dev/null r-",
        "/dev/null ?",
        "/dev/null *",
        "/etc/passwd r",
        "/dev/../etc/passwd r",
        "dev/null r",
        "/dev r",
        "/dev/no-such-device r",
        "/dev/pts r",
        "/dev/null r /etc/null",
        "/dev/null r /dev/pts/5",
        "/dev/null r /dev/shm/null",
        "/dev/null r null",
        "/dev/null r /dev/null 8",
        "/dev/null r /dev/null 1777",
        "/dev/null r /dev/null 0666 no-such-user",
        "/dev/null r /dev/null 0666 root no-such-group",
        "/dev/null r /dev/null 0666 root root more",
        "/dev/zero r; /dev/no-such-device r",
        "/dev/%s r" % ("x" * 5000),
        "c:1 r",
        "c:1:x r",
        "c:*:3 r",
        "a:1:3 r",
        "d:1:3 r",
        "c:1048576:3 r",
        "c:1:* r /dev/any",
        "c:1:3 r?",
        "c:1:3 r*",
        "preset",
        "preset no-such-preset",
        "; ".join("c:1:%d r" % i for i in range(201)),
    ],
    "map": ["x", "a: b: c", "a: b; c"],
    "map of sizes": ["x", "a: b", "a: -1", "a: 1: 2", "a: 1; b", "a: 99999999999999999999"],
    "map of namespaces": ["x", "pid", "no-such: new", "pid: no-such", "pid: container", "pid: path",
                          "pid: path relative", "pid: new more", "net: new; pid: nothing"],
    "network": ["", "no-such", "none; inherited", "container", "netns", "netns ../x", "inherited more"],
    "text": [],
    "list": [],
    "list of arguments": [],
}

# What is wrong for one row only.
BY_ROW = {
    "command": [LONG],
    "command_argv": [LONG],
    "private": ["x" * 4097],
    "cwd": ["/" + "x" * 5000],
    "root": ["../up", "..", "/" + "x" * 5000],
    "stdin_path": ["/" + "x" * 5000, "/dev/fd/99999"],
    "stdout_path": ["/" + "x" * 5000, "/dev/fd/99999"],
    "stderr_path": ["/" + "x" * 5000, "/dev/fd/99999"],
    "hostname": ["a/b", "a\nb"],
    "porto_namespace": ["a b", "x" * 5000],
    "bind": ["/tmp", "/tmp /tmp no-such", "/tmp /%s" % ("x" * 5000)],
    "masked_paths": ["proc", "/", "/a/../b", "/" + "x" * 5000],
    "readonly_paths": ["proc", "/", "/a/../b", "/" + "x" * 5000],
    "sysctl": ["kernel.msgmax: " + "1" * 5000],
    "resolv_conf": ["x" * 70000],
    "etc_hosts": ["x" * (1 << 21)],
    "place": ["relative", "/a/../b", "/etc/x", "=/a", "/a/***/b", "/" + "x" * 5000],
    "symlink": ["/: x", "..: x", "/x: /" + "x" * 5000],
    "mounts": ["tmpfs", "ext4 /x", "tmpfs /x size=y", "tmpfs /x no-such", "tmpfs /%s" % ("x" * 5000)],
    "umask": ["1000", "7777"],
    "seccomp": [
        "nonsense",
        "rules { syscall: 'no_such' action { action: Kill } }",
        "rules { syscall: 'read' }",
        "x" * 200000,
    ],
    "seccomp_name": ["no-such-profile"],
    "oom_score_adj": ["1001", "-1001"],
    "memory_limit": ["1", "1048575"],
    "cpu_period": ["1", "999999", "1000000001", "2s"],
    "cpu_weight": ["0", "0.001", "101"],
    "thread_limit": [],
    "owner_containers": ["a b", "a;b%c", "x" * 5000],
}

# Errors that say that a value is wrong. Everything else, Unknown above all, is a defect.
REFUSALS = {
    "InvalidValue",
    "InvalidProperty",
    "InvalidLabel",
    "InvalidPath",
    "InvalidNetworkAddress",
    "DeviceNotFound",
    "ContainerDoesNotExist",
    "VolumeNotFound",
    "LabelNotFound",
    "ResourceNotAvailable",
    "NotSupported",
    "Permission",
    "NoValue",
}


def settable():
    return [row for row in TABLE if can_set(row)]


def rows(choose):
    """A parameter for each row that is chosen."""
    return pytest.mark.parametrize("row", [r for r in TABLE if choose(r)], ids=lambda r: r["name"])


def can_set(row):
    return not row["read_only"] and not row["absent"]


def is_there(row):
    return not row["absent"]


def on_this_host(client, listed, row):
    """What the host lacks says so, and that is all about it."""
    if row["name"] in listed or row["hidden"]:
        return True
    assert row["name"] in refused(client, "stopped", row["name"], "1", {"NotSupported"})
    with pytest.raises(PortoError, match=row["name"]) as caught:
        client.get_property("stopped", row["name"])
    assert caught.value.name == "NotSupported"
    return False


def bad_values(row):
    values = list(BY_TYPE.get(row["type"], [])) + BY_ROW.get(row["name"], [])
    if row["type"] == "enum":
        values += [word + "x" for word in row["words"]] + [
            word.upper() for word in row["words"] if word.upper() not in row["words"]
        ]
    if row["name"] == "max_respawns":
        values = [v for v in values if v]  # empty: no limit
    return values


@pytest.fixture(scope="module")
def world(portod):
    """A stopped, a running and a dead container."""
    client = portod.client()
    client.create("stopped")
    client.create("running")
    client.set("running", command="sleep 1000")
    client.start("running")
    client.create("dead")
    client.set("dead", command="true")
    client.start("dead")
    client.wait_state("dead", "dead")
    listed = set(client.property_list())
    yield client, listed, portod
    for name in ("stopped", "running", "dead"):
        client.destroy(name)
    client.close()


# What runs by itself.
VOLATILE = {"time", "change_time", "porto_stat", "porto_cpu_jail_state", "env_secret"}


def snapshot(client, name):
    names = [
        row["name"]
        for row in settable()
        if row["name"] not in VOLATILE and not row["runtime"]
    ]
    # Errors (what this host lacks) are compared by their text.
    values = client.get([name], names)[name]
    return {key: str(value) for key, value in values.items()}


def refused(client, container, name, value, allowed, why=""):
    """The set fails as it should; returns its text."""
    try:
        client.set_property(container, name, value)
    except PortoError as error:
        assert error.name in allowed, "%s=%.60r %s: %s" % (name, value, why, error)
        return error.text
    pytest.fail("%s=%.60r was taken" % (name, value))


def names_value(text, value):
    """The value, its beginning, or the word of it that is wrong; of a very long one its length."""
    words = [word for word in re.split(r"[\s;:/]+", value) if word]
    if not words or any(word[:20] in text for word in words):
        return True
    return len(value) > 4000 and bool(re.search(r"\b\d{4,}\b", text))


def test_types_are_known():
    unknown = {row["type"] for row in settable()} - set(BY_TYPE)
    assert not unknown, "add wrong values for these types"


def test_rows_are_known():
    assert not set(BY_ROW) - set(ROWS)


@rows(can_set)
def test_wrong_value(world, row):
    client, listed, _ = world
    name = row["name"]
    if not on_this_host(client, listed, row):
        return
    before = snapshot(client, "stopped")
    for value in bad_values(row):
        text = refused(client, "stopped", name, value, REFUSALS)
        assert name in text, text
        if name != "env_secret":  # that shows no value to anybody
            assert names_value(text, value), "the value %.40r is not in: %s" % (value, text)
        assert snapshot(client, "stopped") == before, "%s=%.60r" % (name, value)
    assert client.state("stopped") == "stopped"


@rows(lambda row: can_set(row) and row["dynamic"])
def test_wrong_value_of_a_running_container(world, row):
    client, listed, _ = world
    if not on_this_host(client, listed, row):
        return
    before = snapshot(client, "running")
    for value in bad_values(row):
        refused(client, "running", row["name"], value, REFUSALS)
    assert snapshot(client, "running") == before
    assert client.state("running") == "running"


@rows(lambda row: row["absent"])
def test_absent(world, row):
    client, listed, _ = world
    assert not on_this_host(client, listed, row)


@rows(lambda row: row["read_only"] and is_there(row))
def test_read_only(world, row):
    client, listed, _ = world
    if on_this_host(client, listed, row):
        for container in ("stopped", "running", "dead"):
            assert row["name"] in refused(client, container, row["name"], "1", {"InvalidValue"})


@rows(lambda row: can_set(row) and not row["any_state"])
def test_wrong_state(world, row):
    client, listed, _ = world
    name = row["name"]
    if not on_this_host(client, listed, row):
        return
    if not row["dynamic"]:
        before = snapshot(client, "running")
        text = refused(client, "running", name, "1", {"InvalidState"})
        assert name in text and "running" in text
        assert snapshot(client, "running") == before
    before = snapshot(client, "dead")
    text = refused(client, "dead", name, "1", {"InvalidState"})
    assert name in text and "dead" in text
    assert snapshot(client, "dead") == before


@rows(is_there)
def test_read_in_the_wrong_state(world, row):
    client, listed, _ = world
    name = row["name"]
    if not on_this_host(client, listed, row):
        return
    if row["runtime"]:
        with pytest.raises(PortoError, match=name) as caught:
            client.get_property("stopped", name)
        assert caught.value.name == "InvalidState"
    if row["dead"]:
        with pytest.raises(PortoError, match=name) as caught:
            client.get_property("running", name)
        assert caught.value.name == "InvalidState"
    if not row["runtime"] and not row["dead"]:
        client.get_property("stopped", name)


@rows(is_there)
def test_wrong_index(world, row):
    client, listed, _ = world
    name = row["name"]
    if not on_this_host(client, listed, row):
        return
    before = snapshot(client, "stopped")
    container = "dead" if row["dead"] else "running" if row["runtime"] else "stopped"
    for form in ("%s[]", "%s[", "%s]", "%s[x]y", "%s[x"):
        with pytest.raises(PortoError) as caught:
            client.get_property(container, form % name)
        assert caught.value.name in ("InvalidProperty", "InvalidValue"), caught.value
        refused(client, "stopped", form % name, "1", {"InvalidProperty", "InvalidValue"})
    if not row["index_get"]:
        with pytest.raises(PortoError, match=name) as caught:
            client.get_property(container, name + "[x]")
        assert caught.value.name == "InvalidValue"
    if not row["index_set"]:
        assert name in refused(client, "stopped", name + "[x]", "1", {"InvalidValue"})
    elif not row["read_only"] and row["type"] not in ("environment",) and row["name"] != "symlink":
        refused(client, "stopped", name + "[no such / index]", "no such \x01 value", REFUSALS)
    assert snapshot(client, "stopped") == before


@rows(can_set)
def test_root_container(world, row):
    client, _, _ = world
    refused(client, "/", row["name"], "1", {"Permission"})


@rows(can_set)
def test_without_the_right(world, row):
    client, _, portod = world
    before = snapshot(client, "stopped")
    with as_user(NOBODY, NOBODY):
        other = portod.client()
    with other:
        refused(other, "stopped", row["name"], "1", {"Permission"})
    assert snapshot(client, "stopped") == before
