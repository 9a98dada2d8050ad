# SPDX-License-Identifier: Apache-2.0
"""Rights and names beyond the matrix: changes while a client is connected, namespaces, owners."""

import os
import signal

import pytest

import porto_client
from conftest import NOBODY, Daemon, Inside, as_user, expect, poll, running
from porto_client import Closed, PortoError, Timeout


@pytest.fixture(scope="module")
def portod():
    yield from running(Daemon(group="porto:x:64999:nobody"))


@pytest.fixture
def member(portod):
    with as_user(NOBODY, NOBODY):
        client = portod.client()
    yield client
    client.close()


def refused(client):
    """The answer is Permission, with a reason, and the connection ends."""
    try:
        client.version()
    except PortoError as err:
        assert err.name == "Permission" and err.text
    else:
        pytest.fail("it is still served")
    return client.closed()


# ---- enable_porto is changed while clients are connected ------------------------------------------


def test_lowered_while_connected(porto, inside, name):
    porto.create("other")
    client = inside(name)()
    client.set_property("self", "private", "1")
    assert "other" in client.list()
    porto.set_property(name, "enable_porto", "child-only")
    with expect("Permission"):
        client.set_property("self", "private", "2")
    client.create("self/kid")
    assert "other" in client.list()
    porto.set_property(name, "enable_porto", "isolate")
    assert client.list() == ["kid"]
    client.set_property("kid", "private", "3")
    with expect("Permission"):
        client.get_property("/porto/other", "state")
    porto.set_property(name, "enable_porto", "read-only")
    with expect("Permission"):
        client.set_property("self/kid", "private", "4")
    assert "other" in client.list()
    porto.set_property(name, "enable_porto", "true")
    client.set_property("self", "private", "5")
    assert porto.get_property(name, "private") == "5"


def test_taken_away_while_connected(porto, inside, name):
    connect = inside(name)
    idle, waiting, listening, both = connect(), connect(), connect(), connect()
    for client in listening, both:
        client.async_wait(["***"])
        client.events.clear()
    for client in waiting, both:
        client.send(porto_client.make_request("Wait", name=["self"]))
    idle.version()
    porto.set_property(name, "enable_porto", "none")
    for client in waiting, both:
        answer = client.recv_frame()
        assert porto_client.error_name(answer.error) == "Permission"
        assert not answer.HasField("AsyncWait")
        assert client.closed()
    # Those that did not ask for anything are told as well.
    answer = listening.recv_frame()
    assert porto_client.error_name(answer.error) == "Permission" and "enable_porto" in answer.errorMsg
    assert listening.closed()
    assert refused(idle)
    with pytest.raises(PortoError):
        connect().version()
    porto.set_property(name, "enable_porto", "true")
    connect().version()


def test_taken_away_by_itself(porto, inside, name):
    """The change is answered before the end."""
    client = inside(name)()
    client.set_property("self", "enable_porto", "none")
    assert porto.get_property(name, "enable_porto") == "false"
    assert refused(client)


def test_taken_away_above(porto, inside, name):
    porto.create(name)
    porto.start(name)
    client = inside(name + "/kid")()
    client.set_property("self", "private", "x")
    porto.set_property(name, "enable_porto", "read-only")
    with expect("Permission"):
        client.set_property("self", "private", "y")
    porto.set_property(name, "enable_porto", "isolate")
    assert client.list() == ["kid"]
    porto.set_property(name, "enable_porto", "none")
    assert refused(client)


def test_reports_follow_the_namespace(porto, inside, name):
    porto.create("other")
    porto.create(name + "-beside")
    connect = inside(name)
    client, explicit = connect(), connect()
    client.async_wait(["***"])
    explicit.async_wait(["other", "self"])
    for one in client, explicit:
        one.events.clear()
    porto.set_property(name, "enable_porto", "isolate")
    porto.start("other")
    porto.set_label("other", "TEST.x", "1")
    porto.create(name + "/kid")
    assert client.next_event().name == "kid"
    porto.pause(name)
    porto.resume(name)
    assert [explicit.next_event().name for _ in range(2)] == ["self", "self"]
    for one in client, explicit:
        with pytest.raises(Timeout):
            event = one.next_event(0.1)
            pytest.fail("heard of %s" % event)


def test_paused_clients_are_refused(porto, inside, name):
    client = inside(name)()
    client.version()
    porto.pause(name)
    with expect("Permission") as caught:
        client.version()
    assert "paused" in caught.error.text
    porto.resume(name)
    client.version()


def turned_away(call, *names):
    """Or hung up on: who it was may have been gone before the daemon could ask."""
    with pytest.raises((Closed, PortoError)) as caught:
        call()
    assert caught.type is Closed or caught.value.name in names


