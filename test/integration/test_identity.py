# SPDX-License-Identifier: Apache-2.0
"""Who asks: peer credentials, the porto group, clients inside containers."""

import json
import os
import sys

import pytest

from conftest import Daemon, HERE, NOBODY, as_user, expect
import porto_client
from porto_client import Client, Closed, PortoError

WRITES = {
    "Create": {"name": "other"},
    "CreateWeak": {"name": "other"},
    "Destroy": {"name": "victim"},
    "SetProperty": {"name": "victim", "property": "private", "value": "x"},
    "Start": {"name": "victim"},
    "Stop": {"name": "victim"},
    "Pause": {"name": "victim"},
    "Resume": {"name": "victim"},
    "Kill": {"name": "victim", "sig": 9},
    "Respawn": {"name": "victim"},
    "SetLabel": {"name": "victim", "label": "TEST.x", "value": "1"},
    "IncLabel": {"name": "victim", "label": "TEST.x"},
    "SetSystem": {"verbose": True},
}


@pytest.fixture
def nobody(portod):
    with as_user(NOBODY, NOBODY):
        client = portod.client()
    yield client
    client.close()


def test_root_owns_what_it_creates(porto, name):
    porto.create(name)
    assert porto.get_property(name, "owner_user") == "root"
    assert porto.get_property(name, "owner_group") == "root"
    assert porto.get_property(name, "user") == "root"


def test_stranger_may_read(porto, nobody, name):
    porto.run(name, "sleep 1000")
    assert nobody.list() == [name]
    assert nobody.state(name) == "running"
    assert nobody.get([name], ["state"])[name]["state"] == "running"
    assert nobody.wait([name], timeout_ms=0).state == "timeout"
    assert nobody.version()
    assert nobody.get_system().container_count
    assert nobody.find_label("TEST.x") == []
    assert nobody.locate(int(nobody.get_property(name, "root_pid"))) == name


def test_stranger_may_not_write(porto, nobody):
    porto.run("victim", "sleep 1000")
    for method, fields in WRITES.items():
        with expect("Permission"):
            nobody.request(method, **fields)
    assert porto.list() == ["victim"]
    assert porto.state("victim") == "running"


def test_only_members_may_write(group_portod, member, root_client, name):
    with as_user(54321, NOBODY):
        stranger = group_portod.client()
    with expect("Permission"):
        stranger.create(name)
    member.create(name)
    assert stranger.state(name) == "stopped"
    with expect("Permission"):
        stranger.destroy(name)
    stranger.close()


def test_the_group_itself_is_enough(group_portod, root_client, name):
    """A user whose primary group is porto, without being listed."""
    with as_user(54321, 64999):
        client = group_portod.client()
    client.create(name)
    assert client.get_property(name, "owner_user") == "54321"
    client.close()


def test_frozen_for_members(member, root_client, name):
    member.create(name)
    root_client.set_system(frozen=True)
    try:
        with expect("PortoFrozen"):
            member.set_property(name, "private", "x")
        assert member.state(name) == "stopped"
        root_client.set_property(name, "private", "y")
    finally:
        root_client.set_system(frozen=False)
    member.set_property(name, "private", "x")


def test_member_of_the_group_owns_its_containers(root_client, member, name):
    porto = root_client
    member.create(name)
    member.set_property(name, "private", "mine")
    assert member.get_property(name, "owner_user") != "root"
    porto.create("root-" + name)
    with expect("Permission"):
        member.set_property("root-" + name, "private", "x")
    with expect("Permission"):
        member.destroy("root-" + name)
    with expect("Permission"):
        member.create("root-" + name + "/child")
    member.set_property(name, "command", "id -u")
    member.start(name)
    assert member.finish(name) == 0
    assert int(member.get_property(name, "stdout")) != 0
    porto.set_property(name, "private", "root may")
    member.destroy(name)


def test_member_cannot_become_root(root_client, member, name):
    member.create(name)
    for prop, value in ("owner_user", "root"), ("owner_group", "root"):
        with expect("Permission"):
            member.set_property(name, prop, value)
    member.set(name, command="true", user="root")
    with expect("Permission"):
        member.start(name)
    member.destroy(name)


def test_member_runs_nothing_as_somebody_else(root_client, member, name):
    """Being on the host is not being above: the container is below the root container, whose
    rights the member does not have."""
    member.create(name)
    member.set(name, command="id -u", user="daemon")
    with expect("Permission"):
        member.start(name)
    member.set(name, user="nobody", group="daemon")
    with expect("Permission"):
        member.start(name)
    member.set_property(name, "group", "nogroup")
    member.start(name)
    assert member.finish(name) == 0
    member.destroy(name)


