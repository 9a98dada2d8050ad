# SPDX-License-Identifier: Apache-2.0
"""Files that the daemon keeps inside: symbolic links, /etc/resolv.conf, /etc/hosts, /etc/hostname."""

import os
import stat

import pytest

from conftest import NOBODY, expect, poll


@pytest.fixture
def inside(porto, rootfs, name):
    """Run a shell line in a container with the tiny root; returns its output."""

    def run(line, **props):
        props.setdefault("root", rootfs)
        return porto.output(name, "sh -c '%s'" % line, **props)

    return run


# ---- symlink -------------------------------------------------------------------------------------


def test_links_are_made_at_start(inside, rootfs):
    text = inside(
        "for l in /a /var/b /made/of/c; do readlink $l; done; cat /a",
        symlink="/a: /etc/passwd; /var/b: /var/home/x ; /made/of/c: /tmp",
    )
    assert text.splitlines()[:3] == ["etc/passwd", "home/x", "../../tmp"]
    assert "root:x:0" in text
    st = os.stat(rootfs + "/made/of")
    assert stat.S_IMODE(st.st_mode) == 0o775
    # Right from outside, too.
    assert os.readlink(rootfs + "/made/of/c") == "../../tmp"


def test_links_relative_to_the_working_directory(inside, rootfs):
    assert inside("readlink /var/one", cwd="/var", symlink="one: two/three") == "two/three\n"


def test_link_replaces_a_link_only(porto, rootfs, name):
    os.symlink("old", rootfs + "/link")
    with open(rootfs + "/file", "w") as file:
        file.write("precious")
    porto.create(name)
    porto.set(name, root=rootfs, command="true", symlink="/link: /etc; /file: /etc")
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "/file" in caught.error.text
    assert open(rootfs + "/file").read() == "precious"
    assert os.readlink(rootfs + "/link") == "old", "all or nothing"
    porto.set_property(name, "symlink[/file]", "")
    porto.start(name)
    assert os.readlink(rootfs + "/link") == "etc"
    assert sorted(os.listdir(rootfs))[:2] == ["bin", "dev"], "no temporary names are left"


def test_links_of_a_running_container(porto, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs, symlink="/a: /etc; /b: /etc")
    porto.set_property(name, "symlink[/a]", "/var")
    assert os.readlink(rootfs + "/a") == "var"
    porto.set_property(name, "symlink[/b]", "")
    assert not os.path.lexists(rootfs + "/b")
    porto.set_property(name, "symlink", "/c: /tmp; /run/d: /tmp")
    assert not os.path.lexists(rootfs + "/a") and os.readlink(rootfs + "/c") == "tmp"
    pid = porto.get_property(name, "root_pid")
    assert os.readlink("/proc/%s/root/run/d" % pid) == "../tmp", "on the container's own mounts"
    assert not os.path.lexists(rootfs + "/run/d")
    assert porto.get_property(name, "symlink") == "/c: /tmp; /run/d: /tmp; "


def test_failed_change_of_links_changes_nothing(porto, rootfs, name):
    with open(rootfs + "/file", "w") as file:
        file.write("precious")
    porto.run(name, "sleep 1000", root=rootfs, symlink="/a: /etc")
    with expect("InvalidValue") as caught:
        porto.set_property(name, "symlink", "/b: /tmp; /file: /etc")
    assert "/file" in caught.error.text
    assert porto.get_property(name, "symlink") == "/a: /etc; "
    assert os.readlink(rootfs + "/a") == "etc"
    assert not os.path.lexists(rootfs + "/b")
    assert open(rootfs + "/file").read() == "precious"


def test_link_properties(porto, name):
    porto.create(name)
    porto.set_property(name, "symlink", "/a/../b/: c; d: /e")
    assert porto.get_property(name, "symlink") == "/b: c; d: /e; "
    assert porto.get_property(name, "symlink[/b/]") == "c"
    with expect("NoValue"):
        porto.get_property(name, "symlink[/x]")
    porto.set_property(name, "symlink[/x]", "y")
    porto.set_property(name, "symlink[d]", "")
    assert porto.get_property(name, "symlink") == "/b: c; /x: y; "
    for bad in "/: x", "..: x", "/a", "/a: b: c", "/" + "x" * 5000 + ": y", "a: /" + "x" * 5000:
        with expect("InvalidValue") as caught:
            porto.set_property(name, "symlink", bad)
        assert "symlink" in caught.error.text
    assert porto.get_property(name, "symlink") == "/b: c; /x: y; "


