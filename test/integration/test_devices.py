# SPDX-License-Identifier: Apache-2.0
"""Devices: what a container may open, the nodes in its /dev, changes while it runs, and ways around
that must not be any."""

import os
import stat
import subprocess

import pytest

from conftest import NOBODY, expect, read


def real(path):
    """'c 10:229' of a node of the host."""
    st = os.stat(path)
    kind = "b" if stat.S_ISBLK(st.st_mode) else "c"
    return "%s %d:%d" % (kind, os.major(st.st_rdev), os.minor(st.st_rdev))


CANDIDATES = [
    "/dev/%s" % name
    for name in ("fuse", "btrfs-control", "autofs", "loop-control", "loop0", "loop1", "kmsg", "net/tun")
]
# Whatever of these the host has and lets root open.
DEVICES = []
for _path in CANDIDATES:
    try:
        os.close(os.open(_path, os.O_RDONLY | os.O_NONBLOCK))
        DEVICES.append(_path)
    except OSError:
        pass
if len(DEVICES) < 3:
    pytest.skip("needs three devices out of %s" % CANDIDATES, allow_module_level=True)
ONE, TWO, THREE = DEVICES[:3]


def numbers(path):
    st = os.stat(path)
    return os.major(st.st_rdev), os.minor(st.st_rdev)


def by_number(path):
    return real(path).replace(" ", ":")


def try_open(path, how="<"):
    """A shell line that tells whether a device can be opened."""
    return "(: %s %s) 2>/dev/null && echo open || echo refused; " % (how, path)


def try_mknod(path, where):
    kind, number = real(path).split()
    major, minor = number.split(":")
    return "(mknod %s %s %s %s) 2>/dev/null && echo made || echo refused; " % (where, kind, major, minor)


@pytest.fixture
def box(rootfs):
    """The tiny root with mknod."""
    for applet in "mknod", "chmod", "find":
        if not os.path.exists(rootfs + "/bin/" + applet):
            os.symlink("busybox", rootfs + "/bin/" + applet)
    return rootfs


@pytest.fixture
def tell(porto, box, name):
    """Run shell lines in a container with the tiny root; the words it prints."""

    def run(line, **props):
        return porto.output(name, "sh -c '%s'" % line, root=box, **props).split()

    return run


def rules(portod, ct):
    """The devices controller's list for a container, as the kernel has it."""
    for path in portod.cgroup_dirs():
        if path.endswith("%" + ct) and os.path.exists(path + "/devices.list"):
            return set(read(path + "/devices.list").splitlines())
    pytest.skip("no devices controller of version 1 here")


def inside(porto, ct, path):
    """A path in the container's root, seen from the host."""
    return "/proc/%s/root%s" % (porto.get_property(ct, "root_pid"), path)


def node(porto, ct, path):
    """(kind and number, mode, uid, gid) of a node inside; None if there is none."""
    try:
        st = os.lstat(inside(porto, ct, path))
    except FileNotFoundError:
        return None
    kind = "b" if stat.S_ISBLK(st.st_mode) else "c"
    assert stat.S_ISBLK(st.st_mode) or stat.S_ISCHR(st.st_mode)
    number = "%s %d:%d" % (kind, os.major(st.st_rdev), os.minor(st.st_rdev))
    return number, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid


def may_open(porto, ct, path, how="<"):
    """Ask a sleeping container: a child that shares its root and has no rules of its own."""
    words = porto.output(ct + "/probe", "sh -c '%s'" % try_open(path, how), isolate=False).split()
    return words == ["open"]


# ---- the value -----------------------------------------------------------------------------------


def test_text(porto, name):
    porto.create(name)
    assert porto.get_property(name, "devices") == ""
    st = os.stat(ONE)
    porto.set_property(name, "devices", "%s r" % ONE)
    mode = "0%o" % stat.S_IMODE(st.st_mode)
    assert porto.get_property(name, "devices") == "%s rm %s %s root root; " % (ONE, ONE, mode)
    porto.set_property(name, "devices", "%s  rw /dev/./x//y 0123 nobody nogroup ;; %s -" % (ONE, TWO))
    assert porto.get_property(name, "devices").split("; ")[0] == (
        "%s rwm /dev/x/y 0123 nobody nogroup" % ONE
    )
    text = porto.get_property(name, "devices")
    assert text.split("; ")[1].startswith("%s - %s " % (TWO, TWO))
    porto.set_property(name, "devices", text)
    assert porto.get_property(name, "devices") == text, "what is told can be set"
    porto.set_property(name, "devices", "")
    assert porto.get_property(name, "devices") == ""


