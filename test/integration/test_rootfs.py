# SPDX-License-Identifier: Apache-2.0
"""The file system a container sees: root directory, /proc, /sys, /dev, binds, hostname."""

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


def test_root_directory(inside, rootfs):
    assert set(inside("ls /").split()) == set(os.listdir(rootfs)) | {"proc", "sys", "dev", "run"}


def test_old_root_is_gone(inside):
    mounts = inside("cat /proc/self/mountinfo")
    points = [line.split()[4] for line in mounts.splitlines()]
    assert points.count("/") == 1
    assert set(points) <= {
        "/",
        "/proc",
        "/dev",
        "/dev/pts",
        "/dev/shm",
        "/dev/hugepages",
        "/dev/mqueue",
        "/sys",
        "/sys/kernel/tracing",
        "/sys/kernel/debug",
        "/sys/kernel/debug/tracing",
        "/sys/firmware",
        "/run",
        "/run/lock",
        "/run/portod.socket",
        "/etc/resolv.conf",
        "/etc/hostname",
    } | {p for p in points if p.startswith(("/proc/", "/sys/"))}
    assert "/etc/passwd" not in points
    assert "home" in inside("ls /"), "our own tree, not the host's"


def test_cwd_of_the_host_is_not_reachable(inside):
    assert inside("cd /; ls .. | sort; pwd").split()[-1] == "/"


def test_root_path(porto, rootfs, name):
    porto.create(name)
    porto.set_property(name, "root", rootfs)
    assert porto.get_property(name, "root_path") == rootfs
    porto.create(name + "/child")
    assert porto.get_property(name + "/child", "root_path") == rootfs
    porto.set_property(name + "/child", "root", "/var")
    assert porto.get_property(name + "/child", "root_path") == rootfs + "/var"


def test_nested_root(porto, rootfs, name):
    """A child's root is a directory of the parent's."""
    os.makedirs(rootfs + "/inner/bin")
    os.link(rootfs + "/bin/busybox", rootfs + "/inner/bin/sh")
    os.mkdir(rootfs + "/inner/here")
    porto.run(name, "sleep 1000", root=rootfs)
    text = porto.output(name + "/child", "/bin/sh -c 'echo /*'", root="/inner")
    assert "/here" in text.split() and "/home" not in text.split()


def test_child_without_a_root_sees_the_parent_s(porto, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs)
    for isolate in True, False:
        text = porto.output(name + "/child", "ls /", isolate=isolate)
        assert set(os.listdir(rootfs)) <= set(text.split())


def test_proc(inside):
    assert inside("cat /proc/1/comm").strip() == "portoinit"
    mounts = [l for l in inside("cat /proc/mounts").splitlines() if l.split()[1] == "/proc"]
    options = mounts[0].split()[3].split(",")
    assert {"nosuid", "noexec", "nodev"} <= set(options)


@pytest.mark.parametrize("path", ["sysrq-trigger", "irq", "bus", "sys"])
def test_proc_is_protected(inside, path):
    mounts = inside("cat /proc/mounts").splitlines()
    row = [line for line in mounts if line.split()[1] == "/proc/" + path]
    if not os.path.exists("/proc/" + path):
        pytest.skip("this kernel has no /proc/%s" % path)
    assert row and "ro" in row[-1].split()[3].split(",")


def test_kcore_is_masked(inside):
    if not os.path.exists("/proc/kcore"):
        pytest.skip("this kernel has no /proc/kcore")
    assert inside("wc -c < /proc/kcore").strip() == "0"


def test_sysctl_cannot_be_written(porto, rootfs, name):
    assert (
        porto.output(
            name, "sh -c 'echo 1 > /proc/sys/kernel/panic 2>/dev/null || echo refused'", root=rootfs
        ).strip()
        == "refused"
    )


