# SPDX-License-Identifier: Apache-2.0
"""Paths of clients that try to lead somewhere else: links, links of the kernel, races, FIFOs, file
systems that do not answer. Nothing outside of the right root is touched, and nobody waits."""

import contextlib
import ctypes
import os
import signal
import stat
import subprocess
import threading
import time

import pytest

from conftest import NOBODY, alive, expect, parent_of, pids, poll, read
from porto_client import PortoError, error_name, make_request

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(a, b):
    return LIBC.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), RENAME_EXCHANGE)


@contextlib.contextmanager
def swapping(a, b):
    """Two names change places all the time."""
    stop = threading.Event()

    def run():
        while not stop.is_set():
            exchange(a, b)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def victim(tmp_path):
    """A directory of the host that nobody shall reach."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    path = tmp_path / "victim"
    path.mkdir()
    (path / "secret").write_text("secret")
    os.chmod(path / "secret", 0o600)
    yield path
    assert os.listdir(path) == ["secret"], "something was made on the host"
    assert (path / "secret").read_text() == "secret"


def try_start(porto, name):
    """Start it or not; returns its output, None when it was refused."""
    try:
        porto.start(name)
    except PortoError as error:
        assert error.name in ("InvalidPath", "Permission", "InvalidValue", "Unknown", "Busy"), error
        return None
    porto.wait([name])
    out = porto.get_property(name, "stdout")
    porto.stop(name)
    return out


# ---- links of the kernel -------------------------------------------------------------------------

MAGIC = ["/proc/self/root", "/proc/self/cwd", "/proc/self/fd/%d", "/proc/self/exe", "/proc/1/root"]


def magic_paths():
    for path in MAGIC:
        if "%d" in path:
            yield from (path % fd for fd in range(0, 24))
        else:
            yield path


@pytest.fixture
def nested(porto, rootfs, name):
    """A container in a root of its own, whose clients may make children below it."""
    porto.run(name, "sleep 1000", root=rootfs)
    child = name + "/child"
    porto.create(child)
    return child


@pytest.mark.parametrize("prop", ["root", "bind", "cwd"])
def test_links_of_the_kernel_in_a_root(porto, nested, prop):
    """A descriptor of the daemon is not a directory to start in, nor to bind."""
    for path in magic_paths():
        if prop == "bind":
            porto.set(nested, command="true", bind="%s /tmp/x ro" % path)
        else:
            porto.set(nested, command="true", **{prop: path})
        with pytest.raises(PortoError) as caught:
            porto.start(nested)
        # What is no link at all, or closed by then, is just not there.
        assert caught.value.name in ("Permission", "InvalidPath", "Unknown"), (path, caught.value)
        assert caught.value.name != "Unknown" or "No such file" in caught.value.text, caught.value


def test_cwd_below_a_descriptor(porto, nested):
    """The way out that runtimes had: a working directory outside of the root."""
    for fd in range(0, 24):
        porto.set(nested, command="ls ../../../../..", cwd="/proc/self/fd/%d/.." % fd)
        assert try_start(porto, nested) is None or porto.get_property(nested, "cwd") == "/proc/self/fd"


@pytest.mark.parametrize("stream", ["stdin_path", "stdout_path", "stderr_path"])
def test_streams_are_no_descriptors_of_the_daemon(porto, rootfs, name, stream):
    porto.create(name)
    for path in [p for p in magic_paths() if "fd/" in p] + ["/dev/stdout", "/dev/stderr"]:
        porto.set(name, command="true", root=rootfs, **{stream: path})
        with expect("InvalidValue") as caught:
            porto.start(name)
        assert path in caught.error.text


def test_root_of_another_process(root_client, member, name, rootfs):
    """Root may name it, nobody else, also by way of a link of its own."""
    root_client.run("victim", "sleep 1000", root=rootfs)
    path = "/proc/%s/root" % root_client.get_property("victim", "root_pid")
    link = "/tmp/porto-test-link-%d" % os.getpid()
    os.symlink(path, link)
    try:
        member.create(name)
        for root in path, link:
            member.set(name, command="true", root=root)
            with expect("Permission") as caught:
                member.start(name)
            assert root in caught.error.text
        # In its own /proc that process is not even there.
        member.set(name, root="/", bind="%s/etc /tmp ro" % path)
        with expect("Permission", "InvalidPath"):
            member.start(name)
    finally:
        os.unlink(link)


def test_root_may_follow_links_of_the_kernel(porto, name, rootfs):
    """As far as they lead to what there is in the container's own mount namespace."""
    porto.create(name)
    porto.set(name, command="cat /tmp/b/mark", root="/proc/self/root" + rootfs)
    porto.set(name, bind="/proc/self/root%s /tmp/b ro" % rootfs)
    with open(rootfs + "/mark", "w") as f:
        f.write("mark")
    porto.start(name)
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout") == "mark"