def test_set_symlink_call(porto, rootfs, name):
    porto.create(name)
    porto.set_symlink(name, "/strange[0]: name;", "/target: x")
    assert porto.get_property(name, "symlink[/strange[0]: name;]") == "/target: x"
    porto.set(name, root=rootfs, command="sleep 1000")
    porto.start(name)
    assert os.readlink(rootfs + "/strange[0]: name;") == "target: x"
    porto.set_symlink(name, "/more/here", "/etc")
    assert os.readlink(rootfs + "/more/here") == "../etc"
    porto.set_symlink(name, "/more/here")
    assert not os.path.lexists(rootfs + "/more/here")
    porto.set_symlink(name, "/strange[0]: name;", "")
    assert porto.get_property(name, "symlink") == ""
    with expect("InvalidValue"):
        porto.set_symlink(name, "", "x")
    with expect("ContainerDoesNotExist"):
        porto.set_symlink("no-such", "/a", "b")


def test_set_symlink_is_stored(porto, portod, name):
    porto.create(name)
    porto.set_symlink(name, "/a[1]", "/b; c")
    portod.kill_server()
    with portod.client() as client:
        assert client.get_property(name, "symlink[/a[1]]") == "/b; c"


def test_links_after_a_restart_of_the_server(porto, portod, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs, symlink="/a: /etc; /b: /etc")
    portod.kill_server()
    with portod.client() as client:
        client.set_property(name, "symlink", "/b: /var")
        assert os.readlink(rootfs + "/b") == "var" and not os.path.lexists(rootfs + "/a")


def test_links_and_states(porto, rootfs, name):
    porto.run(name, "true", root=rootfs)
    porto.wait([name])
    with expect("InvalidState"):
        porto.set_symlink(name, "/a", "/b")


def test_links_follow_the_image_s_links(porto, rootfs, name, tmp_path):
    """A directory on the way is a link: followed inside, and the text is right from there."""
    os.makedirs(rootfs + "/deep/down/here")
    os.symlink("/deep/down/here", rootfs + "/short")
    os.symlink("../../../../../../.." + str(tmp_path), rootfs + "/out")
    porto.create(name)
    porto.set(name, root=rootfs, command="cat /short/l", symlink="/short/l: /etc/passwd")
    porto.start(name)
    assert porto.finish(name) == 0
    assert "root:x:0" in porto.get_property(name, "stdout")
    assert os.path.lexists(rootfs + "/deep/down/here/l")
    porto.stop(name)
    os.makedirs(rootfs + str(tmp_path))
    porto.set(name, command="true", symlink="/out/l: /etc")
    porto.start(name)
    assert os.listdir(tmp_path) == [] and os.path.lexists(rootfs + str(tmp_path) + "/l")


def test_links_on_the_host_s_root(root_client, member, name, tmp_path):
    """With the rights of the command's user."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    mine, others = tmp_path / "mine", tmp_path / "others"
    mine.mkdir()
    others.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    member.create(name)
    member.set(name, command="sleep 1000", symlink="%s/l: /etc" % others)
    with expect("Permission") as caught:
        member.start(name)
    assert str(others) in caught.error.text
    member.set_property(name, "symlink", "%s/l: /etc" % mine)
    member.start(name)
    assert (mine / "l").is_symlink() and os.lstat(mine / "l").st_uid == NOBODY
    assert str(mine / "l") and os.path.realpath(mine / "l") == "/etc"
    with expect("Permission"):
        member.set_symlink(name, "%s/l" % others, "/etc")
    assert os.listdir(others) == []
    member.set_symlink(name, "%s/l" % mine, "")
    assert os.listdir(mine) == []


def test_links_in_a_root_need_a_writer_of_it(root_client, member, name, rootfs):
    member.create(name)
    member.set(name, command="sleep 1000", root=rootfs, symlink="/a: /etc")
    with expect("Permission"):
        member.start(name)
    member.set_property(name, "symlink", "")
    member.start(name)
    with expect("Permission"):
        member.set_symlink(name, "/a", "/etc")
    assert not os.path.lexists(rootfs + "/a")
    assert member.get_property(name, "symlink") == ""
    os.chown(rootfs, NOBODY, NOBODY)
    member.set_symlink(name, "/a", "/etc")
    assert os.readlink(rootfs + "/a") == "etc"


def test_set_symlink_needs_control(porto, root_client, member, name):
    root_client.create(name)
    with expect("Permission"):
        member.set_symlink(name, "/a", "/b")


def test_links_without_own_mounts(porto, rootfs, name):
    """A child that shares its parent's file system."""
    porto.run(name, "sleep 1000", root=rootfs)
    porto.run(name + "/child", "sleep 1000", isolate=False, symlink="/run/x: /etc")
    pid = porto.get_property(name, "root_pid")
    assert os.readlink("/proc/%s/root/run/x" % pid) == "../etc"