def test_text_by_number(porto, name):
    porto.create(name)
    for row, told in [
        ("c:10:200 rw", "c:10:200 rw - - - -; "),
        ("c:10:* rwm", "c:10:* rwm - - - -; "),
        ("b:*:* r -", "b:*:* r - - - -; "),
        ("a:*:* rwm", "a:*:* rwm - - - -; "),
        ("c:10:200 rw /dev/tun", "c:10:200 rwm /dev/tun 0600 root root; "),
        ("c:10:200 r /dev/tun 0666 nobody -", "c:10:200 rm /dev/tun 0666 nobody root; "),
    ]:
        porto.set_property(name, "devices", row)
        assert porto.get_property(name, "devices") == told
        porto.set_property(name, "devices", told)
        assert porto.get_property(name, "devices") == told


def test_access_letters(porto, name):
    porto.create(name)
    for given, told in [
        ("r", "rm"),
        ("w", "wm"),
        ("m", "m"),
        ("wr", "rwm"),
        ("rwm", "rwm"),
        ("-", "-"),
        ("rw*", "rw*"),
        ("m*", "m*"),
        ("r?", "rm?"),
        ("-?", "-?"),
    ]:
        porto.set_property(name, "devices", "%s %s" % (ONE, given))
        assert porto.get_property(name, "devices").split()[1] == told


def test_missing_devices(porto, name):
    porto.create(name)
    with expect("DeviceNotFound") as caught:
        porto.set_property(name, "devices", "/dev/no-such rw")
    assert "/dev/no-such" in caught.error.text
    for path in "/dev/stdin", "/dev/pts r /dev/x":
        with expect("DeviceNotFound"):
            porto.set_property(name, "devices", path if " " in path else "%s rw" % path)
    porto.set_property(name, "devices", "/dev/no-such rw?; %s r" % ONE)
    assert porto.get_property(name, "devices").startswith("/dev/no-such rwm? /dev/no-such - - -; ")
    # To take away what is not there is a mistake, too, unless it may be missing.
    with expect("DeviceNotFound"):
        porto.set_property(name, "devices[/dev/other]", "-")
    porto.set_property(name, "devices[/dev/other]", "-?")


def test_index(porto, name):
    porto.create(name)
    porto.set_property(name, "devices[%s]" % ONE, "rw")
    porto.set_property(name, "devices[%s]" % TWO, "r /dev/two 0600")
    rows = porto.get_property(name, "devices").split("; ")
    assert [row.split()[:3] for row in rows[:2]] == [[ONE, "rwm", ONE], [TWO, "rm", "/dev/two"]]
    porto.set_property(name, "devices[%s]" % ONE, "r")
    rows = porto.get_property(name, "devices").split("; ")
    assert sorted(row.split()[:2] for row in rows if row) == sorted([[ONE, "rm"], [TWO, "rm"]])
    porto.set_property(name, "devices[%s]" % TWO, "")
    assert TWO not in porto.get_property(name, "devices")
    porto.set_property(name, "devices[c:1:2]", "rwm")
    porto.set_property(name, "devices[c:1:2]", "")
    assert porto.get_property(name, "devices").startswith("%s rm " % ONE)
    with expect("InvalidValue"):
        porto.get_property(name, "devices[%s]" % ONE)


def test_root_container_shows_what_everybody_has(porto):
    text = porto.get_property("/", "devices")
    assert "c:1:3 rwm /dev/null 0666 root root; " in text
    assert "c:136:* rw - " in text


def test_value_survives_the_server(porto, portod, name):
    porto.create(name)
    text = "%s rw? /dev/x/y 0123 nobody nogroup; /dev/no-such r?; c:10:* rw; %s -" % (ONE, TWO)
    porto.set_property(name, "devices", text)
    porto.set_property(name, "devices_explicit", "true")
    told = porto.get_property(name, "devices")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "devices") == told
    assert porto.get_property(name, "devices_explicit") == "true"


# ---- what can be opened --------------------------------------------------------------------------