@pytest.mark.parametrize("below", [False, True])
def test_mounts_of_another_namespace(porto, portod, name, rootfs, below):
    """Nor is the kernel's EINVAL all that is said about it."""
    portod.client().run("other", "sleep 1000", root=rootfs)
    path = "/proc/%s/root" % porto.get_property("other", "root_pid")
    if below:
        path += "/etc"
    porto.create(name)
    porto.set(name, command="true", root=path)
    with expect("InvalidPath") as caught:
        porto.start(name)
    assert "open root %s: " % path in caught.error.text
    assert "another mount namespace" in caught.error.text
    porto.set(name, root=rootfs, bind="%s /tmp/x ro" % path)
    with expect("InvalidPath") as caught:
        porto.start(name)
    assert "bind %s at /tmp/x: " % path in caught.error.text
    assert "another mount namespace" in caught.error.text
    porto.destroy("other")


def test_root_that_is_not_there(porto, name, tmp_path):
    porto.create(name)
    (tmp_path / "file").write_text("x")
    for root in tmp_path / "gone", tmp_path / "file", tmp_path / "file" / "below":
        porto.set(name, command="true", root=str(root))
        with expect("InvalidPath") as caught:
            porto.start(name)
        assert "open root %s" % root in caught.error.text
    assert porto.state(name) == "stopped"


# ---- races ---------------------------------------------------------------------------------------


def trap(rootfs, victim):
    """`/a` in the root, which changes places with a link that would lead to the victim."""
    os.makedirs(rootfs + "/a")
    link = rootfs + "/b"
    os.symlink("../../../../../../../.." + str(victim), link)
    return rootfs + "/a", link


STARTS = 25


@pytest.mark.parametrize(
    "props",
    [
        {"bind": "/etc/passwd /a/made/file ro"},
        {"bind": "/etc /a/dir ro"},
        {"mounts": "tmpfs /a/made"},
        {"symlink": "/a/l: /etc; /a/deep/l: /etc"},
        {"stdout_path": "/a/out"},
        {"cwd": "/a", "stdout_path": "out"},
        {"masked_paths": "default;/a"},
        {"readonly_paths": "default;/a"},
    ],
    ids=lambda props: "-".join(props),
)
def test_links_that_change_during_a_start(porto, rootfs, name, victim, props):
    a, b = trap(rootfs, victim)
    porto.create(name)
    porto.set(name, command="true", root=rootfs, **props)
    with swapping(a, b):
        for _ in range(STARTS):
            try:
                porto.start(name)
            except PortoError as error:
                assert error.name in ("InvalidPath", "Permission", "InvalidValue", "Unknown"), error
                continue
            porto.wait([name])
            porto.stop(name)


def test_links_that_change_while_it_runs(porto, rootfs, name, victim):
    a, b = trap(rootfs, victim)
    porto.run(name, "sleep 1000", root=rootfs)
    with swapping(a, b):
        for i in range(3 * STARTS):
            with contextlib.suppress(PortoError):
                porto.set_symlink(name, "/a/l", "/etc/%d" % i)
    with contextlib.suppress(PortoError):
        porto.set_symlink(name, "/a/l")