def test_links_in_a_user_namespace(root_client, member, name, rootfs):
    """They belong to its root, who is the owner on the host."""
    os.chown(rootfs, NOBODY, NOBODY)
    member.create(name)
    member.set(name, command="sleep 1000", root=rootfs, userns=True, symlink="/a: /etc; /d/b: /etc")
    member.start(name)
    member.set_symlink(name, "/c", "/tmp")
    for link in "a", "d/b", "c":
        assert os.lstat(os.path.join(rootfs, link)).st_uid == NOBODY
    assert os.stat(rootfs + "/d").st_uid == NOBODY


# ---- /etc/resolv.conf ----------------------------------------------------------------------------


def inner(porto, name, path):
    """A file as the container has it."""
    pid = porto.get_property(name, "root_pid")
    with open("/proc/%s/root%s" % (pid, path)) as file:
        return file.read()


def test_resolv_conf_words(porto, rootfs, name):
    porto.create(name)
    assert porto.get_property(name, "resolv_conf") == "inherit"
    porto.set_property(name, "root", rootfs)
    assert porto.get_property(name, "resolv_conf") == "default"
    for value, shown in (
        ("keep", "keep"),
        ("", "keep"),
        ("inherit", "default"),
        ("nameserver 1.1.1.1;search x", "nameserver 1.1.1.1;search x"),
        ("nameserver 1.1.1.1\nsearch y", "nameserver 1.1.1.1;search y"),
        ("default", "default"),
    ):
        porto.set_property(name, "resolv_conf", value)
        assert porto.get_property(name, "resolv_conf") == shown
    with expect("InvalidValue"):
        porto.set_property(name, "resolv_conf", "x" * 70000)


@pytest.mark.parametrize("own_root", [True, False])
def test_resolv_conf_with_text(porto, rootfs, name, own_root):
    props = {"root": rootfs} if own_root else {}
    before = open("/etc/resolv.conf").read()
    porto.run(name, "sleep 1000", resolv_conf="nameserver 192.0.2.1;search a", **props)
    assert inner(porto, name, "/etc/resolv.conf") == "nameserver 192.0.2.1\nsearch a"
    porto.set_property(name, "resolv_conf", "nameserver 192.0.2.2")
    assert inner(porto, name, "/etc/resolv.conf") == "nameserver 192.0.2.2"
    porto.set_property(name, "resolv_conf", "nameserver 192.0.2.3;" + "#" * 5000)
    assert inner(porto, name, "/etc/resolv.conf") == "nameserver 192.0.2.3\n" + "#" * 5000
    with expect("InvalidState") as caught:
        porto.set_property(name, "resolv_conf", "keep")
    assert "resolv_conf" in caught.error.text
    assert porto.get_property(name, "resolv_conf").startswith("nameserver 192.0.2.3")
    assert open("/etc/resolv.conf").read() == before
    if own_root:
        porto.set_property(name, "resolv_conf", "default")
        assert inner(porto, name, "/etc/resolv.conf") == before
    else:
        with expect("InvalidState"):
            porto.set_property(name, "resolv_conf", "default")