def test_default_list_is_enforced(porto, name):
    """Also without any property of devices, and with the host's /dev."""
    line = "".join(try_open(path) for path in ("/dev/null", "/dev/zero", "/dev/urandom", ONE, TWO))
    assert porto.output(name, "sh -c '%s'" % line).split() == ["open"] * 3 + ["refused"] * 2


def test_default_rules(porto, portod, name):
    porto.run(name, "sleep 1000")
    assert rules(portod, name) == {
        "c 1:3 rwm",
        "c 1:5 rwm",
        "c 1:7 rwm",
        "c 1:8 rwm",
        "c 1:9 rwm",
        "c 5:0 rwm",
        "c 5:2 rw",
        "c 136:* rw",
    }


def test_given_device(porto, name):
    line = "sh -c '%s'" % (try_open(ONE) + try_open(TWO))
    assert porto.output(name, line, devices="%s r" % ONE).split() == ["open", "refused"]


def test_access_is_exact(porto, name):
    line = "sh -c '%s'" % (try_open("/dev/zero") + try_open("/dev/zero", ">>"))
    for access, told in ("r", ["open", "refused"]), ("w", ["refused", "open"]), ("-", ["refused"] * 2):
        assert porto.output(name, line, devices="/dev/zero %s" % access).split() == told


def test_other_names_of_a_device_are_no_way_around(porto, name):
    """/dev/console is a node of null."""
    line = "sh -c '%s'" % (try_open("/dev/null", ">>") + try_open("/dev/console", ">>"))
    words = porto.output(name, line, devices="/dev/null r").split()
    assert words[0] == "refused"


def test_all_minors(porto, portod, name):
    major = numbers(ONE)[0]
    porto.run(name, "sleep 1000", devices="%s rw*" % ONE)
    assert "%s %d:* rw" % (real(ONE)[0], major) in rules(portod, name)


@pytest.mark.parametrize("how", ["number", "type", "all"])
def test_by_number(porto, name, how):
    kind = real(ONE)[0]
    device = {"number": by_number(ONE), "type": "%s:*:*" % kind, "all": "a:*:*"}[how]
    line = "sh -c '%s'" % (try_open(ONE) + try_open("/dev/null"))
    assert porto.output(name, line, devices="%s rw" % device).split() == ["open", "open"]


def test_all_devices_can_be_taken_back_with_children(porto, portod, name):
    porto.run(name, "sleep 1000", devices="a:*:* rwm")
    porto.create(name + "/child")
    porto.set(name + "/child", command="sleep 1000", controllers="devices", isolate=False)
    porto.start(name + "/child")
    assert may_open(porto, name, ONE)
    porto.set_property(name, "devices", "")
    assert not may_open(porto, name, ONE)
    assert may_open(porto, name, "/dev/null")
    assert "b *:* rwm" not in rules(portod, name)


def test_host_mode_is_not_restricted(porto, name):
    line = "sh -c '%s'" % (try_open(ONE) + try_open(TWO))
    assert porto.output(name, line, virt_mode="host").split() == ["open", "open"]


# ---- nodes ---------------------------------------------------------------------------------------


def test_nodes(porto, box, name):
    porto.run(
        name,
        "sleep 1000",
        root=box,
        devices="%s rw; %s r /dev/sub/dir/two 0640 nobody nogroup; c:1:3 rw /dev/none 0600; b:*:* m"
        % (ONE, TWO),
    )
    host = os.stat(ONE)
    assert node(porto, name, ONE) == (
        real(ONE),
        stat.S_IMODE(host.st_mode),
        host.st_uid,
        host.st_gid,
    )
    assert node(porto, name, "/dev/sub/dir/two") == (real(TWO), 0o640, NOBODY, NOBODY)
    assert node(porto, name, TWO) is None
    assert node(porto, name, "/dev/none") == ("c 1:3", 0o600, 0, 0)
    assert node(porto, name, "/dev/null") == ("c 1:3", 0o666, 0, 0)
    assert stat.S_IMODE(os.stat(inside(porto, name, "/dev/sub/dir")).st_mode) == 0o755


def test_no_nodes_without_a_root(porto, name):
    """The host's /dev is not ours to change."""
    before = sorted(os.listdir("/dev"))
    porto.run(name, "sleep 1000", devices="%s rw /dev/porto-test-node" % ONE)
    assert sorted(os.listdir("/dev")) == before
    porto.set_property(name, "devices", "%s rw /dev/porto-test-other" % ONE)
    assert sorted(os.listdir("/dev")) == before


