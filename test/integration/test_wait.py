# SPDX-License-Identifier: Apache-2.0
"""Wait, AsyncWait, StopAsyncWait."""

import time

import pytest

import porto_client
from conftest import expect
from porto_client import Timeout


def quiet(client, seconds=0.15):
    """No event within this time."""
    try:
        event = client.next_event(seconds)
    except Timeout:
        return True
    raise AssertionError("unexpected event: %s" % event)


def events(client, count, timeout=None):
    return [client.next_event(timeout) for _ in range(count)]


# ---- synchronous -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["stopped", "dead", "meta"])
def test_answers_at_once(porto, name, state):
    porto.create(name)
    if state == "dead":
        porto.set_property(name, "command", "true")
    if state != "stopped":
        porto.start(name)
    if state == "dead":
        porto.finish(name)
    report = porto.wait([name], timeout_ms=0)
    assert (report.name, report.state) == (name, state)
    assert abs(report.when - time.time()) < 60


def test_respawning_ends_a_wait(porto, name):
    porto.run(name, "true", respawn=True, respawn_delay="1000s")
    assert porto.wait([name]).state == "respawning"


def test_waits_for_the_end(porto, name):
    porto.run(name, "sleep 0.2")
    start = time.monotonic()
    report = porto.wait([name])
    assert (report.name, report.state) == (name, "dead")
    assert 0.05 < time.monotonic() - start < 10


def test_timeout(porto, name):
    porto.run(name, "sleep 1000")
    start = time.monotonic()
    report = porto.wait([name], timeout_ms=200)
    assert (report.name, report.state) == ("", "timeout")
    assert 0.15 < time.monotonic() - start < 5
    assert porto.wait([name], timeout_ms=0).state == "timeout"


def test_no_names(porto):
    with expect("InvalidValue"):
        porto.wait([])


def test_unknown_name(porto, name):
    with expect("ContainerDoesNotExist") as caught:
        porto.wait(["no-such-one"], timeout_ms=0)
    assert caught.error.response.Wait.name == "no-such-one"
    porto.create(name)
    # In the order of the request: an earlier finished one wins.
    assert porto.wait([name, "no-such-one"], timeout_ms=0).name == name


def test_first_of_many(porto, name):
    for i in range(5):
        porto.run("%s-%d" % (name, i), "sleep 1000")
    names = ["%s-%d" % (name, i) for i in range(5)]
    porto.send(porto_client.make_request("Wait", name=names))
    with porto_client.Client(porto.path) as other:
        other.kill(names[3], 9)
    assert porto.recv_reply().Wait.name == names[3]


