# SPDX-License-Identifier: Apache-2.0
"""What is mounted in a container: flags and propagation of binds, further mounts, the size of
/dev/shm, hidden and read-only paths, and who may ask for what."""

import contextlib
import os
import subprocess

import pytest

from conftest import NOBODY, expect, poll


@pytest.fixture
def inside(porto, rootfs, name):
    """Run a shell line in a container with the tiny root; returns its output."""

    def run(line, **props):
        props.setdefault("root", rootfs)
        return porto.output(name, "sh -c '%s'" % line, **props)

    return run


@contextlib.contextmanager
def mounted(path, *options):
    """A tmpfs of the host for the time of a test."""
    subprocess.run(["mount", "-t", "tmpfs", *options, "porto-test", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-R", "-l", str(path)], check=True)


@pytest.fixture
def tree(tmp_path):
    """A directory with a mount below it."""
    os.chmod(tmp_path, 0o755)
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    with mounted(top / "sub"):
        yield top


def host_points():
    with open("/proc/self/mountinfo") as file:
        return [line.split()[4] for line in file]


def options_of(text, point):
    rows = [line.split() for line in text.splitlines()]
    rows = [row for row in rows if len(row) == 6 and row[1] == point]
    assert rows, "%s is not mounted" % point
    return set(rows[-1][3].split(","))


# ---- flags ---------------------------------------------------------------------------------------


WRITE = "for d in /data /data/sub; do touch $d/x 2>/dev/null && echo $d; done; true"


def test_ro_is_about_one_mount(inside, tree):
    assert inside(WRITE, bind="%s /data rec,ro" % tree).split() == ["/data/sub"]


def test_rro_is_about_all(inside, tree):
    assert inside(WRITE, bind="%s /data rec,rro" % tree).split() == []


def test_rw_writes_to_all(inside, tree):
    assert inside(WRITE, bind="%s /data rec" % tree).split() == ["/data", "/data/sub"]


def test_other_flags_are_about_all(inside, tree):
    text = inside("cat /proc/mounts", bind="%s /data rec,ro,noexec" % tree)
    assert {"ro", "noexec", "nodev"} <= options_of(text, "/data")
    assert {"noexec", "nodev"} <= options_of(text, "/data/sub")
    assert "ro" not in options_of(text, "/data/sub")


@pytest.mark.parametrize(
    "flags", ["private,shared", "rslave,slave", "rro,rw", "unbindable,runbindable", "ro,shred"]
)
def test_flags_that_make_no_sense(porto, name, flags):
    porto.create(name)
    with expect("InvalidValue") as caught:
        porto.set_property(name, "bind", "/tmp /mnt " + flags)
    assert flags.split(",")[1] in caught.error.text
    assert porto.get_property(name, "bind") == ""


def test_bind_reads_back_without_blanks_at_the_end(porto, name):
    porto.create(name)
    porto.set_property(name, "bind", " /a   /b ; /c /d ro,rslave ")
    assert porto.get_property(name, "bind") == "/a /b;/c /d ro,rslave"


# ---- propagation ---------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path):
    """A shared mount of the host."""
    os.chmod(tmp_path, 0o755)
    top = tmp_path / "shared"
    top.mkdir()
    with mounted(top):
        subprocess.run(["mount", "--make-shared", str(top)], check=True)
        (top / "later").mkdir()
        (top / "inner").mkdir()
        yield top


SEES = "sh -c 'while ! test -e /data/go; do sleep 0.01; done; ls /data/later'"


def comes_in(porto, name, rootfs, shared, **props):
    """Is a mount that the host makes after the start seen inside?"""
    porto.run(name, SEES, root=rootfs, **props)
    with mounted(shared / "later"):
        (shared / "later" / "news").touch()
        (shared / "go").touch()
        assert porto.finish(name) == 0
    return "news" in porto.get_property(name, "stdout")


@pytest.mark.parametrize(
    "flags, expected",
    [("", True), ("rw", True), ("rslave", True), ("rprivate", False), ("private", False)],
)
def test_mounts_of_the_host_come_in(porto, name, rootfs, shared, flags, expected):
    bind = "%s /data %s" % (shared, flags)
    assert comes_in(porto, name, rootfs, shared, bind=bind) == expected


def goes_out(porto, name, rootfs, shared, **props):
    """Is a mount that the container makes seen on the host?"""
    porto.run(
        name,
        "sh -c 'mount -t tmpfs inner /data/inner && echo done; sleep 1000'",
        root=rootfs,
        capabilities="SYS_ADMIN",
        **props,
    )
    poll(lambda: porto.get_property(name, "stdout") == "done\n", message="a mount inside")
    seen = str(shared / "inner") in host_points()
    porto.destroy(name)
    if seen:
        # It is the host's by now.
        subprocess.run(["umount", str(shared / "inner")], check=True)
    return seen


@pytest.mark.parametrize(
    "flags, expected", [("", False), ("rslave", False), ("shared", True), ("rshared", True)]
)
def test_mounts_of_the_container_go_out(porto, name, rootfs, shared, flags, expected):
    bind = "%s /data %s" % (shared, flags)
    assert goes_out(porto, name, rootfs, shared, bind=bind) == expected


def test_shared_needs_a_shared_mount(porto, name, rootfs, tree):
    porto.create(name)
    porto.set(name, command="true", root=rootfs, bind="%s/sub /data shared" % tree)
    subprocess.run(["mount", "--make-private", "%s/sub" % tree], check=True)
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "shared" in caught.error.text and str(tree) in caught.error.text


def test_nothing_of_the_container_stays_on_the_host(porto, name, rootfs, shared):
    """What the daemon itself mounts for a container with a two-way bind."""
    before = host_points()
    porto.run(
        name,
        "sleep 1000",
        root=rootfs,
        bind="%s /data rshared" % shared,
        mounts="tmpfs /data/inner",
    )
    # The mount on the bind is asked for, and two-way means the host has it, too; nothing else.
    extra = set(host_points()) - set(before)
    assert extra <= {str(shared / "inner")}
    porto.destroy(name)
    for point in extra:
        subprocess.run(["umount", point], check=True)


@pytest.mark.parametrize("word, seen", [("default", True), ("slave", True), ("rprivate", False)])
def test_root_propagation(porto, name, rootfs, shared, word, seen):
    (shared / "r").mkdir()
    subprocess.run(["cp", "-a", rootfs + "/.", str(shared / "r")], check=True)
    (shared / "r" / "later").mkdir()
    porto.run(
        name,
        "sh -c 'while ! test -e /go; do sleep 0.01; done; ls /later'",
        root=str(shared / "r"),
        root_propagation=word,
    )
    with mounted(shared / "r" / "later"):
        (shared / "r" / "later" / "news").touch()
        (shared / "r" / "go").touch()
        assert porto.finish(name) == 0
    assert ("news" in porto.get_property(name, "stdout")) == seen


def test_root_propagation_excludes_two_way_binds(porto, name, rootfs, shared):
    porto.create(name)
    porto.set(
        name,
        command="true",
        root=rootfs,
        root_propagation="rprivate",
        bind="%s /data shared" % shared,
    )
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "root_propagation" in caught.error.text


# ---- who may what --------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["dev", "shared", "rshared"])
def test_flags_for_containers_of_root(root_client, member, name, flag):
    member.create(name)
    with expect("Permission") as caught:
        member.set_property(name, "bind", "/tmp /tmp ro,%s" % flag)
    assert flag in caught.error.text
    # The owner may change after: looked at again at start.
    root_client.create("root-" + name)
    root_client.set(
        "root-" + name, command="true", user="nobody", bind="/tmp /tmp ro,%s" % flag
    )
    root_client.set_property("root-" + name, "owner_user", "nobody")
    with expect("Permission") as caught:
        root_client.start("root-" + name)
    assert flag in caught.error.text


def test_devices_work_with_dev(inside, tmp_path):
    os.mknod(tmp_path / "null", 0o666 | 0o020000, os.makedev(1, 3))
    os.chmod(tmp_path / "null", 0o666)
    line = "(echo x > /data/null) 2>/dev/null && echo works || echo refused"
    assert inside(line, bind="%s /data" % tmp_path).split() == ["refused"]
    assert inside(line, bind="%s /data dev" % tmp_path).split() == ["works"]


@pytest.mark.parametrize("source", ["/proc/sys", "/sys/kernel", "/proc"])
def test_kernel_files_are_bound_read_only(porto, rootfs, name, source):
    porto.create(name)
    # Not ls: processes come and go in /proc while it looks.
    porto.set(name, command="sh -c 'cd /data && echo *'", root=rootfs, bind="%s /data" % source)
    with expect("Permission") as caught:
        porto.start(name)
    assert source in caught.error.text
    porto.set_property(name, "bind", "%s /data ro" % source)
    porto.start(name)
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout")


def test_missing_targets_belong_to_the_owner(root_client, member, name, rootfs, tmp_path):
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    (tmp_path / "src").mkdir()
    os.chmod(tmp_path / "src", 0o777)
    (tmp_path / "src" / "file").write_text("x")
    os.chown(rootfs, NOBODY, NOBODY)
    member.create(name)
    member.set(
        name,
        command="stat -c %a:%u /made /made/dir /made/file",
        root=rootfs,
        bind="%s/src /made/dir; %s/src/file /made/file ro" % (tmp_path, tmp_path),
    )
    member.start(name)
    assert member.finish(name) == 0, member.get_property(name, "stderr")
    member.stop(name)
    for path, mode in ("made", 0o775), ("made/dir", 0o775), ("made/file", 0o664):
        st = os.stat(os.path.join(rootfs, path))
        assert (st.st_mode & 0o7777, st.st_uid) == (mode, NOBODY), path


def test_missing_targets_are_made_with_the_owner_s_rights(root_client, member, name, tmp_path, rootfs):
    """In a root directory of somebody else, and on the host."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    (tmp_path / "src").mkdir()
    for props in {"root": rootfs}, {}:
        target = "/made" if props else "%s/made" % tmp_path
        member.create(name)
        member.set(name, command="true", bind="%s/src %s ro" % (tmp_path, target), **props)
        with expect("Permission") as caught:
            member.start(name)
        assert target in caught.error.text
        member.destroy(name)
    assert not os.path.exists(rootfs + "/made") and not (tmp_path / "made").exists()


@pytest.mark.parametrize("link", [False, True])
def test_system_directories_of_an_image_are_not_covered(
    root_client, member, name, rootfs, tmp_path, link
):
    """Who could put a file over /etc/sudoers would be root with the next set-user-ID program."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    (tmp_path / "evil").write_text("evil")
    os.chown(tmp_path / "evil", NOBODY, NOBODY)
    os.symlink("etc", rootfs + "/alias")
    target = "/alias/group" if link else "/etc/group"
    member.create(name)
    member.set(name, command="true", root=rootfs, bind="%s/evil %s" % (tmp_path, target))
    with expect("Permission") as caught:
        member.start(name)
    assert target in caught.error.text
    # Elsewhere in the image it is just a file of the image.
    with open(rootfs + "/tmp/file", "w"):
        pass
    member.set(name, command="cat /tmp/file", bind="%s/evil /tmp/file" % tmp_path)
    member.start(name)
    assert member.finish(name) == 0
    assert member.get_property(name, "stdout") == "evil"


# ---- mounts --------------------------------------------------------------------------------------


def test_tmpfs(inside):
    text = inside(
        "cat /proc/mounts; stat -c %a:%u:%g /var/scratch; echo x > /var/scratch/f && echo written",
        mounts="tmpfs /var/scratch size=1M,mode=0710,uid=7,gid=8,nr_inodes=50,noexec",
    )
    *mounts, stat, written = text.splitlines()
    row = [line.split() for line in mounts if line.split()[1] == "/var/scratch"][0]
    assert row[2] == "tmpfs"
    assert {"size=1024k", "nr_inodes=50", "nosuid", "nodev", "noexec"} <= set(row[3].split(","))
    assert (stat, written) == ("710:7:8", "written")


def test_several_mounts(inside):
    text = inside(
        "cat /proc/mounts",
        mounts="tmpfs /one ; tmpfs two label ro,size=4096; mqueue /dev/mqueue; devpts /pts max=5",
        cwd="/var",
    )
    rows = {line.split()[1]: line.split() for line in text.splitlines()}
    assert rows["/one"][2] == "tmpfs" and rows["/var/two"][0] == "label"
    assert {"ro", "size=4k"} <= set(rows["/var/two"][3].split(","))
    assert rows["/dev/mqueue"][2] == "mqueue"
    assert {"nosuid", "nodev", "noexec"} <= set(rows["/dev/mqueue"][3].split(","))
    assert rows["/pts"][2] == "devpts" and "max=5" in rows["/pts"][3]


def test_mqueue_is_of_its_own_ipc_namespace(porto, name, inside):
    assert inside("ls /dev/mqueue", mounts="mqueue /dev/mqueue") == ""


def test_mounts_and_binds_lie_on_each_other(inside, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").write_text("x")
    text = inside(
        "ls /a/b; ls -a /c/sub; cat /proc/mounts",
        bind="%s /a/b; %s /c" % (tmp_path, tmp_path),
        mounts="tmpfs /c/sub; tmpfs /a",
    )
    assert "file" in text
    assert options_of(text, "/a") and options_of(text, "/a/b") and options_of(text, "/c/sub")


@pytest.mark.parametrize("fstype", ["proc", "sysfs"])
def test_kernel_file_systems_are_read_only(inside, fstype):
    text = inside("cat /proc/mounts", mounts="%s /extra" % fstype)
    assert {"ro", "nosuid", "nodev", "noexec"} <= options_of(text, "/extra")


BAD_MOUNTS = [
    "tmpfs",
    "ext4 /x",
    "tmpfs /x src opts more",
    "tmpfs /x size=0",
    "tmpfs /x size=x",
    "tmpfs /x size",
    "tmpfs /x huge=always",
    "tmpfs /x mpol=bind:0",
    "tmpfs /x uid=-1",
    "tmpfs /x mode=8",
    "tmpfs /x mode=77777",
    "tmpfs /x nr_inodes=0",
    "mqueue /x size=1M",
    "mqueue /x suid",
    "devpts /x dev=1",
    "proc /x rw",
    "proc /x hidepid=2",
    "overlay /x lowerdir=/",
    "tmpfs /x bind",
    "tmpfs /x remount",
    "tmpfs / size=1M",
    "tmpfs /.. size=1M",
]


@pytest.mark.parametrize("value", BAD_MOUNTS)
def test_wrong_mounts(porto, name, value):
    porto.create(name)
    with expect("InvalidValue", "InvalidPath") as caught:
        porto.set_property(name, "mounts", value)
    assert "mounts" in caught.error.text
    assert porto.get_property(name, "mounts") == ""


def test_mounts_read_back(porto, name):
    porto.create(name)
    porto.set_property(name, "mounts", " tmpfs   /x  size=1M ;mqueue /dev/mqueue;")
    assert porto.get_property(name, "mounts") == "tmpfs /x size=1M;mqueue /dev/mqueue"


@pytest.mark.parametrize("value", ["tmpfs /x dev", "tmpfs /x suid", "proc /x", "sysfs /x"])
def test_mounts_for_containers_of_root(member, root_client, name, value):
    member.create(name)
    with expect("Permission"):
        member.set_property(name, "mounts", value)
    root_client.create("root-" + name)
    root_client.set_property("root-" + name, "mounts", value)


def test_mounts_cover_only_what_the_owner_could_write(root_client, member, name, tmp_path):
    """With the host's root: a tmpfs on /etc would be a new /etc/sudoers."""
    member.create(name)
    member.set(name, command="true", mounts="tmpfs /etc uid=%d" % NOBODY)
    with expect("Permission") as caught:
        member.start(name)
    assert "/etc" in caught.error.text
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    mine = tmp_path / "mine"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    member.set(name, command="touch %s/x" % mine, mounts="tmpfs %s" % mine)
    member.start(name)
    assert member.finish(name) == 0
    assert os.listdir(mine) == []


def test_mount_target_stays_in_the_root(porto, rootfs, tmp_path, name):
    os.symlink("../../../../../.." + str(tmp_path), rootfs + "/escape")
    porto.create(name)
    porto.set(name, command="true", root=rootfs, mounts="tmpfs /escape/made")
    with expect("InvalidPath") as caught:
        porto.start(name)
    assert "/escape/made" in caught.error.text
    # Where the link leads inside is as good a place as any.
    os.makedirs(rootfs + str(tmp_path))
    porto.set_property(name, "command", "grep -q %s/made /proc/mounts" % tmp_path)
    porto.start(name)
    assert porto.finish(name) == 0
    assert os.listdir(tmp_path) == []


# ---- /dev/shm ------------------------------------------------------------------------------------


def test_shm_size(inside):
    line = "grep -E \" /(dev|run)/shm \" /proc/mounts; stat -c %a /dev/shm; touch /dev/shm/f /run/shm/g; ls /dev/shm"
    text = inside(line, shm_size="2M")
    assert text.count("size=2048k") == 2
    assert text.split()[-3:] == ["1777", "f", "g"]
    assert "size=2048k" not in inside(line)


def test_shm_size_with_the_host_s_root(porto, name):
    marker = "/dev/shm/porto-test-%d" % os.getpid()
    text = porto.output(
        name, "sh -c 'touch %s; grep \" /dev/shm \" /proc/mounts'" % marker, shm_size="3M"
    )
    assert "size=3072k" in text.splitlines()[-1]
    assert not os.path.exists(marker)


# ---- hidden and read-only ------------------------------------------------------------------------


def test_protected_paths_show_their_defaults(porto, name):
    porto.create(name)
    masked = porto.get_property(name, "masked_paths").split(";")
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware"} <= set(masked)
    assert porto.get_property(name, "readonly_paths").split(";") == [
        "/proc/sysrq-trigger",
        "/proc/irq",
        "/proc/bus",
        "/proc/sys",
    ]
    with expect("NoValue"):
        porto.get_property(name, "masked_paths", real=True)


def test_nothing_masked(inside):
    line = "grep -c \"/proc/\" /proc/mounts; wc -c < /proc/keys"
    assert inside(line).split()[-1] == "0"
    count, size = inside(line, masked_paths="", readonly_paths="").split()
    assert (count, size != "0") == ("0", True)


def test_exact_lists(inside, rootfs):
    os.makedirs(rootfs + "/secret/dir")
    for path in "secret/file", "secret/dir/f", "var/keep":
        with open(os.path.join(rootfs, path), "w") as file:
            file.write("content")
    text = inside(
        "cat /secret/file; ls /secret/dir; ls /proc/scsi /sys/firmware; cat /proc/keys; "
        "(echo x > /var/keep) 2>/dev/null || echo kept; (echo x > /proc/sys/kernel/domainname) && echo set",
        masked_paths="/secret/file;/secret/dir;/proc/scsi;/sys/firmware;/proc/keys;/not/there",
        readonly_paths="/var;/also/not/there",
    )
    assert text.split() == ["kept", "set"] or text.split()[-2:] == ["kept", "set"]
    assert "content" not in text


def test_default_stands_for_all(inside, rootfs):
    with open(rootfs + "/var/f", "w") as file:
        file.write("content")
    line = "cat /var/f; cat /proc/keys; grep -c /proc/sys.*ro /proc/mounts"
    assert inside(line, masked_paths="default;/var/f").split() == ["1"]


def test_named_paths_are_protected_below_binds(inside, tmp_path):
    """All is mounted when these are looked at."""
    (tmp_path / "f").write_text("content")
    (tmp_path / "g").write_text("content")
    text = inside(
        "cat /data/f; (echo x > /data/g) 2>/dev/null || echo kept",
        bind="%s /data" % tmp_path,
        masked_paths="default;/data/f",
        readonly_paths="default;/data/g",
    )
    assert text.split() == ["kept"]
    assert (tmp_path / "f").read_text() == "content"


def test_read_only_path_covers_mounts_below(inside):
    text = inside(
        "for d in /a /a/b; do touch $d/x 2>/dev/null && echo $d; done; true",
        mounts="tmpfs /a; tmpfs /a/b",
        readonly_paths="default;/a",
    )
    assert text == ""


def test_all_of_proc_cannot_be_hidden(porto, name):
    porto.create(name)
    with expect("InvalidValue") as caught:
        porto.set_property(name, "masked_paths", "default;/proc")
    assert "masked_paths" in caught.error.text and "/proc" in caught.error.text
    porto.set_property(name, "masked_paths", "default;/proc/modules")


@pytest.mark.parametrize("prop", ["masked_paths", "readonly_paths"])
@pytest.mark.parametrize("value", ["x", "/", "/a/../b", "/a//b", "/a/", "/" + "x" * 5000])
def test_wrong_paths(porto, name, prop, value):
    porto.create(name)
    with expect("InvalidValue") as caught:
        porto.set_property(name, prop, value)
    assert prop in caught.error.text


@pytest.mark.parametrize("prop", ["masked_paths", "readonly_paths"])
def test_only_a_superuser_leaves_out_a_default(root_client, member, name, prop):
    member.create(name)
    every = member.get_property(name, prop)
    for value in "", "/proc/acpi;/proc/irq", every.split(";", 1)[1]:
        with expect("Permission") as caught:
            member.set_property(name, prop, value)
        assert prop in caught.error.text
        assert member.get_property(name, prop) == every
    member.set_property(name, prop, every + ";/proc/more")
    member.set_property(name, prop, "/proc/more;default")
    root_client.set_property(name, prop, "")
    assert member.get_property(name, prop) == ""
    assert member.get_property(name, prop, real=True) == ""


def test_masks_hide_only_what_the_owner_could_write(root_client, member, name):
    member.create(name)
    member.set(name, command="true", masked_paths="default;/etc/passwd")
    with expect("Permission") as caught:
        member.start(name)
    assert "/etc/passwd" in caught.error.text
    member.set(name, command="true", masked_paths="default;/proc/modules")
    member.start(name)
    assert member.finish(name) == 0


def test_protected_paths_survive_a_restart(porto, portod, name):
    porto.create(name)
    porto.set(name, masked_paths="", readonly_paths="/proc/sys;/x", mounts="tmpfs /y", shm_size="1M")
    server = portod.server_pid()
    portod.kill_server()
    poll(lambda: portod.server_pid() != server, message="a new server")
    with portod.client() as client:
        assert client.get_property(name, "masked_paths", real=True) == ""
        assert client.get_property(name, "readonly_paths") == "/proc/sys;/x"
        assert client.get_property(name, "mounts") == "tmpfs /y"
        assert client.get_property(name, "shm_size") == "1048576"
