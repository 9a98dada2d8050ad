# SPDX-License-Identifier: Apache-2.0
"""Labels: names, values, counts, compare-and-set, increments, search."""

import os

import pytest

import porto_client
from conftest import expect, poll
from porto_client import PortoError


@pytest.mark.parametrize("label", ["AB.x", "TEST.a-b_c:d@e.f", "A" * 16 + ".x", "AB." + "x" * 125])
def test_good_names(porto, name, label):
    porto.create(name)
    porto.set_label(name, label, "v")
    assert porto.get_property(name, label) == "v"
    assert porto.get_property(name, "labels[%s]" % label) == "v"


@pytest.mark.parametrize(
    "label",
    [
        "A.x",
        "x",
        "ab.x",
        "A" * 17 + ".x",
        "PORTO.x",
        "PORTOX.x",
        "TEST.a b",
        "TEST.a/b",
        "TEST.%",
        "TEST",
        ".x",
        "AB." + "x" * 126,
        "",
    ],
)
def test_bad_names(porto, name, label):
    porto.create(name)
    with expect("InvalidLabel"):
        porto.set_label(name, label, "v")
    with expect("InvalidLabel"):
        porto.inc_label(name, label)
    assert porto.get_property(name, "labels") == ""


def test_bad_values(porto, name):
    porto.create(name)
    for value in "a b", "a/b", "ä", "x" * 65537:
        with expect("InvalidLabel"):
            porto.set_label(name, "TEST.x", value)
    porto.set_label(name, "TEST.x", "x" * 65536)


def test_set_through_properties(porto, name):
    porto.create(name)
    porto.set_property(name, "TEST.a", "1")
    porto.set_property(name, "labels[TEST.b]", "2")
    porto.set_property(name, "labels", "TEST.c: 3; TEST.a: 4")
    # Text merges.
    assert porto.get_property(name, "labels") == "TEST.a: 4; TEST.b: 2; TEST.c: 3"
    porto.set_property(name, "TEST.a", "")
    porto.set_property(name, "labels[TEST.b]", "")
    assert porto.get_property(name, "labels") == "TEST.c: 3"
    for prop in "TEST.a", "labels[TEST.a]", ".TEST.a":
        with expect("LabelNotFound"):
            porto.get_property(name, prop)
    with expect("InvalidLabel"):
        porto.set_property(name, "PORTO.x", "1")


def test_a_bad_one_in_a_list_changes_nothing(porto, name):
    porto.create(name)
    with expect("InvalidLabel"):
        porto.set_property(name, "labels", "TEST.good: 1; bad: 2")
    assert porto.get_property(name, "labels") == ""


def test_count(porto, name):
    porto.create(name)
    for i in range(100):
        porto.set_label(name, "TEST.%d" % i, "v")
    with expect("ResourceNotAvailable"):
        porto.set_label(name, "TEST.more", "v")
    with expect("ResourceNotAvailable"):
        porto.set_property(name, "TEST.more", "v")
    with expect("ResourceNotAvailable"):
        porto.inc_label(name, "TEST.more")
    # Changing one that is there is fine.
    porto.set_label(name, "TEST.5", "w")
    porto.set_label(name, "TEST.6", "")
    porto.set_label(name, "TEST.more", "v")


def test_compare_and_set(porto, name):
    porto.create(name)
    answer = porto.set_label(name, "TEST.x", "1", prev_value="")
    assert answer.state == "stopped" and not answer.HasField("prev_value")
    answer = porto.set_label(name, "TEST.x", "2", prev_value="1")
    assert answer.prev_value == "1"
    with expect("Busy") as caught:
        porto.set_label(name, "TEST.x", "3", prev_value="1")
    assert caught.error.response.SetLabel.prev_value == "2"
    with expect("Busy"):
        porto.set_label(name, "TEST.x", "3", prev_value="")
    with expect("LabelNotFound"):
        porto.set_label(name, "TEST.y", "3", prev_value="1")
    assert porto.get_property(name, "labels") == "TEST.x: 2"


