# SPDX-License-Identifier: Apache-2.0
"""Beyond Porto: a signal for every process (Kill.all), a stop that keeps the record (Stop.keep)."""

import os
import signal

import pytest

from conftest import alive, expect, poll, read

USR1 = int(signal.SIGUSR1)


def stdout(porto, name):
    return porto.get_property(name, "stdout")


def lines(porto, name, count, text):
    poll(
        lambda: stdout(porto, name).count(text) >= count,
        message="%d times %r in the output of %s" % (count, text, name),
    )
    return [line for line in stdout(porto, name).splitlines() if text in line]


def pids_below(porto, name):
    """Processes of the container, by its number of processes and the task's children."""
    root = int(porto.get_property(name, "root_pid"))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        text = read("/proc/%d/task/%d/children" % (pid, pid), "") or ""
        queue += [int(word) for word in text.split()]
    return found


# ---- Kill.all -------------------------------------------------------------------------------


def test_plain_kill_is_for_the_main_process(porto, toolbox, name):
    porto.run(name, "%s family 4 %d" % (toolbox, USR1))
    lines(porto, name, 5, "ready")
    porto.kill(name, USR1)
    assert len(lines(porto, name, 1, "got")) == 1
    assert len(pids_below(porto, name)) == 5


@pytest.mark.parametrize("isolate", [True, False])
def test_every_process_once(porto, toolbox, name, isolate):
    porto.run(name, "%s family 20 %d" % (toolbox, USR1), isolate=isolate)
    lines(porto, name, 21, "ready")
    for turn in 1, 2, 3:
        porto.kill(name, USR1, all=True)
        got = lines(porto, name, 21 * turn, "got")
        assert len(got) == 21 * turn
        assert len(set(got)) == 21
    assert porto.state(name) == "running"


def test_what_a_handler_starts_does_not_get_it(porto, toolbox, name):
    porto.run(name, "%s fork-on-signal %d" % (toolbox, USR1))
    lines(porto, name, 1, "ready")
    for _ in range(5):
        porto.kill(name, 0, all=True)
    porto.kill(name, USR1, all=True)
    lines(porto, name, 1, "forked")
    main, child = pids_below(porto, name)
    assert alive(main) and alive(child)
    porto.kill(name, USR1, all=True)
    poll(lambda: not alive(child), message="the end of the child")


def test_sigkill(porto, toolbox, name):
    porto.run(name, "%s family 10 %d" % (toolbox, USR1))
    lines(porto, name, 11, "ready")
    pids = pids_below(porto, name)
    assert len(pids) == 11
    porto.kill(name, signal.SIGKILL, all=True)
    assert porto.finish(name) == -9
    assert not [pid for pid in pids if alive(pid)]


def test_sigkill_wins_against_forks(porto, toolbox, name):
    porto.run(name, "%s flee" % toolbox, isolate=False)
    porto.run(name + "/exec", "%s flee" % toolbox, isolate=False)
    porto.kill(name + "/exec", signal.SIGKILL, all=True)
    assert porto.finish(name + "/exec") == -9
    assert porto.get_property(name + "/exec", "process_count") == "0"
    assert porto.state(name) == "running"


def test_helper_is_spared(porto, toolbox, name):
    """portoinit would pass SIGTERM on: the command would get it twice."""
    porto.run(name, "%s family 0 %d" % (toolbox, int(signal.SIGTERM)))
    lines(porto, name, 1, "ready")
    porto.kill(name, signal.SIGTERM, all=True)
    porto.kill(name, 0, all=True)
    assert len(lines(porto, name, 1, "got")) == 1
    # Exit statuses go through it.
    porto.kill(name, signal.SIGKILL, all=True)
    assert porto.finish(name) == -9


def test_nested_containers(porto, toolbox, name):
    """Those that are not isolated belong to it, isolated ones do not, nor what is in them."""
    family = "%s family 1 %d" % (toolbox, USR1)
    tree = {
        "": True,
        "/in": False,
        "/in/deeper": False,
        "/out": True,
        "/out/in": False,
        "/in/out": True,
    }
    for part, isolate in tree.items():
        porto.run(name + part, family, isolate=isolate)
        lines(porto, name + part, 2, "ready")
    porto.kill(name, USR1, all=True)
    for part in "", "/in", "/in/deeper":
        assert len(lines(porto, name + part, 2, "got")) == 2, part
    porto.kill(name + "/out", USR1, all=True)
    for part in "/out", "/out/in":
        assert len(lines(porto, name + part, 2, "got")) == 2, part
    assert "got" not in stdout(porto, name + "/in/out")
    for part in "", "/in", "/in/deeper":
        assert stdout(porto, name + part).count("got") == 2, part


