# SPDX-License-Identifier: Apache-2.0
"""Ways out that container runtimes have had, each tried as an attacker would. What paths of clients
can do is in test_path_escapes.py."""

import os
import shutil
import signal
import subprocess

import pytest

from conftest import poll, read, sanitized

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
