# SPDX-License-Identifier: Apache-2.0
"""Disks: limits by every name a disk has, shares, priorities, counters."""

import contextlib
import ctypes
import fcntl
import glob
import os
import platform
import stat
import subprocess
import tempfile
import time

import pytest

from conftest import expect, poll
from test_cpu import main_pid, threads
from test_resources import MIB, V2

IOPRIO_GET = {"x86_64": 252, "aarch64": 31}.get(platform.machine())
NONE, RT, BE, IDLE = range(4)


def ioprio(tid):
    """(class, level) as the kernel has it."""
    value = ctypes.CDLL(None, use_errno=True).syscall(IOPRIO_GET, 1, tid)
    assert value >= 0, os.strerror(ctypes.get_errno())
    return value >> 13, value & 7


def priority(pid):
    seen = {ioprio(tid) for tid in threads(pid)}
    assert len(seen) == 1, seen
    return seen.pop()


class Disk:
    """A whole disk of this host, below the directory where tests put their files."""

    def __init__(self):
        dev = os.stat(tempfile.gettempdir()).st_dev
        link = "/sys/dev/block/%d:%d" % (os.major(dev), os.minor(dev))
        if not os.path.exists(link):
            pytest.skip("there is no single disk below %s" % tempfile.gettempdir())
        self.part = os.path.basename(os.readlink(link))
        path = os.path.realpath(link)
        if os.path.exists(path + "/partition"):
            path = os.path.dirname(path)
        self.name = os.path.basename(path)
        with open(path + "/dev") as file:
            self.number = file.read().strip()


@pytest.fixture(scope="module")
def disk():
    return Disk()


@pytest.fixture(autouse=True)
def needs_blkio(porto):
    if "io_limit" not in porto.property_list():
        pytest.skip("the kernel cannot limit disks")


def group(porto, name):
    path = porto.get_property(name, "cgroups[%s]" % ("unified" if V2 else "blkio"))
    base = "/sys/fs/cgroup" + ("" if V2 else "/blkio")
    return path if path.startswith("/sys/fs/cgroup") else base + path


V1_FILES = {
    "rbps": "read_bps_device",
    "wbps": "write_bps_device",
    "riops": "read_iops_device",
    "wiops": "write_iops_device",
}


def limits(porto, name, number):
    """What the kernel has for one disk: {"rbps": 1000}."""
    path, found = group(porto, name), {}
    if V2:
        with open(path + "/io.max") as file:
            for line in file:
                dev, *words = line.split()
                if dev == number:
                    found = {k: int(v) for k, v in (w.split("=") for w in words) if v != "max"}
        return found
    for key, file in V1_FILES.items():
        with open("%s/blkio.throttle.%s" % (path, file)) as handle:
            for line in handle:
                if line.split()[0] == number:
                    found[key] = int(line.split()[1])
    return found


def both(value):
    return {"rbps": value, "wbps": value}


# ---- limits -----------------------------------------------------------------------------------


def test_limit_by_name(porto, disk, name):
    porto.run(name, "sleep 1000", io_limit="%s: 1M" % disk.name)
    assert limits(porto, name, disk.number) == both(MIB)
    assert porto.get_property(name, "io_limit") == "%s: %d" % (disk.name, MIB)
    assert porto.get_property(name, "io_limit[%s]" % disk.name) == str(MIB)


@pytest.mark.parametrize("key", ["name", "number", "partition", "host path", "inner path", "root", "fs"])
def test_limit_by_every_key(porto, disk, name, key):
    text = {
        "name": disk.name,
        "number": disk.number,
        "partition": disk.part,
        "host path": tempfile.gettempdir(),
        "inner path": "." + tempfile.gettempdir(),
        "root": ".",
        "fs": "fs",
    }[key]
    if key in ("root", "fs") and os.stat("/").st_dev != os.stat(tempfile.gettempdir()).st_dev:
        pytest.skip("the root directory is on another disk")
    porto.run(name, "sleep 1000")
    porto.set_property(name, "io_limit", "%s: 2M" % text)
    assert limits(porto, name, disk.number) == both(2 * MIB)
    # what is shown can be set
    shown = porto.get_property(name, "io_limit")
    porto.set_property(name, "io_limit", "")
    porto.set_property(name, "io_limit", shown)
    assert porto.get_property(name, "io_limit") == shown
    assert limits(porto, name, disk.number) == both(2 * MIB)


