# SPDX-License-Identifier: Apache-2.0
"""Respawn: limits, delays, parents, failures, restarts of the server."""

import os
import shutil
import time

import pytest

from conftest import expect, poll


def count(porto, name):
    return int(porto.get_property(name, "respawn_count"))


def settle(porto, name, state, step=0.05):
    """In this state, and still after a while."""
    poll(lambda: porto.state(name) == state, message="%s is %s" % (name, state))
    time.sleep(0.4)
    assert porto.state(name) == state


@pytest.mark.parametrize("delay", ["0", "1", "1ms"])
def test_delay_has_a_floor(porto, name, delay):
    """50 ms, whatever was said: ten in a row take half a second at least."""
    porto.create(name)
    porto.set(name, command="true", respawn=True, respawn_delay=delay, max_respawns=10)
    start = time.monotonic()
    porto.start(name)
    porto.wait_state(name, "dead")
    assert count(porto, name) == 10
    assert time.monotonic() - start >= 0.5


def test_limit_lowered_meanwhile(porto, name):
    """The rules hold when the time has come, too."""
    porto.run(name, "true", respawn=True, respawn_delay="300ms")
    porto.wait_state(name, "respawning")
    made = count(porto, name)
    porto.set_property(name, "max_respawns", str(made))
    settle(porto, name, "dead")
    assert count(porto, name) == made
    # A larger limit is for the next death; by hand it counts at once.
    porto.set_property(name, "max_respawns", str(made + 1))
    settle(porto, name, "dead")
    porto.respawn(name)
    assert count(porto, name) == made + 1


def test_count_can_be_set(porto, name):
    """Also while it respawns: the limit counts from there."""
    porto.create(name)
    porto.set(name, command="true", respawn=True, respawn_delay="300ms", max_respawns=3)
    porto.start(name)
    porto.wait_state(name, "respawning")
    porto.set_property(name, "respawn_count", "2")
    porto.wait_state(name, "dead")
    assert count(porto, name) == 3
    porto.set_property(name, "respawn_count", "0")
    assert porto.state(name) == "dead"


def test_unlimited_and_negative(porto, name):
    porto.create(name)
    assert porto.get_property(name, "max_respawns") == ""
    porto.set(name, command="true", respawn=True, respawn_delay="50ms", max_respawns=-5)
    porto.start(name)
    poll(lambda: count(porto, name) >= 5)
    porto.set_property(name, "respawn", "false")
    settle(porto, name, "dead")


def test_switched_on_when_dead(porto, name):
    """For the next death."""
    porto.run(name, "true")
    porto.finish(name)
    porto.set_property(name, "respawn", "true")
    settle(porto, name, "dead")
    porto.set(name, respawn_delay="50ms", max_respawns=2)
    porto.respawn(name)
    porto.wait_state(name, "dead")
    assert count(porto, name) == 2


def test_after_oom(portod, porto, toolbox, name):
    """Any death counts, and the next run is not coloured by it."""
    porto.create(name)
    flag = "/dev/shm/%s" % os.path.basename(porto.get_property(name, "cwd"))
    script = "sh -c 'if [ -e %s ]; then exit 3; fi; touch %s; exec %s hog 200'"
    try:
        porto.set(
            name,
            command=script % (flag, flag, toolbox),
            respawn=True,
            respawn_delay="50ms",
            max_respawns=1,
            memory_limit="64M",
        )
        porto.start(name)
        porto.wait_state(name, "dead")
        assert count(porto, name) == 1
        assert porto.get_property(name, "exit_code") == "3"
        assert porto.get_property(name, "oom_killed") == "false"
        assert porto.get_property(name, "oom_kills", sync=True) == "0"
        # 1, or 0 if the daemon was faster with its own kill than the kernel.
        total = porto.get_property(name, "oom_kills_total", sync=True)
        # What the group had counted before is not forgotten.
        portod.kill_server()
        porto.connect()
        assert porto.get_property(name, "oom_kills", sync=True) == "0"
        assert porto.get_property(name, "oom_kills_total", sync=True) == total
    finally:
        if os.path.exists(flag):
            os.unlink(flag)


# ---- what fails -----------------------------------------------------------------------------------


@pytest.fixture
def fragile(porto, rootfs, name):
    """A container whose root directory can be taken away; put it back before the end."""
    away = rootfs + "-away"

    class Fragile:
        def breaks(self):
            os.rename(rootfs, away)

        def heals(self):
            if os.path.exists(away):
                shutil.rmtree(rootfs, ignore_errors=True)
                os.rename(away, rootfs)

    one = Fragile()
    porto.create(name)
    porto.set(name, root=rootfs, command="sleep 1000", respawn=True, respawn_delay="100ms")
    yield one
    one.heals()


def test_failed_attempts_go_on(porto, fragile, name):
    """Dead between them, with the reason, and running when it works again."""
    porto.start(name)
    fragile.breaks()
    porto.kill(name, 9)
    poll(lambda: count(porto, name) >= 3)
    poll(lambda: porto.get_property(name, "start_error"))
    fragile.heals()
    poll(lambda: porto.state(name) == "running")
    assert porto.get_property(name, "start_error") == ""


