# SPDX-License-Identifier: Apache-2.0
"""Subscriptions under load: many connections, many changes, readers that do not read."""

import os
import subprocess

import pytest

import porto_client
from conftest import HERE, Daemon, expect, poll, running, sanitized
from porto_client import Closed

SUBSCRIBERS = 1000
CHANGES = 1000 if sanitized() else 10000
LABELS = 4


@pytest.fixture(scope="session")
def subscribers(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("subscribers") / "subscribers")
    subprocess.run(["gcc", "-O1", "-o", binary, os.path.join(HERE, "subscribers.c")], check=True)
    return binary


@pytest.fixture(scope="module")
def portod():
    yield from running(Daemon(daemon="max_clients: 1500 max_clients_in_container: 1500"))


def stat(client, name):
    return int(client.get_property("/", "porto_stat[%s]" % name))


def set_labels(portod, containers, count):
    """LOAD.i of containers[i] to 1 … count, by a connection for each that does not wait."""
    clients = [portod.client(timeout=120) for _ in containers]
    for start in range(1, count + 1, 50):
        values = range(start, min(start + 50, count + 1))
        for i, client in enumerate(clients):
            client.send_raw(
                b"".join(
                    porto_client.frame(
                        porto_client.make_request(
                            "SetLabel", name=containers[i], label="LOAD.%d" % i, value=str(value)
                        )
                    )
                    for value in values
                )
            )
        for client in clients:
            for _ in values:
                assert client.recv_reply().error == 0
    for client in clients:
        client.close()


def run(portod, subscribers, mask, containers, count, changes):
    proc = subprocess.Popen(
        [subscribers, portod.socket, str(count), mask, str(len(containers)), str(changes)],
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    try:
        assert proc.stdout.readline() == "ready\n"
        set_labels(portod, containers, changes)
        out, _ = proc.communicate(timeout=100)
    finally:
        proc.kill()
        proc.wait()
    return out.strip()


@pytest.mark.limit(240)
def test_a_thousand_subscribers(portod, porto, subscribers):
    """Every one hears of every change, once and in order."""
    names = [porto.create("load-%d" % i) for i in range(LABELS)]
    changes = CHANGES // LABELS
    result = run(portod, subscribers, "***", names, SUBSCRIBERS, changes)
    assert result == "lost 0 doubled 0 other 0 of %d" % (SUBSCRIBERS * CHANGES)
    poll(lambda: porto.get_system().client_count == 1)
    assert stat(porto, "waits") == 0


def test_events_are_looked_for_where_they_can_matter(portod, porto, subscribers):
    """A thousand who wait for something else cost nothing."""
    mine = porto.create("mine")
    proc = subprocess.Popen(
        [subscribers, portod.socket, str(SUBSCRIBERS), "job-%d/***", "1", "1"],
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    try:
        assert proc.stdout.readline() == "ready\n"
        assert stat(porto, "waits") == SUBSCRIBERS
        before = stat(porto, "waits_examined")
        with portod.client() as listener:
            listener.async_wait([mine], labels=["LOAD.*"])
            set_labels(portod, [mine], 500)
            assert [listener.next_event().value for _ in range(500)][-1] == "500"
        assert stat(porto, "waits_examined") - before <= 1000
    finally:
        proc.kill()
        proc.wait()
    poll(lambda: stat(porto, "waits") == 0)


def test_a_reader_that_does_not_read(own_portod):
    """It is told that it missed something, after everything it did not miss, and hung up on. The
    others do not notice, and the daemon's memory neither."""
    portod = own_portod(daemon="max_client_output: 65536")
    with portod.client() as porto, portod.client() as lazy, portod.client() as reader:
        name = porto.create("a")
        for client in lazy, reader:
            client.async_wait([name], labels=["LOAD.*"])
        before = stat(porto, "memory_usage_kb")
        seen = 0
        for start in range(1, 20001, 50):
            for value in range(start, start + 50):
                porto.send(
                    porto_client.make_request(
                        "SetLabel", name=name, label="LOAD.0", value=str(value)
                    )
                )
            for _ in range(50):
                assert porto.recv_reply().error == 0
                seen += 1
                assert reader.next_event().value == str(seen)
        if not sanitized():
            assert stat(porto, "memory_usage_kb") - before < 4096
        values = []
        while not values or values[-1] != "overflow":
            event = lazy.next_event()
            values.append(event.value or event.state)
        assert event.name == ""
        assert values[:-1] == [str(n) for n in range(1, len(values))]
        assert 500 < len(values) < 20000
        with pytest.raises(Closed):
            lazy.next_event()
        # And once more, as somebody who was told would do.
        lazy.connect()
        lazy.async_wait([name], labels=["LOAD.*"])
        assert lazy.next_event().value == "20000"
        assert stat(porto, "waits") == 2


def test_size_of_a_wait(porto):
    """What the daemon keeps for a subscription has a limit."""
    with expect("InvalidValue"):
        porto.async_wait(["x" * 5000])
    with expect("ResourceNotAvailable"):
        porto.async_wait(["x" * 4000] * 300)
    with expect("ResourceNotAvailable"):
        porto.async_wait(["x"], labels=["X" * 4000] * 300)
    with expect("ResourceNotAvailable"):
        porto.async_wait(["x"] * 2000)
    assert stat(porto, "waits") == 0
