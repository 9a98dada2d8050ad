# SPDX-License-Identifier: Apache-2.0
"""Storage places: inherited, and never more than the parent has."""

from conftest import expect


def test_default_is_the_daemon_s(porto, portod, name):
    porto.create(name)
    assert porto.get_property("/", "place") == portod.place + ";***"
    assert porto.get_property(name, "place") == portod.place + ";***"


def test_child_has_the_parent_s(porto, name):
    porto.create(name)
    porto.create(name + "/a")
    porto.create(name + "/a/b")
    porto.set_property(name, "place", "/ssd;data=/hdd/***")
    assert porto.get_property(name + "/a/b", "place") == "/ssd;data=/hdd/***"
    porto.set_property(name + "/a", "place", "/hdd/x")
    assert porto.get_property(name + "/a/b", "place") == "/hdd/x"
    for value in "/ssd", "***", "/hdd/***":
        with expect("Permission") as caught:
            porto.set_property(name + "/a/b", "place", value)
        assert "place" in caught.error.text and value in caught.error.text
    assert porto.get_property(name + "/a/b", "place") == "/hdd/x"


def test_looked_at_again_at_start(porto, name):
    """The parent has less by then."""
    porto.create(name)
    porto.create(name + "/a")
    porto.set(name + "/a", place="/ssd", command="true")
    porto.set_property(name, "place", "/hdd")
    with expect("Permission") as caught:
        porto.start(name + "/a")
    assert "/ssd" in caught.error.text
    porto.set_property(name + "/a", "place", "/hdd")
    with expect("InvalidState"):
        porto.set_property(name, "place", "/x")  # the refused start has started the parent
    porto.start(name + "/a")


def test_survives_a_restart(porto, portod, name):
    porto.create(name)
    porto.set_property(name, "place", "/a;b=/c/***")
    portod.kill_server()
    with portod.client() as client:
        assert client.get_property(name, "place") == "/a;b=/c/***"