def test_client_of_a_container_that_ended(porto, inside, name):
    """The connection is used by somebody else by now."""
    client = inside(name)()
    porto.kill(name, signal.SIGKILL)
    porto.finish(name)
    turned_away(client.version, "Permission", "InvalidValue")
    porto.destroy(name)
    turned_away(client.list, "Permission")
    porto.create(name)
    turned_away(client.list, "Permission")


def test_lowered_at_start(porto, name):
    """What a superuser gave a child ends at what its parent has when it starts."""
    porto.create(name)
    for level, left in ("read-isolate", "read-isolate"), ("none", "false"), ("isolate", "true"):
        porto.set_property(name, "enable_porto", level)
        porto.create(name + "/kid")
        porto.set_property(name + "/kid", "enable_porto", "true")
        porto.start(name + "/kid")
        assert porto.get_property(name + "/kid", "enable_porto") == left
        porto.stop(name)
        porto.destroy(name + "/kid")


def test_more_than_above_is_refused(porto, inside, member, name):
    member.create(name)
    member.create(name + "/kid")
    for level, fine in (
        ("read-only", ["read-isolate", "read-only", "none"]),
        ("none", ["none"]),
        ("isolate", ["true", "child-only"]),
    ):
        member.set_property(name, "enable_porto", level)
        for wanted in "true", "child-only", "isolate", "read-only", "read-isolate", "none":
            if wanted in fine or level == "isolate":
                member.set_property(name + "/kid", "enable_porto", wanted)
            else:
                with expect("Permission"):
                    member.set_property(name + "/kid", "enable_porto", wanted)


# ---- namespaces -----------------------------------------------------------------------------------


def test_namespace_without_a_slash(porto, inside, name):
    """A namespace is the beginning of names, not a directory."""
    porto.create("a")
    for other in "a/x-1", "a/x-2", "a/y", "b":
        porto.create(other)
    client = inside("a/me", porto_namespace="a/x-", owner_user="root")()
    assert porto.get_property("a/me", "absolute_namespace") == "/porto/a/x-"
    assert client.list() == ["1", "2"]
    assert client.get_property("1", "absolute_name") == "/porto/a/x-1"
    assert client.get_property(".", "absolute_name") == "/porto/a"
    assert client.get_property("self", "absolute_name") == "/porto/a/me"
    for hidden in "/porto/a/y", "/porto/b", "x/../../../b":
        with expect("Permission"):
            client.get_property(hidden, "state")
    with expect("ContainerDoesNotExist"):
        client.get_property("3", "state")
    client.create("3")
    client.create("3/kid")
    assert porto.list("a/x-3***") == ["a/x-3", "a/x-3/kid"]
    for outside in "/porto/a/z", "/porto/z":
        with expect("Permission"):
            client.create(outside)
    client.destroy("3")


def test_namespace_at_the_top(porto, inside, name):
    client = inside("me", porto_namespace="job-")()
    client.create("1")
    assert porto.list() == ["job-1", "me"]
    assert client.get_property(".", "absolute_name") == "/"
    with expect("Permission"):
        client.create("/porto/other")
    with expect("Permission"):
        client.set_property("self", "private", "not in the namespace")
    client.create("self/kid")
    assert client.list() == ["1"]


def test_namespaces_add_up(porto, inside, name):
    porto.create("a")
    porto.set_property("a", "porto_namespace", "a/")
    porto.create("a/b")
    porto.set_property("a/b", "porto_namespace", "b/")
    client = inside("a/b/me", porto_namespace="me-")()
    assert porto.get_property("a/b/me", "absolute_namespace") == "/porto/a/b/me-"
    client.create("x")
    assert "a/b/me-x" in porto.list()


@pytest.mark.parametrize("level", ["true", "isolate"])
def test_leading_slashes(porto, inside, name, level):
    client = inside(name, enable_porto=level)()
    for bad in "/x", "//x", "/porto", "/self":
        with expect("InvalidValue"):
            client.get_property(bad, "state")
        with expect("InvalidValue"):
            client.create(bad)
    with expect("InvalidValue"):
        client.get_property("x" * 5000, "state")


def test_reports_name_what_is_hidden_absolutely(porto, inside, name):
    """LocateProcess has to answer something."""
    porto.run("other", "sleep 1000")
    client = inside(name, isolate=False, enable_porto="isolate")()
    assert client.locate(int(porto.get_property("other", "root_pid"))) == "/porto/other"
    assert client.locate(int(porto.get_property(name, "root_pid"))) == "self"
    assert client.locate(os.getpid()) == "/"


# ---- owners ---------------------------------------------------------------------------------------


