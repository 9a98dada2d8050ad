# SPDX-License-Identifier: Apache-2.0
"""init and held: who is in front of the command, and starts that wait for a word."""

import os
import signal

import pytest

from conftest import NOBODY, alive, expect, poll, read


def pid_of(porto, name):
    return int(porto.get_property(name, "root_pid"))


def comm(pid):
    return (read("/proc/%d/comm" % pid) or "").strip()


def vpid(pid):
    status = read("/proc/%d/status" % pid)
    return int([line for line in status.splitlines() if line.startswith("NSpid")][0].split()[-1])


# ---- init ------------------------------------------------------------------------------------


def test_without_init_the_command_is_first(porto, toolbox, name):
    text = porto.output(name, "%s pid" % toolbox, init=False)
    assert text.split()[:2] == ["1", "0"]


def test_without_init_the_rest_is_as_usual(porto, name):
    """Streams, user, directory: not those of mode os."""
    text = porto.output(
        name, "sh -c 'id -u; pwd; echo x >&2'", init=False, cwd="/tmp", user="nobody", group="nogroup"
    )
    assert text == "%d\n/tmp\n" % NOBODY


@pytest.mark.parametrize("isolate", [True, False])
@pytest.mark.parametrize("code", [0, 9, 130, 255])
def test_without_init_exits_exactly(porto, toolbox, name, code, isolate):
    porto.run(name, "%s exit %d" % (toolbox, code), init=False, isolate=isolate)
    assert porto.finish(name) == code


def test_without_init_not_isolated(porto, toolbox, name):
    porto.run(name, "sleep 1000", init=False, isolate=False)
    pid = pid_of(porto, name)
    assert comm(pid) == "sleep"
    porto.kill(name, signal.SIGTERM)
    assert porto.finish(name) == -signal.SIGTERM


def test_without_init_what_is_left_is_killed(porto, toolbox, name):
    porto.run(name, "%s leave 4" % toolbox, init=False, isolate=False)
    assert porto.finish(name) == 4
    groups = porto.get_property(name, "cgroups")
    path = [p.split(":", 1)[1].strip() for p in groups.split(";") if "freezer" in p][0]
    assert read(path + "/cgroup.procs", "").split() == []


def test_without_init_a_job(porto, toolbox, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "%s leave 131" % toolbox, virt_mode="job", init=False)
    assert porto.finish(name + "/job") == 131
    assert porto.get_property(name, "process_count") in ("2", "1")  # with portoinit or without


def test_without_init_stop_is_quick_when_nobody_listens(porto, toolbox, name):
    """The first process of a namespace gets no signal it does not handle."""
    porto.run(name, "%s ready" % toolbox, init=False)
    with porto.__class__(porto.path, timeout=15) as impatient:
        impatient.stop(name, 3600 * 1000)
    porto.set(name, command="%s catch 15 0" % toolbox)
    porto.start(name)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    porto.stop(name, 30000)


def test_without_init_survives_the_server(porto, portod, name):
    porto.run(name, "sleep 1000", init=False)
    pid = pid_of(porto, name)
    portod.kill_server()
    porto.connect()
    assert porto.state(name) == "running"
    assert pid_of(porto, name) == pid
    os.kill(pid, signal.SIGKILL)
    assert porto.finish(name) == -signal.SIGKILL


def test_init_is_for_commands(porto, name):
    """A meta container has a holder, whatever was asked for."""
    porto.run(name, None, init=False)
    assert porto.state(name) == "meta"
    assert comm(pid_of(porto, name)) == "portoinit"


# ---- held ------------------------------------------------------------------------------------


@pytest.fixture(params=["init", "no init", "job", "os", "no isolation"])
def held_props(request, porto, name):
    """Properties of a container to be held, in every layout of processes."""
    if request.param == "job":
        porto.run(name, "sleep 1000")
    return {
        "init": {},
        "no init": {"init": False},
        "job": {"virt_mode": "job"},
        "os": {"virt_mode": "os"},
        "no isolation": {"isolate": False},
    }[request.param]


@pytest.fixture
def held_name(held_props, name):
    return name + "/job" if held_props.get("virt_mode") == "job" else name


def test_held(porto, toolbox, held_name, held_props, tmp_path):
    os.chmod(tmp_path, 0o777)
    out = tmp_path / "out"
    porto.run(held_name, "sh -c 'echo began >%s; exec sleep 1000'" % out, held=True, **held_props)
    assert porto.state(held_name) == "running"
    assert porto.get_property(held_name, "held") == "true"
    pid = pid_of(porto, held_name)
    assert comm(pid) not in ("sleep", "sh") and alive(pid)
    assert not out.exists()
    # It is what it will be, but for the program.
    assert porto.locate(pid) == held_name.split("/job")[0]
    porto.set(held_name, held=False)
    poll(out.exists)
    assert porto.get_property(held_name, "held") == "false"
    assert pid_of(porto, held_name) == pid
    poll(lambda: comm(pid) == "sleep")
    # Once is enough, and there is no way back.
    porto.set(held_name, held=False)
    with expect("InvalidState"):
        porto.set(held_name, held=True)
    assert porto.get_property(held_name, "held") == "false"


