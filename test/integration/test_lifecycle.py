# SPDX-License-Identifier: Apache-2.0
"""States and transitions: create, start, stop, kill, pause, resume, respawn, destroy; meta and
nested containers."""

import os
import signal
import time

import pytest

from conftest import alive, expect, parent_of, poll
from porto_client import PortoError


def root_pid(porto, name):
    return int(porto.get_property(name, "root_pid"))


# ---- create and destroy ------------------------------------------------------------------------


def test_create_list_destroy(porto, name):
    assert porto.list() == []
    porto.create(name)
    assert porto.list() == [name]
    assert porto.state(name) == "stopped"
    porto.destroy(name)
    assert porto.list() == []
    with expect("ContainerDoesNotExist"):
        porto.state(name)


def test_create_twice(porto, name):
    porto.create(name)
    with expect("ContainerAlreadyExists") as caught:
        porto.create(name)
    assert name in caught.error.text


def test_create_without_parent(porto, name):
    with expect("ContainerDoesNotExist"):
        porto.create(name + "/child")


def test_destroy_unknown(porto):
    with expect("ContainerDoesNotExist"):
        porto.destroy("nothing")


def test_every_call_on_an_unknown_container(porto):
    for method in "Destroy Start Stop Pause Resume Respawn".split():
        with expect("ContainerDoesNotExist") as caught:
            porto.request(method, name="no-such-one")
        assert "no-such-one" in caught.error.text
    with expect("ContainerDoesNotExist"):
        porto.kill("no-such-one")
    with expect("ContainerDoesNotExist"):
        porto.get_property("no-such-one", "state")
    with expect("ContainerDoesNotExist"):
        porto.set_property("no-such-one", "private", "x")
    with expect("ContainerDoesNotExist"):
        porto.set_label("no-such-one", "TEST.x", "1")


def test_root_container_is_read_only(porto):
    assert porto.state("/") == "meta"
    assert porto.get_property("/", "id") == "1"
    assert porto.get_property("/", "level") == "0"
    for call in porto.start, porto.stop, porto.pause, porto.resume, porto.destroy, porto.respawn:
        with expect("Permission", "InvalidState"):
            call("/")
    with expect("Permission"):
        porto.set_property("/", "private", "x")
    with expect("Permission", "InvalidState"):
        porto.kill("/", 9)


def test_destroy_takes_the_subtree(porto, portod, name):
    porto.create(name)
    porto.create(name + "/a")
    porto.run(name + "/a/b", "sleep 1000")
    pid = root_pid(porto, name + "/a/b")
    porto.destroy(name)
    assert porto.list() == []
    assert not alive(pid)


@pytest.mark.parametrize("state", "stopped running paused dead meta respawning".split())
def test_destroy_in_every_state(porto, name, state):
    porto.create(name)
    if state in ("running", "paused"):
        porto.set_property(name, "command", "sleep 1000")
    if state in ("dead", "respawning"):
        porto.set_property(name, "command", "true")
    if state == "respawning":
        porto.set(name, respawn=True, respawn_delay="1000s")
    if state != "stopped":
        porto.start(name)
    if state == "paused":
        porto.pause(name)
    porto.wait_state(name, state)
    porto.destroy(name)
    assert porto.list() == []


def test_ids_are_unique_and_in_range(porto, name):
    ids = []
    for i in range(20):
        porto.create("%s-%d" % (name, i))
        ids.append(int(porto.get_property("%s-%d" % (name, i), "id")))
    assert len(set(ids)) == 20
    assert all(4 <= i <= 4095 for i in ids)


# ---- start ---------------------------------------------------------------------------------------


def test_start_runs_the_command(porto, name):
    porto.run(name, "sleep 1000")
    assert porto.state(name) == "running"
    pid = root_pid(porto, name)
    with open("/proc/%d/cmdline" % pid) as file:
        assert file.read() == "sleep\0001000\0"


def test_first_process_belongs_to_the_master(porto, portod, name):
    porto.run(name, "sleep 1000")
    pid = root_pid(porto, name)
    assert parent_of(parent_of(pid)) == portod.master_pid
    with open("/proc/%d/comm" % parent_of(pid)) as file:
        assert file.read().strip() == "portoinit"


def test_dead_after_the_end(porto, name):
    porto.run(name, "true")
    assert porto.finish(name) == 0
    assert porto.state(name) == "dead"
    with expect("InvalidState"):
        porto.get_property(name, "root_pid")