def test_sys_is_read_only(inside):
    row = [l for l in inside("cat /proc/mounts").splitlines() if l.split()[1] == "/sys"][0]
    assert row.split()[2] == "sysfs"
    assert {"ro", "nosuid", "noexec", "nodev"} <= set(row.split()[3].split(","))


def test_sys_is_read_only_on_the_host_root(porto, name):
    text = porto.output(name, "cat /proc/mounts")
    row = [l for l in text.splitlines() if l.split()[1] == "/sys"][-1]
    assert "ro" in row.split()[3].split(",")


def test_cgroups_are_not_visible_on_the_host_root(porto, name):
    text = porto.output(name, "cat /proc/mounts")
    assert not [l for l in text.splitlines() if l.split()[2].startswith("cgroup")]


DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}


def test_dev(inside):
    text = inside("cd /dev; for f in *; do stat -c \"%n %t %T %a %F\" $f; done")
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    for name, (major, minor) in DEVICES.items():
        assert (int(rows[name][0], 16), int(rows[name][1], 16)) == (major, minor)
        assert rows[name][2] == "666"
    assert "console" in rows
    assert {"fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm"} <= set(rows)
    # And nothing else of the host.
    assert not {"sda", "vda", "mem", "kmem", "kmsg", "loop0", "fuse", "vda1"} & set(rows)


def test_dev_works(inside):
    assert inside("echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 8 /dev/urandom | wc -c").split() == ["4", "8"]
    assert inside("echo through > /dev/stdout").strip() == "through"
    assert inside("readlink /dev/fd; readlink /dev/ptmx").split() == ["/proc/self/fd", "pts/ptmx"]


def test_dev_mounts(inside):
    rows = {l.split()[1]: l.split() for l in inside("cat /proc/mounts").splitlines()}
    assert rows["/dev"][2] == "tmpfs" and "nosuid" in rows["/dev"][3]
    assert rows["/dev/pts"][2] == "devpts" and "ptmxmode=666" in rows["/dev/pts"][3]
    assert rows["/run"][2] == "tmpfs"
    assert "/dev/shm" in rows


def test_devpts_is_private(inside):
    assert inside("ls /dev/pts").split() == ["ptmx"]


def test_shm_and_lock_are_for_everybody(inside):
    text = inside("stat -c %a /dev/shm; stat -c %a /run/lock; stat -c %a /run")
    assert text.split() == ["1777", "1777", "755"]


def test_devices_cannot_be_made(porto, rootfs, name):
    """mknod works by capability, opening what is not allowed does not."""
    line = "mknod /tmp/disk b 254 0 2>/dev/null; (head -c 1 /tmp/disk >/dev/null) 2>/dev/null && echo read || echo refused"
    os.symlink("busybox", rootfs + "/bin/mknod")
    assert porto.output(name, "sh -c '%s'" % line, root=rootfs).strip() == "refused"


def test_run_of_the_image_is_kept_as_a_skeleton(inside, rootfs):
    os.makedirs(rootfs + "/run/app/sub")
    os.chmod(rootfs + "/run/app", 0o750)
    with open(rootfs + "/run/file", "w"):
        pass
    text = inside("stat -c %a /run/app; test -d /run/app/sub; echo $?; test -e /run/file; echo $?")
    assert text.split() == ["750", "0", "1"]


def test_writes_reach_the_root_directory(inside, rootfs):
    inside("echo data > /tmp/file; mkdir /var/made")
    assert open(rootfs + "/tmp/file").read() == "data\n"
    assert os.path.isdir(rootfs + "/var/made")


def test_read_only_root(porto, rootfs, name):
    line = "touch /x 2>/dev/null && echo root; touch /run/x && echo run; touch /dev/shm/x && echo shm"
    text = porto.output(name, "sh -c '%s'" % line, root=rootfs, root_readonly=True)
    assert text.split() == ["run", "shm"]
    assert not os.path.exists(rootfs + "/x")


