# SPDX-License-Identifier: Apache-2.0
"""Weak containers and containers that age."""

import os
import signal
import time

import porto_client
from conftest import poll


def gone(porto, name):
    poll(lambda: name not in porto.list(), message="%s goes" % name)


def test_weak_goes_with_the_connection(portod, porto, name):
    with portod.client() as other:
        other.create_weak(name)
        assert porto.get_property(name, "weak") == "true"
        other.set_property(name, "command", "sleep 1000")
        other.start(name)
        assert porto.state(name) == "running"
    gone(porto, name)


def test_weak_takes_its_subtree(portod, porto, name):
    with portod.client() as other:
        other.create_weak(name)
        porto.create(name + "/a")
        porto.run(name + "/a/b", "sleep 1000")
    gone(porto, name)
    assert porto.list() == []


def test_weak_in_every_state(portod, porto, name):
    other = portod.client()
    for state in "stopped", "running", "paused", "dead", "meta":
        ct = "%s-%s" % (name, state)
        other.create_weak(ct)
        if state in ("running", "paused", "dead"):
            other.set_property(ct, "command", "true" if state == "dead" else "sleep 1000")
        if state != "stopped":
            other.start(ct)
        if state == "paused":
            other.pause(ct)
        if state == "dead":
            other.finish(ct)
    other.close()
    poll(lambda: porto.list() == [])


def test_made_strong(portod, porto, name):
    with portod.client() as other:
        other.create_weak(name)
        other.set_property(name, "weak", "false")
    with portod.client() as other:
        other.create_weak(name + "-2")
    gone(porto, name + "-2")
    assert porto.list() == [name]


def test_weak_later_is_not_bound_to_a_connection(portod, porto, name):
    with portod.client() as other:
        other.create(name)
        other.set_property(name, "weak", "true")
    time.sleep(0.2)
    assert porto.list() == [name]