def test_job(porto, toolbox, name):
    """A job shares the groups of its parent: its own processes get the signal, others do not."""
    family = "%s family 3 %d" % (toolbox, USR1)
    porto.run(name, family)
    porto.run(name + "/job", family, virt_mode="job")
    lines(porto, name, 4, "ready")
    lines(porto, name + "/job", 4, "ready")
    porto.kill(name + "/job", USR1, all=True)
    assert len(set(lines(porto, name + "/job", 4, "got"))) == 4
    porto.kill(name, USR1, all=True)
    lines(porto, name, 4, "got")
    lines(porto, name + "/job", 8, "got")
    assert stdout(porto, name).count("got") == 4
    porto.kill(name + "/job", signal.SIGKILL, all=True)
    assert porto.finish(name + "/job") == -9
    assert len(pids_below(porto, name)) == 4
    assert porto.state(name) == "running"


def test_job_that_flees(porto, toolbox, name):
    """What a timed out exec started ends with it, whatever it did to get away."""
    porto.run(name, "sleep 1000")
    porto.run(
        name + "/job",
        "sh -c '(setsid sh -c \"sleep 7654987 & sleep 7654987 & wait\" &); sleep 7654987'",
        virt_mode="job",
    )
    poll(lambda: int(porto.get_property(name, "process_count")) >= 6, message="processes")
    porto.kill(name + "/job", signal.SIGKILL, all=True)
    assert porto.finish(name + "/job") == -9
    assert porto.get_property(name, "process_count") == "2"  # the command and portoinit


def test_paused_child_stays_paused(porto, toolbox, name):
    porto.run(name, "%s family 0 %d" % (toolbox, USR1))
    porto.run(name + "/child", "%s family 0 %d" % (toolbox, USR1), isolate=False)
    lines(porto, name, 1, "ready")
    lines(porto, name + "/child", 1, "ready")
    porto.pause(name + "/child")
    porto.kill(name, USR1, all=True)
    lines(porto, name, 1, "got")
    assert porto.state(name + "/child") == "paused"
    assert "got" not in stdout(porto, name + "/child")
    porto.resume(name + "/child")
    lines(porto, name + "/child", 1, "got")


def test_meta(porto, toolbox, name):
    porto.run(name, None)
    porto.run(name + "/a", "%s family 2 %d" % (toolbox, USR1), isolate=False)
    lines(porto, name + "/a", 3, "ready")
    with expect("InvalidState"):
        porto.kill(name, USR1)
    porto.kill(name, USR1, all=True)
    assert len(lines(porto, name + "/a", 3, "got")) == 3
    porto.kill(name, signal.SIGKILL, all=True)
    assert porto.finish(name + "/a") == -9
    assert porto.state(name) == "meta"


@pytest.mark.parametrize("state", ["stopped", "dead", "paused"])
def test_states(porto, name, state):
    porto.create(name)
    porto.set_property(name, "command", "true" if state == "dead" else "sleep 1000")
    if state != "stopped":
        porto.start(name)
    if state == "dead":
        porto.finish(name)
    if state == "paused":
        porto.pause(name)
    with expect("InvalidState") as caught:
        porto.kill(name, signal.SIGKILL, all=True)
    assert state in caught.error.text


def test_bad_signals(porto, name):
    porto.run(name, "sleep 1000")
    for bad in -1, 65, 1000, 2**31 - 1, -(2**31):
        with expect("Unknown"):
            porto.kill(name, bad, all=True)
    porto.kill(name, 0, all=True)
    assert porto.state(name) == "running"


def test_root_container(porto):
    with expect("Permission"):
        porto.kill("/", signal.SIGKILL, all=True)


def test_portoctl_kill_all(porto, portod, toolbox, name):
    porto.run(name, "%s family 3 %d" % (toolbox, USR1))
    lines(porto, name, 4, "ready")
    assert portod.portoctl("kill", "-a", name, "USR1").returncode == 0
    assert len(lines(porto, name, 4, "got")) == 4
    assert portod.portoctl("kill", "--all", name, "-9").returncode == 0
    assert porto.finish(name) == -9