def test_owner_containers_are_shown_as_seen(porto, inside, name):
    porto.create("far")
    connect = inside(name, enable_porto="isolate")
    porto.create(name + "/kid")
    porto.set_property(name + "/kid", "owner_containers", "far;%s;%s/kid" % (name, name))
    client = connect()
    shown = client.get_property("kid", "owner_containers")
    assert shown == "/porto/far;/porto/%s;kid" % name
    client.set_property("kid", "owner_containers", "self;kid")
    assert porto.get_property(name + "/kid", "owner_containers") == "%s;%s/kid" % (name, name)
    with expect("Permission"):
        client.set_property("kid", "owner_containers", "/porto/far")
    # Not to be changed from here any more.
    porto.set_property(name + "/kid", "owner_containers", "far")
    with expect("Permission"):
        client.set_property("kid", "private", "x")
    with expect("Permission"):
        client.create("kid/new")
    porto.set_property(name + "/kid", "private", "x")


def test_owner_group(porto, member, name):
    """A group of the owner's or of the client's."""
    member.create(name)
    with expect("Permission"):
        member.set_property(name, "owner_group", "daemon")
    member.set_property(name, "owner_group", "porto")
    porto.set_property(name, "owner_group", "daemon")
    assert porto.get_property(name, "owner_group") == "daemon"


def test_who_is_not_in_the_group_inside(porto, inside, name):
    """Inside it is the owner who has to be in it."""
    client = inside(name, owner_user=54321, user=NOBODY)()
    with expect("Permission"):
        client.create("self/kid")
    assert name in client.list()
    client = inside(name + "-2", owner_user=NOBODY, user=54321)()
    client.create("self/kid")
    kid = name + "-2/kid"
    assert porto.get_property(kid, "owner_user") == "nobody"
    # Tasks are those of the process that asked.
    assert porto.get_property(kid, "user") == "54321"
    client.set("self/kid", command="id -u")
    client.start("self/kid")
    assert client.finish(kid) == 0
    assert client.get_property("self/kid", "stdout") == "54321\n"
    client.stop("self/kid")
    # Not those of anybody, and not beside the own container.
    client.set("self/kid", user="daemon")
    with expect("Permission"):
        client.start("self/kid")
    client.create(name + "-beside")
    client.set(name + "-beside", user=54321, command="true")
    with expect("Permission"):
        client.start(name + "-beside")


def test_root_inside_without_full_access(porto, inside, name):
    """Not the superuser: no hundred more of anything, no SetSystem."""
    client = inside(name, enable_porto="child-only")()
    with expect("Permission"):
        client.set_system(verbose=True)
    client.create("self/kid")
    with expect("InvalidValue"):
        client.create("self/" + "/".join(["x" * 60] * 3) + "/" + "y" * 10)
    porto.set_property(name + "/kid", "owner_user", "nobody")
    with expect("Permission"):
        client.set_property("self/kid", "private", "x")


def test_frozen_inside(porto, inside, name):
    full = inside(name)()
    child_only = inside(name + "-2", enable_porto="child-only")()
    porto.set_system(frozen=True)
    try:
        full.set_property("self", "private", "x")
        with expect("PortoFrozen"):
            child_only.create("self/kid")
        child_only.list()
    finally:
        porto.set_system(frozen=False)


def test_refused_at_connect_is_no_client(portod, porto, inside, name):
    """Many at once, each of them reads why, and they cost no place of a client."""
    connect = inside(name, enable_porto="none")
    before = porto.get_system().client_count
    clients = [connect() for _ in range(50)]
    porto.version()
    for client in clients:
        with expect("Permission"):
            client.version()
        assert client.closed()
    # More than are given time: hung up on at the latest when they ask.
    clients = [connect() for _ in range(150)]
    for client in clients:
        with pytest.raises((PortoError, Closed)):
            client.version()
    poll(lambda: porto.get_system().client_count == before)


@pytest.mark.parametrize("owner", ["root", "nobody"])
def test_client_in_a_user_namespace(porto, inside, name, owner):
    """It is known like any other; its root is no superuser, and stays below its container."""
    porto.create(name)
    porto.set(name, owner_user=owner, user=owner, enable_porto="true")
    try:
        porto.set_property(name, "userns", "true")
    except PortoError as err:
        assert err.name == "NotSupported", err
        pytest.skip("userns: " + err.text)
    finally:
        porto.destroy(name)
    client = inside(name, userns=True, owner_user=owner, user=owner)()
    assert client.get_property("self", "absolute_name") == "/porto/" + name
    client.create("self/kid")
    assert porto.get_property(name + "/kid", "owner_user") == owner
    client.set_property("self/kid", "command", "true")
    client.start("self/kid")
    assert porto.finish(name + "/kid") == 0
    with expect("Permission"):
        client.set_system(verbose=True)
    porto.create("foreign")
    with expect("Permission"):
        client.set_property("/porto/foreign", "private", "x")
    if owner == "root":
        with expect("Permission"):
            client.create("/porto/top")