def test_client_that_is_killed(portod, porto, name):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            client = portod.client()
            client.create_weak(name)
            os.write(writer, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    assert porto.list() == [name]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    gone(porto, name)


def test_weak_ones_do_not_survive_the_server(portod, porto, name):
    with portod.client() as other:
        other.create_weak(name)
        porto.create(name + "-strong")
        other.set_property(name, "command", "sleep 1000")
        other.start(name)
        portod.kill_server()
        porto.connect()
        gone(porto, name)
    assert porto.list() == [name + "-strong"]


def test_aging(porto, name):
    porto.run(name, "true", aging_time=0)
    gone(porto, name)


def test_aging_later(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    assert porto.get_property(name, "aging_time") == "86400"
    buried = porto.get_system().container_buried
    start = time.monotonic()
    porto.set_property(name, "aging_time", "1")
    gone(porto, name)
    assert time.monotonic() - start < 8
    assert porto.get_system().container_buried == buried + 1


def test_aging_of_dead_ones_only(porto, name):
    porto.run(name, "sleep 1000", aging_time=0)
    porto.create(name + "-stopped")
    porto.set_property(name + "-stopped", "aging_time", "0")
    porto.run(name + "-respawning", "true", respawn=True, respawn_delay="1000s", aging_time=0)
    porto.wait_state(name + "-respawning", "respawning")
    time.sleep(2.2)
    assert sorted(porto.list()) == [name, name + "-respawning", name + "-stopped"]


def test_aging_takes_the_subtree(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    porto.create(name + "/child")
    porto.set_property(name, "aging_time", "0")
    gone(porto, name)
    assert porto.list() == []


def test_weak_below_a_paused_container(portod, porto, name):
    """It cannot go while it is frozen, and is not forgotten."""
    porto.run(name, "sleep 1000")
    with portod.client() as other:
        other.create_weak(name + "/weak")
        other.set_property(name + "/weak", "command", "sleep 1000")
        other.start(name + "/weak")
        other.create_weak(name + "/kept")
        other.start(name + "/kept")
        porto.pause(name)
    time.sleep(1.2)
    assert porto.state(name + "/weak") == "paused"
    porto.set_property(name + "/kept", "weak", "false")
    porto.resume(name)
    gone(porto, name + "/weak")
    assert porto.list() == [name, name + "/kept"]


def test_many_weak_ones_at_once(portod, porto, name):
    """Of one connection and of many, some nested, some running."""
    others = [portod.client() for _ in range(40)]
    for i, other in enumerate(others):
        top = other.create_weak("%s-%d" % (name, i))
        for k in range(4):
            other.create_weak("%s/%d" % (top, k))
        if i % 4 == 0:
            other.set_property(top + "/0", "command", "sleep 1000")
            other.start(top + "/0")
    for i in range(200):
        others[0].create_weak("%s-one-%d" % (name, i))
    assert len(porto.list()) == 40 * 5 + 200
    for other in others:
        other.close()
    poll(lambda: porto.list() == [], 30, message="all weak ones go")


def test_weak_goes_with_a_dropped_client(own_portod, name):
    """The connection is idle and has to make room for another one."""
    portod = own_portod(daemon="max_clients: 1 client_idle_timeout: 1")
    with portod.client() as porto, portod.client() as idle:
        idle.create_weak(name)
        # A hundred more than configured, for the superuser.
        others = []
        for _ in range(99):
            others.append(portod.client())
            others[-1].version()
        assert porto.list() == [name]
        time.sleep(1.1)
        for other in others:
            other.version()
        porto.version()
        with portod.client() as last:
            last.version()
            gone(porto, name)
            assert idle.closed()
        for other in others:
            other.close()


def test_weak_ones_in_every_state_do_not_survive_the_server(portod, porto, name):
    with portod.client() as other:
        for state in "stopped", "running", "paused", "dead", "meta", "respawning":
            ct = other.create_weak("%s-%s" % (name, state))
            if state != "meta" and state != "stopped":
                other.set_property(ct, "command", "sleep 1000")
            if state == "respawning":
                other.set(ct, command="true", respawn=True, respawn_delay="1000s")
            if state != "stopped":
                other.start(ct)
            if state == "paused":
                other.pause(ct)
            if state == "dead":
                other.kill(ct, 9)
                other.wait_state(ct, "dead")
            if state == "respawning":
                other.wait_state(ct, "respawning")
        porto.run(name + "-parent", "sleep 1000")
        other.create_weak(name + "-parent/weak")
        other.set_property(name + "-parent/weak", "command", "sleep 1000")
        other.start(name + "-parent/weak")
        porto.pause(name + "-parent")
        portod.kill_server()
        porto.connect()
        poll(lambda: sorted(porto.list()) == [name + "-parent", name + "-parent/weak"])
        porto.resume(name + "-parent")
        gone(porto, name + "-parent/weak")


def test_aging_time_for_ever(porto, name):
    """As large as it may be; also just what would overflow when counted in nanoseconds."""
    for i, seconds in enumerate((2**64 - 1, 2**63, 18446744074, 18446744073)):
        porto.run("%s-%d" % (name, i), "true", aging_time=seconds)
        porto.finish("%s-%d" % (name, i))
    time.sleep(2.2)
    assert len(porto.list()) == 4


def test_aging_below_a_paused_container(porto, name):
    """Nothing happens until it is thawed, and then once."""
    porto.run(name, "sleep 1000")
    porto.run(name + "/dead", "true")
    porto.finish(name + "/dead")
    buried = porto.get_system().container_buried
    porto.pause(name)
    porto.set_property(name + "/dead", "aging_time", "0")
    time.sleep(2.2)
    assert porto.state(name + "/dead") == "dead"
    assert porto.get_system().container_buried == buried
    porto.resume(name)
    gone(porto, name + "/dead")
    assert porto.get_system().container_buried == buried + 1


def test_aging_behind_a_busy_parent(portod, porto, name):
    """Asked for once a second, buried once."""
    porto.run(name, "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'")
    porto.run(name + "/dead", "true")
    porto.finish(name + "/dead")
    porto.run(name + "/slow", "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'")
    buried = porto.get_system().container_buried
    with portod.client() as other:
        # Holds the sibling and, for its own part, the parent for a while.
        other.send(porto_client.make_request("Stop", name=name + "/slow", timeout_ms=2500))
        with portod.client() as third:
            third.send(porto_client.make_request("Respawn", name=name))
            porto.set_property(name + "/dead", "aging_time", "0")
            third.recv_reply()
        other.recv_reply()
    gone(porto, name + "/dead")
    time.sleep(1.2)
    assert porto.get_system().container_buried == buried + 1


def test_age_counts_from_the_last_death(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    time.sleep(2)
    porto.respawn(name)
    porto.finish(name)
    porto.set_property(name, "aging_time", "2")
    time.sleep(1)
    assert porto.state(name) == "dead"
    gone(porto, name)


def test_age_after_a_restart_of_the_server(portod, porto, name):
    porto.run(name, "true", aging_time=2)
    porto.finish(name)
    died = porto.get_property(name, "death_time[raw]")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "death_time[raw]") == died
    gone(porto, name)


def test_dead_for_good_ages_although_it_respawns(porto, name):
    porto.create(name)
    porto.set(name, command="true", respawn=True, max_respawns=1, respawn_delay="50ms", aging_time=0)
    porto.start(name)
    gone(porto, name)