def test_a_root_that_changes_during_a_start(root_client, member, name, tmp_path, rootfs):
    """Its owner exchanges it for a link to the host's root: never does the container run there."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    os.chown(rootfs, NOBODY, NOBODY)
    good, bad = str(tmp_path / "good"), str(tmp_path / "bad")
    os.symlink(rootfs, good)
    os.symlink("/", bad)
    with open(rootfs + "/mark", "w"):
        pass
    member.create(name)
    member.set(name, command="test -e /mark", root=good, user="root", group="root")
    with swapping(good, bad):
        for _ in range(STARTS):
            try:
                member.start(name)
            except PortoError as error:
                assert error.name in ("Permission", "InvalidPath"), error
                continue
            assert member.finish(name) == 0, "it ran on the host's root"
            member.stop(name)


# ---- output in files of the owner ----------------------------------------------------------------


def test_output_is_read_with_the_rights_of_the_user(root_client, member, name, tmp_path, victim):
    mine = tmp_path / "mine"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    member.create(name)
    member.set(name, command="echo text", stdout_path=str(mine / "out"))
    member.start(name)
    member.wait([name])
    for read_it in (
        lambda: member.get_property(name, "stdout"),
        lambda: member.get_data(name, "stdout"),
        lambda: member.get([name], ["stdout"])[name]["stdout"],
        lambda: member.get(["***"], ["stdout", "state"])[name]["stdout"],
    ):
        assert read_it() == "text\n"
    assert member.get_property(name, "stdout[:3]") == "xt\n"
    (mine / "out").unlink()
    for make in (
        lambda: os.link(victim / "secret", mine / "out"),
        lambda: os.symlink(victim / "secret", mine / "out"),
    ):
        make()
        with expect("InvalidData", "Permission"):
            member.get_property(name, "stdout")
        os.unlink(mine / "out")
    mine.rename(tmp_path / "moved")
    os.symlink(victim, mine)
    with expect("InvalidData", "Permission"):
        member.get_property(name, "stdout")


def test_output_of_the_dead_in_an_exchanged_root(root_client, member, name, rootfs, tmp_path, victim):
    """The root of the dead is a link to the host's by now; its command had the rights of root."""
    root = tmp_path / "root"
    os.chown(rootfs, NOBODY, NOBODY)
    os.symlink(rootfs, root)
    out = str(victim / "secret")
    os.makedirs(rootfs + str(victim))
    member.create(name)
    member.set(name, command="echo text", root=str(root), user="root", group="root", stdout_path=out)
    member.start(name)
    member.wait([name])
    assert member.get_property(name, "stdout") == "text\n"
    os.unlink(root)
    os.symlink("/", root)
    with expect("InvalidData", "Permission"):
        member.get_property(name, "stdout")


@pytest.mark.parametrize("kind", ["fifo", "socket", "directory", "device", "link"])
def test_output_that_became_something_else(porto, rootfs, name, kind):
    import socket

    path = rootfs + "/tmp/out"
    porto.run(name, "sleep 1000", root=rootfs, stdout_path="/tmp/out")
    os.unlink(path)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "device":
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(5, 0))
    else:
        os.symlink("/etc/passwd", path)
    with expect("InvalidData"):
        porto.get_property(name, "stdout")
    assert porto.state(name) == "running"


@pytest.mark.parametrize("stream", ["stdin_path", "stdout_path", "stderr_path"])
def test_a_fifo_nobody_else_has_open(porto, rootfs, name, stream):
    """A writer without a reader is refused, a reader without a writer finds its end; nobody waits."""
    os.mkfifo(rootfs + "/tmp/fifo")
    porto.create(name)
    porto.set(name, command="cat", root=rootfs, **{stream: "/tmp/fifo"})
    if stream == "stdin_path":
        porto.start(name)
        assert porto.finish(name) == 0
    else:
        with expect("InvalidValue") as caught:
            porto.start(name)
        assert "/tmp/fifo" in caught.error.text