def test_failed_attempts_end_at_the_limit(porto, fragile, name):
    porto.set_property(name, "max_respawns", "2")
    porto.start(name)
    fragile.breaks()
    porto.kill(name, 9)
    settle(porto, name, "dead")
    poll(lambda: count(porto, name) == 2)
    settle(porto, name, "dead")
    assert porto.get_property(name, "start_error")
    assert int(porto.get_property(name, "time[dead]")) < 60
    assert count(porto, name) == 2


def test_children_do_not_wait_for_a_parent_that_stays_dead(porto, fragile, name):
    """They respawn with the parent or not at all."""
    porto.set_property(name, "max_respawns", "1")
    porto.start(name)
    child, grandchild = name + "/child", name + "/child/kid"
    for one in child, grandchild:
        porto.create(one)
        porto.set(one, command="sleep 1000", respawn=True, respawn_delay="50ms")
        porto.start(one)
    fragile.breaks()
    porto.kill(name, 9)
    for one in name, child, grandchild:
        settle(porto, one, "dead")
    fragile.heals()
    porto.set_property(name, "max_respawns", "-1")
    porto.respawn(name)
    for one in name, child, grandchild:
        poll(lambda: porto.state(one) == "running", message="%s runs" % one)


# ---- parents --------------------------------------------------------------------------------------


def test_parent_that_does_not_respawn(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/a", "sleep 1000", respawn=True, respawn_delay="50ms")
    porto.kill(name, 9)
    for one in name, name + "/a":
        settle(porto, one, "dead")
    assert count(porto, name + "/a") == 0
    with expect("InvalidState"):
        porto.respawn(name + "/a")


def test_child_in_its_delay_when_the_parent_dies(porto, name):
    """Its timer fires while the parent waits for its own: it waits for the parent."""
    porto.create(name)
    porto.set(name, command="sleep 1000", respawn=True, respawn_delay="700ms")
    porto.start(name)
    child = name + "/a"
    porto.run(child, "sleep 1000", respawn=True, respawn_delay="300ms")
    porto.kill(child, 9)
    porto.wait_state(child, "respawning")
    porto.kill(name, 9)
    porto.wait_state(name, "respawning")
    time.sleep(0.4)
    assert porto.state(child) == "respawning" and count(porto, child) == 0
    porto.wait_state(name, "running")
    porto.wait_state(child, "running")
    assert count(porto, child) == 1


def test_child_in_its_delay_when_the_parent_is_gone(porto, name):
    porto.run(name, "sleep 1000")
    child = name + "/a"
    porto.run(child, "sleep 1000", respawn=True, respawn_delay="200ms")
    porto.kill(child, 9)
    porto.wait_state(child, "respawning")
    porto.kill(name, 9)
    settle(porto, child, "dead")


def test_dead_children_come_back_with_the_parent(porto, name):
    """Those that respawn, also if they were dead before for another reason than the limit."""
    porto.run(name, "sleep 1000")
    porto.run(name + "/again", "sleep 1000", respawn=True, respawn_delay="50ms")
    porto.run(name + "/once", "sleep 1000")
    porto.run(name + "/spent", "true", respawn=True, respawn_delay="50ms", max_respawns=1)
    porto.wait_state(name + "/spent", "dead")
    porto.kill(name, 9)
    for one in "/again", "/once":
        porto.wait_state(name + one, "dead")
    porto.respawn(name)
    porto.wait_state(name + "/again", "running")
    assert porto.state(name + "/once") == "dead"
    settle(porto, name + "/spent", "dead")


# ---- restarts of the server -----------------------------------------------------------------------


def test_server_dies_in_the_delay(portod, porto, name):
    porto.run(name, "sleep 1000", respawn=True, respawn_delay="1500ms")
    porto.kill(name, 9)
    porto.wait_state(name, "respawning")
    portod.kill_server()
    porto.connect()
    assert porto.state(name) == "respawning"
    porto.wait_state(name, "running")
    assert count(porto, name) == 1


@pytest.mark.parametrize("given", [None, "0", "5"])
def test_count_survives_the_server(portod, porto, name, given):
    porto.create(name)
    porto.set(name, command="sleep 1000", respawn=True, respawn_delay="50ms")
    if given:
        porto.set_property(name, "respawn_count", given)
    porto.start(name)
    for _ in range(2):
        porto.kill(name, 9)
        before = count(porto, name)
        poll(lambda: count(porto, name) > before and porto.state(name) == "running")
    portod.kill_server()
    porto.connect()
    assert count(porto, name) == int(given or 0) + 2
    porto.set_property(name, "respawn_count", "0")
    portod.kill_server()
    porto.connect()
    assert count(porto, name) == 0


def test_parent_and_child_in_the_delay_when_the_server_dies(portod, porto, name):
    porto.create(name)
    porto.set(name, command="sleep 1000", respawn=True, respawn_delay="1500ms")
    porto.start(name)
    porto.run(name + "/a", "sleep 1000", respawn=True, respawn_delay="50ms")
    porto.kill(name, 9)
    porto.wait_state(name + "/a", "respawning")
    portod.kill_server()
    porto.connect()
    assert [porto.state(one) for one in (name, name + "/a")] == ["respawning"] * 2
    porto.wait_state(name, "running")
    porto.wait_state(name + "/a", "running")
