# SPDX-License-Identifier: Apache-2.0
"""tty, unshare_on_exec, children_allowed."""

import contextlib
import os
import select
import signal
import stat
import time

import pytest

from conftest import NOBODY, client_of, expect, poll, read


class Terminal:
    """A pseudo-terminal; the slave is what a client gives away."""

    def __init__(self):
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)
        self.seen = ""
        self.done = False

    def close(self):
        os.close(self.master)
        if self.slave is not None:
            os.close(self.slave)

    def expect(self, text, deadline=20):
        end = time.monotonic() + deadline
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, "no %r on the terminal: %r" % (text, self.seen)
            with contextlib.suppress(OSError):
                self.seen += os.read(self.master, 65536).decode(errors="replace")
        return self.seen

    def drain(self):
        """Read until somebody sets `done`."""
        while not self.done:
            if select.select([self.master], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    self.seen += os.read(self.master, 65536).decode(errors="replace")

    def type(self, text):
        os.write(self.master, text.encode())

    def streams(self):
        path = "/dev/fd/%d" % self.slave
        return {"stdin_path": path, "stdout_path": path, "stderr_path": path, "tty": True}


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()


def ctty(pid):
    return int(read("/proc/%d/stat" % pid).rpartition(")")[2].split()[4])


def pid_of(porto, name):
    return int(porto.get_property(name, "root_pid"))


def test_tty_is_the_controlling_terminal(porto, name, terminal):
    script = "echo here is $(tty); read x </dev/tty; echo got $x; exec sleep 1000"
    porto.create(name)
    porto.set(name, command_argv="sh\t-c\t" + script, **terminal.streams())
    porto.start(name)
    pid = pid_of(porto, name)
    assert ctty(pid) == os.fstat(terminal.slave).st_rdev
    terminal.expect("here is " + terminal.path)
    terminal.type("words\n")
    terminal.expect("got words")
    # ^C goes to the foreground of the session.
    poll(lambda: read("/proc/%d/comm" % pid).strip() == "sleep")
    terminal.type("\x03")
    assert porto.finish(name) == -signal.SIGINT


def test_tty_of_a_job(porto, name, terminal):
    porto.run(name, "sleep 1000")
    porto.create(name + "/job")
    porto.set(name + "/job", command="sleep 1000", virt_mode="job", **terminal.streams())
    porto.start(name + "/job")
    pid = pid_of(porto, name + "/job")
    assert ctty(pid) == os.fstat(terminal.slave).st_rdev
    terminal.type("\x03")
    assert porto.finish(name + "/job") == -signal.SIGINT


def test_tty_is_the_users(porto, name, terminal):
    porto.create(name)
    porto.set(name, command="sleep 1000", user="nobody", group="nogroup", **terminal.streams())
    assert os.stat(terminal.path).st_uid == 0
    porto.start(name)
    assert os.stat(terminal.path).st_uid == NOBODY


def test_tty_is_the_console(porto, rootfs, name, terminal):
    porto.create(name)
    porto.set(name, command="sh -c 'echo to the console >/dev/console; ls -l /dev/console; sleep 1000'")
    porto.set(name, root=rootfs, **terminal.streams())
    porto.start(name)
    terminal.expect("to the console")
    inside = os.stat("/proc/%d/root/dev/console" % pid_of(porto, name))
    assert inside.st_rdev == os.fstat(terminal.slave).st_rdev and stat.S_ISCHR(inside.st_mode)
    # The host's stays what it is.
    if os.path.exists("/dev/console"):
        assert os.stat("/dev/console").st_rdev != inside.st_rdev


def test_bind_at_the_console_wins(porto, rootfs, name, terminal):
    porto.create(name)
    porto.set(name, command="sleep 1000", root=rootfs, bind="/dev/zero /dev/console dev")
    porto.set(name, **terminal.streams())
    porto.start(name)
    inside = os.stat("/proc/%d/root/dev/console" % pid_of(porto, name))
    assert inside.st_rdev == os.stat("/dev/zero").st_rdev


def test_tty_held(porto, rootfs, name, terminal):
    """It is all there when the command begins."""
    porto.create(name)
    porto.set(name, command="sh -c 'echo began; sleep 1000'", root=rootfs, init=False, held=True)
    porto.set(name, **terminal.streams())
    porto.start(name)
    pid = pid_of(porto, name)
    assert ctty(pid) == os.fstat(terminal.slave).st_rdev
    porto.set(name, held=False)
    terminal.expect("began")


def test_tty_errors(porto, name, terminal, tmp_path):
    porto.create(name)
    porto.set(name, command="true", tty=True)
    for stdin in "/dev/null", "/dev/zero", terminal.path:
        porto.set(name, stdin_path=stdin)
        with expect("InvalidValue") as seen:
            porto.start(name)
        assert "tty" in seen.error.text
    with open(tmp_path / "file", "w+") as file:
        porto.set(name, stdin_path="/dev/fd/%d" % file.fileno())
        with expect("InvalidValue"):
            porto.start(name)
    # The master is no terminal for anybody else.
    porto.set(name, stdin_path="/dev/fd/%d" % terminal.master)
    with expect("InvalidValue"):
        porto.start(name)
    assert porto.state(name) == "stopped"


def test_tty_of_another_session(porto, name, terminal):
    porto.run(name, "sleep 1000", **terminal.streams())
    porto.create(name + "-2")
    porto.set(name + "-2", command="true", **terminal.streams())
    with expect("InvalidValue") as seen:
        porto.start(name + "-2")
    assert "controlling" in seen.error.text


def test_tty_of_somebody_else(own_portod, name, terminal, toolbox):
    """Who has a terminal open does not own it: it is not given away for him."""
    portod = own_portod(group="porto:x:64999:nobody")
    with client_of(portod, toolbox, NOBODY, NOBODY, [terminal.slave]) as client:
        client.create(name)
        client.set(name, command="sleep 1000", **terminal.streams())
        with expect("Permission"):
            client.start(name)
        assert os.stat(terminal.path).st_uid == 0
        os.chown(terminal.path, NOBODY, -1)
        client.start(name)
        client.destroy(name)


def test_tty_set_only_when_stopped(porto, name):
    porto.run(name, "sleep 1000")
    with expect("InvalidState"):
        porto.set(name, tty=True)


# ---- unshare_on_exec -------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_unshare_on_exec(porto, name, user):
    porto.run(name, "sleep 1000", unshare_on_exec=True, user=user)
    pid = pid_of(porto, name)
    with open("/proc/%d/stat" % pid) as file:
        init = int(file.read().rpartition(")")[2].split()[1])
    command, first, host = (os.readlink("/proc/%s/ns/mnt" % p) for p in (pid, init, "self"))
    assert len({command, first, host}) == 3
    assert os.readlink("/proc/%d/ns/pid" % pid) == os.readlink("/proc/%d/ns/pid" % init)


def test_unshare_on_exec_of_a_job(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "sleep 1000", virt_mode="job", unshare_on_exec=True)
    pids = pid_of(porto, name), pid_of(porto, name + "/job")
    assert len({os.readlink("/proc/%d/ns/mnt" % pid) for pid in pids}) == 2


# ---- children_allowed ------------------------------------------------------------------------


def test_children_allowed(porto, portod, name):
    porto.create(name)
    porto.set(name, children_allowed=False)
    with expect("Permission") as seen:
        porto.create(name + "/child")
    assert "children_allowed" in seen.error.text
    portod.kill_server()
    porto.connect()
    with expect("Permission"):
        porto.create(name + "/child")
    porto.set(name, children_allowed=True)
    porto.create(name + "/child")
    with expect("InvalidState"):
        porto.set(name, children_allowed=False)
    assert porto.get_property(name, "children_allowed") == "true"
    porto.destroy(name + "/child")
    porto.set(name, children_allowed=False)
