# SPDX-License-Identifier: Apache-2.0
"""Beyond Porto: AsyncWait tells of processes killed for lack of memory in a container that goes on,
to those who name the label oom_kills."""

import pytest

from conftest import expect, poll
from porto_client import Timeout


def hog(porto, toolbox, name, **props):
    props = {"memory_limit": "32M", "oom_is_fatal": False, **props}
    return porto.run(name, "%s hog-child 200" % toolbox, **props)


def counted(porto, name, count=1):
    poll(
        lambda: int(porto.get_property(name, "oom_kills", sync=True)) >= count,
        30,
        message="%d kills" % count,
    )


def next_notice(watcher):
    while True:
        event = watcher.next_event(30)
        if event.label == "oom_kills":
            return event


def test_notice(porto, portod, toolbox, name):
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["oom_kills"])
        hog(porto, toolbox, name)
        event = next_notice(watcher)
        assert (event.name, event.state, event.value) == (name, "running", "1")
        assert event.when > 0
        # Not dead, and no other report follows.
        assert porto.state(name) == "running"
        with pytest.raises(Timeout):
            watcher.next_event(0.5)


def test_every_kill(porto, portod, toolbox, name):
    """Each growth of the number is told once; several at a time may be one report."""
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["oom_kills"])
        porto.run(
            name,
            "sh -c 'for i in 1 2 3 4; do %s hog 200; done; sleep 1000'" % toolbox,
            memory_limit="32M",
            oom_is_fatal=False,
        )
        seen = []
        while not seen or seen[-1] < 4:
            seen.append(int(next_notice(watcher).value))
        assert seen == sorted(set(seen)), "a number was told twice, or backwards: %s" % seen
        assert seen[-1] == 4


def test_nobody_else(porto, portod, toolbox, name):
    """Who did not name it sees what he has always seen."""
    plain, masks, other = portod.client(), portod.client(), portod.client()
    try:
        plain.async_wait("***")
        masks.async_wait("***", labels=["***", "*", "oom_*", "oom_kill?"])
        other.async_wait(name, labels=["TEST.x"])
        hog(porto, toolbox, name)
        counted(porto, name)
        porto.set_label(name, "TEST.x", "1")
        porto.stop(name, 0)
        for client, label in (plain, None), (masks, "TEST.x"), (other, "TEST.x"):
            events = []
            while len(events) < 3 or events[-1].state != "stopped":
                events.append(client.next_event(30))
            assert "oom_kills" not in [event.label for event in events]
            if label:
                assert label in [event.label for event in events]
    finally:
        for client in plain, masks, other:
            client.close()


def test_present_number(porto, portod, toolbox, name):
    """A subscription that comes late is told what there is."""
    hog(porto, toolbox, name)
    counted(porto, name)
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["oom_kills"])
        event = watcher.next_event()
        assert (event.label, event.value, event.state) == ("oom_kills", "1", "running")


def test_after_a_restart_of_the_server(porto, portod, toolbox, name):
    hog(porto, toolbox, name)
    counted(porto, name)
    portod.kill_server()
    porto.connect()
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["oom_kills"])
        event = watcher.next_event()
        assert (event.label, event.value) == ("oom_kills", "1")


def test_fatal_is_an_end(porto, portod, toolbox, name):
    """The end is reported as ever."""
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["oom_kills"])
        hog(porto, toolbox, name, oom_is_fatal=True)
        events = []
        while not events or events[-1].state != "dead":
            events.append(watcher.next_event(30))
        assert (events[-1].label, events[-1].value) == ("exit_code", "-99")
        assert "oom_kills" not in [event.label for event in events]


def test_limit_of_the_parent(porto, portod, toolbox, name):
    """The victim's container tells of it, whoever's limit it was."""
    porto.create(name)
    porto.set(name, memory_limit="32M", oom_is_fatal=False)
    porto.start(name)
    porto.create(name + "/child")
    porto.set_property(name + "/child", "command", "%s hog-child 200" % toolbox)
    porto.set_property(name + "/child", "controllers", "memory")
    porto.set_property(name + "/child", "oom_is_fatal", "false")
    with portod.client() as watcher:
        watcher.async_wait([name, name + "/child"], labels=["oom_kills"])
        porto.start(name + "/child")
        event = next_notice(watcher)
        assert (event.name, event.value) == (name + "/child", "1")
        assert porto.state(name + "/child") == "running"


def test_stop_waiting(porto, portod, toolbox, name):
    with portod.client() as watcher:
        watcher.async_wait(name, labels=["oom_kills"])
        with expect("InvalidValue"):
            watcher.stop_async_wait(name)
        watcher.stop_async_wait(name, labels=["oom_kills"])
        hog(porto, toolbox, name)
        counted(porto, name)
        with pytest.raises(Timeout):
            watcher.next_event(0.3)
