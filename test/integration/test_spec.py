# SPDX-License-Identifier: Apache-2.0
"""Containers as typed messages: CreateFromSpec, UpdateFromSpec, ListContainersBy."""

import os
import time

import pytest

import porto_client
from conftest import NOBODY, Inside, alive, as_user, expect, poll
from porto_client import Client, PortoError
from test_resources import MIB, knob


def entries(message):
    """A map message as a dictionary."""
    return {e.key: e.val for e in message.map}


def string_map(merge=None, **pairs):
    return {"map": [{"key": k, "val": v} for k, v in pairs.items()], "merge": merge}


def labels(*pairs, merge=None):
    return {"map": [{"key": k, "val": v} for k, v in pairs], "merge": merge}


def env(merge=None, **pairs):
    return {"var": [{"name": k, "value": v} for k, v in pairs.items()], "merge": merge}


def limits(*rows, merge=None):
    return {"ulimit": [dict(zip(("type", "soft", "hard"), row)) for row in rows], "merge": merge}


def memory_in_kernel(porto, name):
    return int(knob(porto, name, "memory", "memory.limit_in_bytes", "memory.max"))


def everything(porto, name):
    """What a client can know of its configuration."""
    spec = porto.spec(name)
    spec.ClearField("env_secret")  # told with another salt each time
    return spec


# ---- create ---------------------------------------------------------------------------------------


def test_create(porto, name):
    porto.create_from_spec(
        name,
        command="sleep 1000",
        memory_limit=64 * MIB,
        cpu_limit=0.5,
        env=env(A="x;y ", B=""),
        labels=labels(("TEST.a", "1"), ("TEST.b", "2")),
        ulimit=limits(("nofile", 100, 200)),
        umask=27,
        private="note",
        isolate=False,
        max_respawns=3,
        respawn_delay=50000000,
        bind={"bind": [{"source": "/tmp", "target": "/tmp/x y", "flag": ["ro"]}]},
        capabilities={"cap": ["CHOWN", "KILL"]},
    )
    assert porto.state(name) == "stopped"
    want = {
        "command": "sleep 1000",
        "memory_limit": str(64 * MIB),
        "cpu_limit": "0.5c",
        "env[A]": "x;y ",
        "env[B]": "",
        "labels": "TEST.a: 1; TEST.b: 2",
        "ulimit[nofile]": "nofile: 100 200",
        "umask": "027",
        "private": "note",
        "isolate": "false",
        "max_respawns": "3",
        "respawn_delay": "50000000ns",
        "capabilities": "CHOWN;KILL",
        "weak": "false",
    }
    assert porto.get([name], [*want])[name] == want


def test_create_and_start(porto, name):
    porto.create_from_spec(name, start=True, command="sh -c 'echo $A; ulimit -n'", env=env(A="hi"))
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout").splitlines()[0] == "hi"
    assert porto.get_property(name, "weak") == "false"
    with expect("NoValue"):
        porto.get_property(name, "weak", real=True)


def test_create_with_nothing_but_a_name(porto, name):
    porto.create_from_spec(name)
    porto.create_from_spec(name + "/inner", start=True)
    assert porto.state(name) == "meta" and porto.state(name + "/inner") == "meta"


def test_arguments(porto, name):
    argv = ["/bin/echo", "a  b", "", "$HOME", "'"]
    porto.create_from_spec(name, start=True, command_argv={"argv": argv})
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout") == "a  b  $HOME '\n"


def test_create_needs_a_good_name(porto, name):
    with expect("InvalidValue"):
        porto.request("CreateFromSpec")
    with expect("InvalidValue"):
        porto.request("CreateFromSpec", container={"command": "true"})
    for bad in "", "a//b", "a/", "a b", "self", "x" * 200:
        with expect("InvalidValue"):
            porto.create_from_spec(bad)
    with expect("ContainerDoesNotExist"):
        porto.create_from_spec(name + "/child")
    with expect("ContainerDoesNotExist"):
        porto.update_from_spec(name)
    assert porto.list() == []


def test_create_over_an_existing_one(porto, name):
    porto.create(name)
    porto.set(name, private="old")
    with expect("ContainerAlreadyExists"):
        porto.create_from_spec(name, private="new", start=True)
    assert porto.get_property(name, "private") == "old"


def test_a_refused_value_leaves_no_container(porto, portod, name):
    before = porto.get_system().container_created
    with portod.client() as watcher:
        watcher.async_wait("***")
        with expect("InvalidValue") as caught:
            porto.create_from_spec(name, start=True, private="x", virt_mode="wrong")
        assert "virt_mode" in caught.error.text and "wrong" in caught.error.text
        assert porto.list() == []
        with pytest.raises(porto_client.Timeout):
            watcher.next_event(0.2)
    assert porto.get_system().container_created == before
    porto.create_from_spec(name)


def test_a_failed_start_leaves_no_container(porto, name):
    with expect("InvalidCommand"):
        porto.create_from_spec(name, start=True, command="/no/such/program")
    assert porto.list() == []
    with expect("InvalidCommand"):
        porto.create_from_spec(name, start=True, command="/no/such/program", weak=True)
    assert porto.list() == []


def test_volumes_are_not_there_yet(porto, name):
    with expect("NotSupported") as caught:
        porto.create_from_spec(name, volumes=[{"path": "/tmp/x"}])
    assert "volume" in caught.error.text
    assert porto.list() == []