def test_masks(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/a", "sleep 0.1", isolate=False)
    assert porto.wait([name + "/*"]).name == name + "/a"
    assert porto.wait(["***"], timeout_ms=0).name == name + "/a"


def test_mask_without_match_waits(porto, name):
    assert porto.wait(["nothing-*"], timeout_ms=100).state == "timeout"
    porto.send(porto_client.make_request("Wait", name=[name + "*"]))
    with porto_client.Client(porto.path) as other:
        other.create(name)
    assert porto.recv_reply().Wait.name == name


def test_stop_ends_a_wait(porto, name):
    porto.run(name, "sleep 1000")
    porto.send(porto_client.make_request("Wait", name=[name]))
    with porto_client.Client(porto.path) as other:
        other.stop(name, 0)
    assert porto.recv_reply().Wait.state in ("dead", "stopped")


def test_destroy_ends_a_wait(porto, name):
    porto.run(name, "sleep 1000")
    porto.send(porto_client.make_request("Wait", name=[name]))
    with porto_client.Client(porto.path) as other:
        other.destroy(name)
    response = porto.recv_reply()
    assert response.Wait.state in ("dead", "stopped", "destroyed") or response.error == 4


def test_label_ends_a_wait_on_a_running_container(porto, name):
    porto.run(name, "sleep 1000")
    porto.send(porto_client.make_request("Wait", name=[name], label=["TEST.*"]))
    with porto_client.Client(porto.path) as other:
        other.set_label(name, "OTHER.x", "1")
        other.set_label(name, "TEST.x", "2")
    report = porto.recv_reply().Wait
    assert (report.name, report.label, report.value) == (name, "TEST.x", "2")


def test_label_wait_on_what_is_over_already(porto, name):
    """The label is what was asked for; that the container was stopped before is no news."""
    porto.create(name)
    assert porto.wait([name], labels=["TEST.*"], timeout_ms=100).state == "timeout"
    porto.set_label(name, "TEST.x", "1")
    report = porto.wait([name], labels=["TEST.*"], timeout_ms=0)
    assert (report.state, report.label, report.value) == ("stopped", "TEST.x", "1")
    porto.set_label(name, "TEST.x", "")
    porto.send(porto_client.make_request("Wait", name=[name], label=["TEST.*"]))
    with porto_client.Client(porto.path) as other:
        other.destroy(name)
    assert porto.recv_reply().Wait.state == "destroyed"
    # The end of a run ends the wait, labels or not.
    porto.run(name, "sleep 1000")
    porto.send(porto_client.make_request("Wait", name=[name], label=["TEST.*"]))
    with porto_client.Client(porto.path) as other:
        other.kill(name, 9)
    report = porto.recv_reply().Wait
    assert (report.state, report.label, report.value) == ("dead", "exit_code", "-9")


def test_asked_for_twice_reported_once(porto, name):
    porto.create(name)
    porto.async_wait([name, "/porto/" + name, name, "***", name + "*", "/porto/***"])
    assert [e.name for e in porto.events] == [name]
    porto.events.clear()
    porto.set_property(name, "command", "sleep 1000")
    porto.start(name)
    assert [e.state for e in events(porto, 2)] == ["starting", "running"]
    assert quiet(porto)


def test_a_thousand_waiters(portod, porto, name):
    porto.run(name, "sleep 1000")
    clients = [portod.client() for _ in range(300)]
    request = porto_client.make_request("Wait", name=[name])
    for client in clients:
        client.send(request)
    porto.kill(name, 9)
    for client in clients:
        assert client.recv_reply().Wait.state == "dead"
        client.close()


def test_waiter_that_hangs_up(portod, porto, name):
    porto.run(name, "sleep 1000")
    for _ in range(50):
        client = portod.client()
        client.send(porto_client.make_request("Wait", name=[name]))
        client.close()
    porto.kill(name, 9)
    assert porto.finish(name) == -9


# ---- asynchronous ----------------------------------------------------------------------------------


def test_initial_reports_come_before_the_reply(porto, name):
    porto.create(name)
    porto.run(name + "-2", "sleep 1000")
    porto.async_wait(["***"])
    seen = {(e.name, e.state) for e in porto.events}
    assert seen == {(name, "stopped"), (name + "-2", "running")}


def test_state_changes_are_reported_in_order(porto, name):
    porto.async_wait([name])
    assert not porto.events
    porto.create(name)
    porto.set_property(name, "command", "sh -c 'exit 3'")
    porto.start(name)
    states = []
    while "dead" not in states:
        event = porto.next_event()
        assert event.name == name
        states.append(event.state)
    assert event.label == "exit_code" and event.value == "3"
    assert states == ["stopped", "starting", "running", "dead"]
    porto.destroy(name)
    while states[-1] != "destroyed":
        states.append(porto.next_event().state)
    assert quiet(porto)


def test_missing_containers_are_fine(porto, name):
    porto.async_wait(["not-yet"])
    assert quiet(porto)
    porto.create("not-yet")
    event = porto.next_event()
    assert (event.name, event.state) == ("not-yet", "stopped")


def test_exit_codes_in_reports(porto, toolbox, name):
    porto.run(name, "%s die 15" % toolbox)
    porto.async_wait([name])
    event = porto.events.popleft() if porto.events else porto.next_event()
    while event.state != "dead":
        event = porto.next_event()
    if event.label:  # an initial report does not carry it
        assert (event.label, event.value) == ("exit_code", "-15")


def test_start_error_in_reports(porto, name):
    porto.create(name)
    porto.set_property(name, "command", "/no/such/program")
    porto.async_wait([name])
    porto.events.clear()
    with expect("InvalidCommand"):
        porto.start(name)
    event = porto.next_event()
    while event.state != "stopped":
        event = porto.next_event()
    assert event.label == "start_error" and event.value.startswith("InvalidCommand:(")


def test_masks_and_names(porto, name):
    porto.async_wait([name + "-*", "other"])
    porto.create(name)
    porto.create(name + "-1")
    porto.create("other")
    assert [e.name for e in events(porto, 2)] == [name + "-1", "other"]
    assert quiet(porto)


def test_replaced_by_the_next_one(porto, name):
    porto.async_wait(["a"])
    porto.async_wait(["b"])
    porto.create("a")
    porto.create("b")
    assert porto.next_event().name == "b"
    assert quiet(porto)
    porto.async_wait([])
    porto.destroy("b")
    assert quiet(porto)


def test_async_timeout(porto, name):
    porto.async_wait([name], timeout_ms=100)
    event = porto.next_event()
    assert (event.name, event.state) == ("", "timeout")
    porto.create(name)
    assert quiet(porto)
    porto.async_wait(["x"], timeout_ms=0)
    assert porto.next_event().state == "timeout"


def test_target_state(porto, name):
    porto.create(name)
    porto.set_property(name, "command", "sleep 1000")
    porto.async_wait([name], target_state="running")
    assert not porto.events
    porto.start(name)
    assert porto.next_event().state == "running"
    # One event, then the waiter is gone.
    porto.kill(name, 9)
    porto.wait([name])
    assert quiet(porto)


def test_target_state_that_is_already_there(porto, name):
    porto.run(name, "sleep 1000")
    porto.async_wait([name], target_state="running")
    assert porto.next_event().state == "running"


def test_label_reports(porto, name):
    porto.create(name)
    porto.set_label(name, "TEST.a", "1")
    porto.set_label(name, "OTHER.b", "1")
    porto.async_wait([name], labels=["TEST.*"])
    event = porto.events.popleft()
    assert (event.name, event.label, event.value) == (name, "TEST.a", "1")
    assert not porto.events
    porto.set_label(name, "TEST.a", "2")
    event = porto.next_event()
    assert (event.label, event.value, event.state) == ("TEST.a", "2", "stopped")
    porto.set_label(name, "OTHER.b", "2")
    assert quiet(porto)
    porto.set_label(name, "TEST.a", "")
    event = porto.next_event()
    assert (event.label, event.value) == ("TEST.a", "")
    # State changes are reported even when labels are given.
    porto.start(name)
    assert porto.next_event().state in ("starting", "meta")


def test_label_masks(porto, name):
    porto.create(name)
    porto.async_wait(["***"], labels=["AA.*", "BB.exact"])
    for label in "AA.x", "BB.other", "BB.exact", "CC.x":
        porto.set_label(name, label, "v")
    assert [e.label for e in events(porto, 2)] == ["AA.x", "BB.exact"]
    assert quiet(porto)


def test_hollow_meta(porto, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/a", "sleep 1000")
    porto.async_wait([name])
    porto.events.clear()
    porto.kill(name + "/a", 9)
    event = porto.next_event()
    assert (event.name, event.state) == (name, "meta")


def test_stop_async_wait(porto, name):
    porto.async_wait([name], labels=["TEST.*"])
    with expect("InvalidValue"):
        porto.stop_async_wait([name])
    with expect("InvalidValue"):
        porto.stop_async_wait(["other"], labels=["TEST.*"])
    porto.stop_async_wait([name], labels=["TEST.*"])
    porto.create(name)
    assert quiet(porto)
    with expect("InvalidValue"):
        porto.stop_async_wait([name], labels=["TEST.*"])


def test_sync_wait_beside_an_async_one(porto, name):
    porto.run(name, "sleep 0.2")
    porto.async_wait([name])
    porto.events.clear()
    assert porto.wait([name]).state == "dead"
    assert "dead" in [e.state for e in (porto.events or [porto.next_event()])]


def test_reports_never_split_a_frame(portod, porto, name):
    """Many label changes from one connection while another pipelines large answers."""
    porto.create(name)
    porto.set_property(name, "private", "p" * 4000)
    with portod.client() as busy:
        busy.async_wait(["***"], labels=["TEST.*"])
        request = porto_client.frame(
            porto_client.make_request("Get", name=[name] * 10, variable=["private"])
        )
        busy.send_raw(request * 20)
        for i in range(100):
            porto.set_label(name, "TEST.x", str(i))
        for _ in range(20):
            assert busy.recv_reply().error == 0
        values = [int(e.value) for e in busy.events]
        while not values or values[-1] != 99:
            values.append(int(busy.next_event().value))
        assert values == sorted(values)


def test_namespace_of_reports(porto, name):
    """Names in reports are as the watcher sees them."""
    porto.async_wait(["/porto/" + name, "self/" + name + "-2"])
    porto.create(name)
    porto.create(name + "-2")
    assert [e.name for e in events(porto, 2)] == [name, name + "-2"]


def test_change_time_and_list(porto, name):
    porto.create(name)
    porto.version()
    stamp = porto.timestamp
    assert name in porto.list(changed_since=stamp - 5)
    assert porto.list(changed_since=stamp + 100) == []
