# SPDX-License-Identifier: Apache-2.0
"""virt_mode os with a whole system: Debian's systemd from debootstrap, and busybox init.

The system is made once and kept in /var/tmp (PORTO_TEST_ROOTFS names another directory); each test
has a layer of its own over it. Making it needs the package mirror that apt is configured for; where
that or the kernel does not allow it, the tests skip and say why.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import pytest

from conftest import UNIQUE, expect, poll, read
from test_tty import Terminal

# Whichever test is the first makes the system.
pytestmark = pytest.mark.limit(1200)

CACHE = os.environ.get("PORTO_TEST_ROOTFS", "/var/tmp/portod-test-rootfs")
PACKAGES = "systemd-sysv,dbus"
SUITE = "bookworm"


def mirror():
    """The first one that apt has for a Debian suite."""
    out = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(CREATED_BY)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    ).stdout
    for line in out.splitlines():
        site, release, created_by = (line.split() + ["", "", ""])[:3]
        if release == SUITE and created_by == "Packages":
            return site
    pytest.skip("apt has no mirror of Debian %s" % SUITE)


def make_system():
    if not shutil.which("debootstrap"):
        pytest.skip("debootstrap is not installed")
    made = tempfile.mkdtemp(prefix=os.path.basename(CACHE) + "-", dir=os.path.dirname(CACHE))
    os.chmod(made, 0o755)
    command = ["debootstrap", "--variant=minbase", "--include=" + PACKAGES, SUITE, made, mirror()]
    try:
        result = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=900,
        )
        if result.returncode:
            pytest.skip("debootstrap failed: %s" % result.stdout.strip().splitlines()[-1])
        with contextlib.suppress(OSError):
            os.rename(made, CACHE)
    except subprocess.TimeoutExpired:
        pytest.skip("debootstrap took longer than 15 minutes")
    finally:
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def system():
    if not os.path.exists(os.path.join(CACHE, "sbin/init")):
        make_system()
    return CACHE


@pytest.fixture
def debian(system):
    """A system of this test's own: a layer over the one that is kept."""
    base = tempfile.mkdtemp(prefix=UNIQUE + "-os-", dir="/var/tmp")
    root = os.path.join(base, "root")
    for part in "up", "work", "root":
        os.mkdir(os.path.join(base, part), 0o755)
    os.chmod(base, 0o755)
    layers = "lowerdir=%s,upperdir=%s/up,workdir=%s/work" % (system, base, base)
    if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, root]).returncode:
        shutil.rmtree(base)
        pytest.skip("this kernel cannot mount an overlay file system here")
    # Root needs no password.
    shadow = os.path.join(root, "etc/shadow")
    text = re.sub("^root:[^:]*:", "root::", read(shadow), flags=re.M)
    with open(shadow, "w") as file:
        file.write(text)
    yield root
    # What systemd mounted is gone with its namespace.
    subprocess.run(["umount", root], check=True)
    shutil.rmtree(base)


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()


def inside(porto, name, command, check=True):
    """Output of a command in the running system."""
    job = name + "/ask"
    porto.run(job, command, virt_mode="job")
    code = porto.finish(job)
    text = porto.get_property(job, "stdout")
    errors = porto.get_property(job, "stderr")
    porto.destroy(job)
    assert not check or code == 0, (command, code, text, errors)
    return text.strip()


def wait_booted(porto, name):
    """Until systemd has nothing left to start; it says `running`, or which units failed."""

    def look():
        state = inside(porto, name, "systemctl is-system-running", check=False)
        return state if state in ("running", "degraded") else None

    state = poll(look, 90, step=0.2, message="a booted system")
    failed = inside(porto, name, "systemctl --failed --plain --no-legend --no-pager")
    assert state == "running", failed


@pytest.fixture
def booted(porto, name, debian):
    if not os.path.isdir("/sys/fs/cgroup/systemd") and not os.path.exists(
        "/sys/fs/cgroup/cgroup.controllers"
    ):
        pytest.skip("this host has neither systemd's own hierarchy nor a unified one")
    porto.create(name)
    porto.set(name, virt_mode="os", root=debian, hostname="the-box", memory_limit="1G")
    porto.start(name)
    wait_booted(porto, name)
    return name


def test_systemd_boots(porto, booted):
    """To the target at which one can log in, without a failed unit."""
    name = booted
    assert inside(porto, name, "systemctl is-active getty.target") == "active"
    assert inside(porto, name, "systemctl is-active multi-user.target") == "active"
    assert inside(porto, name, "systemctl is-active dbus.service") == "active"
    assert inside(porto, name, "hostname") == "the-box"
    assert inside(porto, name, "systemd-detect-virt --container") == "lxc"
    assert inside(porto, name, "readlink /proc/1/exe").endswith("/systemd")
    pid = int(porto.get_property(name, "root_pid"))
    assert read("/proc/%d/comm" % pid).strip() == "systemd"
    # Its services have groups of their own, below the container's.
    groups = inside(porto, name, "cat /proc/1/cgroup")
    assert re.search("init.scope", groups), groups
    assert "/%s" % name not in groups.split("init.scope")[0].splitlines()[-1]


def test_systemd_keeps_services_apart(porto, booted):
    name = booted
    inside(porto, name, "systemd-run --unit=mine --remain-after-exit sleep 12345")
    assert inside(porto, name, "systemctl is-active mine") == "active"
    pid = int(inside(porto, name, "systemctl show -P MainPID mine"))
    assert pid > 1
    inside(porto, name, "systemctl stop mine")
    assert inside(porto, name, "systemctl is-active mine", check=False) == "inactive"