def test_watchers_see_the_labels_of_a_new_one(porto, portod, name):
    with portod.client() as watcher:
        watcher.async_wait("***", labels=["TEST.*"])
        porto.create_from_spec(name, labels=labels(("TEST.a", "1")))
        first, second = watcher.next_event(), watcher.next_event()
        assert (first.name, first.state, first.label) == (name, "stopped", "")
        assert (second.name, second.label, second.value) == (name, "TEST.a", "1")


# ---- weak -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [False, True])
def test_weak_goes_with_the_connection(porto, portod, name, start):
    with portod.client() as other:
        other.create_from_spec(name, weak=True, start=start, command="sleep 1000")
        assert porto.get_property(name, "weak") == "true"
        assert porto.state(name) == ("running" if start else "stopped")
    poll(lambda: name not in porto.list())


@pytest.mark.parametrize("start", [False, True])
def test_not_weak_stays(porto, portod, name, start):
    with portod.client() as other:
        other.create_from_spec(name, weak=False, start=start, command="sleep 1000")
    time.sleep(0.2)
    assert porto.state(name) == ("running" if start else "stopped")


def test_client_that_leaves_before_the_answer(porto, portod, name):
    """Nobody was told of it: it must not stay."""
    other = portod.client()
    other.send(
        porto_client.make_request(
            "CreateFromSpec", container={"name": name, "command": "sleep 1000"}, start=True
        )
    )
    other.close()
    poll(lambda: porto.get_system().request_queued <= 1)
    poll(lambda: porto.list() == [])


# ---- update ---------------------------------------------------------------------------------------


def test_update(porto, name):
    porto.create_from_spec(name, command="true", private="a", env=env(A="1"))
    porto.update_from_spec(name, private="b", cpu_weight=2.5)
    assert porto.get_property(name, "private") == "b"
    assert porto.get_property(name, "cpu_weight") == "2.5"
    assert porto.get_property(name, "command") == "true"
    assert porto.get_property(name, "env") == "A=1"


def test_update_of_a_running_one(porto, name):
    porto.create_from_spec(name, start=True, command="sleep 1000", memory_limit=64 * MIB)
    porto.update_from_spec(
        name, memory_limit=96 * MIB, cpu_limit=0.5, thread_limit=50, private="x", isolate=True
    )
    assert memory_in_kernel(porto, name) == 96 * MIB
    assert knob(porto, name, "pids", "pids.max") == "50"
    assert porto.state(name) == "running"


def test_update_of_a_running_one_is_all_or_nothing(porto, name):
    porto.create_from_spec(
        name,
        start=True,
        command="sleep 1000",
        memory_limit=64 * MIB,
        labels=labels(("TEST.a", "1")),
    )
    before = everything(porto, name)
    changed = porto.status(name, "change_time").change_time
    for bad in (
        {"command": "sleep 2000"},
        {"isolate": False},
        {"env": env(A="1")},
        {"stdout_limit": 1 << 60, "umask": 7},
    ):
        with expect("InvalidState") as caught:
            porto.update_from_spec(
                name,
                memory_limit=96 * MIB,
                private="x",
                labels=labels(("TEST.b", "2")),
                respawn=True,
                **bad
            )
        assert any(key in caught.error.text for key in bad)
    assert everything(porto, name) == before
    assert memory_in_kernel(porto, name) == 64 * MIB
    assert porto.status(name, "change_time").change_time == changed


def test_what_the_kernel_refuses_is_taken_back(porto, toolbox, name):
    porto.create_from_spec(
        name, start=True, command="%s hog 32" % toolbox, memory_limit=128 * MIB, thread_limit=77
    )
    poll(lambda: "touched" in porto.get_property(name, "stdout"))
    before = everything(porto, name)
    with expect("Busy"):
        porto.update_from_spec(
            name,
            memory_limit=4 * MIB,
            thread_limit=88,
            cpu_limit=0.5,
            private="x",
            ulimit=limits(("nofile", 10, 10)),
        )
    assert everything(porto, name) == before
    assert memory_in_kernel(porto, name) == 128 * MIB
    assert knob(porto, name, "pids", "pids.max") == "77"
    pid = porto.get_property(name, "root_pid")
    with open("/proc/%s/limits" % pid) as file:
        assert not [line for line in file if "open files" in line and line.split()[3] == "10"]
    assert porto.state(name) == "running"


def test_taken_back_for_the_store_too(own_portod, toolbox):
    daemon = own_portod()
    client = daemon.client()
    client.create_from_spec("a", start=True, command="%s hog 32" % toolbox, memory_limit=128 * MIB)
    poll(lambda: "touched" in client.get_property("a", "stdout"))
    with expect("Busy"):
        client.update_from_spec("a", memory_limit=4 * MIB, private="x")
    with expect("InvalidValue"):
        client.update_from_spec("a", private="y", respawn_delay=7, oom_score_adj=5000)
    daemon.kill_server()
    client.connect()
    assert client.get_property("a", "memory_limit") == str(128 * MIB)
    assert client.get_property("a", "private") == ""
    client.close()


def test_update_and_start(porto, name):
    porto.create_from_spec(name, command="true")
    porto.update_from_spec(name, command="sleep 1000", start=True)
    assert porto.state(name) == "running"
    pid = porto.get_property(name, "root_pid")
    # Running already: nothing to start.
    porto.update_from_spec(name, private="x", start=True)
    assert porto.get_property(name, "root_pid") == pid


def test_no_start_after_a_refused_value(porto, name):
    porto.create_from_spec(name, command="sleep 1000")
    with expect("InvalidValue"):
        porto.update_from_spec(name, oom_score_adj=5000, start=True)
    assert porto.state(name) == "stopped"