@pytest.mark.parametrize("how", ["kill", "term", "stop", "stop at once", "destroy"])
def test_held_is_ended(porto, held_name, held_props, how):
    porto.run(held_name, "sleep 1000", held=True, **held_props)
    pid = pid_of(porto, held_name)
    if how == "kill":
        porto.kill(held_name, signal.SIGKILL)
        assert porto.finish(held_name) == -signal.SIGKILL
    elif how == "term":
        porto.kill(held_name, signal.SIGTERM)
        # The first process of a pid namespace cannot be killed by it and exits instead.
        first = held_props.get("virt_mode") == "os" or held_props.get("init") is False
        assert porto.finish(held_name) == (128 + 15 if first else -15)
    elif how == "stop":
        porto.stop(held_name, 60000)
        assert porto.state(held_name) == "stopped"
    elif how == "stop at once":
        porto.stop(held_name, 0)
    else:
        porto.destroy(held_name)
    poll(lambda: not alive(pid))


def test_held_is_killed_while_it_gets_ready(porto, name):
    """As the first process of its pid namespace it hears only what it asked for."""
    for _ in range(40):
        porto.run(name, "sleep 1000", held=True, init=False)
        porto.kill(name, signal.SIGTERM)
        assert porto.finish(name) == 128 + 15
        porto.destroy(name)


def test_held_survives_the_server(porto, portod, held_name, held_props):
    porto.run(held_name, "sleep 1000", held=True, **held_props)
    pid = pid_of(porto, held_name)
    portod.kill_server()
    porto.connect()
    assert porto.state(held_name) == "running"
    assert porto.get_property(held_name, "held") == "true"
    assert pid_of(porto, held_name) == pid
    porto.set(held_name, held=False)
    poll(lambda: comm(pid) == "sleep")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(held_name, "held") == "false"
    assert porto.state(held_name) == "running"


def test_released_behind_the_servers_back(porto, portod, name):
    """The word was given, but the server died before it could write that down."""
    porto.run(name, "sleep 1000", held=True)
    pid = pid_of(porto, name)
    fifo = os.path.join(portod.state_dir, "tasks", porto.get_property(name, "id") + ".hold")
    with open(fifo, "wb", buffering=0) as file:
        file.write(b"x")
    poll(lambda: comm(pid) == "sleep")
    assert porto.get_property(name, "held") == "true"
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "held") == "false"


def test_held_again(porto, portod, name):
    """Each start waits for its own word; nothing of an earlier one is left."""
    porto.create(name)
    porto.set(name, command="sleep 1000")
    for _ in range(3):
        porto.set(name, held=True)
        porto.start(name)
        assert comm(pid_of(porto, name)) != "sleep"
        porto.set(name, held=False)
        pid = pid_of(porto, name)
        poll(lambda: comm(pid) == "sleep")
        porto.stop(name)
    porto.destroy(name)
    assert os.listdir(os.path.join(portod.state_dir, "tasks")) == []


def test_held_respawns_held(porto, name):
    """What was killed before it began is held again; once let go it is not."""
    porto.run(name, "sleep 1000", held=True, respawn=True, respawn_delay="50ms")
    porto.kill(name, signal.SIGKILL)
    poll(lambda: porto.get_property(name, "respawn_count") == "1")
    porto.wait_state(name, "running")
    pid = pid_of(porto, name)
    assert comm(pid) != "sleep"
    porto.set(name, held=False)
    poll(lambda: comm(pid) == "sleep")
    porto.kill(name, signal.SIGKILL)
    poll(lambda: porto.get_property(name, "respawn_count") == "2")
    porto.wait_state(name, "running")
    poll(lambda: comm(pid_of(porto, name)) == "sleep")


def test_held_while_paused(porto, name):
    porto.run(name, "sleep 1000", held=True)
    pid = pid_of(porto, name)
    porto.pause(name)
    porto.set(name, held=False)
    assert comm(pid) != "sleep"
    porto.resume(name)
    poll(lambda: comm(pid) == "sleep")


def test_held_errors(porto, name, tmp_path):
    porto.create(name)
    porto.set(name, held=True)
    with expect("InvalidValue") as seen:
        porto.start(name)
    assert "held" in seen.error.text
    with expect("InvalidValue"):
        porto.set_property(name, "held", "maybe")
    # A command that is not there is found at start.
    porto.set(name, command="/nowhere/at/all")
    with expect("InvalidCommand"):
        porto.start(name)
    assert porto.state(name) == "stopped"
    # One that goes while it is waited for is told by its exit.
    script = tmp_path / "script"
    for part in (tmp_path, *tmp_path.parents):
        if str(part).startswith("/tmp/"):
            os.chmod(part, 0o755)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    porto.set(name, command=str(script))
    porto.start(name)
    script.unlink()
    porto.set(name, held=False)
    assert porto.finish(name) == 127
    assert str(script) in porto.get_property(name, "stderr")


def test_held_script_without_interpreter(porto, name, tmp_path):
    """What a shell would run, runs."""
    for part in (tmp_path, *tmp_path.parents):
        if str(part).startswith("/tmp/"):
            os.chmod(part, 0o755)
    script = tmp_path / "script"
    script.write_text('echo "ran $1"\n')
    script.chmod(0o755)
    porto.run(name, "%s here" % script, held=True)
    porto.set(name, held=False)
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout") == "ran here\n"


def test_held_environment_and_user(porto, name):
    porto.run(
        name, "sh -c 'echo $A; id -u; umask'", held=True, env="A=b c", user="nobody", umask="077"
    )
    porto.set(name, held=False)
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout") == "b c\n%d\n0077\n" % NOBODY


def test_held_shows_nothing_of_the_daemon(porto, name):
    """Whoever may look into a process that waits finds nothing of the server in it."""
    porto.run(name, "sleep 1000", held=True)
    pid = pid_of(porto, name)
    poll(lambda: comm(pid) == "portoinit")
    assert "libprotobuf" not in read("/proc/%d/maps" % pid)
    links = {os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}
    assert all(link.endswith((".hold", "/stdout", "/stderr")) or link == "/dev/null" for link in links)