def test_devices_taken_away_have_no_node(porto, box, name):
    porto.run(name, "sleep 1000", root=box, devices="/dev/zero -; /dev/null -")
    assert node(porto, name, "/dev/zero") is None
    assert node(porto, name, "/dev/null") is None
    assert node(porto, name, "/dev/console") is None, "null under another name"
    assert node(porto, name, "/dev/full") is not None


# ---- changes while it runs -----------------------------------------------------------------------


def test_live(porto, box, name):
    porto.run(name, "sleep 1000", root=box)
    assert node(porto, name, ONE) is None
    porto.set_property(name, "devices", "%s rw; %s r /dev/deep/er 0600" % (ONE, TWO))
    assert node(porto, name, ONE)[0] == real(ONE)
    assert node(porto, name, "/dev/deep/er") == (real(TWO), 0o600, 0, 0)
    assert may_open(porto, name, ONE)
    # Mode and owner follow, other devices at the same path, too.
    porto.set_property(name, "devices", "%s rw %s 0444 nobody; %s r /dev/deep/er" % (ONE, ONE, THREE))
    assert node(porto, name, ONE) == (real(ONE), 0o444, NOBODY, os.stat(ONE).st_gid)
    assert node(porto, name, "/dev/deep/er")[0] == real(THREE)
    porto.set_property(name, "devices", "")
    assert node(porto, name, ONE) is None
    assert node(porto, name, "/dev/deep/er") is None
    assert not may_open(porto, name, ONE)
    assert node(porto, name, "/dev/null") is not None


def test_live_default_taken_away_and_given_back(porto, box, name):
    porto.run(name, "sleep 1000", root=box)
    porto.set_property(name, "devices[/dev/zero]", "-")
    assert node(porto, name, "/dev/zero") is None
    porto.set_property(name, "devices[/dev/zero]", "")
    assert node(porto, name, "/dev/zero") == ("c 1:5", 0o666, 0, 0)


def test_live_after_a_restart_of_the_server(porto, portod, box, name):
    porto.run(name, "sleep 1000", root=box, devices="%s rw" % ONE)
    portod.kill_server()
    porto.connect()
    porto.set_property(name, "devices", "%s rw" % TWO)
    assert node(porto, name, ONE) is None
    assert node(porto, name, TWO) is not None
    assert not may_open(porto, name, ONE)


def test_live_something_else_in_the_way(porto, portod, box, name):
    porto.run(name, "sleep 1000", root=box)
    with open(inside(porto, name, "/dev/taken"), "w") as file:
        file.write("mine")
    before = rules(portod, name)
    with expect("Busy") as caught:
        porto.set_property(name, "devices", "%s rw; %s rw /dev/taken" % (ONE, TWO))
    assert "/dev/taken" in caught.error.text
    assert porto.get_property(name, "devices") == ""
    assert read(inside(porto, name, "/dev/taken")) == "mine"
    assert node(porto, name, ONE) is None, "nothing of it is left"
    assert rules(portod, name) == before


def test_live_own_node_of_the_container_is_taken_over(porto, box, name):
    porto.run(name, "sleep 1000", root=box)
    kind = stat.S_IFBLK if real(ONE)[0] == "b" else stat.S_IFCHR
    os.mknod(inside(porto, name, "/dev/mine"), kind | 0o600, os.makedev(*numbers(ONE)))
    porto.set_property(name, "devices", "%s r /dev/mine 0640" % ONE)
    assert node(porto, name, "/dev/mine") == (real(ONE), 0o640, 0, 0)


def test_live_node_removed_by_the_container(porto, box, name):
    """What it removed or replaced itself is no error, and not ours to remove."""
    porto.run(name, "sleep 1000", root=box, devices="%s rw /dev/a; %s rw /dev/b" % (ONE, TWO))
    os.unlink(inside(porto, name, "/dev/a"))
    os.unlink(inside(porto, name, "/dev/b"))
    with open(inside(porto, name, "/dev/b"), "w"):
        pass
    porto.set_property(name, "devices", "")
    assert os.path.exists(inside(porto, name, "/dev/b"))


def test_dead(porto, name):
    porto.run(name, "true")
    porto.finish(name)
    with expect("InvalidState"):
        porto.set_property(name, "devices", "%s r" % ONE)