def test_a_failed_start_takes_the_update_back(porto, portod, name):
    porto.create_from_spec(
        name, command="true", private="a", labels=labels(("TEST.a", "1")), weak=False
    )
    before = everything(porto, name)
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["TEST.*"])
        watcher.next_event()
        with expect("InvalidCommand"):
            porto.update_from_spec(
                name,
                start=True,
                command="/no/such/program",
                private="b",
                labels=labels(("TEST.a", "2"), ("TEST.b", "3")),
                user="nobody",
                memory_limit=64 * MIB,
            )
        events = {}
        while True:
            try:
                event = watcher.next_event(0.3)
            except porto_client.Timeout:
                break
            if event.label.startswith("TEST."):
                events[event.label] = event.value
    assert events == {"TEST.a": "1", "TEST.b": ""}
    assert everything(porto, name) == before
    assert porto.state(name) == "stopped"
    assert "no/such/program" in porto.get_property(name, "start_error")


def test_update_of_a_dead_one(porto, name):
    porto.create_from_spec(name, start=True, command="true")
    porto.finish(name)
    porto.update_from_spec(name, private="x", aging_time=77, labels=labels(("TEST.a", "1")))
    with expect("InvalidState"):
        porto.update_from_spec(name, private="y", memory_limit=64 * MIB)
    with expect("InvalidState"):
        porto.update_from_spec(name, private="y", start=True)
    assert porto.get_property(name, "private") == "x"


def test_an_update_waits_for_its_turn(porto, portod, name):
    porto.create_from_spec(name, start=True,
                          command="sh -c 'trap : TERM; echo ready; while :; do sleep 1; done'")
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    with portod.client() as stopper:
        stopper.send(porto_client.make_request("Stop", name=name, timeout_ms=700))
        poll(lambda: porto.state(name) == "stopping")
        porto.update_from_spec(name, command="true")  # possible in state stopped only
        assert stopper.recv_reply().error == 0
    assert porto.get_property(name, "command") == "true"


def test_same_values_are_no_change(porto, name):
    spec = {
        "command": "sleep 1000",
        "isolate": False,
        "env": env(A="1"),
        "cwd": "/",
        "task_cred": {"user": "nobody", "group": "nogroup"},
        "bind": {"bind": [{"source": "/tmp", "target": "/tmp/x", "flag": ["ro"]}]},
        "stdin_path": "/dev/zero",
    }
    porto.create_from_spec(name, **spec)
    porto.update_from_spec(name, bind={})
    del spec["bind"]
    porto.start(name)
    porto.update_from_spec(name, private="x", start=True, **spec)
    assert porto.get_property(name, "private") == "x"


def test_sent_back_as_told(porto, name):
    """Read, change one thing, write: on a container that runs."""
    porto.create_from_spec(name, start=True, command="sleep 1000", env=env(A="1"))
    spec = porto.spec(name)
    spec.private = "changed"
    spec.memory_limit = 96 * MIB
    request = porto_client.pb.TPortoRequest()
    request.UpdateFromSpec.container.CopyFrom(spec)
    porto.call(request)
    assert porto.get_property(name, "private") == "changed"
    assert memory_in_kernel(porto, name) == 96 * MIB


def test_told_and_made_again(porto, name):
    porto.create_from_spec(
        name,
        command_argv={"argv": ["sleep", "1000"]},
        memory_limit=64 * MIB,
        labels=labels(("TEST.a", "1")),
        env=env(A=" ;\\"),
        cwd="/tmp",
        ulimit=limits(("nofile", 100, 200)),
        umask=77,
        respawn=True,
        hostname="there",
    )
    spec = porto.spec(name)
    request = porto_client.pb.TPortoRequest()
    request.CreateFromSpec.container.CopyFrom(spec)
    request.CreateFromSpec.container.name = name + "-2"
    porto.call(request)
    again = porto.spec(name + "-2")
    again.name = name
    # Its own name is in the environment.
    for message in spec, again:
        for var in [v for v in message.env.var if v.name == "PORTO_NAME"]:
            message.env.var.remove(var)
    assert again == spec
    porto.start(name + "-2")


# ---- lists and maps -------------------------------------------------------------------------------


def test_labels_merge_and_replace(porto, portod, name):
    porto.create_from_spec(name, labels=labels(("TEST.a", "1"), ("TEST.b", "2")))
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["TEST.*"])
        initial = {watcher.next_event().label, watcher.next_event().label}
        assert initial == {"TEST.a", "TEST.b"}
        porto.update_from_spec(
            name, labels=labels(("TEST.c", "3"), ("TEST.a", None), merge=True)
        )
        seen = {(e.label, e.value) for e in (watcher.next_event(), watcher.next_event())}
        assert seen == {("TEST.a", ""), ("TEST.c", "3")}
        porto.update_from_spec(name, labels=labels(("TEST.c", "3"), ("TEST.d", "4")))
        seen = {(e.label, e.value) for e in (watcher.next_event(), watcher.next_event())}
        assert seen == {("TEST.b", ""), ("TEST.d", "4")}
    assert entries(porto.spec(name, "labels").labels) == {"TEST.c": "3", "TEST.d": "4"}
    porto.update_from_spec(name, labels={})
    assert porto.get_property(name, "labels") == ""