# ---- Stop.keep -----------------------------------------------------------------------------------


def test_keep(porto, toolbox, name):
    porto.run(name, "%s catch 15 7" % toolbox)
    lines(porto, name, 1, "ready")
    porto.stop(name, 30000, keep=True)
    assert porto.state(name) == "dead"
    assert porto.get_property(name, "exit_code") == "7"
    assert porto.get_property(name, "exit_status") == str(7 << 8)
    assert stdout(porto, name) == "ready\ngot 15\n"
    assert int(porto.get_property(name, "time[dead]")) >= 0


def test_keep_is_idempotent(porto, toolbox, name):
    porto.create(name)
    porto.stop(name, 0, keep=True)
    assert porto.state(name) == "stopped"
    porto.set_property(name, "command", "%s exit 3" % toolbox)
    porto.start(name)
    porto.finish(name)
    died = porto.get_property(name, "death_time[raw]")
    for _ in range(3):
        porto.stop(name, 1000, keep=True)
        assert porto.state(name) == "dead"
        assert porto.get_property(name, "exit_code") == "3"
        assert porto.get_property(name, "death_time[raw]") == died
    porto.stop(name)
    assert porto.state(name) == "stopped"


def test_keep_kills_after_the_timeout(porto, toolbox, name):
    porto.run(name, "%s ignore 15" % toolbox)
    lines(porto, name, 1, "ready")
    porto.stop(name, 100, keep=True)
    assert porto.get_property(name, "exit_code") == "-9"
    assert porto.get_property(name, "oom_killed") == "false"


@pytest.mark.parametrize("isolate", [True, False])
def test_keep_kills_at_once(porto, toolbox, name, isolate):
    porto.run(name, "%s family 5 %d" % (toolbox, USR1), isolate=isolate)
    lines(porto, name, 6, "ready")
    pids = pids_below(porto, name)
    porto.stop(name, 0, keep=True)
    assert porto.get_property(name, "exit_code") == "-9"
    assert not [pid for pid in pids if alive(pid)]


def test_keep_leaves_nobody(porto, toolbox, name):
    """What the command left behind ends, too."""
    porto.run(name, "sh -c '%s family 3 %d & trap \"exit 4\" TERM; while :; do sleep 0.1; done'"
              % (toolbox, USR1), isolate=False)
    lines(porto, name, 4, "ready")
    pids = pids_below(porto, name)
    assert len(pids) >= 5
    porto.stop(name, 30000, keep=True)
    assert porto.get_property(name, "exit_code") == "4"
    assert porto.get_property(name, "process_count") == "0"
    assert not [pid for pid in pids if alive(pid)]


def test_keep_with_children(porto, toolbox, name):
    porto.run(name, "%s catch 15 5" % toolbox)
    porto.run(name + "/polite", "%s catch 15 6" % toolbox, isolate=False)
    porto.run(name + "/isolated", "%s ignore 15" % toolbox)
    porto.run(name + "/meta", None)
    porto.create(name + "/stopped")
    porto.run(name + "/dead", "%s exit 9" % toolbox)
    porto.finish(name + "/dead")
    for part in "", "/polite", "/isolated":
        lines(porto, name + part, 1, "ready")
    porto.stop(name, 2000, keep=True)
    code = {part: porto.get_property(name + part, "exit_code") for part in ("", "/polite")}
    assert code["/polite"] == "6"
    # Its time may have been over with that of its child.
    assert code[""] in ("5", "-9")
    assert porto.get_property(name + "/isolated", "exit_code") == "-9"
    assert porto.get_property(name + "/dead", "exit_code") == "9"
    assert porto.state(name + "/meta") == "dead"
    assert porto.state(name + "/stopped") == "stopped"


def test_keep_of_meta(porto, name):
    porto.run(name, None)
    porto.run(name + "/a", "sleep 1000", isolate=False)
    porto.stop(name, 0, keep=True)
    assert porto.state(name) == "dead"
    assert porto.get_property(name + "/a", "exit_code") == "-9"
    porto.create(name + "-no-process")
    porto.start(name + "-no-process")
    porto.create(name + "-no-process/a")
    porto.set_property(name + "-no-process/a", "isolate", "false")
    porto.start(name + "-no-process/a")
    assert porto.state(name + "-no-process/a") == "meta"
    porto.stop(name + "-no-process/a", 0, keep=True)
    assert porto.state(name + "-no-process/a") == "dead"
    assert porto.state(name + "-no-process") == "meta"


