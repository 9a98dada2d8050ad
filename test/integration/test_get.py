# SPDX-License-Identifier: Apache-2.0
"""Get in all its forms."""

import pytest

from conftest import expect
from porto_client import PortoError


def test_values_and_errors_side_by_side(porto, name):
    porto.create(name)
    values = porto.get([name, "no-such"], ["state", "exit_code", "nonsense", "private"])
    assert list(values) == [name, "no-such"]
    assert values[name]["state"] == "stopped"
    assert values[name]["exit_code"].name == "InvalidState"
    assert values[name]["nonsense"].name == "InvalidProperty"
    assert values[name]["private"] == ""
    assert {v.name for v in values["no-such"].values()} == {"ContainerDoesNotExist"}


def test_order_and_change_time(porto, name):
    porto.create(name)
    entry = porto.get_raw([name], ["private", "state", "private"])[0]
    assert [kv.variable for kv in entry.keyval] == ["private", "state", "private"]
    assert entry.change_time > 0
    missing = porto.get_raw(["no-such"], ["state"])[0]
    assert not missing.HasField("change_time")


def test_nothing_asked(porto, name):
    porto.create(name)
    assert porto.request("Get").HasField("Get")
    assert porto.get([], ["state"]) == {}
    assert porto.get([name], []) == {name: {}}


def test_wildcards(porto, name):
    for i in range(3):
        porto.create("%s-%d" % (name, i))
    assert list(porto.get([name + "-*"], ["state"])) == ["%s-%d" % (name, i) for i in range(3)]
    assert list(porto.get(["***"], ["state"])) == ["%s-%d" % (name, i) for i in range(3)]


def test_root_container_by_name_only(porto, name):
    porto.create(name)
    assert porto.get(["/"], ["state"])["/"]["state"] == "meta"


def test_changed_since(porto, name):
    porto.create(name)
    now = porto.get_raw([name], ["state"])[0].change_time
    entry = porto.get_raw([name], ["state"], changed_since=now + 100)[0]
    assert entry.no_changes and not entry.keyval
    assert entry.name == name and entry.change_time == now
    entry = porto.get_raw([name], ["state"], changed_since=now)[0]
    assert not entry.no_changes and entry.keyval[0].value == "stopped"


def test_real(porto, name):
    porto.create(name)
    values = porto.get([name], ["private", "memory_limit", "state"], real=True)[name]
    assert values["private"].name == "NoValue"
    porto.set_property(name, "private", "x")
    values = porto.get([name], ["private"], real=True)[name]
    assert values["private"] == "x"
    with expect("NoValue"):
        porto.get_property(name, "cwd", real=True)
    assert porto.get_property(name, "private", real=True) == "x"
    for label in "TEST.a", "labels[TEST.a]", ".TEST.a":
        with expect("LabelNotFound"):
            porto.get_property(name, label, real=True)
    with expect("NoValue"):
        porto.get_property(name, "labels", real=True)
    porto.set_label(name, "TEST.a", "1")
    assert porto.get_property(name, "TEST.a", real=True) == "1"


def test_real_statistics_of_a_container_without_the_controller(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/child", "sleep 1000")
    assert porto.get_property(name, "memory_usage", real=True).isdigit()
    # Without the flag: the nearest ancestor's number.
    assert int(porto.get_property(name + "/child", "memory_usage")) >= 0
    with expect("NoValue"):
        porto.get_property(name + "/child", "memory_usage", real=True)


def test_flags_are_accepted(porto, name):
    porto.create(name)
    values = porto.get([name], ["state", "oom_kills_total"], sync=True, nonblock=True)
    assert values[name]["state"] == "stopped"
    assert porto.get_property(name, "state", sync=True) == "stopped"


def test_data_aliases(porto, name):
    porto.run(name, "sleep 1000", private="x")
    for data in "state", "root_pid", "private":
        assert porto.get_data(name, data) == porto.get_property(name, data)
    assert porto.get_data(name, "memory_usage").isdigit()


def test_labels_through_get(porto, name):
    porto.create(name)
    porto.create(name + "/child")
    porto.set_label(name, "TEST.x", "1")
    values = porto.get(
        [name + "/child"], ["TEST.x", ".TEST.x", "labels", "labels[TEST.x]", "labels[.TEST.x]"]
    )[name + "/child"]
    assert values["TEST.x"].name == "LabelNotFound"
    assert values[".TEST.x"] == "1"
    assert values["labels"] == ""
    assert values["labels[TEST.x]"].name == "LabelNotFound"
    assert values["labels[.TEST.x]"] == "1"


def test_a_busy_container_answers(portod, porto, toolbox, name):
    """Reading never waits for a running operation."""
    import porto_client
    from conftest import poll
    import time

    porto.run(name, "%s ignore 15" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    with portod.client() as other:
        other.send(porto_client.make_request("Stop", name=name, timeout_ms=700))
        time.sleep(0.1)
        start = time.monotonic()
        assert porto.get([name], ["state", "private"])[name]["state"] == "stopping"
        assert time.monotonic() - start < 0.5
        assert other.recv_reply().error == 0


def test_many_containers(porto, name):
    for i in range(100):
        porto.create("%s-%d" % (name, i))
    values = porto.get(["***"], list(porto.property_list()))
    assert len(values) == 100
    assert all(row["state"] == "stopped" for row in values.values())


def test_nonblock(portod, porto, toolbox, name):
    """Asked not to wait, the daemon never does; the answer is a value or Busy."""
    import porto_client
    import time
    from conftest import poll

    porto.run(name, "%s ignore 15" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    with portod.client() as other:
        other.send(porto_client.make_request("Stop", name=name, timeout_ms=500))
        time.sleep(0.05)
        value = porto.get([name], ["state"], nonblock=True)[name]["state"]
        assert value == "stopping" or value.name == "Busy"
        assert other.recv_reply().error == 0
