# SPDX-License-Identifier: Apache-2.0
"""Ways out that container runtimes have had, each tried as an attacker would. What paths of clients
can do is in test_path_escapes.py."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from conftest import NOBODY, client_of, expect, parent_of, poll, read, sanitized
from porto_client import Client, PortoError

# ---- the programs of the daemon ------------------------------------------------------------------

PRELOAD = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Runs in whatever program the kernel has loaded. */
__attribute__((constructor)) static void attack(void)
{
	int fd = open("/proc/self/exe", O_PATH);
	char script[256];
	struct statvfs st;

	printf("mount: %s\n", fstatvfs(fd, &st) ? "?" : st.f_flag & ST_RDONLY ? "ro" : "rw");
	fflush(stdout);
	/* As long as it runs the kernel says that it is busy. */
	snprintf(script, sizeof(script),
		 "until [ -e /over ]; do (echo x >>/proc/self/fd/%d) 2>&1; done", fd);
	unsetenv("LD_PRELOAD");
	execl("/bin/sh", "sh", "-c", script, (char *)0);
}
"""


@pytest.fixture
def preload(rootfs, tmp_path):
    """The root directory has the host's libraries, and one of the attacker."""
    if sanitized():
        pytest.skip("the library of the sanitizer refuses to run behind LD_PRELOAD")
    source = tmp_path / "attack.c"
    source.write_text(PRELOAD)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", rootfs + "/attack.so", str(source)], check=True
    )
    for name in os.listdir("/"):
        if name.startswith("lib") and os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name).lstrip("/"), "%s/%s" % (rootfs, name))
    return {"root": rootfs, "bind": "/usr /usr ro", "env": "LD_PRELOAD=/attack.so"}


@pytest.mark.parametrize("way", ["direct", "link", "script", "interpreter"])
@pytest.mark.parametrize("virt_mode", ["app", "job", "os"])
def test_the_daemon_executed_inside_cannot_be_overwritten(
    porto, portod, rootfs, name, preload, way, virt_mode
):
    """/proc/self/exe is the daemon until the command is executed. What is opened of it in there can
    be written by nobody, also not later, when it does not run any more (CVE-2019-5736)."""
    command = "/proc/self/exe"
    if way == "link":
        os.symlink(command, rootfs + "/run-me")
        command = "/run-me"
    elif way == "script":
        with open(rootfs + "/run-me", "w") as file:
            file.write("#!/proc/self/exe\n")
        os.chmod(rootfs + "/run-me", 0o755)
        command = "/run-me"
    elif way == "interpreter":
        # A program of 64 bits whose dynamic linker is the daemon.
        path = rootfs + "/run-me"
        subprocess.run(
            ["gcc", "-nostdlib", "-Wl,--dynamic-linker=/proc/self/exe,-e,0", "-pie", "-fPIE"]
            + ["-x", "c", "-o", path, "-"],
            input=b"int x;",
            check=True,
        )
        command = "/run-me"
    parent = name
    if virt_mode == "job":
        porto.run(name, "sleep 1000", **{k: v for k, v in preload.items() if k != "env"})
        preload = {"env": preload["env"]}
        parent, name = name, name + "/child"
    porto.create(name)
    if virt_mode != "app":
        porto.set(name, virt_mode=virt_mode)
    porto.set(name, command=command, stdout_path="/out", **preload)
    if virt_mode == "job" and way != "interpreter":
        # There is no such link by then, or it leads to portoinit.
        with contextlib.suppress(PortoError):
            porto.start(name)
            assert porto.finish(name) != 0
        assert not read(rootfs + "/out", "")
        return
    porto.start(name)
    if way == "interpreter":
        assert porto.finish(name) != 0  # it was no program in that place
        return
    poll(lambda: "busy" in read(rootfs + "/out", ""), message="the attack")
    text = read(rootfs + "/out")
    open(rootfs + "/over", "w").close()
    porto.wait([name])
    assert text.splitlines()[0] == "mount: ro", text


def test_a_daemon_that_ended_cannot_be_overwritten(own_portod, rootfs, preload):
    """The same, played to its end: the container outlives the daemon, whose binary is not busy any
    more."""
    daemon = own_portod()
    binary = os.path.join(rootfs, "portod")  # of this daemon alone
    shutil.copy(daemon.binary, binary)
    daemon.end(signal.SIGTERM)
    daemon.command = [binary, *daemon.command[1:]]
    daemon.start()
    with open(binary, "rb") as file:
        before = file.read()
    with daemon.client() as porto:
        porto.create("a")
        porto.set("a", command="/proc/self/exe", stdout_path="/out", **preload)
        porto.start("a")
        poll(lambda: "busy" in read(rootfs + "/out", ""), message="the attack")
    daemon.end(signal.SIGTERM)
    poll(lambda: "Read-only file system" in read(rootfs + "/out", ""), message="the refusal")
    open(rootfs + "/over", "w").close()
    with open(binary, "rb") as file:
        assert file.read() == before
    daemon.start()


