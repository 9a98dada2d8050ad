# SPDX-License-Identifier: Apache-2.0
"""Namespaces: what is new, what is shared, and what is seen inside."""

import os

import pytest

from conftest import alive, poll

KINDS = ["pid", "ipc", "uts", "mnt", "net", "user", "cgroup"]


def namespaces(pid):
    return {kind: os.readlink("/proc/%s/ns/%s" % (pid, kind)) for kind in KINDS}


def of(porto, name):
    return namespaces(porto.get_property(name, "root_pid"))


HOST = namespaces("self")


def differ(one, other):
    return {kind for kind in KINDS if one[kind] != other[kind]}


def test_default_isolation(porto, name):
    porto.run(name, "sleep 1000")
    assert differ(of(porto, name), HOST) == {"pid", "ipc", "uts", "mnt"}


def test_without_isolation(porto, name):
    """A first-level container always has its own mounts."""
    porto.run(name, "sleep 1000", isolate=False)
    assert differ(of(porto, name), HOST) == {"mnt"}


def test_hostname_brings_a_uts_namespace(porto, name):
    porto.run(name, "sleep 1000", isolate=False, hostname="box")
    assert "uts" in differ(of(porto, name), HOST)


def test_child_without_isolation_joins_its_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000", isolate=False)
    assert differ(of(porto, name), of(porto, name + "/child")) == set()


def test_isolated_child_of_an_isolated_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000")
    assert {"pid", "ipc", "uts", "mnt"} <= differ(of(porto, name), of(porto, name + "/child"))
    # Nested: the parent sees the child's processes.
    pid = porto.get_property(name + "/child", "root_pid")
    with open("/proc/%s/status" % pid) as file:
        nspid = [line for line in file if line.startswith("NSpid")][0].split()[1:]
    assert len(nspid) == 3 + HOST_DEPTH - 1


with open("/proc/self/status") as _file:
    HOST_DEPTH = len([line for line in _file if line.startswith("NSpid")][0].split()) - 1


def test_child_below_a_meta_without_a_process(porto, name):
    porto.run(name, "sleep 1000")
    porto.create(name + "/hollow")
    porto.set_property(name + "/hollow", "isolate", "false")
    porto.start(name + "/hollow")
    porto.run(name + "/hollow/task", "sleep 1000", isolate=False)
    assert differ(of(porto, name), of(porto, name + "/hollow/task")) == set()


def test_pid_of_the_command(porto, toolbox, name):
    """App mode: portoinit is 1, the command 2 and leads a session of its own."""
    pid, ppid, sid = porto.output(name, "%s pid" % toolbox).split()
    assert (pid, ppid) == ("2", "1")
    assert sid == pid


def test_proc_shows_only_the_inside(porto, name):
    text = porto.output(name, "sh -c 'ls -d /proc/[0-9]*'")
    assert len(text.split()) <= 5


def test_killing_the_init_kills_all(porto, name):
    porto.run(name, "sh -c 'sleep 1000 & sleep 1000 & wait'")
    pid = int(porto.get_property(name, "root_pid"))
    poll(lambda: int(porto.get_property(name, "process_count")) >= 3)
    with open("/proc/%d/stat" % pid) as file:
        init = int(file.read().rpartition(")")[2].split()[1])
    os.kill(init, 9)
    assert porto.finish(name) == -9
    assert not alive(pid)


def test_zombies_are_reaped_by_portoinit(porto, name):
    porto.run(name, "sh -c '(sleep 0.05 & ) ; exec sleep 1000'")
    poll(lambda: porto.get_property(name, "process_count") in ("1", "2"))
    pid = porto.get_property(name, "root_pid")
    with open("/proc/%s/stat" % pid) as file:
        init = file.read().rpartition(")")[2].split()[1]
    poll(
        lambda: not [
            line
            for line in os.popen("ps -eo ppid,stat").read().splitlines()
            if line.split() and line.split()[0] == init and line.split()[1].startswith("Z")
        ]
    )


def test_root_pid_is_seen_from_the_asker(porto, portod, toolbox, name):
    """The answer is a pid of the client's own pid namespace."""
    porto.run(name, "sleep 1000")
    pid = int(porto.get_property(name, "root_pid"))
    with open("/proc/%d/comm" % pid) as file:
        assert file.read().strip() == "sleep"


def test_ipc_is_private(porto, name):
    made = porto.output(name, "sh -c 'ipcmk -Q >/dev/null; ipcs -q | grep -c 0x'")
    assert made.strip() == "1"
    assert porto.output(name, "sh -c 'ipcs -q | grep -c 0x || true'").strip() == "0"


def test_mounts_inside_do_not_leak_out(porto, portod, name):
    """A mount made inside stays inside; one made outside later is seen."""
    before = open("/proc/self/mountinfo").read().count("\n")
    porto.run(
        name,
        "sh -c 'mount -t tmpfs inner /mnt && echo mounted && sleep 1000'",
        capabilities="SYS_ADMIN",
    )
    poll(lambda: "mounted" in porto.get_property(name, "stdout"))
    assert open("/proc/self/mountinfo").read().count("\n") == before


def test_locate(porto, toolbox, name):
    porto.run(name, "%s fork 3" % toolbox)
    porto.run(name + "/child", "sleep 1000")
    poll(lambda: "3 all" in porto.get_property(name, "stdout"))
    pid = int(porto.get_property(name, "root_pid"))
    assert porto.locate(pid) == name
    assert porto.locate(pid, "toolbox") == name
    assert porto.locate(int(porto.get_property(name + "/child", "root_pid"))) == name + "/child"
    # Located from the host: the own container is the root.
    assert porto.locate(os.getpid()) in ("/", "self")
    from conftest import expect

    for bad in (pid, "wrong"), (0, ""), (1 << 22, ""):
        with expect("InvalidValue"):
            porto.locate(*bad)