def test_labels_have_their_limits(porto, name):
    porto.create_from_spec(name, labels=labels(*(("TEST.%d" % i, "x") for i in range(100))))
    with expect("ResourceNotAvailable"):
        porto.update_from_spec(name, labels=labels(("TEST.more", "x"), merge=True))
    with expect("ResourceNotAvailable"):
        porto.update_from_spec(name, labels=labels(*(("TEST.%d" % i, "x") for i in range(101))))
    # What is replaced does not count.
    porto.update_from_spec(name, labels=labels(*(("OTHER.%d" % i, "x") for i in range(100))))
    for bad in ("test", "TEST.a b", "PORTO.x", "T.x", "TEST." + "x" * 128):
        with expect("InvalidLabel") as caught:
            porto.update_from_spec(name, labels=labels((bad, "1")))
        assert "labels" in caught.error.text
    assert len(porto.spec(name, "labels").labels.map) == 100


def test_env_merges_and_unsets(porto, name):
    porto.create_from_spec(name, command="env", env=env(A="1", B="2"))
    porto.update_from_spec(name, env=env(C="3", merge=True))
    assert porto.get_property(name, "env") == "A=1;B=2;C=3"
    porto.update_from_spec(
        name,
        env={"var": [{"name": "A"}, {"name": "USER", "unset": True, "value": "x"}], "merge": True},
    )
    told = {v.name: v for v in porto.spec(name, "env").env.var}
    assert told["A"].unset and told["USER"].unset and told["B"].value == "2"
    assert told["PATH"].value and told["container"].value == "lxc"
    porto.start(name)
    porto.finish(name)
    lines = porto.get_property(name, "stdout").splitlines()
    assert "B=2" in lines and "C=3" in lines
    assert not [line for line in lines if line.startswith(("A=", "USER="))]


def test_ulimits_in_force_are_told(porto, name):
    porto.create_from_spec(name, ulimit=limits(("nofile", 100, 200)), memory_limit=64 * MIB)
    inner = name + "/inner"
    porto.create_from_spec(inner, ulimit=limits(("stack", 1 << 20), ("core",)))
    told = {u.type: u for u in porto.spec(inner, "ulimit").ulimit.ulimit}
    assert (told["nofile"].soft, told["nofile"].hard, told["nofile"].inherited) == (100, 200, True)
    assert told["stack"].soft == 1 << 20 and not told["stack"].HasField("hard")
    assert told["core"].unlimited and not told["core"].HasField("inherited")
    assert told["memlock"].inherited
    # What was inherited does not become the container's own.
    request = porto_client.pb.TPortoRequest()
    request.UpdateFromSpec.container.CopyFrom(porto.spec(inner, "ulimit"))
    porto.call(request)
    assert "nofile" not in porto.get_property(inner, "ulimit")


def test_ulimits_of_a_running_one(porto, name):
    porto.create_from_spec(
        name, start=True, command="sleep 1000", ulimit=limits(("nofile", 100, 200))
    )
    porto.update_from_spec(name, ulimit=limits(("nofile", 50, 150), merge=True))
    with open("/proc/%s/limits" % porto.get_property(name, "root_pid")) as file:
        line = [line.split() for line in file if "open files" in line][0]
    assert line[3:5] == ["50", "150"]


def test_capabilities_added_and_removed(porto, name):
    porto.create_from_spec(name, capabilities={"cap": ["CHOWN", "KILL"]})
    porto.update_from_spec(name, capabilities={"cap": ["MKNOD"], "action": True})
    porto.update_from_spec(name, capabilities={"cap": ["KILL"], "action": False})
    told = porto.spec(name, "capabilities").capabilities
    assert [*told.cap] == ["CHOWN", "MKNOD"] and told.hex == "%016x" % (1 | 1 << 27)
    with expect("InvalidValue") as caught:
        porto.update_from_spec(name, capabilities={"cap": ["NOTHING"]})
    assert "capabilities" in caught.error.text and "NOTHING" in caught.error.text


def test_credentials(porto, name):
    porto.create_from_spec(name, task_cred={"user": "nobody"}, owner_cred={"uid": 7, "gid": 8})
    spec = porto.spec(name)
    assert (spec.task_cred.user, spec.task_cred.uid) == ("nobody", NOBODY)
    assert (spec.task_cred.group, spec.task_cred.gid) == ("nogroup", NOBODY)
    assert NOBODY in spec.task_cred.grp
    assert spec.user == "nobody" and spec.group == "nogroup"
    assert (spec.owner_cred.uid, spec.owner_cred.gid) == (7, 8)
    for bad in (
        {"user": "nobody", "uid": 0},
        {"uid": 0, "group": "nogroup", "gid": 0},
        {"user": "no-such-user"},
        {"uid": 0, "group": "no-such-group"},
        {"uid": 77777},
        {},
    ):
        with expect("InvalidValue") as caught:
            porto.update_from_spec(name, task_cred=bad)
        assert "task_cred" in caught.error.text
    # The part is more special than the whole.
    porto.update_from_spec(name, task_cred={"uid": 5, "gid": 5}, user="nobody", group="nogroup")
    assert porto.get_property(name, "task_cred").split()[:2] == [str(NOBODY)] * 2


def test_order_of_dependencies(porto, name):
    """By name the limits would come first and the controllers would forbid them."""
    porto.create_from_spec(name)
    inner = name + "/inner"
    porto.create_from_spec(
        inner, controllers={"controller": ["cpu"]}, memory_limit=64 * MIB, cpu_limit=0.5
    )
    told = [*porto.spec(inner, "controllers").controllers.controller]
    assert "memory" in told and "cpu" in told


# ---- bad input ------------------------------------------------------------------------------------