def test_read_only_host_root(porto, name):
    line = "touch /tmp/porto-ro-test 2>/dev/null && echo root; echo done"
    text = porto.output(name, "sh -c '%s'" % line, root_readonly=True)
    assert text.split() == ["done"]
    # The host is untouched.
    with open("/tmp/porto-rw-test", "w"):
        pass
    os.unlink("/tmp/porto-rw-test")


def test_suid_works_in_a_root(inside):
    row = [l for l in inside("cat /proc/mounts").splitlines() if l.split()[1] == "/"][-1]
    assert "nosuid" not in row.split()[3].split(",")


# ---- binds ---------------------------------------------------------------------------------------


def test_bind(inside, rootfs, tmp_path):
    (tmp_path / "file").write_text("outside")
    line = "cat /data/file; echo in > /data/new"
    assert inside(line, bind="%s /data" % tmp_path) == "outside"
    assert (tmp_path / "new").read_text() == "in\n"
    assert os.path.isdir(rootfs + "/data"), "the target is made"
    assert os.listdir(rootfs + "/data") == [], "and mounted only inside"


def test_bind_read_only(inside, tmp_path):
    line = "echo x > /data/new 2>/dev/null || echo refused"
    assert inside(line, bind="%s /data ro" % tmp_path).strip() == "refused"


def test_bind_of_a_file(inside, rootfs, tmp_path):
    (tmp_path / "file").write_text("text")
    assert inside("cat /etc/motd", bind="%s/file /etc/motd ro" % tmp_path) == "text"


def test_several_binds(inside, tmp_path):
    for part in "a", "b":
        (tmp_path / part).mkdir()
        (tmp_path / part / "f").write_text(part)
    text = inside("cat /x/f /y/f", bind="%s/a /x ro; %s/b /y" % (tmp_path, tmp_path))
    assert text == "ab"


@pytest.mark.parametrize(
    "flags, options",
    [
        ("noexec", {"noexec"}),
        ("nosuid", {"nosuid"}),
        ("noatime", {"noatime"}),
        ("ro,noexec,nosuid", {"ro", "noexec", "nosuid"}),
        ("rw", {"rw", "nodev"}),
        ("private", {"nodev"}),
    ],
)
def test_bind_flags(inside, tmp_path, flags, options):
    text = inside("cat /proc/mounts", bind="%s /data %s" % (tmp_path, flags))
    row = [l for l in text.splitlines() if l.split()[1] == "/data"][0]
    assert options <= set(row.split()[3].split(","))


def test_bind_relative_target(inside, tmp_path):
    (tmp_path / "f").write_text("x")
    assert inside("cat /var/in/f", cwd="/var", bind="%s in" % tmp_path) == "x"


def test_bind_cannot_leave_the_root(porto, rootfs, tmp_path, name):
    os.symlink("/../../../../../../" + str(tmp_path), rootfs + "/escape")
    (tmp_path / "in").mkdir()
    porto.create(name)
    porto.set(name, root=rootfs, command="true", bind="%s /escape/in/made" % tmp_path)
    try:
        porto.start(name)
    except Exception:
        pass
    assert os.listdir(tmp_path / "in") == []


def test_bind_to_the_host_root(porto, tmp_path, name):
    """Without a root of its own: only inside, the host sees nothing."""
    (tmp_path / "src").mkdir()
    (tmp_path / "dst").mkdir()
    (tmp_path / "src" / "f").write_text("x")
    os.chmod(tmp_path, 0o755)
    text = porto.output(name, "cat %s/dst/f" % tmp_path, bind="%s/src %s/dst" % (tmp_path, tmp_path))
    assert text == "x"
    assert os.listdir(tmp_path / "dst") == []


def test_recursive_bind(porto, inside, tmp_path):
    import subprocess

    (tmp_path / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "porto-test", str(tmp_path / "sub")], check=True)
    try:
        (tmp_path / "sub" / "deep").write_text("x")
        assert "deep" not in inside("ls /data/sub", bind="%s /data" % tmp_path)
        assert "deep" in inside("ls /data/sub", bind="%s /data rec" % tmp_path)
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "sub")], check=True)


