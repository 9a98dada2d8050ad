# SPDX-License-Identifier: Apache-2.0
"""portoctl: every verb, its output, its exit status, what it says about wrong input."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import find_binary, poll


@pytest.fixture
def ctl(portod, porto):
    """ctl("list", "-1") → CompletedProcess; ctl.ok(…) → stdout of a success without noise."""

    def run(*args, **kwargs):
        return portod.portoctl(*args, **kwargs)

    def ok(*args, **kwargs):
        done = run(*args, **kwargs)
        assert done.returncode == 0, "%s: %d %s" % (args, done.returncode, done.stderr)
        assert done.stderr == "", done.stderr
        return done.stdout

    def fails(status, *args, **kwargs):
        done = run(*args, **kwargs)
        assert done.returncode == status, "%s: %d %s" % (args, done.returncode, done.stderr)
        assert done.stderr.strip(), "no message"
        return done.stderr

    run.ok = ok
    run.fails = fails
    return run


# ---- life cycle ------------------------------------------------------------------------------------


def test_hello(ctl):
    """The first thing a stranger does."""
    assert ctl.ok("exec", "hello", 'command=echo "Hello, world!"') == "Hello, world!\n"
    assert ctl.ok("list", "-1") == ""


def test_create_start_stop_destroy(ctl, porto):
    assert ctl.ok("create", "a", "b") == ""
    assert porto.list() == ["a", "b"]
    assert ctl.ok("set", "a", "command", "sleep", "1000") == ""
    assert porto.get_property("a", "command") == "sleep 1000"
    assert ctl.ok("start", "a") == ""
    assert porto.state("a") == "running"
    assert ctl.ok("pause", "a") == ""
    assert porto.state("a") == "paused"
    assert ctl.ok("resume", "a") == ""
    assert ctl.ok("stop", "-T", "0", "a") == ""
    assert porto.state("a") == "stopped"
    assert ctl.ok("start", "a") == ""
    assert ctl.ok("restart", "a") == ""
    assert porto.state("a") == "running"
    assert ctl.ok("kill", "a", "SIGKILL") == ""
    porto.wait(["a"])
    assert ctl.ok("respawn", "a") == ""
    assert porto.state("a") == "running"
    assert ctl.ok("destroy", "a", "b") == ""
    assert porto.list() == []


def test_errors_name_kind_and_container(ctl, porto):
    porto.create("a")
    text = ctl.fails(3, "create", "a")
    assert text.startswith("Can't create container: ContainerAlreadyExists:(") and "a" in text
    assert ctl.fails(4, "start", "nothing").startswith(
        "Can't start container: ContainerDoesNotExist:("
    )
    assert ctl.fails(8, "pause", "a").startswith("Can't pause container: InvalidState:(")
    assert ctl.fails(8, "kill", "a").startswith("Can't send signal to container: InvalidState:(")
    assert ctl.fails(4, "destroy", "nothing").startswith("Can't destroy container: ")
    assert ctl.fails(4, "stop", "nothing").startswith("Can't stop container: ")
    assert ctl.fails(4, "resume", "nothing").startswith("Can't resume container: ")
    assert ctl.fails(8, "respawn", "a").startswith("Cannot respawn container: ")
    porto.set_property("a", "command", "/no/such/program")
    assert "/no/such/program" in ctl.fails(22, "start", "a")


def test_destroy_goes_on_after_an_error(ctl, porto):
    porto.create("a")
    ctl.fails(4, "destroy", "nothing", "a")
    assert porto.list() == []


def test_start_stops_at_the_first_error(ctl, porto):
    porto.create("a")
    ctl.fails(4, "start", "nothing", "a")
    assert porto.state("a") == "stopped"


def test_kill_signals(ctl, porto, toolbox):
    for form, number in ("SIGUSR1", 10), ("10", 10), (None, 15):
        porto.run("a", "%s catch %d" % (toolbox, number))
        poll(lambda: "ready" in porto.get_property("a", "stdout"))
        ctl.ok(*(["kill", "a"] + ([form] if form else [])))
        assert porto.finish("a") == 0
        porto.destroy("a")
    porto.run("a", "sleep 1000")
    assert "NOPE" in ctl.fails(1, "kill", "a", "NOPE")


# ---- properties --------------------------------------------------------------------------------------


def test_get_forms(ctl, porto):
    porto.run("a", "sleep 1000", private="note")
    assert ctl.ok("get", "a", "state") == "running\n"
    assert ctl.ok("get", "a", "state", "private") == "state = running\nprivate = note\n"
    assert ctl.ok("get", "a", "memory_limit") == "0\n"
    everything = ctl.ok("get", "a")
    assert "state = running\n" in everything
    assert "private = note\n" in everything
    names = [line.split(" = ")[0] for line in everything.splitlines() if " = " in line and line[0] != " "]
    assert names == sorted(names)
    porto.set_property("a", "memory_limit", "1G")
    assert "memory_limit = 1G\n" in ctl.ok("get", "a")
    assert ctl.ok("get", "a", "memory_limit") == "1073741824\n"


def test_get_of_several(ctl, porto):
    porto.create("a")
    porto.create("b")
    assert ctl.ok("get", "*", "--", "state") == "a:\nstate = stopped\n\nb:\nstate = stopped\n\n" or (
        ctl.ok("get", "*", "--", "state") == "a:\nstopped\n\nb:\nstopped\n\n"
    )
    assert "a:" in ctl.ok("get", "--", "state")
    assert ctl.ok("get", "nothing*", "--", "state") == ""


def test_get_errors(ctl, porto):
    porto.create("a")
    done = ctl("get", "a", "state", "exit_code")
    assert done.returncode == 1
    assert "state = stopped" in done.stdout
    assert "Cannot get exit_code: InvalidState:(" in done.stderr
    ctl.fails(1, "get", "a", "no_such")
    assert ctl("get", "nothing", "state").returncode != 0


def test_pget_and_dget(ctl, porto):
    porto.create("a")
    assert ctl.ok("pget", "a", "state", "private") == "stopped\n\n"
    assert ctl.ok("pget", "-k", "a", "state") == "state = stopped\n"
    assert ctl.ok("dget", "a", "state") == "stopped\n"
    assert ctl.fails(5, "pget", "a", "no_such").startswith("Can't get property")


def test_set_forms(ctl, porto):
    porto.create("a")
    ctl.ok("set", "a", "private=x y=z")
    assert porto.get_property("a", "private") == "x y=z"
    ctl.ok("set", "a", "private", "one", "two=three")
    assert porto.get_property("a", "private") == "one two=three"
    ctl.ok("set", "a", "private=")
    assert porto.get_property("a", "private") == ""
    ctl.ok("set", "a", "env[A]=1")
    assert porto.get_property("a", "env") == "A=1"
    assert ctl.fails(5, "set", "a", "no_such=1").startswith("Can't set property: InvalidProperty:(")
    assert ctl.fails(7, "set", "a", "isolate=perhaps")
    assert ctl("set", "a", "word").returncode == 1


# ---- lists -------------------------------------------------------------------------------------------


def test_list(ctl, porto):
    porto.create("stopped-one")
    porto.run("run", "sleep 1000")
    porto.create("run/meta")
    porto.start("run/meta")
    porto.run("dead", "true")
    porto.finish("dead")
    rows = [line.split() for line in ctl.ok("list").splitlines()]
    assert [row[:2] for row in rows] == [
        ["dead", "dead"],
        ["run", "running"],
        ["run/meta", "meta"],
        ["stopped-one", "stopped"],
    ]
    assert [len(row) for row in rows] == [3, 3, 3, 2]
    lines = ctl.ok("list").splitlines()
    assert lines[0].startswith("dead" + " " * 9)
    assert len(set(len(line.rstrip()) for line in lines if "stopped" not in line)) == 1
    assert ctl.ok("list", "-1") == "dead\nrun\nrun/meta\nstopped-one\n"
    assert [l.split()[0] for l in ctl.ok("list", "-r").splitlines()] == ["run"]
    assert ctl.ok("list", "-1", "-t") == "dead\nrun\nstopped-one\n"
    assert ctl.ok("list", "-1", "run*") == "run\n"
    assert ctl.ok("list", "-1", "run***") == "run\nrun/meta\n"
    assert "\\_ meta" in ctl.ok("list", "-f")
    assert ctl.ok("list", "-1", "nothing*") == ""


def test_list_by_label(ctl, porto):
    porto.create("a")
    porto.create("b")
    porto.set_label("b", "TEST.x", "1")
    assert ctl.ok("list", "-1", "-L", "TEST.x") == "b\n"
    assert ctl.ok("list", "-1", "-L", "TEST.x=1") == "b\n"
    assert ctl.ok("list", "-1", "-L", "TEST.x=2") == ""


def test_json(ctl, porto):
    porto.run("a", "sleep 1000", private='quotes " and \\ and \u00e9')
    porto.create("a/b")
    rows = json.loads(ctl.ok("list", "--json"))
    assert [(row["name"], row["state"]) for row in rows] == [("a", "running"), ("a/b", "stopped")]
    data = json.loads(ctl.ok("get", "--json", "a", "state", "private", "exit_code"))
    text = json.dumps(data)
    assert "running" in text and "InvalidState" in text
    assert 'quotes \\" and' in text
    assert json.loads(ctl.ok("list", "--json", "nothing*")) == []
    everything = json.loads(ctl.ok("get", "--json", "a"))
    assert everything


def test_find(ctl, porto):
    porto.run("a", "sleep 1000")
    pid = porto.get_property("a", "root_pid")
    assert ctl.ok("find", pid) == "a\n"
    assert ctl.ok("find", pid, "sleep") == "a\n"
    assert ctl.ok("find", str(os.getpid())) in ("/\n", "self\n")
    assert "x" in ctl.fails(1, "find", "x")
    ctl.fails(7, "find", pid, "wrong")


def test_gc(ctl, porto):
    porto.run("dead", "true")
    porto.finish("dead")
    porto.create("stopped")
    ctl.ok("gc")
    assert porto.list() == ["stopped"]


def test_raw(ctl, porto):
    porto.create("a")
    result = ctl("raw", "GetProperty", '{ name: "a" property: "state" }')
    assert result.returncode == 0 and result.stderr == ""
    assert 'value: "stopped"' in result.stdout and "error: Success" in result.stdout
    assert result.stdout.endswith("}\n\n") or result.stdout.endswith("\n\n")
    # As methods were spelled in older schemas.
    for text in "list {}", 'LIST: { mask: "*" }', "List < mask: 'a' >":
        assert 'name: "a"' in ctl("raw", text).stdout
    old = ctl("raw", "propertyList {}").stdout
    # All but the time of the reply.
    assert old.split("timestamp")[0] == ctl("raw", "ListProperties {}").stdout.split("timestamp")[0]
    assert "absolute_name" in old
    result = ctl("raw", 'getData { name: "a" data: "state" }')
    assert 'value: "stopped"' in result.stdout
    # An error is a reply as well.
    result = ctl("raw", 'Destroy { name: "b" }')
    assert result.returncode == 4 and result.stderr == ""
    assert "error: ContainerDoesNotExist" in result.stdout and "errorMsg:" in result.stdout
    for wrong in "nothing {}", "List { mask: }", "List { name: 'a' }", 'List { mask: "a" ':
        result = ctl("raw", wrong)
        assert result.returncode == 2 and result.stdout == ""
        assert "InvalidMethod:(request: line 1" in result.stderr, result.stderr
    # It is the daemon that wants exactly one.
    for text in "List {} Version {}", "":
        result = ctl("raw", text)
        assert result.returncode == 2 and "error: InvalidMethod" in result.stdout


def test_version(ctl, porto):
    for form in ["-v"], ["--version"], ["version"]:
        lines = ctl.ok(*form).splitlines()
        assert len(lines) == 2
        assert lines[0].startswith("client: ") and lines[1].startswith("server: ")
        assert porto.version()[0] in lines[1]


# ---- wait --------------------------------------------------------------------------------------------


def test_wait(ctl, porto):
    porto.run("a", "sleep 0.2")
    assert ctl.ok("wait", "a") == "a\n"
    porto.run("b", "sleep 1000")
    done = ctl("wait", "-T", "0", "b")
    assert "timeout" in done.stderr
    start = time.monotonic()
    done = ctl("wait", "-t", "300", "b")
    assert time.monotonic() - start < 5
    assert ctl("wait").returncode != 0
    ctl.fails(4, "wait", "nothing")


def test_wait_for_a_label(ctl, porto, portod):
    porto.run("a", "sleep 1000")
    proc = subprocess.Popen(
        [find_binary("client/portoctl"), "wait", "-L", "TEST.*", "a"],
        env=portod.portoctl_env(),
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    poll(lambda: porto.get_system().client_count >= 2)
    time.sleep(0.1)
    porto.set_label("a", "TEST.x", "1")
    out, _ = proc.communicate(timeout=20)
    assert proc.returncode == 0 and out.startswith("a")


def test_wait_survives_a_restart(portod, porto):
    porto.run("a", "sleep 0.8")
    proc = subprocess.Popen(
        [find_binary("client/portoctl"), "wait", "a"],
        env=portod.portoctl_env(),
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    poll(lambda: porto.get_system().client_count >= 2)
    portod.kill_server()
    out, _ = proc.communicate(timeout=20)
    assert (proc.returncode, out) == (0, "a\n")
    porto.connect()


def test_wait_async(portod, porto):
    porto.create("a")
    proc = subprocess.Popen(
        [find_binary("client/portoctl"), "wait", "-A", "-T", "2", "a"],
        env=portod.portoctl_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    poll(lambda: porto.get_system().client_count >= 2)
    time.sleep(0.2)
    porto.start("a")
    out, _ = proc.communicate(timeout=20)
    assert "stopped\ta" in out and "meta\ta" in out
    assert proc.returncode == 0


# ---- run and exec --------------------------------------------------------------------------------------


def test_run(ctl, porto):
    assert ctl.ok("run", "a", "command=sh -c 'echo out; exit 3'", "private=x", "memory_limit=64M") == ""
    assert porto.finish("a") == 3
    assert porto.get_property("a", "stdout") == "out\n"
    assert porto.get_property("a", "private") == "x"
    assert porto.get_property("a", "memory_limit") == str(64 << 20)
    assert porto.get_property("a", "weak") == "false"


def test_run_that_fails_leaves_nothing(ctl, porto):
    text = ctl.fails(1, "run", "a", "command=/no/such/program")
    assert text.startswith("Cannot start container: InvalidCommand:(")
    assert porto.list() == []
    ctl.fails(1, "run", "a", "command=true", "no_such=1")
    assert porto.list() == []
    text = ctl.fails(1, "run", "a", "word")
    assert "Cannot set property: InvalidValue:(" in text and "word" in text
    assert porto.list() == []


def test_run_env_accumulates(ctl, porto):
    ctl.ok("run", "a", "command=env", "env=A=1", "env=B=2;C=x\\;y")
    porto.finish("a")
    text = porto.get_property("a", "stdout")
    assert "A=1\n" in text and "B=2\n" in text and "C=x;y\n" in text


@pytest.mark.parametrize("code", [0, 1, 42, 130, 137, 255])
def test_exec_exit_codes(ctl, toolbox, code):
    done = ctl("exec", "a", "command=%s exit %d" % (toolbox, code))
    assert done.returncode == code
    assert ("Container exit code: %d" % code in done.stderr) == (code != 0)


def test_exec_signals(ctl, toolbox):
    done = ctl("exec", "a", "command=%s die 15" % toolbox)
    assert done.returncode == 128 + 15
    assert "Container killed by signal: 15" in done.stderr


def test_exec_out_of_memory(ctl, toolbox):
    done = ctl("exec", "a", "command=%s hog 200" % toolbox, "memory_limit=32M")
    assert done.returncode == 137
    assert "OOM" in done.stderr


def test_exec_start_error(ctl, porto):
    done = ctl("exec", "a", "command=/no/such/program")
    assert done.returncode == 1
    assert done.stderr.startswith("Cannot start container: InvalidCommand:(")
    assert porto.list() == []
    done = ctl("exec", "a", "command=")
    assert done.returncode == 1 and done.stderr


def test_exec_streams(ctl, porto):
    done = ctl("exec", "a", "command=sh -c 'cat; echo err >&2'", input="text\nmore")
    assert (done.returncode, done.stdout, done.stderr) == (0, "text\nmore", "err\n")
    assert porto.list() == []


def test_exec_large_output(ctl, toolbox):
    done = ctl("exec", "a", "command=%s lines 100000" % toolbox)
    assert len(done.stdout) == 10000000
    assert done.stdout.endswith("%099d\n" % 99999)


def test_exec_keeps_with_c(ctl, porto):
    ctl.ok("exec", "-C", "a", "command=true")
    assert porto.list() == ["a"]
    assert porto.state("a") == "dead"


def test_exec_is_weak(portod, porto):
    proc = subprocess.Popen(
        [find_binary("client/portoctl"), "exec", "a", "command=sleep 1000"],
        env=portod.portoctl_env(),
        stdin=subprocess.DEVNULL,
    )
    poll(lambda: porto.list() == ["a"] and porto.state("a") == "running")
    proc.kill()
    proc.wait()
    poll(lambda: porto.list() == [])


class Terminal:
    """portoctl on a pseudo terminal."""

    def __init__(self, portod, *args, size=(33, 99)):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(find_binary("client/portoctl"), ["portoctl", *args],
                          dict(portod.portoctl_env(), TERM="vt100"))
            finally:
                os._exit(127)
        self.resize(*size)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, text, deadline=15):
        end = time.monotonic() + deadline
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, "%r not in %r" % (text, self.seen)
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            assert data, "end with %r, no %r" % (self.seen, text)
            self.seen += data
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, data):
        os.write(self.fd, data)

    def end(self, deadline=15):
        """Exit status, after reading to the end."""
        limit = time.monotonic() + deadline
        while True:
            ready, _, _ = select.select([self.fd], [], [], 0.05)
            if ready:
                try:
                    data = os.read(self.fd, 4096)
                    self.seen += data
                    if data:
                        continue
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > limit:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                os.close(self.fd)
                raise AssertionError("does not end: %r" % self.seen)


def test_exec_terminal(portod, porto):
    term = Terminal(portod, "exec", "a", "command=sh")
    term.expect(b"#")
    term.type(b"tty; stty size; echo TERM=$TERM\n")
    assert re.search(rb"/dev/", term.expect(b"33 99"))
    term.expect(b"TERM=vt100")
    term.type(b"exit 7\n")
    assert term.end() == 7
    poll(lambda: porto.list() == [])


def test_exec_terminal_has_job_control(portod, porto):
    """^C goes to what runs inside, not to portoctl."""
    term = Terminal(portod, "exec", "a", "command=sh")
    term.expect(b"#")
    term.type(b"sleep 1000\n")
    time.sleep(0.3)
    term.type(b"\x03")
    term.type(b"echo alive $?\n")
    term.expect(b"alive 130")
    term.type(b"exit 0\n")
    assert term.end() == 0


def test_exec_terminal_size_follows(portod, porto):
    term = Terminal(portod, "exec", "a", "command=sh")
    term.expect(b"#")
    term.resize(40, 120)
    os.kill(term.pid, signal.SIGWINCH)
    time.sleep(0.3)
    term.type(b"stty size\n")
    term.expect(b"40 120")
    term.type(b"exit\n")
    assert term.end() == 0


def test_exec_size_is_there_from_the_start(portod, porto):
    term = Terminal(portod, "exec", "a", "command=sh -c 'stty size; sleep 0.1'")
    term.expect(b"33 99")
    assert term.end() == 0


def test_exec_detach(portod, porto):
    term = Terminal(portod, "exec", "-C", "a", "command=sh")
    term.expect(b"#")
    term.type(b"\x18\x18")
    assert term.end() == 0
    assert b"exit portoctl" in term.seen
    assert porto.state("a") == "running"


def test_exec_without_a_terminal(portod, porto):
    term = Terminal(portod, "exec", "-T", "a", "command=sh -c 'echo x; test -t 9; exit 0'")
    assert term.end() == 0
    assert b"x" in term.seen


def test_terminal_is_restored(portod, porto):
    """However it ends, the mode of the local terminal is as before."""
    term = Terminal(portod, "exec", "a", "command=sleep 1000")
    poll(lambda: porto.list() == ["a"] and porto.state("a") == "running")
    time.sleep(0.2)
    raw = termios.tcgetattr(term.fd)[3]
    assert not raw & termios.ECHO, "raw mode while it runs"
    os.kill(term.pid, signal.SIGTERM)
    poll(lambda: termios.tcgetattr(term.fd)[3] & termios.ECHO)
    assert term.end() == 128 + signal.SIGTERM
    poll(lambda: porto.list() == [])


# ---- usage --------------------------------------------------------------------------------------------


def test_no_arguments(ctl):
    done = ctl()
    assert done.returncode == 1
    assert "Commands:" in done.stdout + done.stderr


def test_help(ctl):
    for form in ["-h"], ["--help"], ["help"]:
        text = ctl.ok(*form)
        assert text.startswith("Usage:")
        for word in "Options:", "Commands:", "Container properties:":
            assert "\n" + word in text
        for verb in (
            "run exec create set get list start stop restart kill pause resume respawn destroy "
            "wait find"
        ).split():
            assert re.search(r"^  %s " % verb, text, re.M), verb
        assert re.search(r"^  memory_limit ", text, re.M)
        assert re.search(r"^  state .*\(ro\)", text, re.M)


@pytest.mark.parametrize(
    "verb",
    "run exec create set get list start stop restart kill pause resume respawn destroy wait find "
    "gc pget dget".split(),
)
def test_help_of_a_verb(ctl, verb):
    text = ctl.ok("help", verb)
    assert text.startswith("Usage: portoctl %s" % verb)
    assert ctl(verb, "-h").stdout.startswith("Usage: portoctl %s" % verb)


@pytest.mark.parametrize("verb", "create destroy start stop pause resume kill set exec run".split())
def test_too_few_arguments(ctl, verb):
    done = ctl(verb)
    assert done.returncode == 1
    assert "Usage:" in done.stdout + done.stderr


def test_unknown_verb_and_option(ctl):
    assert "no-such-verb" in ctl.fails(1, "no-such-verb")
    assert ctl("list", "-Z").returncode == 1
    assert ctl("stop", "-T", "x", "a").returncode == 1
    assert ctl("wait", "-T", "x", "a").returncode == 1
    assert ctl("-t", "x", "list").returncode == 1


def test_without_a_daemon(portod, tmp_path):
    env = dict(os.environ, PORTO_SOCKET=str(tmp_path / "nothing"))
    start = time.monotonic()
    done = subprocess.run(
        [find_binary("client/portoctl"), "-t", "1", "list"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert time.monotonic() - start < 15
    assert done.returncode == 503 & 255
    assert "SocketUnavailable" in done.stderr
    assert str(tmp_path / "nothing") in done.stderr


def test_global_timeout(portod, porto):
    """-t bounds a call: the daemon is stopped, the client is not."""
    server = portod.server_pid()
    os.kill(server, signal.SIGSTOP)
    try:
        for form in ["-t", "1"], ["--timeout", "1"], ["--timeout=1"]:
            start = time.monotonic()
            done = portod.portoctl(*form, "list")
            assert time.monotonic() - start < 10
            assert done.returncode == 504 & 255
            assert "SocketTimeout" in done.stderr
    finally:
        os.kill(server, signal.SIGCONT)


def test_output_to_a_closed_pipe(portod, porto):
    for i in range(50):
        porto.create("c%d" % i)
    done = subprocess.run(
        "%s list -1 | head -1" % find_binary("client/portoctl"),
        shell=True,
        env=portod.portoctl_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.stdout == "c0\n" and done.stderr == ""


# ---- containers as files ----------------------------------------------------------------------------


def test_apply(ctl, porto, tmp_path):
    path = tmp_path / "two"
    path.write_text(
        "# two of them\n---\n"
        "name: 'a'\ncommand: 'sleep 1000'\nmemory_limit: 67108864\n"
        "env { var { name: 'A' value: 'x;y' } }\n"
        "---\n"
        "name: 'a/b'  isolate: false\n"
        "command_argv { argv: 'sleep' argv: '1000' }\n---\n# the end"
    )
    assert ctl.ok("apply", str(path)) == ""
    assert porto.list() == ["a", "a/b"] and porto.state("a") == "stopped"
    assert porto.get_property("a", "env[A]") == "x;y"
    assert ctl.ok("apply", "--start", str(path)) == ""
    assert porto.state("a/b") == "running"
    assert ctl.ok("apply", "-", input="name: 'a' private: 'x' cpu_limit: 0.5\n") == ""
    assert porto.get_property("a", "private") == "x"


def test_apply_of_something_wrong(ctl, porto, tmp_path):
    path = tmp_path / "wrong"
    path.write_text("name: 'a'\n---\nname: 'b'\nmemory_limit: 'x'\n---\nname: 'c'\n")
    text = ctl.fails(7, "apply", str(path))
    assert "line 3" in text and "memory_limit" in text
    assert porto.list() == ["a"]
    path.write_text("name: 'a' private: 'x' virt_mode: 'wrong'\n")
    text = ctl.fails(7, "apply", str(path))
    assert "virt_mode" in text and str(path) in text
    assert porto.get_property("a", "private") == ""
    path.write_text("nothing: 'a'\n")
    assert "nothing" in ctl.fails(7, "apply", str(path))
    assert "no/such" in ctl.fails(1, "apply", "/no/such/file")
    assert "parent" in ctl.fails(4, "apply", "-", input="name: 'x/y'")
    ctl.fails(7, "apply", "-", input="command: 'true'")
    ctl.fails(1, "apply")


def test_spec(ctl, porto):
    porto.create_from_spec("a", private="x", cpu_limit=0.5)
    porto.create_from_spec("b", command_argv={"argv": ["a b", ""]})
    assert ctl.ok("spec", "-p", "private", "a") == 'name: "a"\nprivate: "x"\n'
    text = ctl.ok("spec", "-S", "-p", "state", "--property", "private", "a", "b")
    assert text == (
        'name: "a"\nprivate: "x"\n# state: "stopped"\n---\n'
        'name: "b"\nprivate: ""\n# state: "stopped"\n'
    )
    assert "ContainerDoesNotExist" in ctl.fails(4, "spec", "nothing")
    assert ctl("spec", "-p", "private", "nothing", "a").stdout == 'name: "a"\nprivate: "x"\n'


def test_spec_and_apply(ctl, porto):
    """What is printed makes the same again."""
    porto.create_from_spec(
        "a", cpu_limit=0.5, command_argv={"argv": ["a b", "", "\t"]}, umask=77, respawn=True,
        labels={"map": [{"key": "TEST.a", "val": "1"}]},
    )
    text = ctl.ok("spec", "a")
    ctl.ok("apply", "-", input=text)
    assert ctl.ok("spec", "a") == text
    ctl.ok("apply", "-", input=text.replace('name: "a"\n', 'name: "b"\n', 1))
    assert porto.get_property("b", "command") == porto.get_property("a", "command")
    assert porto.get_property("b", "umask") == "077"