def test_member_binds_no_more_than_it_may_read_and_write(root_client, member, name, tmp_path):
    """The daemon opens bind sources and roots with the eyes of an ordinary owner."""
    secret, readable = tmp_path / "secret", tmp_path / "readable"
    for path, mode in (secret, 0o700), (readable, 0o755):
        path.mkdir()
        path.chmod(mode)
        (path / "file").write_text("content")
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(0o755)
    member.create(name)
    for bind in "%s /mnt" % secret, "%s /mnt ro" % secret, "%s /mnt" % readable:
        member.set(name, command="cat /mnt/file", bind=bind)
        with expect("Permission") as caught:
            member.start(name)
        assert bind.split()[0] in caught.error.text
    # To cover what belongs to others, /etc/sudoers say, is as good as writing it.
    member.set_property(name, "bind", "%s /mnt ro" % readable)
    with expect("Permission") as caught:
        member.start(name)
    assert "/mnt" in caught.error.text
    target = tmp_path / "target"
    target.mkdir()
    os.chown(target, NOBODY, NOBODY)
    member.set(name, command="cat %s/file" % target, bind="%s %s ro" % (readable, target))
    member.start(name)
    assert member.finish(name) == 0
    assert member.get_property(name, "stdout") == "content"
    member.stop(name)
    member.set(name, bind="", root=str(secret))
    with expect("Permission"):
        member.start(name)
    # As uid 0 of a chroot it could write whatever the root directory holds.
    member.set(name, root=str(readable), user="root")
    with expect("Permission"):
        member.start(name)
    member.destroy(name)


def test_owner_of_another_user(porto, portod, name):
    """Root gives a container away; a stranger stays a stranger without the group."""
    porto.create(name)
    porto.set_property(name, "owner_user", "nobody")
    assert porto.get_property(name, "owner_user") == "nobody"
    with expect("InvalidValue"):
        porto.set_property(name, "owner_user", "no-such-user-here")
    porto.set_property(name, "private", "root may still")


# ---- clients inside containers ---------------------------------------------------------------

INSIDE = """
import json, os, sys
sys.path.insert(0, %(here)r)
import porto_client
porto_client.load_messages(%(proto)r, os.environ["OUT"])
from porto_client import *
result = {}
try:
    client = Client(%(socket)r, timeout=20)
    %(body)s
except Closed:
    result = "closed"
except PortoError as err:
    result = err.name
print(json.dumps(result))
"""


@pytest.fixture
def inside(portod, porto, tmp_path):
    """inside("name", "python statements using client, filling result", prop=value)"""
    if not os.path.exists("/usr/bin/protoc") and not os.path.exists("/usr/local/bin/protoc"):
        pytest.skip("no protoc")
    os.chmod(tmp_path, 0o777)
    for part in tmp_path.parents:
        if str(part).startswith("/tmp/"):
            os.chmod(part, 0o755)

    def run(name, body, create=True, **props):
        script = tmp_path / ("%s.py" % name.replace("/", "_"))
        out = tmp_path / ("%s.out" % name.replace("/", "_"))
        out.mkdir(mode=0o777)
        os.chmod(out, 0o777)
        source = os.path.dirname(os.path.dirname(HERE))
        script.write_text(
            INSIDE
            % {
                "here": HERE,
                "proto": os.path.join(source, "proto"),
                "socket": portod.socket,
                "body": body.replace("\n", "\n    "),
            }
        )
        if create:
            porto.create(name)
        porto.set(
            name,
            command="%s %s" % (sys.executable, script),
            env="OUT=%s;PYTHONDONTWRITEBYTECODE=1" % out,
            **props,
        )
        porto.start(name)
        code = porto.finish(name)
        err = porto.get_property(name, "stderr")
        assert code == 0, err
        return json.loads(porto.get_property(name, "stdout"))

    return run


def test_inside_is_known_by_its_cgroup(porto, inside, name):
    result = inside(
        name,
        """
result["self"] = client.get_property("self", "absolute_name")
result["locate"] = client.locate(os.getpid())
result["list"] = client.list()
""",
    )
    assert result["self"] == "/porto/" + name
    assert result["locate"] == "self"
    assert name in result["list"]