def test_resolv_conf_is_not_switched_on_while_running(porto, rootfs, name):
    with open(rootfs + "/etc/resolv.conf", "w") as file:
        file.write("of the image")
    porto.run(name, "sleep 1000", root=rootfs, resolv_conf="keep")
    for value in "default", "nameserver 192.0.2.1":
        with expect("InvalidState"):
            porto.set_property(name, "resolv_conf", value)
    porto.set_property(name, "resolv_conf", "")
    assert inner(porto, name, "/etc/resolv.conf") == "of the image"
    assert open(rootfs + "/etc/resolv.conf").read() == "of the image"
    porto.run(name + "-host", "sleep 1000")
    with expect("InvalidState"):
        porto.set_property(name + "-host", "resolv_conf", "nameserver 192.0.2.1")
    porto.set_property(name + "-host", "resolv_conf", "keep")


def test_only_our_own_file_is_rewritten(porto, rootfs, name):
    """Root inside took the mount away: what is below is the image's."""
    with open(rootfs + "/etc/resolv.conf", "w") as file:
        file.write("of the image")
    porto.run(
        name,
        # While we read, the file is busy.
        "sh -c 'until umount /etc/resolv.conf; do sleep 0.1; done; sleep 1000'",
        root=rootfs,
        capabilities="SYS_ADMIN",
        resolv_conf="nameserver 192.0.2.1",
    )
    poll(lambda: inner(porto, name, "/etc/resolv.conf") == "of the image", step=0.3, message="the umount")
    with expect("InvalidState") as caught:
        porto.set_property(name, "resolv_conf", "nameserver 192.0.2.2")
    assert "/etc/resolv.conf" in caught.error.text
    assert porto.get_property(name, "resolv_conf") == "nameserver 192.0.2.1"
    assert open(rootfs + "/etc/resolv.conf").read() == "of the image"


def test_resolv_conf_that_is_a_link(porto, rootfs, name):
    """As in images with systemd: the link leads into the private /run."""
    os.symlink("../run/systemd/resolve/stub-resolv.conf", rootfs + "/etc/resolv.conf")
    porto.run(name, "sleep 1000", root=rootfs, resolv_conf="nameserver 192.0.2.1")
    assert inner(porto, name, "/run/systemd/resolve/stub-resolv.conf") == "nameserver 192.0.2.1"
    porto.set_property(name, "resolv_conf", "nameserver 192.0.2.2")
    assert inner(porto, name, "/run/systemd/resolve/stub-resolv.conf") == "nameserver 192.0.2.2"
    assert not os.path.exists(rootfs + "/run/systemd")


def test_resolv_conf_that_is_a_directory(porto, rootfs, name):
    os.mkdir(rootfs + "/etc/resolv.conf")
    porto.create(name)
    porto.set(name, command="true", root=rootfs, resolv_conf="nameserver 192.0.2.1")
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "/etc/resolv.conf" in caught.error.text


def watched(own_portod, **config):
    config.setdefault("extra", "network { resolv_conf_watchdog_ms: 20 }")
    return own_portod(files={"/etc/resolv.conf": "nameserver 192.0.2.1\n"}, **config)


def change_host(daemon, text):
    with open(daemon.files["/etc/resolv.conf"], "w") as file:
        file.write(text)


def test_changes_of_the_host_arrive(own_portod, rootfs):
    daemon = watched(own_portod)
    with daemon.client() as porto:
        porto.run("default", "sleep 1000", root=rootfs)
        porto.run("text", "sleep 1000", root=rootfs, resolv_conf="nameserver 192.0.2.9")
        porto.run("keep", "sleep 1000", root=rootfs, resolv_conf="keep")
        porto.run("paused", "sleep 1000", root=rootfs)
        porto.pause("paused")
        porto.run("default/child", "sleep 1000")
        assert inner(porto, "default", "/etc/resolv.conf") == "nameserver 192.0.2.1\n"
        change_host(daemon, "nameserver 192.0.2.2\nsearch b\n")
        new = "nameserver 192.0.2.2\nsearch b\n"
        for name in "default", "paused", "default/child":
            poll(lambda: inner(porto, name, "/etc/resolv.conf") == new, message="change of " + name)
        assert inner(porto, "text", "/etc/resolv.conf") == "nameserver 192.0.2.9"
        assert not os.path.exists(rootfs + "/etc/resolv.conf") or not os.path.getsize(
            rootfs + "/etc/resolv.conf"
        )
        porto.run("later", "sleep 1000", root=rootfs)
        assert inner(porto, "later", "/etc/resolv.conf") == new