BAD = [
    ({"private": "x" * 5000}, "InvalidValue"),
    ({"command": "x" * 200000}, "InvalidValue"),
    ({"command_argv": {"argv": ["", "x"]}}, "InvalidValue"),
    ({"command_argv": {"argv": ["x" * 200000]}}, "InvalidValue"),
    ({"env": {"var": [{"value": "x"}]}}, "InvalidValue"),
    ({"env": {"var": [{"name": "A=B", "value": "x"}]}}, "InvalidValue"),
    ({"ulimit": {"ulimit": [{"type": "nothing", "soft": 1}]}}, "InvalidValue"),
    ({"ulimit": {"ulimit": [{"soft": 1}]}}, "InvalidValue"),
    ({"virt_mode": "wrong"}, "InvalidValue"),
    ({"enable_porto": "wrong"}, "InvalidValue"),
    ({"porto_namespace": "a b"}, "InvalidValue"),
    ({"user": "no such"}, "InvalidValue"),
    ({"group": "no such"}, "InvalidValue"),
    ({"owner_user": "no such"}, "InvalidValue"),
    ({"owner_group": "no such"}, "InvalidValue"),
    ({"owner_containers": "a b"}, "InvalidValue"),
    ({"root": "../up"}, "Permission"),
    ({"root": "/" + "x" * 5000}, "InvalidValue"),
    ({"bind": {"bind": [{"source": "/tmp"}]}}, "InvalidValue"),
    ({"bind": {"bind": [{"target": "/tmp"}]}}, "InvalidValue"),
    ({"bind": {"bind": [{"source": "/a", "target": "/b", "flag": ["wrong"]}]}}, "InvalidValue"),
    ({"bind": {"bind": [{"source": "/a", "target": "/b", "flag": ["ro", "rw"]}]}}, "InvalidValue"),
    ({"bind": {"bind": [{"source": "", "target": "/b"}]}}, "InvalidValue"),
    ({"stdin_path": "/dev/fd/99999"}, "InvalidValue"),
    ({"stdout_path": "/dev/fd/x"}, "InvalidValue"),
    ({"stderr_path": "x" * 5000}, "InvalidValue"),
    ({"umask": 1000}, "InvalidValue"),
    ({"umask": 9}, "InvalidValue"),
    ({"umask": 0xFFFFFFFF}, "InvalidValue"),
    ({"controllers": {"controller": ["wrong"]}}, "InvalidValue"),
    ({"controllers": {"controller": [""]}}, "InvalidValue"),
    ({"cpu_weight": 0.001}, "InvalidValue"),
    ({"cpu_weight": float("nan")}, "InvalidValue"),
    ({"cpu_weight": float("inf")}, "InvalidValue"),
    ({"cpu_weight": -1.0}, "InvalidValue"),
    ({"cpu_limit": -1.0}, "InvalidValue"),
    ({"cpu_limit": float("nan")}, "InvalidValue"),
    ({"cpu_limit": 1e300}, "InvalidValue"),
    ({"cpu_period": 1}, "InvalidValue"),
    ({"cpu_period": 1 << 63}, "InvalidValue"),
    ({"memory_limit": 1}, "InvalidValue"),
    ({"oom_score_adj": 1001}, "InvalidValue"),
    ({"oom_score_adj": -(1 << 31)}, "InvalidValue"),
    ({"hostname": "a/b"}, "InvalidValue"),
    ({"labels": {"map": [{"key": "x", "val": "1"}]}}, "InvalidLabel"),
    ({"labels": {"map": [{"val": "1"}]}}, "InvalidValue"),
    ({"capabilities": {"cap": ["KILL"], "hex": "1"}}, "InvalidValue"),
    ({"capabilities_ambient": {"hex": "xyz"}}, "InvalidValue"),
    ({"cpu_limit_total": 1.0}, "InvalidValue"),
    ({"anon_max_usage": 0}, "NotSupported"),
    ({"session_info": "a 1 b"}, "NotSupported"),
    ({"dirty_limit": 1}, "InvalidValue"),
    ({"net_limit_soft": 1}, "NotSupported"),
]


def ids(case):
    return next(iter(case)) if isinstance(case, dict) else case


@pytest.mark.parametrize("bad, code", BAD, ids=ids)
def test_bad_values(porto, bad, code):
    prop = next(iter(bad))
    with expect(code) as caught:
        porto.create_from_spec("new", **{"private": "x", "start": True, **bad})
    assert prop in caught.error.text, caught.error.text
    assert porto.list() == []
    porto.create_from_spec("old", private="x", labels=labels(("TEST.a", "1")))
    before = everything(porto, "old")
    good = {"respawn": True, "labels": labels(("TEST.a", "2")), "private": "y"}
    with expect(code) as caught:
        porto.update_from_spec("old", **{**good, **bad})
    assert prop in caught.error.text, caught.error.text
    assert everything(porto, "old") == before


def with_unknown_field(message, number):
    """The message with one more field, which the schema does not have."""
    data = message.SerializeToString()
    more = type(message)()
    more.ParseFromString(data + porto_client.encode_varint(number << 3) + b"\1")
    return more


def test_unknown_fields(porto, name):
    """What is not understood is not ignored: the container would not be what was asked for."""
    porto.create(name)
    spec = porto_client.pb.TContainerSpec(name=name, private="x")
    request = porto_client.pb.TPortoRequest()
    request.UpdateFromSpec.container.CopyFrom(with_unknown_field(spec, 1999))
    with expect("InvalidProperty") as caught:
        porto.call(request)
    assert "1999" in caught.error.text
    spec.env.CopyFrom(with_unknown_field(porto_client.pb.TContainerEnv(), 99))
    request.UpdateFromSpec.container.CopyFrom(spec)
    with expect("InvalidProperty") as caught:
        porto.call(request)
    assert "env" in caught.error.text and "99" in caught.error.text
    assert porto.get_property(name, "private") == ""