def test_set_if_in_state(porto, name):
    porto.create(name)
    porto.set_label(name, "TEST.x", "1", state="stopped")
    with expect("InvalidState") as caught:
        porto.set_label(name, "TEST.x", "2", state="running")
    assert caught.error.response.SetLabel.state == "stopped"
    assert porto.get_property(name, "TEST.x") == "1"


def test_increment(porto, name):
    porto.create(name)
    assert porto.inc_label(name, "TEST.n") == 1
    assert porto.inc_label(name, "TEST.n", 10) == 11
    assert porto.inc_label(name, "TEST.n", -20) == -9
    assert porto.inc_label(name, "TEST.n", 0) == -9
    assert porto.get_property(name, "TEST.n") == "-9"
    with expect("LabelNotFound"):
        porto.inc_label(name, "TEST.other", 0)
    porto.set_label(name, "TEST.n", "text")
    with expect("InvalidValue"):
        porto.inc_label(name, "TEST.n")
    porto.set_label(name, "TEST.n", str((1 << 63) - 1))
    with expect("InvalidValue") as caught:
        porto.inc_label(name, "TEST.n")
    assert caught.error.response.IncLabel.result == (1 << 63) - 1


def test_any_state(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    porto.set_label(name, "TEST.x", "1")
    assert porto.inc_label(name, "TEST.n") == 1


def test_root_has_none(porto):
    with expect("Permission"):
        porto.set_label("/", "TEST.x", "1")


def test_find(porto, name):
    porto.create("a")
    porto.create("a/b")
    porto.create("c")
    porto.set_label("a", "TEST.x", "1")
    porto.set_label("a/b", "TEST.y", "2")
    porto.set_label("c", "TEST.x", "3")
    assert porto.find_label("TEST.x") == [
        ("a", "stopped", "TEST.x", "1"),
        ("c", "stopped", "TEST.x", "3"),
    ]
    assert porto.find_label("TEST.*") == [
        ("a", "stopped", "TEST.x", "1"),
        ("a/b", "stopped", "TEST.y", "2"),
        ("c", "stopped", "TEST.x", "3"),
    ]
    assert porto.find_label("TEST.*", mask="a***") == [
        ("a", "stopped", "TEST.x", "1"),
        ("a/b", "stopped", "TEST.y", "2"),
    ]
    assert porto.find_label("TEST.x", value="3") == [("c", "stopped", "TEST.x", "3")]
    assert porto.find_label("TEST.x", state="running") == []
    # The inherited form.
    assert ("a/b", "stopped", ".TEST.x", "1") in porto.find_label(".TEST.x") or (
        "a/b",
        "stopped",
        "TEST.x",
        "1",
    ) in porto.find_label(".TEST.x")
    assert porto.request("FindLabel", label="NO.x").HasField("FindLabel")


def test_concurrent_increments(portod, porto, name):
    porto.create(name)
    clients = [portod.client() for _ in range(10)]
    request = porto_client.frame(porto_client.make_request("IncLabel", name=name, label="TEST.n"))
    for client in clients:
        client.send_raw(request * 20)
    results = [c.recv_reply().IncLabel.result for c in clients for _ in range(20)]
    assert sorted(results) == list(range(1, 201))
    for client in clients:
        client.close()


def test_compare_and_set_by_many(portod, porto, name):
    """Everybody adds one by compare-and-set; whoever was too slow hears Busy and tries again."""
    porto.create(name)
    porto.set_label(name, "TEST.n", "0")
    clients = [portod.client() for _ in range(20)]
    left = [10] * len(clients)
    known = ["0"] * len(clients)
    busy = 0

    def send(i):
        value = str(int(known[i]) + 1)
        request = dict(name=name, label="TEST.n", value=value, prev_value=known[i])
        clients[i].send(porto_client.make_request("SetLabel", **request))

    while any(left):
        asking = [i for i in range(len(clients)) if left[i]]
        for i in asking:
            send(i)
        for i in asking:
            answer = clients[i].recv_reply()
            if answer.error == 0:
                left[i] -= 1
                known[i] = str(int(known[i]) + 1)
            else:
                assert porto_client.error_name(answer.error) == "Busy"
                known[i] = answer.SetLabel.prev_value
                busy += 1
    assert porto.get_property(name, "TEST.n") == "200"
    assert busy > 0
    for client in clients:
        client.close()


def test_labels_while_the_container_is_busy(portod, porto, name):
    """Setting and comparing does not wait for a start or stop that takes long."""
    porto.run(name, "sh -c 'trap \"\" TERM; echo ready; while :; do sleep 0.1; done'")
    poll(lambda: porto.get_property(name, "stdout"))
    pid = int(porto.get_property(name, "root_pid"))
    with portod.client() as other:
        other.send(porto_client.make_request("Stop", name=name, timeout_ms=20000))
        poll(lambda: porto.state(name) == "stopping")
        porto.set_label(name, "TEST.x", "1", state="stopping")
        assert porto.inc_label(name, "TEST.n") == 1
        porto.set_label(name, "TEST.x", "2", prev_value="1")
        assert porto.state(name) == "stopping"
        os.kill(pid, 9)
        assert other.recv_reply().error == 0


def test_limit_by_every_way(porto, name):
    porto.create(name)
    porto.set_property(name, "labels", "; ".join("TEST.%d: v" % i for i in range(100)))
    for attempt in (
        lambda: porto.set_property(name, "labels", "TEST.more: v"),
        lambda: porto.set_property(name, "labels[TEST.more]", "v"),
        lambda: porto.set_property(name, "TEST.more", "v"),
        lambda: porto.set_label(name, "TEST.more", "v"),
        lambda: porto.inc_label(name, "TEST.more"),
    ):
        with expect("ResourceNotAvailable"):
            attempt()
    porto.set_property(name, "labels", "TEST.1: w; TEST.2: w")
    porto.set_property(name, "labels[TEST.3]", "w")
    porto.set_property(name, "TEST.4", "w")
    assert porto.find_label("TEST.*", value="w") == [
        (name, "stopped", "TEST.%d" % i, "w") for i in (1, 2, 3, 4)
    ]


def test_increments_at_the_edges(porto, name):
    porto.create(name)
    top, bottom = (1 << 63) - 1, -(1 << 63)
    assert porto.inc_label(name, "TEST.a", top) == top
    assert porto.inc_label(name, "TEST.b", bottom) == bottom
    for label, add, there in ("TEST.a", 1, top), ("TEST.b", -1, bottom), ("TEST.b", bottom, bottom):
        with expect("InvalidValue") as caught:
            porto.inc_label(name, label, add)
        assert caught.error.response.IncLabel.result == there
        assert porto.get_property(name, label) == str(there)
    assert porto.inc_label(name, "TEST.a", bottom) == -1
    for text in "1x", "0x10", "1.5", "99999999999999999999":
        porto.set_label(name, "TEST.t", text)
        with expect("InvalidValue"):
            porto.inc_label(name, "TEST.t", 0)
        assert porto.get_property(name, "TEST.t") == text


def test_find_in_all_ways(porto, name):
    """States, values, inherited labels, masks of both."""
    porto.create("a")
    porto.create("a/b")
    porto.set_label("a", "TEST.x", "1")
    porto.start("a")
    assert porto.find_label(".TEST.x") == [
        ("a", "meta", ".TEST.x", "1"),
        ("a/b", "stopped", ".TEST.x", "1"),
    ]
    assert porto.find_label(".TEST.x", state="stopped", value="1", mask="a/*") == [
        ("a/b", "stopped", ".TEST.x", "1")
    ]
    assert porto.find_label("TEST.[xy]", mask="?", state="meta") == [("a", "meta", "TEST.x", "1")]
    assert porto.find_label("TEST.x", state="no-such-state") == []
    assert porto.find_label("TEST.x", value="2") == []
    with expect("InvalidLabel"):
        porto.find_label("")


def test_labels_survive_the_server(portod, porto, name):
    porto.create(name)
    porto.set_label(name, "TEST.x", "1")
    porto.inc_label(name, "TEST.n", 41)
    porto.set_property(name, "TEST.gone", "x")
    porto.set_label(name, "TEST.gone", "")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "labels") == "TEST.n: 41; TEST.x: 1"
    assert porto.inc_label(name, "TEST.n") == 42