# ---- parents and children ------------------------------------------------------------------------


def test_child_has_what_the_parent_has(porto, box, name):
    porto.run(name, "sleep 1000", root=box, devices="%s rw" % ONE)
    os.makedirs(box + "/inner/bin")
    os.link(box + "/bin/busybox", box + "/inner/bin/sh")
    child = name + "/child"
    assert porto.output(child, "sh -c '%s'" % try_open(ONE)).split() == ["open"]
    # With a /dev of its own, too.
    text = porto.output(child, "/bin/sh -c '%s'" % try_open(ONE), root="/inner")
    assert text.split() == ["open"]


def test_child_may_have_less(porto, name):
    porto.run(name, "sleep 1000", devices="%s rw; %s rw" % (ONE, TWO))
    line = "sh -c '%s'" % (try_open(ONE) + try_open(TWO) + try_open("/dev/zero"))
    words = porto.output(name + "/child", line, devices="%s -; /dev/zero -" % ONE).split()
    assert words == ["refused", "open", "refused"]


@pytest.mark.parametrize("row", ["%s r", "%s r /dev/null", "a:*:* r", "c:*:* m", "b:*:* m"])
def test_child_cannot_have_more(porto, name, row):
    porto.run(name, "sleep 1000", devices="%s rw" % ONE)
    porto.create(name + "/child")
    value = row % TWO if "%" in row else row
    with expect("Permission"):
        porto.set_property(name + "/child", "devices", value)
    assert porto.get_property(name + "/child", "devices") == ""


def test_child_cannot_write_what_the_parent_reads(porto, name):
    porto.run(name, "sleep 1000", devices="%s r" % ONE)
    porto.create(name + "/child")
    with expect("Permission"):
        porto.set_property(name + "/child", "devices", "%s rw" % ONE)
    porto.set_property(name + "/child", "devices", "%s r" % ONE)


def test_explicit_begins_with_the_defaults(porto, name):
    porto.run(name, "sleep 1000", devices="%s rw; %s rw; /dev/zero -" % (ONE, TWO))
    line = "sh -c '%s'" % "".join(try_open(p) for p in (ONE, TWO, "/dev/null", "/dev/zero"))
    child = name + "/child"
    words = porto.output(child, line, devices="%s rw" % ONE).split()
    assert words == ["open", "open", "open", "refused"]
    words = porto.output(child, line, devices="%s rw" % ONE, devices_explicit=True).split()
    assert words == ["open", "refused", "open", "refused"], "zero the parent does not have"
    # Alone it means nothing.
    words = porto.output(child, line, devices_explicit=True).split()
    assert words == ["open", "open", "open", "refused"]


def test_parent_cannot_take_away_what_a_running_child_uses(porto, name):
    porto.run(name, "sleep 1000", devices="%s rw; %s rw" % (ONE, TWO))
    child = name + "/child"
    porto.run(child, "sleep 1000", devices="%s r" % ONE)
    with expect("InvalidState") as caught:
        porto.set_property(name, "devices", "%s rw" % TWO)
    assert child in caught.error.text and ONE in caught.error.text
    with expect("InvalidState"):
        porto.set_property(name, "devices[%s]" % ONE, "w")
    porto.set_property(name, "devices[%s]" % TWO, "-")
    porto.stop(child)
    porto.set_property(name, "devices[%s]" % ONE, "-")
    with expect("Permission"):
        porto.start(child)


def test_reset_is_always_possible(porto, portod, name):
    porto.run(name, "sleep 1000", devices="%s rw" % ONE)
    child = name + "/child"
    porto.run(child, "sleep 1000", devices="%s r" % ONE)
    assert may_open(porto, child, ONE)
    porto.set_property(name, "devices", "")
    assert not may_open(porto, child, ONE)
    # And back: the child has asked for it all the time.
    porto.set_property(name, "devices", "%s rw" % ONE)
    assert may_open(porto, child, ONE)


