# SPDX-License-Identifier: Apache-2.0
"""portoctl shell and enter: a command in a container that runs."""

import os
import subprocess

import pytest

from conftest import find_binary, poll, read
from test_portoctl import Terminal

VERBS = ["shell", "enter"]


@pytest.fixture
def box(porto, name):
    porto.run(name, "sleep 1000", env="VAR=value", cwd="/tmp", hostname="box")
    return name


def groups(pid):
    rows = (line.split(":", 2) for line in read("/proc/%s/cgroup" % pid).splitlines())
    return {row[1]: row[2] for row in rows}


def run(portod, *args, status=0, env=None, **kwargs):
    done = subprocess.run(
        [find_binary("client/portoctl"), *args],
        env={**portod.portoctl_env(), "USER": "tester", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=None if "input" in kwargs else subprocess.DEVNULL,
        universal_newlines=True,
        timeout=60,
        **kwargs,
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stderr if status else done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_inside(portod, porto, box, verb):
    """In the namespaces, the directory and the environment of the container."""
    text = run(portod, verb, box, "sh", "-c", "hostname; pwd; echo $VAR; readlink /proc/self/ns/pid")
    pid = porto.get_property(box, "root_pid")
    assert text.splitlines() == ["box", "/tmp", "value", os.readlink("/proc/%s/ns/pid" % pid)]


def test_groups(portod, porto, box):
    """A shell has groups of its own below those of the container, enter has none."""
    main = groups(porto.get_property(box, "root_pid"))
    theirs = {}
    for verb in VERBS:
        proc = subprocess.Popen(
            [find_binary("client/portoctl"), verb, box, "sleep", "1000"], env=portod.portoctl_env()
        )
        (child,) = poll(
            lambda: [c for c in porto.list() if c != box and porto.state(c) == "running"],
            message="the command runs",
        )
        assert porto.get_property(child, "weak") == "true"
        theirs[verb] = groups(porto.get_property(child, "root_pid"))
        proc.terminate()
        proc.wait()
        poll(lambda: porto.list() == [box], message="it is gone")
    assert theirs["enter"] == main
    key = "freezer" if "freezer" in main else ""
    assert theirs["shell"][key].startswith(main[key].replace("/%leaf", "") + "/shell-")


@pytest.mark.parametrize("verb", VERBS)
def test_arguments_are_exact(portod, box, toolbox, verb):
    args = ["a b", "", "$VAR", "*", "'", '"', "\\", "\\t", "\t", "x\ty", "a\nb", "-u", "--", ";", "ä",
            " ", ""]
    text = run(portod, verb, box, toolbox, "args", *args)
    assert text == "".join("[%s]\n" % arg for arg in args)


def test_dashes_before_the_command(portod, box):
    assert run(portod, "shell", box, "--", "echo", "--", "x") == "-- x\n"
    assert run(portod, "shell", "-T", box, "echo", "-T") == "-T\n"


@pytest.mark.parametrize("verb", VERBS)
def test_environment(portod, box, verb):
    text = run(portod, verb, box, "env", env={"USER": "some;body"})
    env = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert env["debian_chroot"] == env["PORTO_SHELL_NAME"] == box
    assert env["PORTO_SHELL_USER"] == "some;body"
    text = run(portod, verb, box, "env", env={"USER": "", "SUDO_USER": "sudoer"})
    assert "PORTO_SHELL_USER=sudoer\n" in text
    assert "PORTO_SHELL_USER=unknown\n" in run(portod, verb, box, "env", env={"USER": ""})


def test_long_name(portod, porto, name):
    long = ("n" * 60 + "/") * 3 + "m" * 10
    for i in range(4):
        porto.create("/".join(long.split("/")[: i + 1]))
    porto.start(long)
    text = run(portod, "shell", long, "env", env={"USER": "u" * 50})
    assert "debian_chroot=%s..%s\n" % (long[:24], long[-24:]) in text
    porto.run(name, "sleep 1000")
    run(portod, "shell", name, "true", env={"USER": "u" * 500})


def test_name_and_note(portod, porto, box):
    proc = subprocess.Popen(
        [find_binary("client/portoctl"), "shell", box, "sleep", "1000"],
        env={**portod.portoctl_env(), "USER": "me@host/x"},
    )
    (child,) = poll(lambda: [c for c in porto.list() if c != box], message="a child")
    assert child == "%s/shell-me@host_x-%d" % (box, proc.pid)
    poll(lambda: porto.state(child) == "running", message="it runs")
    assert "me@host/x" in porto.get_property(child, "private")
    proc.kill()
    proc.wait()
    poll(lambda: porto.list() == [box], message="weak, it goes with its client")
    assert porto.state(box) == "running"


@pytest.mark.parametrize("verb", VERBS)
def test_exit_status(portod, box, toolbox, verb):
    assert "exit code: 42" in run(portod, verb, box, toolbox, "exit", "42", status=42)
    assert "signal: 15" in run(portod, verb, box, toolbox, "die", "15", status=128 + 15)
    text = run(portod, verb, box, "/no/such/program", status=1)
    assert text.startswith("Cannot start container: InvalidCommand:(")


@pytest.mark.parametrize("verb", VERBS)
def test_streams(portod, porto, box, verb):
    assert run(portod, verb, box, "cat", input="text\nmore") == "text\nmore"
    assert porto.list() == [box]


@pytest.mark.parametrize("verb", VERBS)
def test_user_and_group(portod, box, verb):
    assert run(portod, verb, "-u", "nobody", box, "id").startswith(
        "uid=65534(nobody) gid=65534(nogroup)"
    )
    text = run(portod, verb, "-u", "nobody", "-g", "daemon", box, "id")
    assert text.startswith("uid=65534(nobody) gid=1(daemon)")
    assert "gid=1(daemon)" in run(portod, verb, "-g", "daemon", box, "id")
    assert run(portod, verb, "-u", "root", box, "id", "-u") == "0\n"
    assert run(portod, verb, "-u", "54321", "-g", "54322", box, "id").startswith(
        "uid=54321 gid=54322"
    )
    assert "InvalidValue" in run(portod, verb, "-u", "no-such-user", box, "id", status=1)
    assert "InvalidValue" in run(portod, verb, "-g", "no-such-group", box, "id", status=1)


@pytest.mark.parametrize("verb", VERBS)
def test_default_shell(portod, porto, box, rootfs, name, verb):
    """bash where there is one, else sh."""
    assert run(portod, verb, box, input="echo ${BASH_VERSION:+bash}\n") == "bash\n"
    porto.run(name + "-chroot", "/bin/sleep 1000", root=rootfs)
    assert run(portod, verb, name + "-chroot", input="echo $((6 * 7)); ls /bin/bash\n",
               status=1) == "ls: /bin/bash: No such file or directory\nContainer exit code: 1\n"


@pytest.mark.parametrize("verb", VERBS)
def test_terminal(portod, porto, box, verb):
    term = Terminal(portod, verb, box, "sh")
    term.expect(b"#")
    term.type(b"stty size; echo TERM=$TERM; hostname\n")
    term.expect(b"33 99")
    term.expect(b"TERM=vt100")
    term.expect(b"box")
    term.expect(b"#")
    term.type(b"sleep 1000\n")
    poll(lambda: int(porto.get_property(box, "process_count")) >= 5, message="a sleep")
    term.type(b"\x03")
    term.expect(b"#")  # the terminal drops what is typed until then
    term.type(b"echo alive $?\n")
    term.expect(b"alive 130")
    term.type(b"exit 7\n")
    assert term.end() == 7
    poll(lambda: porto.list() == [box], message="it is gone")


def test_detach_ends_it(portod, porto, box):
    term = Terminal(portod, "shell", "--detach-keys", "ctrl-a,d", box, "sh")
    term.expect(b"#")
    term.type(b"\x01d")
    assert term.end() == 0
    poll(lambda: porto.list() == [box], message="it is gone")
    assert "bad detach keys" in run(portod, "shell", "--detach-keys", "xx", box, status=1)


@pytest.mark.parametrize("verb", VERBS)
def test_target_must_run(portod, porto, name, verb):
    text = run(portod, verb, name, "true", status=1)
    assert text.startswith("Cannot start container: ContainerDoesNotExist:(")
    porto.create(name)
    porto.set_property(name, "command", "sleep 1000")
    assert "InvalidState" in run(portod, verb, name, "true", status=1)
    assert porto.state(name) == "stopped"
    porto.start(name)
    porto.pause(name)
    assert "paused" in run(portod, verb, name, "true", status=1)
    porto.resume(name)
    assert run(portod, verb, name, "echo", "x") == "x\n"
    run(portod, verb, name + "*", "true", status=1)  # a mask is no name


@pytest.mark.parametrize("verb", VERBS)
def test_meta(portod, porto, name, verb):
    porto.run(name, None)
    assert run(portod, verb, name, "echo", "x") == "x\n"


def test_usage(portod, box):
    for verb in VERBS:
        assert "Usage: portoctl %s" % verb in run(portod, verb, status=1)
        assert "--user" in run(portod, verb, "--help")


def test_enter_kills_all_of_it(portod, porto, box):
    """Nothing of it survives portoctl."""
    proc = subprocess.Popen(
        [find_binary("client/portoctl"), "enter", box, "sh", "-c",
         "setsid sleep 7651234 & setsid sleep 7651234 & wait"],
        env=portod.portoctl_env(),
    )
    poll(lambda: int(porto.get_property(box, "process_count")) >= 6, message="processes")
    proc.kill()
    proc.wait()
    poll(lambda: porto.list() == [box], message="it is gone")
    assert porto.get_property(box, "process_count") == "2"