def test_systemd_stops_cleanly(porto, booted):
    """On the signal for it, by its own shutdown: not killed after the time."""
    name = booted
    marker = "ExecStop=/bin/sh -c 'echo stopped >/stopped'"
    unit = "[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n%s\\n" % marker
    inside(
        porto,
        name,
        'sh -c "printf \\"%s\\" >/etc/systemd/system/tell.service; systemctl start tell"'
        % unit.replace('"', '\\\\\\"'),
    )
    root = porto.get_property(name, "root")
    with porto.__class__(porto.path, timeout=100) as patient:
        patient.stop(name, 90000)
    assert porto.state(name) == "stopped"
    assert read(root + "/stopped") == "stopped\n"


def test_systemd_halts_by_itself(porto, booted):
    """The end of its init is the end of the container."""
    name = booted
    porto.create(name + "/halt")
    porto.set(name + "/halt", virt_mode="job", command="systemctl poweroff")
    porto.start(name + "/halt")
    with porto.__class__(porto.path, timeout=100) as patient:
        assert patient.wait(name, timeout=100).state == "dead"
    assert int(porto.get_property(name, "exit_code")) in (0, -signal.SIGINT)


def test_systemd_survives_the_server(porto, portod, booted):
    name = booted
    pid = porto.get_property(name, "root_pid")
    portod.kill_server()
    porto.connect()
    assert porto.state(name) == "running"
    assert porto.get_property(name, "root_pid") == pid
    assert inside(porto, name, "systemctl is-system-running") == "running"
    porto.pause(name)
    assert porto.state(name) == "paused"
    porto.resume(name)
    assert porto.state(name) == "running"
    assert inside(porto, name, "systemctl is-active multi-user.target") == "active"


def test_login_at_the_console(porto, name, debian, terminal):
    """With a terminal for console somebody can log in."""
    porto.create(name)
    porto.set(name, virt_mode="os", root=debian, hostname="the-box", memory_limit="1G")
    porto.set(name, **terminal.streams())
    porto.start(name)
    terminal.expect("login: ", 90)
    terminal.type("root\n")
    terminal.expect("root@the-box", 60)
    terminal.type("echo $((6 * 7)) is the answer\n")
    terminal.expect("42 is the answer", 30)
    wait_booted(porto, name)
    # It tells on the console how it goes down, and waits until that is read.
    reader = threading.Thread(target=terminal.drain)
    reader.start()
    with porto.__class__(porto.path, timeout=100) as patient:
        patient.stop(name, 60000)
    terminal.done = True
    reader.join()
    assert "Reached target" in terminal.seen


def test_container_in_a_system(porto, booted):
    """An ordinary container below it, and a second system."""
    name = booted
    porto.run(name + "/app", "sleep 1000")
    assert porto.state(name + "/app") == "running"
    porto.run(name + "/app/job", "hostname", virt_mode="job")
    assert porto.finish(name + "/app/job") == 0
    assert porto.get_property(name + "/app/job", "stdout") == "the-box\n"
    porto.kill(name + "/app", signal.SIGKILL)
    assert porto.finish(name + "/app") == -signal.SIGKILL
    assert porto.state(name) == "running"


# ---- other inits -----------------------------------------------------------------------------


def test_busybox_init(porto, rootfs, name):
    """A small init: its own idea of how to be ended, and of what a signal means."""
    for applet in "init", "halt", "poweroff", "reboot", "sync":
        if not os.path.exists(rootfs + "/bin/" + applet):
            os.symlink("busybox", rootfs + "/bin/" + applet)
    os.mkdir(rootfs + "/sbin")
    os.symlink("../bin/busybox", rootfs + "/sbin/init")
    with open(rootfs + "/etc/inittab", "w") as file:
        file.write("::sysinit:/bin/touch /tmp/booted\n::respawn:/bin/sleep 1000\n")
        file.write("::shutdown:/bin/touch /tmp/ended\n")
    porto.create(name)
    porto.set(name, virt_mode="os", root=rootfs)
    porto.start(name)
    poll(lambda: os.path.exists(rootfs + "/tmp/booted"))
    pid = int(porto.get_property(name, "root_pid"))
    assert read("/proc/%d/comm" % pid).strip() == "init"
    # SIGTERM tells it to reboot, which ends a pid namespace.
    porto.stop(name, 30000)
    assert os.path.exists(rootfs + "/tmp/ended")


def test_private_run(porto, name, toolbox):
    """On the host's root a system has a /run of its own, with the daemon's socket in it."""
    porto.run(name, "%s ready" % toolbox, virt_mode="os")
    run = "/proc/%s/root/run" % porto.get_property(name, "root_pid")
    assert set(os.listdir(run)) <= {"lock", "shm", "portod.socket"}
    assert "portod.socket" in os.listdir(run)
    assert os.stat(run).st_dev != os.stat("/run").st_dev
    assert os.stat(run + "/shm").st_dev == os.stat(run + "/../dev/shm").st_dev
    with porto.__class__(run + "/portod.socket") as client:
        assert client.version()
    porto.stop(name)
    porto.set(name, isolate=False)
    porto.start(name)
    run = "/proc/%s/root/run" % porto.get_property(name, "root_pid")
    assert os.stat(run).st_dev == os.stat("/run").st_dev


def test_no_socket_in_run_without_access(porto, name, toolbox):
    porto.run(name, "%s ready" % toolbox, virt_mode="os", enable_porto=False)
    run = "/proc/%s/root/run" % porto.get_property(name, "root_pid")
    assert "portod.socket" not in os.listdir(run)


def test_system_without_init(porto, rootfs, name):
    porto.create(name)
    porto.set(name, virt_mode="os", root=rootfs)
    with expect("InvalidCommand") as seen:
        porto.start(name)
    assert "/sbin/init" in seen.error.text
    assert porto.state(name) == "stopped"