# ---- descriptors ---------------------------------------------------------------------------------

HOLDER = r"""
#include <fcntl.h>
#include <unistd.h>

/* Has the rights of its owner, opens something with them, and drops them for good, if it says so. */
int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);

	if (argc > 2 && setresuid(getuid(), getuid(), getuid()) < 0)
		return 1;
	dup2(fd, 100);
	write(1, "ready", 5);
	pause();
	return 0;
}
"""

CONNECTS = """
import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
sock.connect(sys.argv[1])
with socket.socket(fileno=0) as out:
    socket.send_fds(out, [b"x"], [sock.fileno()])
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("drops", [False, True])
def test_descriptors_of_a_set_user_id_program(group_portod, root_client, tmp_path, name, drops):
    """A client connects, and executes a set-user-ID program that has opened a secret; somebody else
    who has the connection asks for its descriptor."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    program = tmp_path / "holder"
    subprocess.run(
        ["gcc", "-x", "c", "-o", str(program), "-"], input=HOLDER.encode(), check=True
    )
    program.chmod(0o4755)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-c", CONNECTS, group_portod.socket, str(program), str(secret)]
        + ["drop"] * drops,
        stdin=theirs,
        stdout=subprocess.PIPE,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    theirs.close()
    try:
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        assert process.stdout.read(5) == b"ready"
        with open("/proc/%d/fd/100" % process.pid) as file:
            assert file.read() == "secret"
        client = Client(group_portod.socket, connect=False)
        client.sock = socket.socket(fileno=fds[0])
        with client:
            client.create(name)
            client.set(name, command="cat", stdin_path="/dev/fd/100")
            with expect("Permission") as caught:
                client.start(name)
        assert "descriptor 100" in caught.error.text
    finally:
        ours.close()
        process.kill()
        process.wait()
        process.stdout.close()


def test_descriptors_of_an_ordinary_client(group_portod, root_client, name, toolbox):
    reader, writer = os.pipe()
    with client_of(group_portod, toolbox, NOBODY, NOBODY, [writer]) as client:
        client.create(name)
        client.set(name, command="echo text", stdout_path="/dev/fd/%d" % writer)
        client.start(name)
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "text\n"


MODES = {
    "app": {},
    "chroot": {"root": True},
    "job": {"parent": {}, "virt_mode": "job"},
    "nested": {"parent": {"root": True}},
    "nested-root": {"parent": {"root": True}, "root": "/sub"},
    "no-isolation": {"isolate": False},
    "host": {"virt_mode": "host"},
    "os": {"virt_mode": "os", "root": True},
    "userns": {"root": True, "userns": True},
    "held": {"root": True, "held": True},
    "no-init": {"root": True, "init": False},
    "links": {"root": True, "symlink": "/a/b: /etc", "sysctl": "kernel.shm_rmid_forced: 1"},
    "cgroupfs": {"root": True, "cgroupfs": "ro"},
}


@pytest.mark.parametrize("mode", MODES)
def test_no_descriptor_gets_into_a_container(porto, rootfs, name, mode):
    """Whatever the start needs, none of its processes has more open than the three streams (and our
    init what it waits with, and its record)."""
    props = dict(MODES[mode])
    outer = props.pop("parent", None)
    if mode == "nested-root":
        shutil.copytree(rootfs + "/bin", rootfs + "/sub/bin", symlinks=True)
        os.makedirs(rootfs + "/sub/etc")
    if outer is not None:
        porto.run(name, "sleep 1000", **{key: rootfs for key in outer})
        name += "/child"
    if props.get("root") is True:
        props["root"] = rootfs
    porto.run(name, "sleep 1000", stdout_path="/dev/null", **props)
    if mode == "held":
        porto.set(name, held=False)
    main = int(porto.get_property(name, "root_pid"))
    poll(lambda: read("/proc/%d/comm" % main) == "sleep\n")
    look_at = [main]
    if read("/proc/%d/comm" % parent_of(main)) == "portoinit\n":
        look_at.append(parent_of(main))
    assert len(look_at) == 2 or mode not in ("app", "chroot", "userns", "held")
    for pid in look_at:
        for fd in os.listdir("/proc/%d/fd" % pid):
            to = os.readlink("/proc/%d/fd/%s" % (pid, fd))
            known = to.startswith("anon_inode:") or "/state/tasks/" in to
            assert int(fd) <= 2 or pid != main and known, (pid == main, fd, to)