def test_change_reaches_all_below(porto, box, name):
    os.makedirs(box + "/inner/bin")
    os.link(box + "/bin/busybox", box + "/inner/bin/sh")
    os.link(box + "/bin/busybox", box + "/inner/bin/sleep")
    porto.run(name, "sleep 1000", root=box)
    porto.run(name + "/meta", None)
    porto.run(name + "/meta/deep", "sleep 1000", root="/inner", controllers="devices")
    deep = name + "/meta/deep"
    porto.set_property(name, "devices", "%s rw" % ONE)
    assert node(porto, deep, ONE) is not None
    assert may_open(porto, deep, ONE)
    porto.set_property(name, "devices", "")
    assert node(porto, deep, ONE) is None
    assert node(porto, deep, "/dev/null") is not None
    assert not may_open(porto, deep, ONE)


def test_without_the_controller(porto, name):
    """A nested container has it only if it was asked for before the start."""
    porto.run(name, "sleep 1000", devices="%s rw" % ONE)
    child = name + "/child"
    porto.run(child, "sleep 1000")
    with expect("NotSupported"):
        porto.set_property(child, "devices", "%s -" % ONE)
    porto.stop(child)
    porto.set_property(child, "devices", "%s -" % ONE)
    assert "devices" in porto.get_property(child, "controllers")
    with expect("InvalidValue"):
        porto.set_property(child, "controllers[devices]", "false")


# ---- who may -------------------------------------------------------------------------------------


def test_what_a_user_may_not_open_it_cannot_have(root_client, member, name):
    private = [p for p in DEVICES if not os.stat(p).st_mode & 0o006]
    readable = [p for p in DEVICES if os.stat(p).st_mode & 0o006 == 0o004]
    member.create(name)
    for path in private:
        for access in "r", "w", "rw":
            with expect("Permission") as caught:
                member.set_property(name, "devices", "%s %s" % (path, access))
            assert path in caught.error.text
    for path in readable:
        member.set_property(name, "devices", "%s r" % path)
        with expect("Permission"):
            member.set_property(name, "devices", "%s rw" % path)
    member.set_property(name, "devices", "/dev/null rw; /dev/zero -")


@pytest.mark.parametrize(
    "row",
    [
        "/dev/null rw*",
        "c:1:3 r",
        "a:*:* r",
        "/dev/null rw /dev/null 0777",
        "/dev/null rw /dev/null 0666 nobody",
        "/dev/null rw /dev/null 0666 root nogroup",
    ],
)
def test_what_only_root_may(member, name, row):
    member.create(name)
    with expect("Permission"):
        member.set_property(name, "devices", row)
    member.set_property(name, "devices", "/dev/null rw /dev/null 0600")


# ---- configuration -------------------------------------------------------------------------------


def test_extra_devices(own_portod, name):
    portod = own_portod(container='extra_devices: "%s r; /dev/no-such rw"' % ONE)
    with portod.client() as porto:
        line = "sh -c '%s'" % (try_open(ONE) + try_open(TWO))
        assert porto.output(name, line).split() == ["open", "refused"]
        assert "%s rm %s" % (ONE, ONE) in porto.get_property("/", "devices")


def test_preset(own_portod, name):
    portod = own_portod(
        container="""
  device_preset { preset: "pair" device: "%s r" device: "%s rw /dev/two" }
  device_preset { preset: "maybe" device: "/dev/no-such rw?" }
"""
        % (ONE, TWO)
    )
    with portod.client() as porto:
        porto.create(name)
        porto.set_property(name, "devices", "preset pair; /dev/zero r; preset maybe")
        rows = [r.split()[:3] for r in porto.get_property(name, "devices").split("; ") if r]
        assert rows == [
            [ONE, "rm", ONE],
            [TWO, "rwm", "/dev/two"],
            ["/dev/zero", "rm", "/dev/zero"],
            ["/dev/no-such", "rwm?", "/dev/no-such"],
        ]
        for bad in "preset", "preset other", "preset pair r", "preset pair;preset x":
            with expect("InvalidValue"):
                porto.set_property(name, "devices", bad)


def test_bad_configuration_is_left_out(own_portod, name):
    portod = own_portod(
        container="""
  extra_devices: "/etc/passwd r"
  device_preset { preset: "bad" device: "/dev/null x" }
  device_preset { preset: "a b" device: "/dev/null r" }
  device_sysfs { device: "/dev/null" sysfs: "/etc" }
"""
    )
    with portod.client() as porto:
        porto.create(name)
        with expect("InvalidValue"):
            porto.set_property(name, "devices", "preset bad")
        porto.set_property(name, "devices", "/dev/null r")
    for what in "extra_devices", "device_preset 'bad'", "device_preset 'a b'", "device_sysfs":
        assert what in portod.log(), what