def test_huge_lists(porto, name):
    porto.create(name)
    for huge in (
        {"env": {"var": [{"name": "A%d" % i, "value": "x"} for i in range(20000)]}},
        {"controllers": {"controller": ["memory"] * 20000}},
        {"bind": {"bind": [{"source": "/a", "target": "/b"}] * 20000}},
        {"capabilities": {"cap": ["KILL"] * 20000}},
    ):
        with expect("InvalidValue") as caught:
            porto.update_from_spec(name, **huge)
        assert next(iter(huge)) in caught.error.text
    porto.update_from_spec(name, env=env(**{"A%d" % i: "x" for i in range(9000)}))
    assert len(porto.spec(name, "env").env.var) > 9000


# ---- rights ---------------------------------------------------------------------------------------


@pytest.fixture
def reader(portod, porto):
    """A client that may only read: not in the group porto."""
    with as_user(NOBODY, NOBODY):
        client = Client(portod.socket)
        client.connect()
    yield client
    client.close()


def test_readers_list_but_do_not_write(porto, reader, name):
    porto.create_from_spec(name, private="x")
    assert reader.spec(name, "private").private == "x"
    with expect("Permission"):
        reader.create_from_spec(name + "-2")
    with expect("Permission"):
        reader.update_from_spec(name, private="y")
    assert porto.get_property(name, "private") == "x"


def test_a_client_inside(porto, portod, toolbox, name):
    """Names are its own, in both directions."""
    inner = name + "/a"
    porto.create(name)
    porto.create_from_spec(inner, enable_porto="self-isolate")
    porto.create_from_spec(name + "/other")
    one = Inside(porto, inner, portod.socket, toolbox).start()
    client = one.connect()
    try:
        client.create_from_spec("b", private="x", command="sleep 1000", start=True)
        assert porto.state(inner + "/b") == "running"
        assert names(client.list_by("***")) == ["/", "b"]
        assert names(client.list_by("b", "self")) == ["self", "b"]
        entry = client.describe("b")
        assert entry.spec.private == "x" and entry.status.absolute_name == "/porto/%s/b" % inner
        client.update_from_spec("b", private="y")
        assert porto.get_property(inner + "/b", "private") == "y"
        with expect("ContainerDoesNotExist", "Permission"):
            client.describe("/porto/%s/other" % name)
        for there in "/porto/%s/new" % name, "/porto/new":
            with expect("Permission"):
                client.create_from_spec(there)
        with expect("Permission"):
            client.update_from_spec("/porto/%s/other" % name, private="y")
        with expect("Permission") as caught:
            client.create_from_spec("c", enable_porto="full", stdout_limit=1 << 60)
        assert "stdout_limit" in caught.error.text
        assert names(client.list_by("***")) == ["/", "b"]
    finally:
        client.close()
        one.close()


# ---- list -----------------------------------------------------------------------------------------


def names(listed):
    return [e.spec.name for e in listed if not e.HasField("error")]


def test_filters_by_name(porto, name):
    for part in "a", "b", "a/c":
        porto.create_from_spec(part)
    assert names(porto.list_by("***")) == ["/", "a", "a/c", "b"]
    assert names(porto.list_by("*")) == ["/", "a", "b"] or names(porto.list_by("*")) == ["a", "b"]
    assert names(porto.list_by("a***")) == ["a", "a/c"]
    assert names(porto.list_by("b", "a")) == ["a", "b"]
    assert names(porto.list_by("/")) == ["/"]
    assert names(porto.list_by({})) == ["/", "a", "a/c", "b"]
    assert porto.list_by() == []


def test_names_as_the_client_writes_them(porto, name):
    porto.create(name)
    assert porto.describe("/porto/" + name, "state").spec.name == "/porto/" + name
    assert porto.describe("self", "absolute_name").status.absolute_name == "/"


def test_what_matches_nothing_is_told(porto, name):
    porto.create(name)
    listed = porto.list_by(name, "nothing", "no*thing", {"name": name, "labels": labels(("A.B", "1"))})
    assert names(listed) == [name]
    wrong = [e for e in listed if e.HasField("error")]
    assert [e.spec.name for e in wrong] == ["nothing", "no*thing", name]
    for e in wrong:
        assert e.error.error == porto_client.error_code("ContainerDoesNotExist") and e.error.msg
    with expect("ContainerDoesNotExist"):
        porto.spec("nothing")


def test_filters_by_label(porto):
    porto.create_from_spec("a", labels=labels(("TEST.x", "1"), ("TEST.y", "2")))
    porto.create_from_spec("b", labels=labels(("TEST.x", "1")))
    porto.create_from_spec("c")
    assert names(porto.list_by({"name": "***", "labels": labels(("TEST.x", "1"))})) == ["a", "b"]
    both = {"name": "***", "labels": labels(("TEST.x", "1"), ("TEST.y", "2"))}
    assert names(porto.list_by(both)) == ["a"]
    assert names(porto.list_by({"labels": labels(("TEST.x", "2"))})) == []


def test_changed_since(porto, name):
    porto.create_from_spec("a", private="x")
    porto.create_from_spec("b", private="x")
    now = porto.timestamp
    poll(lambda: time.time() >= now + 1.1)  # the daemon looks at a coarse clock
    porto.update_from_spec("b", private="y")
    listed = porto.list_by({"name": "*", "changed_since": porto.timestamp}, properties=["private"])
    told = {e.spec.name: e for e in listed if e.spec.name != "/"}
    assert told["a"].status.no_changes and told["a"].status.change_time <= now
    assert not told["a"].spec.HasField("private")
    assert not told["b"].status.HasField("no_changes") and told["b"].spec.private == "y"