def test_start_again_needs_a_stop(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    with expect("InvalidState"):
        porto.start(name)
    porto.stop(name)
    assert porto.state(name) == "stopped"
    porto.start(name)
    assert porto.finish(name) == 0


def test_start_of_a_running_one(porto, name):
    porto.run(name, "sleep 1000")
    with expect("InvalidState"):
        porto.start(name)
    assert porto.state(name) == "running"


def test_many_cycles(porto, name):
    porto.create(name)
    for i in range(20):
        porto.set_property(name, "command", "sh -c 'exit %d'" % i)
        porto.start(name)
        assert porto.finish(name) == i
        porto.stop(name)


def test_start_starts_parents(porto, name):
    porto.create(name)
    porto.create(name + "/a")
    porto.create(name + "/a/b")
    porto.set_property(name + "/a/b", "command", "sleep 1000")
    porto.start(name + "/a/b")
    assert porto.state(name) == "meta"
    assert porto.state(name + "/a") == "meta"
    assert porto.state(name + "/a/b") == "running"


def test_start_below_a_dead_parent(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    porto.create(name + "/child")
    porto.set_property(name + "/child", "command", "sleep 1000")
    with expect("InvalidState"):
        porto.start(name + "/child")


def test_start_below_a_failing_parent(porto, name):
    porto.create(name)
    porto.set_property(name, "command", "/no/such/program")
    porto.create(name + "/child")
    porto.set_property(name + "/child", "command", "sleep 1000")
    with expect("InvalidCommand"):
        porto.start(name + "/child")
    assert porto.state(name) == "stopped"
    assert porto.state(name + "/child") == "stopped"


def test_start_below_a_paused_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.create(name + "/child")
    porto.set_property(name + "/child", "command", "sleep 1000")
    porto.pause(name)
    with expect("InvalidState"):
        porto.start(name + "/child")


def test_concurrent_starts(portod, porto, name):
    """Twenty connections start twenty containers at the same time."""
    clients = [portod.client() for _ in range(20)]
    for i, client in enumerate(clients):
        client.create("%s-%d" % (name, i))
        client.set_property("%s-%d" % (name, i), "command", "sleep 1000")
    import porto_client

    for i, client in enumerate(clients):
        client.send(porto_client.make_request("Start", name="%s-%d" % (name, i)))
    for client in clients:
        assert client.recv_reply().error == 0
    for i, client in enumerate(clients):
        assert client.state("%s-%d" % (name, i)) == "running"
        client.close()


def test_two_starts_of_one_container(portod, porto, name):
    import porto_client

    porto.create(name)
    porto.set_property(name, "command", "sleep 1000")
    with portod.client() as other:
        request = porto_client.make_request("Start", name=name)
        porto.send(request)
        other.send(request)
        codes = [porto.recv_reply().error, other.recv_reply().error]
    assert 0 in codes
    assert set(codes) <= {
        0,
        porto_client.error_code("InvalidState"),
        porto_client.error_code("Busy"),
    }
    assert porto.state(name) == "running"


def test_operations_on_one_container_queue(portod, porto, name):
    """A destroy sent while a graceful stop runs waits its turn or is refused as busy."""
    import porto_client

    porto.run(name, "sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1; done'")
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    with portod.client() as other:
        porto.send(porto_client.make_request("Stop", name=name, timeout_ms=400))
        time.sleep(0.05)
        # Reading is never blocked by it.
        assert other.state(name) in ("running", "stopping")
        other.send(porto_client.make_request("Destroy", name=name))
        assert porto.recv_reply().error in (0, porto_client.error_code("InvalidState"))
        assert other.recv_reply().error in (0, porto_client.error_code("Busy"))


# ---- meta ----------------------------------------------------------------------------------------


def test_meta(porto, name):
    porto.create(name)
    porto.start(name)
    assert porto.state(name) == "meta"
    with open("/proc/%d/comm" % root_pid(porto, name)) as file:
        assert file.read().strip() == "portoinit"
    with expect("InvalidState"):
        porto.kill(name, 9)
    porto.stop(name)
    assert porto.state(name) == "stopped"


def test_meta_without_a_process(porto, name):
    porto.create(name)
    porto.start(name)
    porto.create(name + "/inner")
    porto.set_property(name + "/inner", "isolate", "false")
    porto.start(name + "/inner")
    assert porto.state(name + "/inner") == "meta"
    with expect("InvalidState"):
        porto.get_property(name + "/inner", "root_pid")
    porto.run(name + "/inner/task", "sleep 1000")
    assert porto.state(name + "/inner/task") == "running"
    porto.stop(name)


def test_death_of_the_holder(porto, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/child", "sleep 1000")
    os.kill(root_pid(porto, name), signal.SIGKILL)
    porto.wait_state(name, "dead")
    assert porto.get_property(name, "exit_code") == "-9"
    porto.wait_state(name + "/child", "dead")
    assert porto.get_property(name + "/child", "exit_code") != "0"


def test_hollow_meta_reported_to_wait(porto, name):
    porto.create(name)
    porto.start(name)
    assert porto.wait([name]).state == "meta"
    porto.run(name + "/child", "sleep 1000")
    assert porto.wait([name], timeout_ms=0).state == "timeout"
    porto.kill(name + "/child", 9)
    report = porto.wait([name])
    assert (report.name, report.state) == (name, "meta")


# ---- stop ------------------------------------------------------------------------------------------


def test_stop_sends_term_first(porto, toolbox, name):
    """The graceful signal reaches the main process, which has its time."""
    out = porto.create(name)
    porto.set(name, command="%s catch 15 3" % toolbox, stdout_path="/tmp/%s.txt" % os.getpid())
    path = "/tmp/%s.txt" % os.getpid()
    try:
        porto.start(name)
        poll(lambda: os.path.exists(path) and "ready" in open(path).read())
        porto.stop(name, 10000)
        assert "got 15" in open(path).read()
    finally:
        os.unlink(path)
    assert porto.state(name) == "stopped"


def test_stop_kills_after_the_timeout(porto, toolbox, name):
    porto.run(name, "%s ignore 15" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    start = time.monotonic()
    porto.stop(name, 300)
    assert 0.25 < time.monotonic() - start < 10
    assert porto.state(name) == "stopped"


def test_stop_at_once(porto, toolbox, name):
    porto.run(name, "%s ignore 15" % toolbox)
    pid = root_pid(porto, name)
    start = time.monotonic()
    porto.stop(name, 0)
    assert time.monotonic() - start < 5
    assert not alive(pid)


def test_stop_of_a_stopped_one(porto, name):
    porto.create(name)
    porto.stop(name)
    assert porto.state(name) == "stopped"


def test_stop_takes_children_first(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/a", "sleep 1000")
    porto.run(name + "/a/b", "sleep 1000")
    pids = [root_pid(porto, n) for n in (name, name + "/a", name + "/a/b")]
    porto.async_wait("***")
    while porto.events:
        porto.events.popleft()
    porto.stop(name, 2000)
    order = []
    while len(order) < 3:
        event = porto.next_event()
        if event.state == "stopped":
            order.append(event.name)
    assert order == [name + "/a/b", name + "/a", name]
    assert not any(alive(pid) for pid in pids)
    assert {porto.state(n) for n in (name, name + "/a", name + "/a/b")} == {"stopped"}


def test_stop_keeps_configuration(porto, name):
    porto.run(name, "sleep 1000", private="note", respawn_count=3)
    porto.set_label(name, "TEST.x", "1")
    porto.stop(name, 0)
    assert porto.get_property(name, "command") == "sleep 1000"
    assert porto.get_property(name, "private") == "note"
    assert porto.get_property(name, "labels[TEST.x]") == "1"
    assert porto.get_property(name, "respawn_count") == "3"


def test_stop_removes_everything_of_the_run(porto, portod, name):
    porto.run(name, "sh -c 'echo hello; exit 3'")
    porto.finish(name)
    assert os.path.isdir(os.path.join(portod.place, "porto", name))
    porto.stop(name)
    assert not os.path.exists(os.path.join(portod.place, "porto", name))
    assert portod.cgroup_dirs() == portod.baseline[0]
    for prop in "exit_code", "stdout", "root_pid", "death_time":
        with expect("InvalidState"):
            porto.get_property(name, prop)


def test_stop_of_a_paused_one_does_not_wait(porto, name):
    """Frozen tasks cannot react to the graceful signal: it must not cost the whole timeout."""
    porto.run(name, "sleep 1000")
    pid = root_pid(porto, name)
    porto.pause(name)
    start = time.monotonic()
    porto.stop(name, 20000)
    assert time.monotonic() - start < 10
    assert porto.state(name) == "stopped"
    assert not alive(pid)


@pytest.mark.parametrize("timeout", [0, 100])
@pytest.mark.parametrize(
    "paused, stopped",
    [("a/b", "a"), ("a/b", "a/b"), ("a/b/c", "a"), ("a/b/c", "a/b"), ("a", "a")],
)
def test_stop_with_a_paused_one_inside(porto, paused, stopped, timeout):
    """Frozen tasks do not die of SIGKILL before they are thawed."""
    for ct in "a", "a/b", "a/b/c":
        porto.run(ct, "sleep 1000")
    pids = [root_pid(porto, ct) for ct in ("a", "a/b", "a/b/c")]
    porto.pause(paused)
    start = time.monotonic()
    porto.stop(stopped, timeout)
    assert time.monotonic() - start < 10
    assert porto.state(stopped) == porto.state("a/b/c") == "stopped"
    assert not alive(pids[2])
    porto.destroy("a")
    assert not any(alive(pid) for pid in pids)


def test_stop_below_a_paused_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000")
    porto.pause(name)
    with expect("InvalidState"):
        porto.stop(name + "/child", 0)
    porto.resume(name)
    porto.stop(name + "/child", 0)


def test_fork_bomb_can_be_stopped(porto, toolbox, name):
    porto.run(name, "%s fork 500" % toolbox, thread_limit=300)
    poll(lambda: porto.get_property(name, "stdout"))
    porto.stop(name, 0)
    assert porto.state(name) == "stopped"


def test_daemonised_processes_die_with_the_main_one(porto, portod, toolbox, name):
    for isolate in True, False:
        porto.create(name)
        porto.set(name, command="%s leave 4" % toolbox, isolate=isolate)
        porto.start(name)
        assert porto.finish(name) == 4
        assert porto.get_property(name, "process_count") == "0"
        porto.destroy(name)


# ---- kill ------------------------------------------------------------------------------------------


def test_kill_goes_to_the_main_process(porto, toolbox, name):
    porto.run(name, "%s catch 10 5" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    porto.kill(name, signal.SIGUSR1)
    assert porto.finish(name) == 5
    assert "got 10" in porto.get_property(name, "stdout")


def test_kill_kills(porto, name):
    porto.run(name, "sleep 1000")
    porto.kill(name, 9)
    assert porto.finish(name) == -9
    assert porto.get_property(name, "exit_status") == "9"


def test_kill_states(porto, name):
    porto.create(name)
    with expect("InvalidState"):
        porto.kill(name, 9)
    porto.set_property(name, "command", "true")
    porto.start(name)
    porto.finish(name)
    with expect("InvalidState"):
        porto.kill(name, 9)


def test_kill_bad_signal(porto, name):
    porto.run(name, "sleep 1000")
    with expect("Unknown", "InvalidValue"):
        porto.kill(name, 12345)
    assert porto.state(name) == "running"


# ---- pause and resume --------------------------------------------------------------------------------


def task_state(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rpartition(")")[2].split()[0]


def test_pause_freezes(porto, toolbox, name):
    porto.run(name, "%s burn 100000" % toolbox)
    pid = root_pid(porto, name)

    def cpu():
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    poll(lambda: cpu() > 2)
    porto.pause(name)
    assert porto.state(name) == "paused"
    frozen = cpu()
    time.sleep(0.1)
    assert cpu() == frozen
    porto.resume(name)
    assert porto.state(name) == "running"
    poll(lambda: cpu() > frozen + 2)


def test_pause_takes_the_subtree(porto, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/a", "sleep 1000")
    porto.run(name + "/b", "true")
    porto.finish(name + "/b")
    porto.pause(name)
    assert porto.state(name) == "paused"
    assert porto.state(name + "/a") == "paused"
    assert porto.state(name + "/b") == "dead"
    with expect("InvalidState"):
        porto.resume(name + "/a")
    porto.resume(name)
    assert porto.state(name) == "meta"
    assert porto.state(name + "/a") == "running"


def test_resume_of_the_parent_resumes_paused_children(porto, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/a", "sleep 1000")
    porto.pause(name + "/a")
    assert porto.state(name) == "meta"
    porto.pause(name)
    porto.resume(name)
    assert porto.state(name + "/a") == "running"


def test_pause_and_resume_in_wrong_states(porto, name):
    porto.create(name)
    with expect("InvalidState"):
        porto.pause(name)
    with expect("InvalidState"):
        porto.resume(name)
    porto.set_property(name, "command", "sleep 1000")
    porto.start(name)
    with expect("InvalidState"):
        porto.resume(name)
    porto.pause(name)
    with expect("InvalidState"):
        porto.pause(name)


def test_kill_of_a_paused_one(porto, name):
    porto.run(name, "sleep 1000")
    porto.pause(name)
    with expect("InvalidState"):
        porto.kill(name, 9)


def test_set_while_paused(porto, name):
    porto.run(name, "sleep 1000")
    porto.pause(name)
    porto.set_property(name, "private", "x")
    porto.set_property(name, "memory_limit", "64M")
    assert porto.get_property(name, "memory_limit") == str(64 << 20)


# ---- respawn -----------------------------------------------------------------------------------------


def test_respawn_by_hand(porto, name):
    porto.run(name, "sh -c 'exit 7'")
    porto.finish(name)
    first = porto.get_property(name, "start_time[raw]")
    porto.set_property(name, "respawn_count", "0")
    porto.respawn(name)
    assert porto.get_property(name, "respawn_count") == "1"
    assert porto.finish(name) == 7
    assert int(porto.get_property(name, "start_time[raw]")) >= int(first)


def test_respawn_by_hand_in_wrong_states(porto, name):
    porto.create(name)
    with expect("InvalidState"):
        porto.respawn(name)
    porto.set_property(name, "command", "sleep 1000")
    porto.start(name)
    with expect("InvalidState"):
        porto.respawn(name)


def test_respawn_by_itself(porto, name):
    porto.create(name)
    porto.set(name, command="sh -c 'echo run'", respawn=True, respawn_delay="50ms", max_respawns=3)
    porto.start(name)
    porto.wait_state(name, "dead")
    assert porto.get_property(name, "respawn_count") == "3"
    # The same stream file, appended to.
    assert porto.get_property(name, "stdout") == "run\n" * 4


def test_respawn_delay(porto, name):
    porto.create(name)
    porto.set(name, command="true", respawn=True, respawn_delay="400ms", max_respawns=1)
    start = time.monotonic()
    porto.start(name)
    porto.wait_state(name, "respawning")
    porto.wait_state(name, "dead")
    assert time.monotonic() - start > 0.39


def test_respawn_limit_by_hand(porto, name):
    porto.create(name)
    porto.set(name, command="true", max_respawns=1)
    porto.start(name)
    porto.finish(name)
    porto.respawn(name)
    porto.finish(name)
    with expect("ResourceNotAvailable"):
        porto.respawn(name)


def test_no_respawn_with_limit_zero(porto, name):
    porto.create(name)
    porto.set(name, command="true", respawn=True, max_respawns=0, respawn_delay="50ms")
    porto.start(name)
    porto.wait_state(name, "dead")
    assert porto.get_property(name, "respawn_count") == "0"


def test_respawn_switched_off_at_run_time(porto, name):
    porto.create(name)
    porto.set(name, command="sleep 1000", respawn=True, respawn_delay="50ms")
    porto.start(name)
    porto.set_property(name, "respawn", "false")
    porto.kill(name, 9)
    porto.wait_state(name, "dead")
    assert porto.get_property(name, "respawn_count") == "0"


def test_respawn_of_a_respawning_one_by_hand(porto, name):
    porto.create(name)
    porto.set(name, command="true", respawn=True, respawn_delay="1000s", max_respawns=5)
    porto.start(name)
    porto.wait_state(name, "respawning")
    porto.respawn(name)
    assert porto.get_property(name, "respawn_count") == "1"
    porto.wait_state(name, "respawning")


def test_stop_of_a_respawning_one(porto, name):
    porto.create(name)
    porto.set(name, command="true", respawn=True, respawn_delay="200ms")
    porto.start(name)
    porto.wait_state(name, "respawning")
    porto.stop(name)
    assert porto.state(name) == "stopped"
    time.sleep(0.3)
    assert porto.state(name) == "stopped"


def test_respawn_with_the_parent(porto, name):
    """Both respawn: the child waits for its parent."""
    porto.create(name)
    porto.set(name, command="sleep 1000", respawn=True, respawn_delay="100ms", max_respawns=2)
    porto.start(name)
    porto.run(name + "/child", "sleep 1000", respawn=True, respawn_delay="50ms", max_respawns=5)
    porto.kill(name, 9)
    poll(lambda: porto.get_property(name, "respawn_count") == "1")
    porto.wait_state(name, "running")
    porto.wait_state(name + "/child", "running")


def test_per_run_data_is_reset_by_respawn(porto, toolbox, name):
    """An earlier end must not colour the next one."""
    porto.run(name, "sh -c 'exit 9'")
    assert porto.finish(name) == 9
    porto.respawn(name)
    porto.finish(name)
    first = int(porto.get_property(name, "death_time[raw]"))
    assert porto.get_property(name, "oom_killed") == "false"
    assert int(porto.get_property(name, "time")) < 60
    time.sleep(1.1)
    porto.respawn(name)
    porto.finish(name)
    assert int(porto.get_property(name, "death_time[raw]")) > first


# ---- nested ------------------------------------------------------------------------------------------


def test_death_of_the_parent_takes_children(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/a", "sleep 1000")
    porto.run(name + "/a/b", "sleep 1000")
    porto.create(name + "/c")
    pids = [root_pid(porto, name + "/a"), root_pid(porto, name + "/a/b")]
    porto.kill(name, 9)
    assert porto.finish(name) == -9
    assert porto.wait_state(name + "/a", "dead") == "dead"
    assert porto.wait_state(name + "/a/b", "dead") == "dead"
    assert porto.state(name + "/c") == "stopped"
    assert not any(alive(pid) for pid in pids)
    # Not a success: they were killed.
    assert porto.get_property(name + "/a", "exit_code") == "-9"


def test_death_of_the_child_leaves_the_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/a", "true")
    assert porto.finish(name + "/a") == 0
    assert porto.state(name) == "running"


def test_sixteen_levels(porto, name):
    path = "n"
    porto.create(path)
    for _ in range(15):
        path += "/n"
        porto.create(path)
    with expect("InvalidValue"):
        porto.create(path + "/n")
    porto.set_property(path, "command", "sleep 1000")
    porto.start(path)
    assert porto.get_property(path, "level") == "16"
    assert porto.state("n") == "meta"
    porto.stop("n", 0)


def test_children_share_namespaces_without_isolation(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/in", "sleep 1000", isolate=False)
    porto.run(name + "/own", "sleep 1000")

    def ns(container, kind):
        return os.readlink("/proc/%d/ns/%s" % (root_pid(porto, container), kind))

    for kind in "pid", "ipc", "uts", "mnt":
        assert ns(name, kind) == ns(name + "/in", kind)
        assert ns(name, kind) != ns(name + "/own", kind)
    assert ns(name, "net") == ns(name + "/own", "net")


def test_times(porto, name):
    before = int(time.time())
    porto.create(name)
    assert porto.get_property(name, "start_time[raw]") == "0"
    assert porto.get_property(name, "time") == "0"
    porto.set_property(name, "command", "sleep 1000")
    porto.start(name)
    created = int(porto.get_property(name, "creation_time[raw]"))
    started = int(porto.get_property(name, "start_time[raw]"))
    changed = int(porto.get_property(name, "change_time[raw]"))
    assert before <= created <= started <= changed <= int(time.time())
    poll(lambda: int(porto.get_property(name, "time")) >= 1)
    with expect("InvalidState"):
        porto.get_property(name, "death_time")
    with expect("InvalidState"):
        porto.get_property(name, "time[dead]")
    porto.kill(name, 9)
    porto.finish(name)
    died = int(porto.get_property(name, "death_time[raw]"))
    assert started < died <= int(time.time())
    lived = int(porto.get_property(name, "time"))
    assert lived == died - started or abs(lived - (died - started)) <= 1
    assert int(porto.get_property(name, "time[dead]")) >= 0
    text = porto.get_property(name, "creation_time")
    assert time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S")) == created


def test_death_above_a_paused_child(porto, name):
    """On v1 the frozen tasks hold the dying pid namespace: the death must be noticed all the same."""
    porto.run(name, "sleep 1000")
    porto.run(name + "/a", "sleep 1000")
    porto.pause(name + "/a")
    porto.kill(name, signal.SIGKILL)
    porto.wait_state(name, "dead")
    assert porto.state(name + "/a") == "dead"
    assert porto.get_property(name, "exit_status") == "9"
    porto.destroy(name)
