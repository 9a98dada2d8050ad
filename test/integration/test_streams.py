# SPDX-License-Identifier: Apache-2.0
"""Standard streams: paths, descriptors of the client, stored output, ranges, rotation."""

import os
import socket
import stat
import time

import pytest

from conftest import NOBODY, expect, poll


def test_stored_output(porto, name):
    porto.run(name, "sh -c 'echo out; echo err >&2'")
    porto.finish(name)
    assert porto.get_property(name, "stdout") == "out\n"
    assert porto.get_property(name, "stderr") == "err\n"
    assert porto.get_property(name, "stdout_offset") == "0"


def test_stored_output_while_running(porto, name):
    porto.run(name, "sh -c 'echo early; sleep 1000'")
    poll(lambda: porto.get_property(name, "stdout") == "early\n")


def test_default_stdin_is_empty(porto, name):
    assert porto.output(name, "cat") == ""


def test_stored_files(porto, portod, name):
    porto.run(name, "sh -c 'echo x; sleep 1000'", user="nobody", group="nogroup")
    poll(lambda: porto.get_property(name, "stdout"))
    path = os.path.join(portod.place, "porto", name, "stdout")
    info = os.stat(path)
    assert stat.S_ISREG(info.st_mode)
    assert (info.st_mode & 0o777, info.st_uid, info.st_gid) == (0o660, NOBODY, NOBODY)
    porto.stop(name, 0)
    assert not os.path.exists(path)


def test_stored_output_of_a_root(porto, rootfs, name):
    """The default files are outside of the container's root."""
    assert porto.output(name, "echo x", root=rootfs) == "x\n"
    assert not os.path.exists(rootfs + "/stdout")


def test_custom_names_are_relative_to_cwd(porto, portod, name):
    assert porto.output(name, "echo x", stdout_path="my-output") == "x\n"


def test_absolute_path(porto, tmp_path, name):
    os.chmod(tmp_path, 0o777)
    path = tmp_path / "out"
    porto.run(name, "echo x", stdout_path=str(path))
    porto.finish(name)
    assert path.read_text() == "x\n"
    assert porto.get_property(name, "stdout") == "x\n"
    porto.stop(name)
    assert path.exists(), "a custom file is never deleted"
    porto.start(name)
    porto.finish(name)
    assert path.read_text() == "x\nx\n", "and appended to"


def test_path_inside_the_root(porto, rootfs, name):
    porto.run(name, "echo x", root=rootfs, stdout_path="/tmp/out")
    porto.finish(name)
    assert open(rootfs + "/tmp/out").read() == "x\n"
    assert porto.get_property(name, "stdout") == "x\n"


def test_path_inside_cannot_leave_the_root(porto, rootfs, tmp_path, name):
    os.symlink("/../../../.." + str(tmp_path), rootfs + "/out")
    porto.create(name)
    porto.set(name, command="echo x", root=rootfs, stdout_path="/out/file")
    with expect("InvalidValue", "Unknown", "InvalidPath", "Permission"):
        porto.start(name)
    assert os.listdir(tmp_path) == []


def test_path_is_opened_as_the_task(porto, tmp_path, name):
    os.chmod(tmp_path, 0o755)
    secret = tmp_path / "secret"
    secret.write_text("keep")
    secret.chmod(0o600)
    porto.create(name)
    porto.set(name, command="echo x", stdout_path=str(secret), user="nobody", group="nogroup")
    with expect("InvalidValue", "Permission"):
        porto.start(name)
    assert secret.read_text() == "keep"


def test_dev_null(porto, name):
    porto.run(name, "echo x", stdout_path="/dev/null", stderr_path="")
    porto.finish(name)
    for prop in "stdout", "stderr":
        with expect("InvalidData"):
            porto.get_property(name, prop)


def test_stdin_from_a_file(porto, tmp_path, name):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "in").write_text("text")
    assert porto.output(name, "cat", stdin_path=str(tmp_path / "in")) == "text"


def test_missing_stdin(porto, name):
    porto.create(name)
    porto.set(name, command="cat", stdin_path="/no/such/file")
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "/no/such/file" in caught.error.text


# ---- descriptors of the client ------------------------------------------------------------------