def test_the_first_filter_counts(porto, name):
    porto.create(name)
    later = int(time.time()) + 1000
    first = {"name": name, "changed_since": later}
    assert porto.list_by(first, name)[0].status.no_changes
    assert not porto.list_by(name, first)[0].status.no_changes


def test_only_the_properties_asked_for(porto, name):
    porto.create_from_spec(name, private="x", command="sleep 1000", start=True)
    entry = porto.describe(name, "private", "state", "root_pid", "private", "exit_code")
    assert {f.name for f, _ in entry.spec.ListFields()} == {"name", "private"}
    # Not dead: no exit code, and no fuss about it.
    assert {f.name for f, _ in entry.status.ListFields()} == {"state", "root_pid"}
    assert alive(entry.status.root_pid)


def test_unknown_properties_are_told(porto, name):
    porto.create(name)
    entry = porto.describe(name, "private", "nothing", "porto_stat", "name")
    wrong = [(e.error, e.msg) for e in entry.status.error]
    assert len(wrong) == 3
    for (code, text), what in zip(wrong, ("nothing", "porto_stat", "name")):
        assert code == porto_client.error_code("InvalidProperty") and "'%s'" % what in text
    assert entry.spec.HasField("private")


def test_values_have_their_types(porto, name):
    before = int(time.time())
    porto.create_from_spec(name, command="sh -c 'exit 3'", cpu_limit=0.25, memory_limit=64 * MIB)
    entry = porto.describe(name)
    status, spec = entry.status, entry.spec
    assert status.absolute_name == "/porto/" + name and status.parent == "/"
    assert status.state == "stopped" and status.level == 1 and status.id > 3
    assert before <= status.creation_time <= time.time()
    assert not status.HasField("root_pid") and not status.HasField("exit_code")
    assert not status.HasField("start_error") and not status.HasField("dead_time")
    assert spec.cpu_limit == 0.25 and status.cpu_limit_bound == 0.25
    assert spec.max_respawns == -1 and spec.respawn_delay == 10 ** 9
    assert spec.umask == 2 and spec.aging_time == 86400 and spec.weak is False
    assert not spec.HasField("command_argv")
    assert spec.stdin_path == "/dev/null" and spec.root == "/"
    assert "memory" in spec.controllers.controller
    groups = {g.controller: g for g in status.cgroups.cgroup}
    assert groups["freezer"].path and not groups["freezer"].inherited
    porto.start(name)
    porto.finish(name)
    status = porto.status(name)
    assert status.exit_status == 3 << 8 and status.exit_code == 3
    assert status.core_dumped is False and status.oom_killed is False
    assert status.HasField("dead_time") and status.HasField("time")
    assert before <= status.start_time <= status.death_time <= time.time()


# Properties that specs do not have, and those that are told under conditions of their own.
NOT_TOLD = {
    "net_class_id", "net_tos", "stdout", "stderr",
    # only if set
    "command_argv", "coredump_filter", "io_guarantee", "io_ops_guarantee", "seccomp",
    "seccomp_name", "thread_limit", "place_limit", "anon_limit", "anon_only", "memory_lock_policy",
    "recharge_on_pgfault",
}  # fmt: skip


@pytest.mark.parametrize("state", ["stopped", "running", "dead"])
def test_all_that_can_be_read_is_told(porto, name, state):
    """Get and ListContainersBy agree about what there is."""
    porto.create(name)
    porto.set(name, command="sleep 1000" if state == "running" else "true")
    if state != "stopped":
        porto.start(name)
    if state == "dead":
        porto.finish(name)
    listed = porto.property_list()
    read = porto.get([name], [*listed])[name]
    entry = porto.describe(name)
    told = {f.name for f, _ in entry.spec.ListFields()}
    told |= {f.name for f, _ in entry.status.ListFields()}
    beyond = {f.name for f in entry.spec.DESCRIPTOR.fields if f.number >= 2000}
    missing, surplus = [], []
    for prop, value in read.items():
        if prop in NOT_TOLD | beyond:
            continue
        if isinstance(value, PortoError):
            surplus += [prop] if prop in told else []
        elif prop not in told and not (value == "" and listed[prop].read_only):
            missing.append(prop)
    assert not missing, "can be read and is not told"
    assert not surplus, "cannot be read and is told"
    # The same, one by one.
    for prop in sorted(told & set(listed))[::7]:
        one = porto.describe(name, prop)
        assert one.spec.HasField(prop) if not listed[prop].read_only else one.status.ListFields()


def test_inherited_groups(porto, name):
    porto.create(name)
    porto.create(name + "/inner")
    groups = {g.controller: g for g in porto.status(name + "/inner", "cgroups").cgroups.cgroup}
    assert groups["memory"].inherited and not groups["freezer"].inherited


def test_start_error(porto, name):
    porto.create_from_spec(name, command="/no/such/program")
    with expect("InvalidCommand"):
        porto.start(name)
    why = porto.status(name, "start_error").start_error
    assert why.error == porto_client.error_code("InvalidCommand")
    assert "no/such/program" in why.msg and not why.msg.startswith("InvalidCommand")