def test_limit_without_key(porto, disk, name):
    porto.create(name)
    porto.set_property(name, "io_limit", "3M")
    assert porto.get_property(name, "io_limit") == str(3 * MIB)
    assert porto.get_property(name, "io_limit[fs]") == str(3 * MIB)
    porto.set(name, command="sleep 1000")
    porto.start(name)
    if os.stat("/").st_dev == os.stat(tempfile.gettempdir()).st_dev:
        assert limits(porto, name, disk.number) == both(3 * MIB)


def test_one_direction(porto, disk, name):
    porto.run(name, "sleep 1000", io_limit="%s r: 1M" % disk.name)
    assert limits(porto, name, disk.number) == {"rbps": MIB}
    porto.set_property(name, "io_limit", "%s w: 2M" % disk.name)
    assert limits(porto, name, disk.number) == {"wbps": 2 * MIB}
    # several keys for the same disk: the least
    porto.set_property(name, "io_limit", "%s: 3M; %s r: 1M" % (disk.name, disk.number))
    assert limits(porto, name, disk.number) == {"rbps": MIB, "wbps": 3 * MIB}
    porto.set_property(name, "io_limit", "%s: 0" % disk.name)
    assert limits(porto, name, disk.number) == {}


def test_operations(porto, disk, name):
    """The two kinds of limits leave each other alone."""
    porto.run(name, "sleep 1000", io_ops_limit="%s: 100" % disk.name)
    assert limits(porto, name, disk.number) == {"riops": 100, "wiops": 100}
    porto.set_property(name, "io_limit[%s]" % disk.name, "1M")
    assert limits(porto, name, disk.number) == dict(both(MIB), riops=100, wiops=100)
    porto.set_property(name, "io_ops_limit", "")
    assert limits(porto, name, disk.number) == both(MIB)
    porto.set_property(name, "io_limit", "")
    assert limits(porto, name, disk.number) == {}


def test_index(porto, disk, name):
    porto.create(name)
    porto.set_property(name, "io_limit[%s w]" % disk.name, "5")
    porto.set_property(name, "io_limit[fs]", "6K")
    assert porto.get_property(name, "io_limit") == "fs: 6144; %s w: 5" % disk.name
    with expect("InvalidValue"):
        porto.get_property(name, "io_limit[none]")
    with expect("InvalidValue"):
        porto.set_property(name, "io_limit[no-such-disk]", "5")


def test_path_that_is_not_there(porto, disk, name):
    """Told when the limit is brought to the kernel, and everything stays as it was."""
    porto.create(name)
    porto.set(name, command="sleep 1000", io_limit="/no/such/path: 1")
    with expect("InvalidValue") as refused:
        porto.start(name)
    assert "/no/such/path" in refused.error.text
    porto.set(name, io_limit="%s: 1M" % disk.name)
    porto.start(name)
    for bad in "/no/such/path: 1", "./no/such/path: 1", "/proc: 1", "/dev/shm: 1":
        with expect("InvalidValue") as refused:
            porto.set_property(name, "io_limit", bad)
        assert bad.split(":")[0] in refused.error.text
        assert porto.get_property(name, "io_limit") == "%s: %d" % (disk.name, MIB)
        assert limits(porto, name, disk.number) == both(MIB)


def test_path_cannot_leave_the_root(porto, rootfs, name):
    """A link in the container's root leads where it would lead inside."""
    os.symlink("/etc/link-target", rootfs + "/etc/out")
    porto.create(name)
    porto.set(name, command="/bin/sleep 1000", root=rootfs, io_limit="./etc/out: 1M")
    with expect("InvalidValue"):
        porto.start(name)


def test_root_without_disk(porto, name, busybox):
    """A root directory in memory: `fs` limits nothing, a path is refused."""
    if os.path.realpath("/dev/shm") != "/dev/shm":
        pytest.skip("/dev/shm is no file system in memory")
    root = tempfile.mkdtemp(dir="/dev/shm")
    try:
        os.chmod(root, 0o755)
        for part in "bin proc dev sys run tmp etc".split():
            os.mkdir(os.path.join(root, part))
        subprocess.run(["cp", busybox, root + "/bin/sleep"], check=True)
        porto.create(name)
        porto.set(name, command="/bin/sleep 1000", root=root, io_limit="1M")
        porto.start(name)
        with expect("InvalidValue"):
            porto.set_property(name, "io_limit", "./bin: 1M")
        porto.destroy(name)
    finally:
        subprocess.run(["rm", "-rf", root], check=True)