def test_restart_rewrites_nothing_unless_there_is_news(own_portod, rootfs):
    daemon = watched(own_portod)
    with daemon.client() as porto:
        porto.run("a", "sh -c 'echo edited > /etc/resolv.conf; sleep 1000'", root=rootfs)
        poll(lambda: inner(porto, "a", "/etc/resolv.conf") == "edited\n", message="the edit")
    daemon.kill_server()
    with daemon.client() as porto:
        porto.run("b", "sleep 1000", root=rootfs)
        assert inner(porto, "b", "/etc/resolv.conf") == "nameserver 192.0.2.1\n"
        assert inner(porto, "a", "/etc/resolv.conf") == "edited\n"
    daemon.end(sig=15)
    change_host(daemon, "nameserver 192.0.2.7\n")
    daemon.start()
    with daemon.client() as porto:
        for name in "a", "b":
            poll(
                lambda: inner(porto, name, "/etc/resolv.conf") == "nameserver 192.0.2.7\n",
                message="what changed meanwhile",
            )


def test_default_of_the_configuration(own_portod, rootfs):
    daemon = watched(own_portod, container='default_resolv_conf: "nameserver 192.0.2.5;search c"')
    with daemon.client() as porto:
        porto.run("a", "sleep 1000", root=rootfs)
        assert inner(porto, "a", "/etc/resolv.conf") == "nameserver 192.0.2.5\nsearch c"
        porto.run("b", "sleep 1000")
        assert "192.0.2.1" in inner(porto, "b", "/etc/resolv.conf"), "only in a root of its own"


def test_without_watching_each_start_looks(own_portod, rootfs):
    daemon = watched(own_portod, extra="network { resolv_conf_watchdog_ms: 0 }")
    with daemon.client() as porto:
        porto.run("a", "sleep 1000", root=rootfs)
        change_host(daemon, "nameserver 192.0.2.2\n")
        porto.run("b", "sleep 1000", root=rootfs)
        assert inner(porto, "b", "/etc/resolv.conf") == "nameserver 192.0.2.2\n"
        assert inner(porto, "a", "/etc/resolv.conf") == "nameserver 192.0.2.1\n"


# ---- /etc/hosts, /etc/hostname -------------------------------------------------------------------


def test_etc_hosts(inside, rootfs):
    text = "127.0.0.1 localhost\n192.0.2.1 other"
    assert inside("cat /etc/hosts", etc_hosts=text) == text
    assert not os.path.exists(rootfs + "/etc/hosts") or not os.path.getsize(rootfs + "/etc/hosts")
    with open(rootfs + "/etc/hosts", "w") as file:
        file.write("of the image")
    assert inside("cat /etc/hosts", etc_hosts=text) == text
    assert inside("cat /etc/hosts") == "of the image"


def test_etc_hosts_with_the_host_s_root(porto, name):
    before = open("/etc/hosts").read()
    assert porto.output(name, "cat /etc/hosts", etc_hosts="192.0.2.1 x") == "192.0.2.1 x"
    assert porto.output(name, "cat /etc/hosts") == before
    assert open("/etc/hosts").read() == before


def test_etc_hosts_rules(porto, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs)
    with expect("InvalidState"):
        porto.set_property(name, "etc_hosts", "x")
    porto.stop(name)
    with expect("InvalidValue"):
        porto.set_property(name, "etc_hosts", "x" * (1 << 20) + "y")
    os.symlink("/", rootfs + "/etc/hosts")
    porto.set_property(name, "etc_hosts", "x")
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "/etc/hosts" in caught.error.text


def test_a_bind_is_what_the_owner_wants(inside, rootfs, tmp_path):
    (tmp_path / "hosts").write_text("bound")
    bind = "%s/hosts /etc/hosts ro; %s/hosts /etc/resolv.conf" % (tmp_path, tmp_path)
    text = inside("cat /etc/hosts /etc/resolv.conf", etc_hosts="x", bind=bind)
    assert text == "boundbound"


def test_too_long_host_name(porto, rootfs, name):
    porto.create(name)
    porto.set(name, command="true", root=rootfs, hostname="h" * 65)
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "h" * 65 in caught.error.text and "long" in caught.error.text
    porto.set_property(name, "hostname", "h" * 64)
    porto.start(name)
