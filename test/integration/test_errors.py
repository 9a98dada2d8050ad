# SPDX-License-Identifier: Apache-2.0
"""A start that fails at any step: everything is undone, the error says step, object and reason."""

import os

import pytest

from conftest import expect, poll
from porto_client import PortoError

CASES = {
    "no such program": ({"command": "/no/such/program"}, "InvalidCommand", ["/no/such/program", "No such file"]),
    "not in PATH": ({"command": "no-such-program-anywhere"}, "InvalidCommand", ["no-such-program-anywhere"]),
    "not executable": ({"command": "/etc/passwd"}, "InvalidCommand", ["/etc/passwd", "ermission"]),
    "a directory": ({"command": "/etc"}, "InvalidCommand", ["/etc", "ermission"]),
    "bad syntax": ({"command": "echo 'x"}, "InvalidCommand", ["echo"]),
    "undefined variable": ({"command": "echo $NO_SUCH"}, "InvalidCommand", ["NO_SUCH"]),
    "command without words": ({"command": "$EMPTY", "env": "EMPTY="}, "InvalidCommand", []),
    "no such cwd": ({"cwd": "/no/such/dir"}, None, ["/no/such/dir", "No such file"]),
    "cwd is a file": ({"cwd": "/etc/passwd"}, None, ["/etc/passwd", "Not a directory"]),
    "no such root": ({"root": "/no/such/root"}, None, ["/no/such/root", "No such file"]),
    "root is a file": ({"root": "/etc/passwd"}, None, ["/etc/passwd"]),
    "no such bind source": ({"bind": "/no/such/source /mnt"}, None, ["/no/such/source", "No such file"]),
    "bind file over directory": ({"bind": "/etc/passwd /mnt"}, None, ["/mnt"]),
    "no such stdin": ({"stdin_path": "/no/such/in"}, "InvalidValue", ["/no/such/in", "No such file"]),
    "no such stdout": ({"stdout_path": "/no/such/dir/out"}, "InvalidValue", ["/no/such/dir/out"]),
    "stdout is a directory": ({"stdout_path": "/etc"}, "InvalidValue", ["/etc"]),
    "ambient beyond the bound": (
        {"capabilities": "KILL", "capabilities_ambient": "CHOWN"},
        "Permission",
        ["CHOWN"],
    ),
    "long hostname": ({"hostname": "x" * 65}, "InvalidValue", ["hostname"]),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_failed_start(porto, portod, name, case):
    props, code, words = CASES[case]
    before = portod.processes()
    porto.create(name)
    porto.set(name, **{"command": "true", "private": "kept", **props})
    with pytest.raises(PortoError) as caught:
        porto.start(name)
    error = caught.value
    if code:
        assert error.name == code, error
    for word in words:
        assert word in error.text, error.text
    # Nothing is left.
    assert porto.state(name) == "stopped"
    assert portod.cgroup_dirs() == portod.baseline[0]
    assert portod.mounts() == portod.baseline[1]
    poll(lambda: set(portod.processes()) <= set(before) | {portod.server_pid()})
    assert not os.path.exists(os.path.join(portod.place, "porto", name))
    # The reason is kept, name and text.
    assert porto.get_property(name, "start_error").startswith("%s:(" % error.name)
    for word in words:
        assert word in porto.get_property(name, "start_error")
    assert porto.get_property(name, "private") == "kept"
    # Mended, it starts, and the reason is forgotten.
    mend = {"command": "true", "cwd": "/", "root": "/", "bind": "", "hostname": "",
            "stdin_path": "/dev/null", "stdout_path": "/dev/null", "capabilities": "KILL;CHOWN"}
    porto.set(name, **{k: mend[k] for k in props if k in mend})
    porto.start(name)
    assert porto.finish(name) == 0
    assert porto.get_property(name, "start_error") == ""


def test_program_inside_the_root(porto, rootfs, name):
    """What exists on the host does not exist inside."""
    porto.create(name)
    porto.set(name, command="/usr/bin/env", root=rootfs)
    with expect("InvalidCommand"):
        porto.start(name)


def test_missing_interpreter(porto, tmp_path, name):
    os.chmod(tmp_path, 0o755)
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    porto.create(name)
    porto.set_property(name, "command", str(script))
    with expect("InvalidCommand"):
        porto.start(name)


def test_failed_child_leaves_started_parents(porto, name):
    porto.create(name)
    porto.create(name + "/child")
    porto.set_property(name + "/child", "command", "/no/such/program")
    with expect("InvalidCommand"):
        porto.start(name + "/child")
    assert porto.state(name) == "meta"
    assert porto.state(name + "/child") == "stopped"


def test_wrong_state_does_not_touch_the_start_error(porto, name):
    porto.create(name)
    porto.set_property(name, "command", "/no/such/program")
    with expect("InvalidCommand"):
        porto.start(name)
    before = porto.get_property(name, "start_error")
    porto.create(name + "/x")
    with expect("InvalidState"):
        porto.respawn(name)
    assert porto.get_property(name, "start_error") == before


def test_failed_respawn(porto, tmp_path, name):
    os.chmod(tmp_path, 0o755)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    porto.run(name, str(program))
    assert porto.finish(name) == 0
    program.unlink()
    with expect("InvalidCommand"):
        porto.respawn(name)
    assert porto.state(name) == "dead"
    assert porto.get_property(name, "start_error").startswith("InvalidCommand:(")


def test_failures_are_counted(porto, name):
    before = porto.get_system()
    porto.create(name)
    porto.set_property(name, "command", "/no/such/program")
    with expect("InvalidCommand"):
        porto.start(name)
    after = porto.get_system()
    assert after.container_start_failed == before.container_start_failed + 1
    assert after.fail_invalid_command == before.fail_invalid_command + 1


def test_a_hundred_failures(porto, portod, name):
    """No descriptor, process or cgroup is lost on the way."""
    porto.create(name)
    porto.set_property(name, "command", "/no/such/program")
    for _ in range(5):
        with expect("InvalidCommand"):
            porto.start(name)
    fds = len(os.listdir("/proc/%d/fd" % portod.server_pid()))
    for _ in range(50):
        with expect("InvalidCommand"):
            porto.start(name)
    assert len(os.listdir("/proc/%d/fd" % portod.server_pid())) == fds


def test_server_is_not_shaken_by_a_killed_starter(porto, portod, name):
    """Kill -9 of whatever is being started, at many moments."""
    import signal
    import threading
    import time

    porto.create(name)
    porto.set_property(name, "command", "sleep 1000")
    stop = threading.Event()

    def killer():
        server = portod.server_pid()
        while not stop.is_set():
            try:
                with open("/proc/%d/task/%d/children" % (server, server)) as file:
                    for pid in file.read().split():
                        os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass
            time.sleep(0.002)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        for _ in range(20):
            try:
                porto.start(name)
            except PortoError as err:
                # Not stopped: the clean-up of the stop before was killed, too.
                if err.name != "InvalidState" or porto.state(name) != "dead":
                    assert err.name in ("Unknown", "InvalidCommand", "ResourceNotAvailable"), err
                    assert porto.get_property(name, "start_error")
            try:
                porto.stop(name, 0)
            except PortoError:
                pass
    finally:
        stop.set()
        thread.join()
    porto.stop(name, 0)
    assert porto.state(name) == "stopped"
    porto.start(name)
    assert porto.state(name) == "running"
