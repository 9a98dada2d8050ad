# SPDX-License-Identifier: Apache-2.0
"""Weak containers and containers that age."""

import os
import signal
import time

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
