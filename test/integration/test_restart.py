# SPDX-License-Identifier: Apache-2.0
"""The server dies, the daemon stops and comes back: containers live on, nothing is forgotten."""

import errno
import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import alive, expect, parent_of, poll
from porto_client import Client, Closed, PortoError


@pytest.fixture
def daemon(own_portod):
    return own_portod()


@pytest.fixture
def client(daemon):
    made = daemon.client()
    yield made
    made.close()


def pid_of(client, name):
    return int(client.get_property(name, "root_pid"))


# ---- kill -9 of the server -----------------------------------------------------------------------


def test_back_within_a_second(daemon):
    assert daemon.kill_server() < 1.0
    assert alive(daemon.master_pid)


def test_again_and_again(daemon, client):
    client.run("a", "sleep 1000")
    pid = pid_of(client, "a")
    for _ in range(4):
        daemon.kill_server()
        client.connect()
        assert client.state("a") == "running" and pid_of(client, "a") == pid
    assert client.get_system().porto_starts >= 5
    assert client.get_system().master_uptime >= client.get_system().porto_uptime


def test_containers_run_on(daemon, client):
    client.run("a", "sleep 1000")
    client.run("a/b", "sleep 1000", isolate=False)
    client.create("meta")
    client.start("meta")
    client.create("stopped")
    client.run("dead", "sh -c 'exit 3'")
    client.finish("dead")
    pids = {n: pid_of(client, n) for n in ("a", "a/b", "meta")}
    daemon.kill_server()
    client.connect()
    assert client.list() == ["a", "a/b", "dead", "meta", "stopped"]
    assert {n: pid_of(client, n) for n in pids} == pids
    assert client.state("a") == client.state("a/b") == "running"
    assert client.state("meta") == "meta"
    assert client.state("stopped") == "stopped"
    assert client.state("dead") == "dead"
    assert client.get_property("dead", "exit_code") == "3"
    # And can be handled as ever.
    client.kill("a/b", 9)
    assert client.finish("a/b") == -9
    client.stop("a", 0)
    client.stop("meta", 0)


def test_configuration_is_kept(daemon, client):
    props = {
        "command": "sleep 1000",
        "env": "A=1;B=x y",
        "cwd": "/tmp",
        "private": "note \u00e9",
        "memory_limit": "67108864",
        "cpu_limit": "1.5c",
        "thread_limit": "77",
        "ulimit": "nofile: 100 200; ",
        "hostname": "box",
        "respawn": "true",
        "max_respawns": "7",
        "respawn_delay": "3000000000ns",
        "aging_time": "1234",
        "enable_porto": "isolate",
        "umask": "027",
        "stdout_limit": "123456",
        "bind": "/tmp /mnt ro",
        "capabilities": "CHOWN;KILL",
        "labels": "TEST.a: 1; TEST.b: 2",
        "oom_is_fatal": "false",
        "cpu_weight": "2.5",
        "user": "nobody",
    }
    client.create("a")
    for prop, value in props.items():
        client.set_property("a", prop, value)
    everything = client.get(["a"], list(client.property_list()))["a"]
    before = {k: v for k, v in everything.items() if not isinstance(v, PortoError)}
    daemon.kill_server()
    client.connect()
    everything = client.get(["a"], list(client.property_list()))["a"]
    after = {k: v for k, v in everything.items() if not isinstance(v, PortoError)}
    for prop in set(before) | set(after):
        if prop in ("time", "change_time"):
            continue
        assert before.get(prop) == after.get(prop), prop
    for prop in set(props) - {"memory_limit", "cpu_limit", "thread_limit"}:
        assert client.get_property("a", prop, real=True) == before[prop]


def test_exit_status_while_the_server_is_down(daemon, client):
    """The container ends between the death of the server and its return."""
    for i in range(10):
        client.run("c%d" % i, "sh -c 'sleep 0.15; exit %d'" % (i + 1))
    server = daemon.server_pid()
    os.kill(server, signal.SIGKILL)
    daemon.server_pid(not_pid=server)
    daemon.wait_ready()
    client.connect()
    for i in range(10):
        assert client.finish("c%d" % i) == i + 1


