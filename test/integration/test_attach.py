# SPDX-License-Identifier: Apache-2.0
"""AttachProcess, AttachThread, LocateProcess, ConvertPath."""

import contextlib
import os
import signal
import subprocess

import pytest

from conftest import NOBODY, alive, as_user, expect, poll, read

V1 = os.path.isdir("/sys/fs/cgroup/freezer")


@contextlib.contextmanager
def process(*args, user=None, stdin=subprocess.DEVNULL):
    """A process of this test, outside of any container."""

    def become():
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)

    child = subprocess.Popen(
        args or ("sleep", "1000"),
        stdin=stdin,
        stdout=subprocess.PIPE,
        preexec_fn=become if user else None,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def groups(pid):
    """{hierarchy: path} of a process or thread."""
    rows = (line.split(":", 2) for line in read("/proc/%d/cgroup" % pid).splitlines())
    return {row[1]: row[2] for row in rows}


def meta(porto, name, **props):
    """A container that takes processes: no isolation."""
    porto.run(name, None, isolate=False, **props)
    return name


# ---- what it does ----------------------------------------------------------------------------


def test_attach(porto, portod, name):
    meta(porto, name)
    with process() as child:
        porto.attach(name, child.pid, "sleep")
        assert porto.locate(child.pid) == name
        inside = groups(child.pid)
        moved = [path for path in inside.values() if portod.id in path]
        assert moved and all(name in path for path in moved)
        assert porto.get_property(name, "process_count") == "2"  # with the holder
        # The container's end is its end.
        porto.stop(name, 0)
        assert child.wait(10) == -signal.SIGKILL


def test_attach_moves_every_hierarchy(porto, portod, name):
    """Where the main task of the container is, there the attached process is."""
    porto.run(name, "sleep 1000", isolate=False)
    with process() as child:
        porto.attach(name, child.pid)
        main = int(porto.get_property(name, "root_pid"))
        theirs, ours = groups(main), groups(child.pid)
        for hierarchy in theirs:
            if hierarchy != "name=systemd":
                assert ours[hierarchy] == theirs[hierarchy]


def test_attach_only_groups_change(porto, name):
    meta(porto, name)
    with process() as child:
        before = {n: os.readlink("/proc/%d/ns/%s" % (child.pid, n)) for n in ("pid", "mnt", "ipc")}
        porto.attach(name, child.pid)
        after = {n: os.readlink("/proc/%d/ns/%s" % (child.pid, n)) for n in before}
        assert before == after


def test_attach_further_down(porto, name):
    meta(porto, name)
    meta(porto, name + "/a")
    with process() as child:
        porto.attach(name, child.pid)
        porto.attach(name + "/a", child.pid)
        assert porto.locate(child.pid) == name + "/a"
        with expect("Permission"):
            porto.attach(name, child.pid)  # up again
        with expect("Permission"):
            porto.attach(name + "/a", child.pid)  # it is there
        meta(porto, name + "/b")
        with expect("Permission"):
            porto.attach(name + "/b", child.pid)  # aside
        assert porto.locate(child.pid) == name + "/a"


def test_attached_process_is_limited(porto, toolbox, name):
    """The limits of the container hold for it."""
    meta(porto, name, thread_limit=8)
    with process("sh", "-c", "read x; exec %s fork 50" % toolbox, stdin=subprocess.PIPE) as child:
        porto.attach(name, child.pid)
        child.stdin.write(b"\n")
        child.stdin.close()
        done, _, why = child.stdout.readline().partition(b" ")
        assert int(done) < 8 and why != b"all\n"
        porto.stop(name, 0)


# ---- threads -----------------------------------------------------------------------------------


def tids(pid):
    return sorted(int(tid) for tid in os.listdir("/proc/%d/task" % pid))


@pytest.mark.skipif(not V1, reason="threads can be moved with cgroup version 1 only")
def test_attach_thread(porto, portod, toolbox, name):
    meta(porto, name)
    with process(toolbox, "threads", "3") as child:
        assert child.stdout.readline() == b"ready\n"
        tid = tids(child.pid)[-1]
        porto.attach(name, tid, "toolbox", thread=True)
        path = "/%s/%s" % (portod.id, name)
        assert groups(tid)["freezer"] == path
        others = [t for t in tids(child.pid) if t != tid]
        assert len(others) == 3
        assert all(groups(t)["freezer"] != path for t in others)


@pytest.mark.skipif(V1, reason="this host has cgroups of version 1")
def test_attach_thread_unified(porto, toolbox, name):
    meta(porto, name)
    with process(toolbox, "threads", "1") as child:
        child.stdout.readline()
        with expect("NotSupported"):
            porto.attach(name, tids(child.pid)[-1], thread=True)


def test_thread_id_is_no_process(porto, toolbox, name):
    """Its process would be moved: also the main process, which is not to be moved."""
    meta(porto, name)
    porto.run(name + "/a", "%s threads 1" % toolbox, isolate=False)
    main = int(porto.get_property(name + "/a", "root_pid"))
    poll(lambda: len(tids(main)) == 2, message="a second thread")
    meta(porto, name + "/a/b")
    with expect("InvalidValue"):
        porto.attach(name + "/a/b", tids(main)[-1])
    assert porto.locate(main) == name + "/a"


# ---- refusals ------------------------------------------------------------------------------------


def test_bad_pid(porto, name):
    meta(porto, name)
    for bad in 0, 2**22 + 5, 2**31, 2**32 - 1:
        for thread in False, True:
            with expect("InvalidValue"):
                porto.attach(name, bad, thread=thread)
    with process() as child:
        with expect("InvalidValue"):
            porto.attach(name, child.pid, "bash")
        assert porto.locate(child.pid) == "/"
    child.wait()
    with expect("InvalidValue"):
        porto.attach(name, child.pid)


def test_main_tasks_stay(porto, name):
    meta(porto, name)
    porto.run(name + "/a", "sleep 1000", isolate=False)
    meta(porto, name + "/a/b")
    main = int(porto.get_property(name + "/a", "root_pid"))
    wait = int(read("/proc/%d/stat" % main).rpartition(")")[2].split()[1])
    for pid in main, wait:
        with expect("Busy"):
            porto.attach(name + "/a/b", pid)
    assert porto.state(name + "/a") == "running"


def test_the_daemon_stays(porto, portod, name):
    meta(porto, name)
    for pid in portod.master_pid, portod.server_pid():
        with expect("Busy"):
            porto.attach(name, pid)


@pytest.mark.parametrize("state", ["stopped", "dead", "paused"])
def test_target_must_run(porto, name, state):
    porto.create(name)
    porto.set(name, isolate=False, command="true" if state == "dead" else "sleep 1000")
    if state != "stopped":
        porto.start(name)
    if state == "paused":
        porto.pause(name)
    if state == "dead":
        porto.finish(name)
    with process() as child:
        with expect("InvalidState"):
            porto.attach(name, child.pid)
        assert porto.locate(child.pid) == "/"


def test_isolation_between(porto, name):
    porto.run(name, None)
    porto.run(name + "/a", None, isolate=False)
    with process() as child:
        for target in name, name + "/a":
            with expect("InvalidState"):
                porto.attach(target, child.pid)
    # From inside it is not between.
    porto.run(name + "/b", "sh -c 'sleep 1000 & echo $!; wait'", isolate=False)
    poll(lambda: porto.get_property(name + "/b", "stdout"), message="a pid")
    main = int(porto.get_property(name + "/b", "root_pid"))
    inner = int(read("/proc/%d/task/%d/children" % (main, main)).split()[0])
    porto.run(name + "/b/c", None, isolate=False)
    porto.attach(name + "/b/c", inner)
    assert porto.locate(inner) == name + "/b/c"


def test_missing_container(porto, name):
    with process() as child, expect("ContainerDoesNotExist"):
        porto.attach(name, child.pid)


def test_only_own_processes(own_portod, name):
    """A user of the group porto moves processes of its own, into containers of its own."""
    portod = own_portod(group="porto:x:54399:nobody")
    with portod.client() as root, as_user(NOBODY, NOBODY):
        user = portod.client()
    with portod.client() as root:
        meta(user, name)
        with process() as child:
            with expect("Permission"):
                user.attach(name, child.pid)
            assert root.locate(child.pid) == "/"
        with process(user=NOBODY) as child:
            meta(root, name + "-root")
            with expect("Permission"):
                user.attach(name + "-root", child.pid)
            user.attach(name, child.pid)
            assert root.locate(child.pid) == name
            # The owner may move what is in its container, whoever it belongs to.
            meta(user, name + "/a")
            user.attach(name + "/a", child.pid)
            assert root.locate(child.pid) == name + "/a"
        user.close()


def test_read_only_client(portod, porto, name):
    meta(porto, name)
    with as_user(NOBODY, NOBODY), process() as child:
        with portod.client() as user, expect("Permission"):
            user.attach(name, child.pid)


# ---- from inside -----------------------------------------------------------------------------------


INSIDE = """
import os, subprocess, sys
sys.path[:0] = [%(here)r, %(pb)r]
import porto_client
import porto_pb2
porto_client.pb = porto_pb2
client = porto_client.Client(%(socket)r)
child = subprocess.Popen(["sleep", "1000"])
client.create("self/x")
client.set_property("self/x", "isolate", "false")
client.start("self/x")
client.attach("self/x", child.pid, "sleep")
print(client.locate(os.getpid()), client.locate(child.pid), flush=True)
try:
    client.attach("self/x", os.getppid() or 1)
except porto_client.PortoError as err:
    print(err.name, flush=True)
try:
    client.attach("self/x", %(outside)d)
except porto_client.PortoError as err:
    print(err.name, flush=True)
child.wait()
"""


def test_pids_of_the_client(porto, portod, tmp_path, name):
    """Pids are those of the client's own pid namespace."""
    from porto_client import pb

    os.chmod(tmp_path, 0o755)
    with process() as outside:
        script = tmp_path / "inside.py"
        script.write_text(
            INSIDE
            % {
                "here": os.path.dirname(os.path.abspath(__file__)),
                "pb": os.path.dirname(pb.__file__),
                "socket": portod.socket,
                "outside": outside.pid,
            }
        )
        porto.run(name, "/usr/bin/python3 %s" % script, env="PYTHONDONTWRITEBYTECODE=1")
        text = poll(
            lambda: len(porto.get_property(name, "stdout").split("\n")) > 3
            and porto.get_property(name, "stdout")
            or "Traceback" in porto.get_property(name, "stderr")
            and porto.get_property(name, "stderr"),
            message="three lines",
        )
        assert text.splitlines() == ["self %s/x" % name, "Busy", "InvalidValue"]
        assert porto.locate(outside.pid) == "/"


# ---- paths -------------------------------------------------------------------------------------------


def chain(porto, name):
    porto.create(name)
    porto.set_property(name, "root", "/srv/a")
    porto.create(name + "/b")
    porto.set_property(name + "/b", "root", "/b/c")
    porto.create(name + "/d")
    return name, name + "/b", name + "/d"


def test_convert(porto, name):
    a, b, d = chain(porto, name)
    for path, source, destination, result in [
        ("/x", a, "", "/srv/a/x"),
        ("/x", b, "", "/srv/a/b/c/x"),
        ("/x", b, a, "/b/c/x"),
        ("/b/c/x/y", a, b, "/x/y"),
        ("/b/c", a, b, "/"),
        ("/srv/a/b/c/x", "", b, "/x"),
        ("/srv/a/b/c/x", "/", b, "/x"),
        ("/x", d, a, "/x"),
        ("/", b, d, "/b/c"),
        ("//x//y/./z/", a, "", "/srv/a/x/y/z"),
        ("/x/../y", a, "", "/srv/a/y"),
    ]:
        assert porto.convert_path(path, source, destination) == result, (path, source, destination)


def test_convert_same_container(porto, name):
    a, _, _ = chain(porto, name)
    for path in "/x", "x", "/../x", "", "//x/":
        assert porto.convert_path(path, a, a) == path
        assert porto.convert_path(path) == path


def test_convert_cannot_escape(porto, name):
    a, b, _ = chain(porto, name)
    assert porto.convert_path("/../../etc/passwd", a, "") == "/srv/a/etc/passwd"
    assert porto.convert_path("/../x", b, a) == "/b/c/x"
    for path, source, destination in [
        ("/etc", "", a),
        ("/srv/ab", "", a),
        ("/srv", "", a),
        ("/b/c/../x", a, b),
        ("/b", a, b),
        ("/", a, b),
        ("x", a, ""),
        ("", a, ""),
        ("../x", b, a),
    ]:
        with expect("InvalidValue") as caught:
            porto.convert_path(path, source, destination)
        assert path in caught.error.text


def test_convert_unknown_container(porto, name):
    for source, destination in (name, ""), ("", name):
        with expect("ContainerDoesNotExist"):
            porto.convert_path("/", source, destination)


# ---- portoctl -------------------------------------------------------------------------------------------


def test_portoctl_attach(porto, portod, name):
    meta(porto, name)
    with process() as child:
        done = portod.portoctl("attach", name, str(child.pid), "bash")
        assert done.returncode == 7 and done.stderr.startswith("Cannot attach: InvalidValue:(")
        done = portod.portoctl("attach", name, str(child.pid))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert portod.portoctl("find", str(child.pid)).stdout == name + "\n"
        assert alive(child.pid)
    for bad in "x", "0", "-1", "99999999999":
        done = portod.portoctl("attach", name, "--", bad)
        assert done.returncode == 1 and done.stderr == "Cannot parse pid %s\n" % bad


def test_portoctl_convert(porto, portod, name):
    a, b, _ = chain(porto, name)
    assert portod.portoctl("convert", "-s", b, "-d", a, "/x").stdout == "/b/c/x\n"
    assert portod.portoctl("convert", "-s", a, "/x").stdout == "/srv/a/x\n"
    done = portod.portoctl("convert", "-d", a, "/etc")
    assert done.returncode == 7 and "InvalidValue" in done.stderr
    assert portod.portoctl("convert").returncode == 1