def test_keep_of_job(porto, toolbox, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "%s catch 15 6" % toolbox, virt_mode="job")
    lines(porto, name + "/job", 1, "ready")
    porto.stop(name + "/job", 30000, keep=True)
    assert porto.get_property(name + "/job", "exit_code") == "6"
    porto.run(name + "/job2", "%s ignore 15" % toolbox, virt_mode="job")
    lines(porto, name + "/job2", 1, "ready")
    porto.stop(name + "/job2", 100, keep=True)
    assert porto.get_property(name + "/job2", "exit_code") == "-9"
    assert porto.state(name) == "running"
    assert porto.get_property(name, "process_count") == "2"


def test_keep_of_paused(porto, toolbox, name):
    porto.run(name, "%s catch 15 5" % toolbox)
    lines(porto, name, 1, "ready")
    porto.pause(name)
    porto.stop(name, 60000, keep=True)  # frozen processes cannot react: nobody waits for them
    assert porto.state(name) == "dead"
    assert porto.get_property(name, "exit_code") == "-9"
    porto.respawn(name)
    assert porto.state(name) == "running"
    lines(porto, name, 2, "ready")


def test_keep_below_paused(porto, name):
    porto.run(name, None)
    porto.run(name + "/a", "sleep 1000", isolate=False)
    porto.pause(name)
    with expect("InvalidState"):
        porto.stop(name + "/a", 0, keep=True)
    porto.resume(name)
    assert porto.state(name + "/a") == "running"


def test_keep_does_not_respawn(porto, portod, toolbox, name):
    porto.run(name, "sleep 1000", respawn=True, respawn_delay="50ms")
    porto.stop(name, 0, keep=True)
    assert porto.state(name) == "dead"
    assert porto.get_property(name, "respawn_count") == "0"
    # Nor does the next server start it again.
    portod.kill_server()
    with portod.client() as again:
        assert again.state(name) == "dead"
        assert again.get_property(name, "exit_code") == "-9"
        again.respawn(name)
        assert again.state(name) == "running"
        # That was a new run: its death is an ordinary one.
        pid = int(again.get_property(name, "root_pid"))
        os.kill(pid, signal.SIGKILL)
        again.wait_state(name, "respawning", "running")
        poll(lambda: again.get_property(name, "respawn_count") != "1", message="a respawn")
        again.stop(name, 0)


def test_keep_calls_a_respawn_off(porto, toolbox, name):
    porto.run(name, "%s exit 1" % toolbox, respawn=True, respawn_delay="1000s")
    porto.wait_state(name, "respawning")
    porto.stop(name, 0, keep=True)
    assert porto.state(name) == "dead"
    assert porto.get_property(name, "exit_code") == "1"


def test_keep_is_seen_like_a_death(porto, portod, toolbox, name):
    porto.run(name, "%s catch 15 7" % toolbox)
    lines(porto, name, 1, "ready")
    with portod.client() as watcher:
        watcher.async_wait(name)
        assert watcher.next_event().state == "running"
        porto.stop(name, 30000, keep=True)
        event = watcher.next_event()
        assert (event.state, event.label, event.value) == ("dead", "exit_code", "7")


def test_keep_and_a_dying_server(porto, portod, toolbox, name):
    """The state is an ordinary one meanwhile: the stop can be asked for again."""
    porto.run(name, "%s ignore 15" % toolbox)
    lines(porto, name, 1, "ready")
    request = porto_client_request("Stop", name=name, timeout_ms=100000, keep=True)
    porto.send(request)
    with portod.client() as other:
        assert other.state(name) == "running"
    portod.kill_server()
    with portod.client() as again:
        assert again.state(name) == "running"
        again.stop(name, 0, keep=True)
        assert again.get_property(name, "exit_code") == "-9"
    porto.connect()


def porto_client_request(method, **fields):
    import porto_client

    return porto_client.make_request(method, **fields)


def test_portoctl_stop_keep(porto, portod, toolbox, name):
    porto.run(name, "%s catch 15 7" % toolbox)
    lines(porto, name, 1, "ready")
    assert portod.portoctl("stop", "-k", "-T", "30", name).returncode == 0
    assert porto.get_property(name, "exit_code") == "7"
    assert portod.portoctl("stop", "--keep", name).returncode == 0
    assert porto.state(name) == "dead"