def test_limit_needs_the_controller(porto, disk, name):
    porto.create(name)
    porto.start(name)
    porto.run(name + "/child", "sleep 1000")
    if "blkio" in porto.get_property(name + "/child", "controllers").split(";"):
        pytest.skip("in the unified tree every container has all controllers")
    with expect("NotSupported"):
        porto.set_property(name + "/child", "io_limit", "%s: 1M" % disk.name)
    porto.stop(name + "/child", 0)
    porto.set_property(name + "/child", "io_limit", "%s: 1M" % disk.name)
    assert "blkio" in porto.get_property(name + "/child", "controllers").split(";")
    porto.start(name + "/child")
    assert limits(porto, name + "/child", disk.number) == both(MIB)


@contextlib.contextmanager
def file_of(mib):
    with tempfile.NamedTemporaryFile(prefix="porto-test-io-") as file:
        file.write(os.urandom(mib * MIB))
        file.flush()
        os.fsync(file.fileno())
        os.chmod(file.name, 0o644)
        yield file.name


READ = "sh -c 'dd if=%s of=/dev/null bs=256K iflag=direct 2>&1 || echo refused'"


def test_limit_is_felt(porto, disk, name):
    """4 MiB at 2 MiB/s take two seconds, whatever the machine does besides."""
    with file_of(4) as path:
        porto.create(name)
        porto.set(name, command=READ % path, io_limit="%s: 2M" % disk.name)
        start = time.monotonic()
        porto.start(name)
        porto.finish(name)
        took = time.monotonic() - start
        if "refused" in porto.get_property(name, "stdout"):
            pytest.skip("the file system does not read around its cache")
        assert took > 1.5, "4 MiB in %.1f s" % took


# ---- guarantees -------------------------------------------------------------------------------


def test_guarantees_are_notes(porto, disk, name):
    porto.run(name, "sleep 1000", io_guarantee="%s: 1M" % disk.name, io_ops_guarantee="fs: 10")
    assert porto.get_property(name, "io_guarantee") == "%s: %d" % (disk.name, MIB)
    assert porto.get_property(name, "io_ops_guarantee") == "10"
    assert limits(porto, name, disk.number) == {}
    assert "io_guarantee" in porto.get_property(name, "taint")


# ---- shares and priorities --------------------------------------------------------------------


@pytest.mark.skipif(IOPRIO_GET is None, reason="ioprio_get has no known number here")
@pytest.mark.parametrize(
    "policy, expected",
    [("rt", (RT, 4)), ("high", (BE, 0)), ("normal", (BE, 4)), ("batch", (BE, 7)), ("idle", (IDLE, 0))],
)
def test_policy(porto, name, policy, expected):
    porto.run(name, "sleep 1000", io_policy=policy)
    assert priority(main_pid(porto, name)) == expected
    assert porto.get_property(name, "io_policy") == policy


@pytest.mark.skipif(IOPRIO_GET is None, reason="ioprio_get has no known number here")
def test_policy_changes_for_all_threads(porto, toolbox, name):
    porto.run(name, "%s threads 4" % toolbox)
    poll(lambda: "ready" in porto.get_property(name, "stdout"))
    pid = main_pid(porto, name)
    default = priority(pid)
    assert porto.get_property(name, "io_policy") == ""
    for policy, expected in ("idle", (IDLE, 0)), ("high", (BE, 0)), ("none", default), ("rt", (RT, 4)), ("", default):
        porto.set_property(name, "io_policy", policy)
        assert priority(pid) == expected


def weights(porto, name):
    found = {}
    for file in "blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight":
        with contextlib.suppress(FileNotFoundError), open(group(porto, name) + "/" + file) as handle:
            found[file] = int(handle.read().split()[-1])
    return found