# ---- hostname, resolv.conf ----------------------------------------------------------------------


def test_hostname(inside, rootfs):
    assert inside("hostname; cat /etc/hostname", hostname="box").split() == ["box", "box"]
    assert not os.path.exists(rootfs + "/etc/hostname") or not open(rootfs + "/etc/hostname").read()


def test_hostname_of_the_host_stays(porto, name):
    before = os.uname().nodename
    assert porto.output(name, "hostname", hostname="box").strip() == "box"
    assert os.uname().nodename == before


def test_long_hostname(porto, name):
    porto.create(name)
    with expect("InvalidValue"):
        porto.set(name, hostname="x" * 65, command="true")
        porto.start(name)


def test_resolv_conf(inside, rootfs):
    text = inside("cat /etc/resolv.conf", resolv_conf="nameserver 192.0.2.1;search example.org")
    assert text.split("\n")[:2] == ["nameserver 192.0.2.1", "search example.org"]
    with open("/etc/resolv.conf") as file:
        host = file.read()
    assert inside("cat /etc/resolv.conf") == host


def test_resolv_conf_kept(inside, rootfs):
    with open(rootfs + "/etc/resolv.conf", "w") as file:
        file.write("nameserver 192.0.2.9\n")
    assert inside("cat /etc/resolv.conf", resolv_conf="keep") == "nameserver 192.0.2.9\n"


# ---- traps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trap", ["proc", "sys", "dev", "run"])
def test_symlinks_in_the_root_do_not_redirect_mounts(porto, rootfs, tmp_path, name, trap):
    """An image whose /dev points elsewhere must not make the daemon mount elsewhere."""
    os.rmdir(os.path.join(rootfs, trap))
    os.symlink(str(tmp_path), os.path.join(rootfs, trap))
    before = open("/proc/self/mountinfo").read()
    porto.create(name)
    porto.set(name, command="true", root=rootfs)
    try:
        porto.start(name)
        porto.wait([name])
    except Exception as err:
        assert trap in str(err), err
    assert open("/proc/self/mountinfo").read() == before
    assert os.listdir(tmp_path) == []


def test_root_without_mount_points(porto, tmp_path, busybox, name):
    """An empty tree with one program: the points are made."""
    import shutil

    os.chmod(tmp_path, 0o755)
    shutil.copy(busybox, tmp_path / "sh")
    text = porto.output(name, "/sh -c 'echo /proc/[0-9]*'", root=str(tmp_path))
    assert "/proc/1" in text.split()


def test_root_is_owned_by_somebody_else(porto, rootfs, name):
    os.chown(rootfs, NOBODY, NOBODY)
    text = porto.output(name, "id -u", root=rootfs, user="nobody", group="nogroup")
    assert text.strip() == str(NOBODY)


def test_init_cannot_be_overwritten(porto, rootfs, portod, name):
    """The first process inside is a file of the host: root inside may look, but not write."""
    path = os.path.join(os.path.dirname(portod.binary), "portoinit")
    before = open(path, "rb").read()
    line = "(echo x > /proc/1/exe) 2>&1 && echo written || echo refused"
    text = porto.output(name, "sh -c '%s'" % line, root=rootfs)
    assert text.split()[-1] == "refused"
    # Not only because it runs: what is opened now could be written when it has ended.
    assert "Read-only file system" in text
    assert open(path, "rb").read() == before


def test_init_shows_nothing_of_the_daemon(porto, rootfs, portod, name):
    """The command runs only once its init is portoinit: before that it is a fork of the server,
    with everything the server knows in its memory."""
    for i in range(30):
        line = "cat /proc/1/comm /proc/1/cmdline /proc/1/environ"
        text = porto.output(name, line, root=rootfs)
        assert text.splitlines()[0] == "portoinit", "in start %d" % i
        assert portod.id not in text and portod.binary not in text
        assert "PATH=" not in text