def test_pipe_of_the_client(porto, name):
    reader, writer = os.pipe()
    porto.run(name, "sh -c 'echo hello; echo more'", stdout_path="/dev/fd/%d" % writer)
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "hello\nmore\n", "and the end of file, nobody keeps it open"
    porto.finish(name)
    with expect("InvalidData"):
        porto.get_property(name, "stdout")


def test_pipe_into_the_container(porto, name):
    reader, writer = os.pipe()
    porto.run(name, "cat", stdin_path="/dev/fd/%d" % reader)
    os.close(reader)
    os.write(writer, b"through")
    os.close(writer)
    porto.finish(name)
    assert porto.get_property(name, "stdout") == "through"


def test_socket_of_the_client(porto, name):
    """Not only what can be opened again."""
    one, two = socket.socketpair()
    porto.run(name, "echo hello", stdout_path="/dev/fd/%d" % two.fileno())
    two.close()
    one.settimeout(10)
    data = b""
    while True:
        part = one.recv(100)
        if not part:
            break
        data += part
    assert data == b"hello\n"
    one.close()


def test_file_of_the_client_keeps_its_offset(porto, tmp_path, name):
    path = tmp_path / "f"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b"before\n")
    porto.run(name, "echo x", stdout_path="/dev/fd/%d" % fd)
    porto.finish(name)
    os.close(fd)
    assert path.read_text() == "before\nx\n"


def test_same_descriptor_for_two_streams(porto, name):
    reader, writer = os.pipe()
    path = "/dev/fd/%d" % writer
    porto.run(name, "sh -c 'echo a; echo b >&2'", stdout_path=path, stderr_path=path)
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "a\nb\n"


def test_bad_descriptors(porto, name):
    porto.create(name)
    porto.set_property(name, "command", "true")
    for bad in "/dev/fd/9999", "/dev/fd/x", "/dev/fd/-1":
        with expect("Unknown", "InvalidValue", "Permission"):
            porto.set_property(name, "stdout_path", bad)
            porto.start(name)
    assert porto.state(name) == "stopped"


def test_descriptor_closed_before_the_start(porto, name):
    reader, writer = os.pipe()
    porto.create(name)
    porto.set(name, command="true", stdout_path="/dev/fd/%d" % writer)
    os.close(writer)
    os.close(reader)
    # Either it was taken at once, or the start says that it is gone.
    try:
        porto.start(name)
    except Exception as err:
        assert str(writer) in str(err)


def test_terminal(porto, name):
    master, slave = os.openpty()
    porto.create(name)
    path = "/dev/fd/%d" % slave
    porto.set(name, command="sh -c 'tty; test -t 0 -a -t 1 -a -t 2 && echo all; ps -o tty= -p $$'",
              stdin_path=path, stdout_path=path, stderr_path=path)
    porto.start(name)
    os.close(slave)
    data = b""
    try:
        while True:
            data += os.read(master, 1000)
    except OSError:
        pass
    os.close(master)
    assert b"all" in data
    assert b"?" not in data, "the terminal is the controlling one"


# ---- ranges ---------------------------------------------------------------------------------------


@pytest.fixture
def numbers(porto, name):
    porto.run(name, "printf 0123456789")
    porto.finish(name)
    return lambda index: porto.get_property(name, "stdout%s" % index)


@pytest.mark.parametrize(
    "index, text",
    [
        ("", "0123456789"),
        ("[:3]", "789"),
        ("[:0]", ""),
        ("[:100]", "0123456789"),
        ("[4]", "456789"),
        ("[4:]", "456789"),
        ("[4:3]", "456"),
        ("[0:10]", "0123456789"),
        ("[8:10]", "89"),
        ("[10]", ""),
        ("[50:5]", ""),
    ],
)
def test_ranges(numbers, index, text):
    assert numbers(index) == text


@pytest.mark.parametrize("index", ["[x]", "[1:x]", "[-1]", "[1:2:3]"])
def test_bad_ranges(numbers, index):
    with expect("InvalidValue"):
        numbers(index)