def test_inside_self_names(porto, inside, name):
    result = inside(
        name,
        """
client.create("self/child")
result["names"] = client.list()
result["own"] = client.get_property("self/child", "absolute_name")
result["parent"] = client.get_property("self/child", "parent")
client.destroy("self/child")
""",
    )
    assert name + "/child" in result["names"]
    assert result["own"] == "/porto/%s/child" % name
    assert result["parent"] == "/porto/" + name


def test_inside_may_change_itself(inside, porto, name):
    """With full access anything that the owner rules allow."""
    assert inside(name, 'client.set_property("self", "private", "x")') == {}
    assert porto.get_property(name, "private") == "x"


@pytest.mark.parametrize("level", ["child-only", "isolate", "read-only"])
def test_inside_may_not_change_itself(inside, name, level):
    result = inside(name, 'client.set_property("self", "private", "x")', enable_porto=level)
    assert result == "Permission"


@pytest.mark.parametrize(
    "level, reads_all, creates_own, creates_top",
    [
        ("true", True, True, True),
        ("child-only", True, True, False),
        ("isolate", False, True, False),
        ("read-only", True, False, False),
        ("read-isolate", False, False, False),
    ],
)
def test_access_levels(porto, inside, name, level, reads_all, creates_own, creates_top):
    porto.create("neighbour")
    result = inside(
        name,
        """
def attempt(what, *args):
    try:
        what(*args)
        return True
    except PortoError as err:
        assert err.name in ("Permission", "ContainerDoesNotExist"), err
        return False
result["reads"] = attempt(client.get_property, "/porto/neighbour", "state")
result["own"] = attempt(client.create, "self/child")
result["top"] = attempt(client.create, "/porto/top")
result["list"] = client.list()
""",
        enable_porto=level,
    )
    assert result["reads"] == reads_all
    assert result["own"] == creates_own
    assert result["top"] == creates_top
    assert ("neighbour" in result["list"]) == reads_all
    if level == "isolate":
        assert "child" in result["list"], "names are cut to the own subtree"


def test_no_access(inside, name):
    """Hung up on, with or without a reason."""
    assert inside(name, "client.version()", enable_porto="none") in ("closed", "Permission")


def test_self_isolate_may_change_itself(porto, inside, name):
    result = inside(
        name,
        'client.set_property("self", "private", "mine"); result["ok"] = True',
        enable_porto="self-isolate",
    )
    assert result == {"ok": True}
    assert porto.get_property(name, "private") == "mine"


def test_children_have_no_more_than_the_parent(porto, inside, name):
    porto.create(name)
    porto.set_property(name, "enable_porto", "read-only")
    porto.start(name)
    assert inside(name + "/a", 'client.create("self/x")') == "Permission"
    porto.create(name + "/b")
    assert porto.get_property(name + "/b", "enable_porto") == "read-only"


def test_socket_inside_a_root_directory(porto, portod, rootfs, toolbox, name):
    ask = porto_client.frame(porto_client.make_request("Version")).hex()
    porto.run(name, "/bin/toolbox ask /run/portod.socket " + ask, root=rootfs)
    assert porto.finish(name) == 0, porto.get_property(name, "stdout")
    answer = bytes.fromhex(porto.get_property(name, "stdout").strip())
    response = porto_client.pb.TPortoResponse()
    response.ParseFromString(answer[1:] if answer[0] < 128 else answer[2:])
    assert response.Version.tag == porto.version()[0]


def test_no_socket_without_access(porto, rootfs, name):
    porto.run(
        name, "test ! -e /run/portod.socket", root=rootfs, enable_porto="none"
    )
    assert porto.finish(name) == 0


def test_user_inside(porto, inside, name):
    """Inside a container the owner counts, not the user of the process."""
    result = inside(
        name,
        'client.create("self/x"); result["owner"] = client.get_property("self/x", "owner_user")',
        user="nobody",
        owner_user="root",
    )
    assert result == {"owner": "root"}


def test_owner_containers(porto, inside, name):
    """Only the containers that are named, and what is above them, may change it."""
    porto.create("target")
    porto.set_property("target", "owner_containers", name + "-allowed")
    body = 'client.set_property("target", "private", "x"); result["ok"] = True'
    assert inside(name + "-allowed", body) == {"ok": True}
    assert inside(name + "-other", body) == "Permission"
    porto.set_property("target", "private", "from the host")
    assert porto.get_property("target", "owner_containers").endswith(name + "-allowed")