def test_weight(porto, name):
    porto.run(name, "sleep 1000")
    base = weights(porto, name)
    if not base:
        pytest.skip("no scheduler of disks looks at weights here")
    porto.set_property(name, "io_weight", "2")
    assert weights(porto, name) == {file: 2 * value for file, value in base.items()}
    porto.set_property(name, "io_weight", "0.5")
    assert weights(porto, name) == {file: value // 2 for file, value in base.items()}
    porto.set_property(name, "io_weight", "1")
    porto.set_property(name, "io_policy", "high")
    assert set(weights(porto, name).values()) == {1000}
    porto.set_property(name, "io_policy", "normal")
    assert weights(porto, name) == base
    for bad in "0", "101", "1M", "-1":
        with expect("InvalidValue"):
            porto.set_property(name, "io_weight", bad)


# ---- counters ---------------------------------------------------------------------------------


def parsed(text):
    return {key: int(value) for key, value in (item.split(": ") for item in text.split("; "))}


def test_counters(porto, disk, name):
    with file_of(4) as path:
        porto.run(name, READ % path)
        porto.finish(name)
        if "refused" in porto.get_property(name, "stdout"):
            pytest.skip("the file system does not read around its cache")
    hardware = disk.name.startswith(("sd", "nvme", "vd"))
    for prop, least in ("io_read", 4 * MIB), ("io_read_ops", 4), ("io_ops", 4):
        values = parsed(porto.get_property(name, prop))
        assert values[disk.name] >= least, prop
        assert values["hw"] >= (least if hardware else 0)
        assert int(porto.get_property(name, "%s[%s]" % (prop, disk.name))) >= least
        assert int(porto.get_property(name, "%s[%s]" % (prop, disk.number))) >= least
        assert int(porto.get_property(name, "%s[%s]" % (prop, tempfile.gettempdir()))) >= least
    written = parsed(porto.get_property(name, "io_write"))
    assert {"hw", "total_writeback"} <= set(written)
    assert "hw" in parsed(porto.get_property(name, "io_write_ops"))
    assert "hw" in parsed(porto.get_property(name, "io_time"))


def test_counters_of_what_was_not_used(porto, disk, name):
    porto.run(name, "sleep 1000")
    assert porto.get_property(name, "io_read[hw]").isdigit()
    assert porto.get_property(name, "io_write[%s]" % disk.name).isdigit()
    for bad in "no-such-disk", "4095:1234", "", "/proc":
        with expect("InvalidValue", "InvalidProperty"):
            porto.get_property(name, "io_read[%s]" % bad)
    with expect("InvalidValue"):
        porto.set_property(name, "io_read", "1")


def test_counters_of_the_root(porto, disk):
    """They are the host's."""
    with open("/proc/diskstats") as file:
        rows = {line.split()[2]: line.split() for line in file}
    values = parsed(porto.get_property("/", "io_read"))
    assert values[disk.name] >= int(rows[disk.name][5]) * 512
    assert disk.part == disk.name or disk.part not in values
    assert porto.get_property("/", "io_write[total_writeback]").isdigit()


LOOP_CTL_ADD, LOOP_CTL_REMOVE = 0x4C80, 0x4C81


@contextlib.contextmanager
def new_disk():
    """A loop device that nobody has had before: "7:5000"."""
    with contextlib.ExitStack() as stack:
        try:
            control = stack.enter_context(open("/dev/loop-control", "rb"))
            number = fcntl.ioctl(control, LOOP_CTL_ADD, 5000 + os.getpid() % 100000)
        except OSError as error:
            pytest.skip("no loop device can be made: %s" % error)
        stack.callback(fcntl.ioctl, control, LOOP_CTL_REMOVE, number)
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="porto-test-io-"))
        node = directory + "/node"
        with open("/sys/block/loop%d/dev" % number) as file:
            dev = file.read().strip()
        major, minor = dev.split(":")
        os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(int(major), int(minor)))
        with open(directory + "/file", "wb") as file:
            file.truncate(MIB)
        subprocess.run(["losetup", node, directory + "/file"], check=True)
        stack.callback(subprocess.run, ["losetup", "-d", node], check=True)
        yield dev


@pytest.mark.skipif(V2, reason="the unified tree counts by itself")
def test_counters_are_woken(own_portod):
    with new_disk() as dev:
        if dev in counted_disks():
            pytest.skip("this kernel counts every disk by itself")
        daemon = own_portod()
        poll(lambda: dev in counted_disks(), message="counters of %s" % dev)
        poll(lambda: not glob.glob("/sys/fs/cgroup/blkio/%s*" % daemon.id), message="no groups")


def counted_disks():
    with open("/sys/fs/cgroup/blkio/blkio.throttle.io_service_bytes") as file:
        return {line.split()[0] for line in file}


def test_stalls(porto, name):
    if not os.path.exists("/proc/pressure/io"):
        pytest.skip("the kernel does not count stalls")
    porto.run(name, "sleep 1000")
    assert set(parsed(porto.get_property(name, "io_pressure"))) == {"full", "some"}
    with expect("InvalidValue"):
        porto.set_property(name, "io_pressure", "1")


def test_limits_survive_restart_and_restore(own_portod, disk, name):
    daemon = own_portod()
    with daemon.client() as porto:
        porto.run(name, "sleep 1000", io_limit="%s: 1M" % disk.name, io_policy="batch", io_weight="2")
    daemon.kill_server()
    with daemon.client() as porto:
        assert porto.get_property(name, "io_limit") == "%s: %d" % (disk.name, MIB)
        assert porto.get_property(name, "io_policy") == "batch"
        assert porto.get_property(name, "io_weight") == "2"
        assert limits(porto, name, disk.number) == both(MIB)
        porto.set_property(name, "io_limit", "")
        assert limits(porto, name, disk.number) == {}
        porto.destroy(name)