def test_a_directory_as_a_stream(porto, rootfs, name):
    porto.create(name)
    porto.set(name, command="true", root=rootfs, stdout_path="/tmp")
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "/tmp" in caught.error.text


# ---- a file system that does not answer ----------------------------------------------------------


@contextlib.contextmanager
def hung(path):
    """Whatever looks into this directory waits until the block ends."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("this host has no /dev/fuse")
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
    if LIBC.mount(b"porto-test", str(path).encode(), b"fuse", 0, options.encode()) != 0:
        error = os.strerror(ctypes.get_errno())
        os.close(fd)
        pytest.skip("cannot mount a FUSE file system: %s" % error)
    try:
        yield
    finally:
        os.close(fd)
        subprocess.run(["umount", "-l", str(path)], check=True)


def ask_in_background(portod, ask):
    """Send a request on a connection of its own; returns a function that waits for its error."""
    result = []

    def run():
        with portod.client() as client:
            try:
                ask(client)
                result.append(None)
            except PortoError as error:
                result.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def finish():
        thread.join(60)
        assert not thread.is_alive(), "no answer"
        return result[0]

    finish.thread = thread
    return finish


def assert_answers(porto, name):
    """The daemon does everything else meanwhile."""
    start = time.monotonic()
    assert porto.version()
    porto.create(name + "-other")
    porto.set_property(name + "-other", "command", "true")
    porto.start(name + "-other")
    porto.wait([name + "-other"])
    assert porto.get([name + "-other"], ["state", "stdout"])[name + "-other"]["state"] == "dead"
    porto.destroy(name + "-other")
    return time.monotonic() - start


def test_reading_output_on_a_hung_file_system(porto, portod, rootfs, name):
    os.mkdir(rootfs + "/logs")
    porto.run(name, "true", root=rootfs, stdout_path="/logs/out")
    porto.wait([name])
    with hung(rootfs + "/logs"):
        waiting = [
            ask_in_background(portod, lambda c: c.get_property(name, "stdout")),
            ask_in_background(portod, lambda c: c.get_data(name, "stdout[:5]")),
        ]
        time.sleep(0.2)
        assert_answers(porto, name)
    for finish in waiting:
        error = finish()
        assert error is not None and error.name == "InvalidData", error


def fetches(portod):
    """Jobs of the server that read values."""
    server = portod.server_pid()
    return [p for p in pids() if parent_of(p) == server and read("/proc/%d/comm" % p) == "fetch\n"]


def kill_fetches(portod):
    for pid in fetches(portod):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stuck(porto, rootfs, name):
    """The output of two dead containers is on file systems that do not answer: name-a, name-b, and
    of name-good is not."""
    names = [name + end for end in ("-a", "-b", "-good")]
    for i, ct in enumerate(names):
        os.mkdir(rootfs + "/logs%d" % i)
        porto.run(ct, "echo %s" % ct, root=rootfs, stdout_path="/logs%d/out" % i)
        porto.wait([ct])
    with contextlib.ExitStack() as stack:
        for i in range(2):
            stack.enter_context(hung(rootfs + "/logs%d" % i))
        yield names


def test_hung_reads_of_one_do_not_hold_up_others(porto, portod, stuck):
    bad, worse, good = stuck
    waiting = [
        ask_in_background(portod, lambda c, ct=ct: c.get_property(ct, "stdout"))
        for ct in (bad, worse)
        for _ in range(5)
    ]
    poll(lambda: len(fetches(portod)) == 4, message="two reads of each")
    assert porto.get_property(good, "stdout") == good + "\n"
    assert porto.get([good], ["stdout"])[good]["stdout"] == good + "\n"
    first = set(fetches(portod))
    kill_fetches(portod)
    poll(lambda: set(fetches(portod)) - first, message="those that waited")

    def all_answered():
        kill_fetches(portod)
        return not any(finish.thread.is_alive() for finish in waiting)

    poll(all_answered, message="the answers")
    assert all(finish() is not None for finish in waiting)


def kill_hung_job(portod):
    poll(lambda: any(waits_for_fuse(pid) for pid in fetches(portod)), message="a job that hangs")
    kill_fetches(portod)


def test_what_was_read_before_is_told(porto, portod, stuck):
    bad, worse, good = stuck
    with portod.client() as client:
        client.send(make_request("Get", name=[good, bad, worse], variable=["stdout", "state"]))
        kill_hung_job(portod)
        entries = client.recv_reply().Get.list
    values = {(e.name, v.variable): v for e in entries for v in e.keyval}
    assert [e.name for e in entries] == [good, bad, worse]
    assert values[good, "stdout"].value == good + "\n"
    for ct in bad, worse:
        assert values[ct, "state"].value == "dead"
        assert "killed" in values[ct, "stdout"].errorMsg


def test_listing_goes_on_after_what_hangs(porto, portod, stuck):
    options = {"properties": ["stdout", "state"], "stdout_options": {}}
    with portod.client() as client:
        client.send(
            make_request("ListContainersBy", filters=[{"name": stuck[0][:-1] + "*"}], field_options=options)
        )
        kill_hung_job(portod)
        poll(lambda: not fetches(portod) or any(waits_for_fuse(p) for p in fetches(portod)))
        kill_hung_job(portod)
        entries = client.recv_reply().ListContainersBy.containers
    assert [e.spec.name for e in entries] == stuck
    assert [e.status.state for e in entries] == ["dead"] * 3
    for entry in entries[:2]:
        assert "killed" in entry.status.error[0].msg
    assert entries[2].status.std_out == stuck[2] + "\n"


def waits_for_fuse(pid):
    return "fuse" in (read("/proc/%d/wchan" % pid) or "") or "D" == stat_of(pid)


def stat_of(pid):
    return (read("/proc/%d/stat" % pid) or ") ?").rpartition(")")[2].split()[0]


@pytest.mark.parametrize("ask", ["GetProperty", "Get", "ListContainersBy"])
def test_clients_that_do_not_wait(porto, portod, stuck, ask):
    porto.version()
    server = portod.server_pid()
    before = len(os.listdir("/proc/%d/fd" % server))
    fields = {
        "GetProperty": {"name": stuck[0], "property": "stdout"},
        "Get": {"name": ["***"], "variable": ["stdout"]},
        "ListContainersBy": {
            "filters": [{"name": "***"}],
            "field_options": {"properties": ["stdout", "state"], "stdout_options": {}},
        },
    }[ask]
    clients = [portod.client() for _ in range(12)]
    for client in clients:
        client.send(make_request(ask, **fields))
    poll(lambda: fetches(portod), message="a job")
    for client in clients:
        client.close()
    # What was not begun is not begun any more.
    poll(lambda: len(os.listdir("/proc/%d/fd" % server)) <= before + 2 * 8, message="the end")
    assert porto.get_property(stuck[2], "stdout") == stuck[2] + "\n"
    running = fetches(portod)
    assert 1 <= len(running) <= 2
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    poll(lambda: not fetches(portod), message="the end of the jobs")
    poll(lambda: len(os.listdir("/proc/%d/fd" % server)) == before, message="descriptors")
    assert portod.server_pid() == server


def test_destroyed_while_it_is_read(porto, portod, stuck):
    with portod.client() as client:
        client.send(make_request("GetProperty", name=stuck[0], property="stdout"))
        poll(lambda: fetches(portod), message="the job")
        porto.destroy(stuck[0])
        porto.create(stuck[0])  # another one
        kill_hung_job(portod)
        assert error_name(client.recv_reply().error) == "InvalidState"


def test_server_is_killed_while_it_reads(porto, portod, stuck):
    with portod.client() as client:
        client.send(make_request("GetProperty", name=stuck[0], property="stdout"))
        poll(lambda: fetches(portod), message="the job")
        (job,) = fetches(portod)
        poll(lambda: waits_for_fuse(job), message="that it hangs")
        portod.kill_server()
    poll(lambda: not alive(job), message="the end of the job")
    porto.connect()
    assert porto.get_property(stuck[2], "stdout") == stuck[2] + "\n"


def test_listing_of_many(porto, portod, rootfs, name):
    """Stored output and files of the owner, in the order of the names, with windows."""
    names = ["%s-%02d" % (name, i) for i in range(30)]
    for i, ct in enumerate(names):
        porto.create(ct)
        porto.set(ct, command="sh -c 'echo out-%s; echo err >&2'" % ct, root=rootfs)
        if i % 3 == 0:
            porto.set(ct, stdout_path="/tmp/out-%d" % i)
        if i % 3 == 1:
            porto.set(ct, stdout_path="/tmp/out-%d" % i, stderr_path="/tmp/err-%d" % i)
        porto.start(ct)
    for ct in names:
        porto.wait([ct])
    porto.version()
    server = portod.server_pid()
    before = len(os.listdir("/proc/%d/fd" % server))
    entries = porto.list_by(name + "-*", properties=["stdout", "stderr", "state"], stdout={}, stderr={})
    assert [e.spec.name for e in entries] == names
    for ct, entry in zip(names, entries):
        assert entry.status.std_out == "out-%s\n" % ct
        assert entry.status.std_err == "err\n"
    entries = porto.list_by(
        name + "-*", properties=["stdout", "name"], stdout={"stdstream_offset": 4, "stdstream_limit": 5}
    )
    assert [e.spec.name for e in entries] == names
    assert {e.status.std_out for e in entries} == {name[:5]}
    values = porto.get([name + "-*"], ["stdout", "stderr[:3]"])
    assert [*values] == names
    assert all(values[ct] == {"stdout": "out-%s\n" % ct, "stderr[:3]": "rr\n"} for ct in names)
    assert len(os.listdir("/proc/%d/fd" % server)) == before


def test_stored_output_behind_a_mount_of_somebody(porto, portod, name):
    """The work directory belongs to the user, who may mount there: nobody looks behind it."""
    porto.run(name, "echo text", user="nobody", group="nogroup")
    porto.wait([name])
    assert porto.get_property(name, "stdout") == "text\n"
    with hung(os.path.join(portod.place, "porto", name)):
        with expect("InvalidData"):
            porto.get_property(name, "stdout")
        assert_answers(porto, name)
    assert porto.get_property(name, "stdout") == "text\n"


def test_starting_on_a_hung_file_system(porto, portod, name, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    porto.create(name)
    porto.set(name, command="true", root=str(root) + "/inner")
    with hung(root):
        finish = ask_in_background(portod, lambda c: c.start(name))
        poll(lambda: porto.state(name) == "starting", message="the start")
        assert_answers(porto, name)
    error = finish()
    assert error is not None and str(root) in error.text
    assert porto.state(name) == "stopped"


def test_names_with_strange_bytes(porto, rootfs, name, tmp_path):
    """They are names and nothing else."""
    strange = "a b;c\\d'e\"$(f)\x01\x7f%s#é"
    (tmp_path / strange).mkdir()
    (tmp_path / strange / "file").write_text("content")
    source = str(tmp_path / strange).replace("\\", "\\\\").replace(" ", "\\ ")
    item = "%s /in%%s" % source
    porto.create(name)
    porto.set(name, root=rootfs, command_argv="cat\t/in%s/file")
    porto.set_property(name, "bind", item.replace("\\", "\\\\").replace(";", "\\;"))
    porto.start(name)
    assert porto.finish(name) == 0, porto.get_property(name, "stderr")
    assert porto.get_property(name, "stdout") == "content"