def test_exit_status_while_the_server_is_stopped(daemon, client):
    """All ends happen while nobody listens: the master keeps them."""
    for i in range(10):
        client.run("c%d" % i, "sleep 1000")
    pids = [pid_of(client, "c%d" % i) for i in range(10)]
    server = daemon.server_pid()
    os.kill(server, signal.SIGSTOP)
    for i, pid in enumerate(pids):
        os.kill(pid, signal.SIGKILL if i % 2 else signal.SIGTERM)
    poll(lambda: not any(alive(pid) for pid in pids))
    os.kill(server, signal.SIGKILL)
    daemon.server_pid(not_pid=server)
    daemon.wait_ready()
    client.connect()
    for i in range(10):
        assert client.finish("c%d" % i) == (-9 if i % 2 else -15)


def test_wait_after_the_return(daemon, client):
    client.run("a", "sh -c 'sleep 0.3; exit 5'")
    daemon.kill_server()
    client.connect()
    report = client.wait(["a"])
    assert (report.name, report.state) == ("a", "dead")
    assert client.get_property("a", "exit_code") == "5"


def test_paused_ones_stay_paused(daemon, client):
    client.run("a", "sleep 1000")
    pid = pid_of(client, "a")
    client.pause("a")
    daemon.kill_server()
    client.connect()
    assert client.state("a") == "paused"
    client.resume("a")
    assert client.state("a") == "running"
    assert pid_of(client, "a") == pid


def freeze(client, name):
    """What a pause does first, and no more."""
    path = client.get_property(name, "cgroups[freezer]")
    v1 = os.path.join(path, "freezer.state")
    file, text = (v1, "FROZEN") if os.path.exists(v1) else (os.path.join(path, "cgroup.freeze"), "1")
    with open(file, "w") as knob:
        knob.write(text)


@pytest.mark.parametrize("paused, other", [("a/b", "a/c"), ("a/b", "a/c/d"), ("a/c", "a/b")])
def test_a_pause_cut_short_leaves_those_below_as_they_were(daemon, client, paused, other):
    for name in "a", "a/b", "a/c", "a/c/d":
        client.run(name, "sleep 1000")
    client.pause(paused)
    before = {name: client.state(name) for name in ("a", "a/b", "a/c", "a/c/d")}
    freeze(client, "a")
    daemon.kill_server()
    client.connect()
    poll(lambda: client.state("a") == "running", 10)
    assert {name: client.state(name) for name in before} == before
    daemon.kill_server()
    client.connect()
    assert {name: client.state(name) for name in before} == before
    with pytest.raises(PortoError):
        client.resume(other)
    client.resume(paused)
    assert set(client.state(name) for name in before) == {"running"}


def test_stdout_and_its_offset(daemon, client, toolbox):
    client.run("a", "sh -c '%s lines 20000; exec sleep 1000'" % toolbox, stdout_limit="256K")
    poll(lambda: int(client.get_property("a", "stdout_offset")) > 0, 15)
    time.sleep(1.1)  # until the rotation has come to rest
    offset = client.get_property("a", "stdout_offset")
    text = client.get_property("a", "stdout")
    daemon.kill_server()
    client.connect()
    assert client.get_property("a", "stdout_offset") == offset
    assert client.get_property("a", "stdout") == text


def test_start_error_is_kept(daemon, client):
    client.create("a")
    client.set_property("a", "command", "/no/such/program")
    with expect("InvalidCommand"):
        client.start("a")
    error = client.get_property("a", "start_error")
    daemon.kill_server()
    client.connect()
    assert client.get_property("a", "start_error") == error


def test_respawning_goes_on(daemon, client):
    client.run("a", "true", respawn=True, respawn_delay="300ms", max_respawns=1)
    client.wait_state("a", "respawning")
    daemon.kill_server()
    client.connect()
    client.wait_state("a", "dead")
    assert client.get_property("a", "respawn_count") == "1"