def test_the_root_container(porto):
    entry = porto.describe("/")
    assert entry.status.state == "meta" and not entry.status.HasField("parent")
    assert entry.status.root_pid == 1 and entry.spec.virt_mode == "host"
    with expect("Permission"):
        porto.update_from_spec("/", private="x")


def test_windows_of_streams(porto, name):
    porto.create_from_spec(
        name, command="sh -c 'printf 0123456789; printf abc >&2'", start=True
    )
    porto.finish(name)

    def out(**window):
        return porto.status(name, "stdout", stdout=window).std_out

    assert not porto.status(name, "stdout").HasField("std_out")
    assert not porto.status(name, "state", stdout={}).HasField("std_out")
    assert out() == "0123456789"
    assert out(stdstream_offset=2, stdstream_limit=3) == "234"
    assert out(stdstream_offset=7) == "789"
    assert out(stdstream_limit=4) == "6789"
    assert out(stdstream_offset=50, stdstream_limit=3) == ""
    both = porto.status(name, stdout={"stdstream_limit": 1}, stderr={"stdstream_offset": 1})
    assert both.std_out == "9" and both.std_err == "bc"


def test_a_window_that_is_gone(porto, toolbox, name):
    porto.create_from_spec(
        name,
        command="sh -c 'for i in 1 2 3 4 5 6 7 8; do printf \"%01023d\\n\" $i; done; sleep 1000'",
        stdout_limit=4096,
        start=True,
    )
    poll(lambda: porto.status(name, "stdout_offset").stdout_offset > 0)
    status = porto.status(name, "stdout", stdout={"stdstream_offset": 0, "stdstream_limit": 10})
    assert not status.HasField("std_out")
    assert [e.error for e in status.error] == [porto_client.error_code("InvalidData")]
    assert porto.status(name, "stdout", stdout={"stdstream_limit": 5}).std_out.endswith("8\n")


def test_no_window_without_output(porto, name):
    porto.create_from_spec(name)
    status = porto.status(name, "stdout", stdout={"stdstream_offset": 0})
    assert not status.HasField("std_out") and not status.error


def test_absurd_requests(porto, name):
    porto.create(name)
    with expect("ResourceNotAvailable"):
        porto.list_by(*["***"] * 20000)
    with expect("ResourceNotAvailable"):
        porto.list_by(name, properties=["x"] * 20000)
    assert len(porto.list_by(*["nothing"] * 5000)) == 5000


def test_many_containers(portod, porto):
    """In slices; what is destroyed meanwhile is left out."""
    for i in range(300):
        porto.create_from_spec("m%d" % i, private="x")
    with portod.client() as other, portod.client() as third:
        other.send(porto_client.make_request("ListContainersBy", filters=[{"name": "m*"}]))
        third.destroy("m7")
        third.destroy("m299")
        listed = other.recv_reply().ListContainersBy.containers
        assert 298 <= len(listed) <= 300
        assert all(e.spec.private == "x" for e in listed)
        # A client that leaves in the middle.
        other.send(porto_client.make_request("ListContainersBy", filters=[{"name": "m*"}]))
    poll(lambda: porto.get_system().request_queued <= 1)
    few = porto.list_by("m*", properties=["state"])
    assert len(few) == 298 and all(e.status.state == "stopped" for e in few)


# ---- the server's death ---------------------------------------------------------------------------


def test_specs_are_kept(own_portod):
    daemon = own_portod()
    client = daemon.client()
    client.create_from_spec(
        "a",
        command_argv={"argv": ["sleep", "1000"]},
        env=env(A=" x"),
        labels=labels(("TEST.a", "1")),
        memory_limit=64 * MIB,
        ulimit=limits(("nofile", 100, 200)),
        task_cred={"user": "nobody"},
        umask=77,
        start=True,
    )
    client.create_from_spec("b", weak=True)
    client.update_from_spec("a", private="x", cpu_limit=0.5)
    before = everything(client, "a")
    daemon.kill_server()
    client.connect()
    assert everything(client, "a") == before
    assert client.state("a") == "running" and client.get_property("a", "weak") == "false"
    poll(lambda: client.list() == ["a"])
    client.close()


def test_death_in_the_middle_of_a_start(own_portod):
    """Nobody was told of the container: the next server destroys it."""
    daemon = own_portod()
    client = daemon.client()
    # A start that takes its time: it opens a fifo that nobody reads.
    fifo = os.path.join(daemon.dir, "fifo")
    os.mkfifo(fifo)
    os.chmod(fifo, 0o666)
    client.send(
        porto_client.make_request(
            "CreateFromSpec",
            container={"name": "a", "command": "sleep 1000", "stdin_path": fifo},
            start=True,
        )
    )
    with daemon.client() as other:
        poll(lambda: other.list() == ["a"])
        state = other.state("a")
    daemon.kill_server()
    with daemon.client() as other:
        if state == "starting":
            poll(lambda: other.list() == [])
    client.close()


# ---- counters -------------------------------------------------------------------------------------


def test_counters(porto, name):
    def count(what):
        return int(porto.get_property("/", "porto_stat[spec_%s]" % what))

    done, failed = count("requests_completed"), count("requests_failed")
    bad, gone = count("fail_invalid_value"), count("fail_no_container")
    porto.create_from_spec(name)
    porto.update_from_spec(name, private="x")
    with expect("InvalidValue"):
        porto.update_from_spec(name, virt_mode="x")
    with expect("ContainerDoesNotExist"):
        porto.update_from_spec("nothing")
    assert count("requests_completed") == done + 4 and count("requests_failed") == failed + 2
    assert count("fail_invalid_value") == bad + 1 and count("fail_no_container") == gone + 1