def test_rotation(porto, portod, toolbox, name):
    """Output beyond the limit loses its beginning; offsets go on counting."""
    porto.run(name, "sh -c '%s lines 20000; exec sleep 1000'" % toolbox, stdout_limit="256K")
    poll(lambda: int(porto.get_property(name, "stdout_offset")) > 0, 15, message="rotation")
    total = 20000 * 100

    def settled():
        path = os.path.join(portod.place, "porto", name, "stdout")
        return os.stat(path).st_size <= 256 << 10

    poll(settled, 15)
    offset = int(porto.get_property(name, "stdout_offset"))
    text = porto.get_property(name, "stdout")
    assert 0 < len(text) <= 256 << 10
    assert text.endswith("%099d\n" % 19999), "the newest remains"
    # A line that was cut is blanked; everything after it is whole.
    whole = [line for line in text.split("\n") if line.strip()]
    assert all(len(line.strip()) == 99 for line in whole[1:])
    assert porto.get_property(name, "stdout[%d:100]" % (total - 100)) == "%099d\n" % 19999
    with expect("InvalidData"):
        porto.get_property(name, "stdout[%d]" % (offset - 1))
    assert porto.get_property(name, "stderr_offset") == "0"


def test_rotation_at_the_end(porto, toolbox, name):
    porto.run(name, "%s lines 20000" % toolbox, stdout_limit="128K")
    porto.finish(name)
    text = porto.get_property(name, "stdout")
    assert len(text) <= 128 << 10
    assert text.endswith("%099d\n" % 19999)


def test_read_limit(own_portod, toolbox):
    portod = own_portod(container="std_stream_read_limit: 1000")
    with portod.client() as porto:
        porto.run("a", "%s lines 100" % toolbox)
        porto.finish("a")
        assert porto.get_property("a", "stdout") == "".join("%099d\n" % i for i in range(90, 100))
        assert len(porto.get_property("a", "stdout[0:5000]")) == 1000


def test_symlink_instead_of_the_file(porto, portod, tmp_path, name):
    """Whoever owns the work directory cannot make the daemon read something else."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    porto.run(
        name, "sh -c 'rm -f stdout; ln -s %s stdout; echo done >&2'" % secret
    )
    porto.finish(name)
    with expect("InvalidData", "Permission"):
        porto.get_property(name, "stdout")


def test_custom_files_are_not_cut_by_rotation(porto, toolbox, tmp_path, name):
    os.chmod(tmp_path, 0o777)
    path = tmp_path / "out"
    porto.run(name, "%s lines 2000" % toolbox, stdout_path=str(path), stdout_limit="10K")
    porto.finish(name)
    time.sleep(1.2)
    size = path.stat().st_size
    assert size in (200000, path.stat().st_size)
    assert path.read_text().endswith("%099d\n" % 1999)
    assert size == 200000


def test_respawn_appends(porto, name):
    porto.run(name, "echo x")
    porto.finish(name)
    porto.respawn(name)
    porto.finish(name)
    assert porto.get_property(name, "stdout") == "x\nx\n"


def test_default_output_can_be_had_again(porto, name, tmp_path):
    porto.create(name)
    porto.set(name, command="sh -c 'echo hi'", stdout_path=str(tmp_path / "out"))
    porto.set_property(name, "stdout_path", "stdout")
    assert porto.get_property(name, "stdout_path") == "stdout"
    porto.start(name)
    porto.finish(name)
    assert porto.get_property(name, "stdout") == "hi\n"
    porto.stop(name)
    # Stopped: what the daemon keeps is gone with it.
    porto.set(name, cwd=str(tmp_path), stdout_path="./stdout")
    porto.start(name)
    porto.finish(name)
    assert (tmp_path / "stdout").read_text() == "hi\n"


def test_of_meta(porto, name):
    """Stored, and nothing was written; where there is no process, there is no output."""
    porto.create(name)
    porto.start(name)
    for stream in "stdout", "stderr", "stdout[0:5]", "stderr[:7]":
        assert porto.get_property(name, stream) == ""
    with expect("InvalidValue"):
        porto.get_property(name, "stdout[x]")
    porto.create(name + "/child")
    porto.set(name + "/child", isolate=False)
    porto.start(name + "/child")
    with expect("InvalidData"):
        porto.get_property(name + "/child", "stdout")