def test_death_and_respawn_while_the_server_is_down(daemon, client):
    client.run("a", "sleep 1000", respawn=True, respawn_delay="50ms", max_respawns=1)
    pid = pid_of(client, "a")
    server = daemon.server_pid()
    os.kill(server, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    os.kill(server, signal.SIGKILL)
    daemon.server_pid(not_pid=server)
    daemon.wait_ready()
    client.connect()
    poll(lambda: client.get_property("a", "respawn_count") == "1")
    client.wait_state("a", "running")
    assert pid_of(client, "a") != pid


def test_out_of_memory_is_known_after_the_return(daemon, client, toolbox):
    client.run("a", "%s hog 200" % toolbox, memory_limit="32M")
    assert client.finish("a") == -99
    daemon.kill_server()
    client.connect()
    assert client.get_property("a", "exit_code") == "-99"
    assert client.get_property("a", "oom_killed") == "true"


def test_kills_are_counted_over_the_return(daemon, client, toolbox):
    client.run("a", "%s hog-child 200" % toolbox, memory_limit="32M", oom_is_fatal=False)
    poll(lambda: "child 9" in client.get_property("a", "stdout"), 30)
    poll(lambda: client.get_property("a", "oom_kills_total", sync=True) == "1")
    daemon.kill_server()
    client.connect()
    assert client.get_property("a", "oom_kills_total", sync=True) == "1"
    client.stop("a", 0)
    daemon.kill_server()
    client.connect()
    assert client.get_property("a", "oom_kills_total", sync=True) == "1"


def test_out_of_memory_handling_goes_on(daemon, client, toolbox):
    """A container started before the restart is still watched after it."""
    client.run("a", "sh -c 'sleep 0.7; exec %s hog 200'" % toolbox, memory_limit="32M")
    daemon.kill_server()
    client.connect()
    assert client.finish("a") == -99


def test_death_in_the_middle_of_a_start(daemon, client):
    """Kill at many moments of a start: either it runs or it is undone."""
    import porto_client

    for i in range(8):
        name = "c%d" % i
        client.create(name)
        client.set_property(name, "command", "sleep 1000")
        client.send(porto_client.make_request("Start", name=name))
        time.sleep(0.003 * i)
        daemon.kill_server()
        client.connect()
        state = client.wait_state(name, "stopped", "running", "dead")
        if state == "running":
            assert alive(pid_of(client, name))
        client.stop(name, 0)
        client.start(name)
        assert client.state(name) == "running"
        client.destroy(name)


def test_death_in_the_middle_of_a_stop(daemon, client):
    import porto_client

    for i in range(6):
        name = "c%d" % i
        client.run(name, "sh -c 'trap \"\" TERM; while :; do sleep 1; done'")
        pid = pid_of(client, name)
        client.send(porto_client.make_request("Stop", name=name, timeout_ms=10 * i))
        time.sleep(0.006 * i)
        daemon.kill_server()
        client.connect()
        client.stop(name, 0)
        assert client.state(name) == "stopped"
        assert not alive(pid)
        client.destroy(name)


def test_death_in_the_middle_of_a_stop_of_a_paused_tree(daemon, client):
    import porto_client

    for i in range(10):
        client.run("a", "sleep 1000")
        client.run("a/b", "sleep 1000")
        client.pause("a")
        pids = [pid_of(client, n) for n in ("a", "a/b")]
        client.send(porto_client.make_request("Stop", name="a", timeout_ms=0))
        time.sleep(0.0007 * i)
        daemon.kill_server()
        client.connect()
        assert client.wait_state("a", "stopped", "paused", "dead") in ("stopped", "paused", "dead")
        client.stop("a", 0)
        assert client.state("a") == client.state("a/b") == "stopped"
        assert not any(alive(pid) for pid in pids)
        client.destroy("a")


def test_death_in_the_middle_of_a_destroy(daemon, client):
    import porto_client

    for i in range(6):
        client.run("a", "sleep 1000")
        client.run("a/b", "sleep 1000")
        client.send(porto_client.make_request("Destroy", name="a"))
        time.sleep(0.004 * i)
        daemon.kill_server()
        client.connect()
        left = client.list()
        assert left in ([], ["a"], ["a", "a/b"])
        if left:
            client.destroy("a")
        assert client.list() == []


def test_committed_before_the_reply(daemon, client):
    """What was answered is never lost, however soon the server dies."""
    for i in range(10):
        client.create("c%d" % i)
        client.set_property("c%d" % i, "private", str(i))
        os.kill(daemon.server_pid(), signal.SIGKILL)
        daemon.wait_ready()
        client.connect()
        assert client.list() == ["c%d" % n for n in range(i + 1)]
        assert client.get_property("c%d" % i, "private") == str(i)


def test_listening_goes_on(daemon):
    """Who connects while the server is away is served by the next one."""
    server = daemon.server_pid()
    os.kill(server, signal.SIGKILL)
    client = Client(daemon.socket)  # the queue of the socket is the master's
    assert client.version()
    client.close()


def test_ids_and_creation_times_stay(daemon, client):
    for i in range(3):
        client.create("c%d" % i)
    before = client.get(["***"], ["id", "creation_time[raw]"])
    daemon.kill_server()
    client.connect()
    assert client.get(["***"], ["id", "creation_time[raw]"]) == before
    client.create("new")
    assert client.get_property("new", "id") not in [row["id"] for row in before.values()]


def test_fifty_containers(daemon, client):
    for i in range(50):
        client.run("c%d" % i, "sleep 1000")
    pids = {"c%d" % i: pid_of(client, "c%d" % i) for i in range(50)}
    daemon.kill_server()
    client.connect()
    assert {n: pid_of(client, n) for n in pids} == pids
    client.kill("c7", 9)
    assert client.finish("c7") == -9


# ---- SIGTERM: stop, keep containers --------------------------------------------------------------


def test_term_keeps_containers(daemon, client):
    client.run("a", "sleep 1000")
    client.run("b", "sleep 1000")
    pid = pid_of(client, "a")
    assert daemon.end(signal.SIGTERM) == 0
    assert alive(pid)
    assert not os.path.exists(daemon.socket)
    daemon.start()
    client.connect()
    assert client.state("a") == client.state("b") == "running"
    assert pid_of(client, "a") == pid
    client.stop("b", 0)
    assert client.state("b") == "stopped"


def test_exit_of_an_adopted_container(daemon, client):
    """Ends under the new master: the status is learnt although it was never its parent's child."""
    client.run("a", "sleep 1000")
    client.run("b", "sh -c 'sleep 1.5; exit 7'")
    daemon.end(signal.SIGTERM)
    daemon.start()
    client.connect()
    client.kill("a", 15)
    assert client.finish("a") == -15
    assert client.finish("b") == 7


def test_exit_without_any_daemon(daemon, client):
    """Ends while no daemon runs at all: it is dead afterwards, and not forgotten."""
    client.run("a", "sleep 1000")
    pid = pid_of(client, "a")
    daemon.end(signal.SIGTERM)
    os.kill(pid, signal.SIGKILL)
    poll(lambda: not alive(pid))
    daemon.start()
    client.connect()
    assert client.state("a") == "dead"
    assert client.get_property("a", "exit_code") == "-9"


def test_weak_ones_are_destroyed(daemon, client):
    client.create("strong")
    client.create_weak("weak")
    client.set_property("weak", "command", "sleep 1000")
    client.start("weak")
    client.set_property("strong", "weak", "true")
    daemon.kill_server()
    client.connect()
    poll(lambda: client.list() == [])


# ---- SIGINT: stop and destroy -----------------------------------------------------------------------


def test_int_destroys_everything(daemon, client):
    client.run("a", "sleep 1000")
    client.run("a/b", "sh -c 'trap \"\" TERM; while :; do sleep 1; done'")
    client.run("paused", "sleep 1000")
    client.pause("paused")
    pids = [pid_of(client, n) for n in ("a", "a/b")]
    assert daemon.end(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in pids)
    assert daemon.cgroup_dirs() == []
    daemon.start()
    client.connect()
    assert client.list() == []


def portod(daemon, *args):
    import subprocess

    return subprocess.run(
        [daemon.binary, "--config", daemon.config, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
    )


def test_portod_stop(daemon, client):
    client.run("a", "sleep 1000")
    pid = pid_of(client, "a")
    done = portod(daemon, "stop")
    assert done.returncode == 0, done.stderr
    assert daemon.proc.wait(10) == 0
    assert not alive(pid)
    # Again: already stopped.
    assert portod(daemon, "stop").returncode == 0


def test_portod_status(daemon):
    done = portod(daemon, "status")
    assert (done.returncode, done.stdout.strip()) == (0, "running")
    daemon.end()
    done = portod(daemon, "status")
    assert (done.returncode, done.stdout.strip()) == (1, "stopped")


def test_portod_reload(daemon, client):
    """A new binary in place: same master, new server, containers untouched."""
    client.run("a", "sleep 1000")
    pid = pid_of(client, "a")
    server = daemon.server_pid()
    done = portod(daemon, "reload")
    assert done.returncode == 0, done.stderr
    daemon.server_pid(not_pid=server)
    daemon.wait_ready()
    client.connect()
    assert client.state("a") == "running"
    assert alive(daemon.master_pid)
    client.kill("a", 9)
    assert client.finish("a") == -9


def test_reload_loses_no_exit_status(daemon, client):
    for i in range(10):
        client.run("c%d" % i, "sh -c 'sleep 0.%d; exit %d'" % (i, i + 1))
    os.kill(daemon.master_pid, signal.SIGHUP)
    server = daemon.server_pid()
    poll(lambda: daemon.ready() and True, 20)
    for i in range(10):
        def code():
            try:
                client.connect()
                return client.finish("c%d" % i)
            except (Closed, OSError):
                return None
        assert poll(code, 20) == i + 1


def test_portod_version(daemon):
    done = portod(daemon, "version")
    assert done.returncode == 0 and done.stdout.startswith("version:")
    import subprocess

    done = subprocess.run([daemon.binary, "--version"], stdout=subprocess.PIPE)
    assert done.returncode == 0 and done.stdout


def test_portod_bad_usage(daemon):
    for args in ["--no-such-option"], ["no-such-command"]:
        done = portod(daemon, *args)
        assert done.returncode == 1 and done.stderr


# ---- kill -9 of the master ---------------------------------------------------------------------------


def test_master_is_killed(daemon, client):
    """The server goes with it, containers live; the next daemon adopts them."""
    client.run("a", "sleep 1000")
    pid = pid_of(client, "a")
    server = daemon.server_pid()
    daemon.proc.kill()
    daemon.proc.wait()
    poll(lambda: not alive(server))
    assert alive(pid)
    daemon.start()
    client.connect()
    assert client.state("a") == "running"
    client.kill("a", 9)
    assert client.finish("a") == -9


def test_killed_in_an_endless_crash(daemon):
    """Restarts slow down, but never end."""
    for _ in range(6):
        server = daemon.server_pid()
        os.kill(server, signal.SIGKILL)
        daemon.server_pid(not_pid=server)
    daemon.wait_ready()


def test_helper_program_is_gone(own_portod):
    """A server that comes back keeps its containers, and says what a start lacks."""
    daemon = own_portod(start=False)
    helpers = os.path.join(daemon.dir, "helpers")
    os.mkdir(helpers)
    built = os.path.join(os.path.dirname(daemon.binary), "portoinit")
    shutil.copy(built, helpers)
    with open(daemon.config) as file:
        text = file.read()
    with open(daemon.config, "w") as file:
        file.write(text.replace(os.path.dirname(built), helpers))
    daemon.start()
    client = daemon.client()
    client.run("a", "sleep 1000")
    os.unlink(os.path.join(helpers, "portoinit"))
    client.run("b", "true")  # the daemon holds the one it began with
    assert client.finish("b") == 0
    daemon.kill_server()
    client.connect()
    assert client.state("a") == "running"
    with expect("Unknown", "InvalidPath", "NotFound") as failed:
        client.run("c", "true")
    assert "portoinit" in str(failed.error)
    shutil.copy(built, helpers)
    client.run("d", "true")
    assert client.finish("d") == 0
    client.close()


@pytest.fixture
def small_state(own_portod):
    """A daemon whose state is on a small file system of its own."""
    daemon = own_portod(start=False)
    os.mkdir(daemon.state_dir, 0o755)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", daemon.state_dir], check=True
    )
    yield daemon.start()
    daemon.end()
    subprocess.run(["umount", daemon.state_dir], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file, pytest.raises(OSError) as caught:
        while True:
            file.write(bytes(4096))
    assert caught.value.errno == errno.ENOSPC


def test_counters_on_a_full_disk(small_state):
    """Their file can be made, but not be written: the counters begin anew, the server goes on."""
    daemon = small_state
    filler = os.path.join(daemon.state_dir, "filler")
    os.unlink(os.path.join(daemon.state_dir, "stats"))
    with daemon.client() as client:
        client.run("a", "sleep 1000")
        fill(filler)
        pid = daemon.server_pid()
        os.kill(pid, signal.SIGKILL)
        poll(lambda: "counters will begin anew" in daemon.log())
        os.unlink(filler)
        client.connect()
        assert client.state("a") == "running"
        assert client.get_system().porto_starts == 2, "it has not died once more"
        client.destroy("a")