def test_sysfs_of_devices(own_portod, box, name):
    """Files of sysfs are writable for who has the device, and only these."""
    path = "/sys/module/kernel/parameters"
    if not os.path.isdir(path):
        pytest.skip("no %s" % path)
    portod = own_portod(container='device_sysfs { device: "%s" sysfs: "%s" }' % (ONE, path))
    with portod.client() as porto:
        for root in "/", box:
            for devices, options in ("%s r" % ONE, "rw"), ("%s r" % TWO, "ro"):
                text = porto.output(name, "cat /proc/self/mountinfo", root=root, devices=devices)
                rows = [line.split() for line in text.splitlines()]
                covering = [r for r in rows if path == r[4] or r[4] == "/sys"]
                assert covering[-1][5].split(",")[0] == options
                assert [r for r in rows if r[4] == "/sys"][-1][5].split(",")[0] == "ro"


# ---- ways around ---------------------------------------------------------------------------------


def test_mknod_of_a_foreign_device(tell):
    """Neither made nor, if there was a node already, opened."""
    words = tell(try_mknod(TWO, "/tmp/node") + try_open("/tmp/node"), devices="%s rw" % ONE)
    assert words == ["refused", "refused"]
    assert tell(try_mknod(ONE, "/tmp/node1") + try_open("/tmp/node1"), devices="%s rw" % ONE) == [
        "made",
        "open",
    ]


def test_node_in_the_image(tell, box):
    kind = stat.S_IFBLK if real(TWO)[0] == "b" else stat.S_IFCHR
    os.mknod(box + "/tmp/smuggled", kind | 0o666, os.makedev(*numbers(TWO)))
    assert tell(try_open("/tmp/smuggled")) == ["refused"]


def test_opening_what_the_parent_lacks(porto, box, name):
    """By a child with rules of its own, with and without a root, and made by hand."""
    porto.run(name, "sleep 1000", root=box)
    line = try_mknod(ONE, "/tmp/child-node") + try_open("/tmp/child-node")
    for controllers in "", "devices":
        porto.create(name + "/child")
        if controllers:
            porto.set_property(name + "/child", "controllers", controllers)
        porto.set(name + "/child", command="sh -c '%s'" % line)
        porto.start(name + "/child")
        assert porto.finish(name + "/child") == 0
        words = porto.get_property(name + "/child", "stdout").split()
        assert words == ["refused", "refused"]
        porto.destroy(name + "/child")


def test_link_in_dev_leads_nowhere(porto, name):
    """A user's link below the host's /dev to a device is not followed out of its file system."""
    if not os.path.ismount("/dev/shm"):
        pytest.skip("/dev/shm is not a file system of its own")
    link = "/dev/shm/porto-test-link-%d" % os.getpid()
    os.symlink(ONE, link)
    try:
        porto.create(name)
        with expect("DeviceNotFound"):
            porto.set_property(name, "devices", "%s rw /dev/x" % link)
    finally:
        os.unlink(link)


def test_links_in_the_container_s_dev(porto, box, name, tmp_path):
    """The daemon makes no node outside, whatever the container made of its /dev."""
    porto.run(name, "sleep 1000", root=box)
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink("/../../../../../../%s" % outside, inside(porto, name, "/dev/dir"))
    os.symlink("/tmp", inside(porto, name, "/dev/here"))
    os.symlink("/tmp/target", inside(porto, name, "/dev/file"))
    for path in "/dev/dir/x", "/dev/here/x", "/dev/file":
        with pytest.raises(Exception) as caught:
            porto.set_property(name, "devices", "%s rw %s" % (ONE, path))
        assert path in str(caught.value)
    assert os.listdir(outside) == []
    assert os.listdir(box + "/tmp") == []
    assert porto.get_property(name, "devices") == ""


def test_replaced_dev_is_left_alone(porto, box, name):
    """A /dev that is no mount of ours any more is not touched."""
    porto.run(name, "sleep 1000", root=box)
    pid = porto.get_property(name, "root_pid")
    subprocess.run(
        ["nsenter", "-t", pid, "-m", "--root=/proc/%s/root" % pid, "/bin/umount", "-l", "/dev"],
        check=True,
    )
    porto.set_property(name, "devices", "%s rw" % ONE)
    assert os.listdir(box + "/dev") == []
