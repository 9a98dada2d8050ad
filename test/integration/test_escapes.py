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

from conftest import NOBODY, Inside, client_of, expect, parent_of, poll, read, sanitized
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
    if virt_mode == "job":
        # There is no such link by then, or it leads to portoinit, which has no such library.
        with contextlib.suppress(PortoError):
            porto.start(name)
            porto.stop(name)
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


# ---- read-only mounts ----------------------------------------------------------------------------


@pytest.fixture
def protected(rootfs, tmp_path):
    """A directory of the host with a mount below it; both have a file that nobody may change."""
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(path, 0o755)
    subprocess.run(["mount", "-t", "tmpfs", "porto-test", str(top / "sub")], check=True)
    files = [top / "file", top / "sub" / "file"]
    for path in files:
        path.write_text("kept")
        path.chmod(0o666)
    os.chmod(top, 0o777)
    os.chmod(top / "sub", 0o777)
    yield str(top)
    try:
        assert [path.read_text() for path in files] == ["kept"] * 2
        assert sorted(os.listdir(top)) == ["file", "sub"] and os.listdir(top / "sub") == ["file"]
    finally:
        subprocess.run(["umount", "-l", str(top / "sub")], check=True)


WRITES = (
    "for d in DIRS; do for f in $d $d/sub; do [ -e $f/file ] || continue; "
    "(echo x >$f/file) 2>/dev/null && echo wrote $f; touch $f/new 2>/dev/null && echo made $f; "
    "ln -s x $f/l 2>/dev/null && echo linked $f; done; done; "
)
REMOUNTS = (
    "for f in DIRS; do for o in remount,rw remount,bind,rw rbind,rw; do for p in $f/sub $f; do "
    "mount -o $o $p $p 2>/dev/null; mount -o $o none $p 2>/dev/null; done; done; "
    "mkdir -p /tmp/n; mount -o bind,rw $f /tmp/n 2>/dev/null; mount -o remount,bind,rw /tmp/n 2>/dev/null; "
    "[ -e /tmp/n/file ] && (echo x >/tmp/n/file) 2>/dev/null && echo wrote new; umount -l $f/sub 2>/dev/null; done; "
)


def attack(script, dirs):
    script = script.replace("DIRS", dirs)
    return "sh -c '%s true'" % script


DEFAULT_CAPS = (
    "CHOWN;DAC_OVERRIDE;FOWNER;FSETID;KILL;SETGID;SETUID;SETPCAP;NET_BIND_SERVICE;NET_ADMIN;NET_RAW;"
    "IPC_LOCK;SYS_CHROOT;SYS_PTRACE;MKNOD;AUDIT_WRITE;SETFCAP"
)


@pytest.mark.parametrize("user", [0, NOBODY])
def test_read_only_binds_in_a_user_namespace(porto, rootfs, name, protected, user):
    """Whoever has all capabilities in a user and mount namespace of its own still cannot make
    writable what was given read-only, or look below what covers it."""
    os.chown(rootfs, user, user)
    lines = WRITES + REMOUNTS + WRITES
    # And once more in a namespace that it makes itself.
    lines += 'unshare -m sh -c "true" && echo can-unshare; '
    text = porto.output(
        name,
        attack(lines, "/data"),
        root=rootfs,
        bind="%s /data rro,rec" % protected,
        userns=True,
        unshare_on_exec=True,
        user=user,
        group=user,
    )
    assert [line for line in text.splitlines() if line != "can-unshare"] == []


def test_read_only_binds_with_capabilities(porto, rootfs, name, protected):
    """Those that a container of an ordinary owner has by default are not enough to change mounts."""
    text = porto.output(
        name,
        attack(WRITES + REMOUNTS + WRITES, "/data"),
        root=rootfs,
        bind="%s /data rro,rec" % protected,
        capabilities=DEFAULT_CAPS,
    )
    assert text == ""


@pytest.fixture
def inside(porto, rootfs, name, toolbox):
    """inside(prop=value, …): a client in a started container, whose root is rootfs."""
    made = []

    def start(**props):
        props.setdefault("root", rootfs)
        porto.create(name)
        porto.set(name, **props)
        other = Inside(porto, name, "/run/portod.socket", "/bin/toolbox").start()
        made.append(other)
        return other.connect()

    yield start
    for other in made:
        other.close()


def try_all(client, child, command, ways):
    """Output of the child with each of these properties, None where it is refused."""
    out = []
    for props in ways:
        client.create(child)
        try:
            client.set(child, command=command, **props)
            client.start(child)
            client.wait([child])
            out.append(client.get_property(child, "stdout"))
        except PortoError as error:
            assert error.name in ("Permission", "InvalidPath", "InvalidValue", "Unknown", "NotSupported"), error
            out.append(None)
        client.destroy(child)
    return out


def test_read_only_binds_through_children(inside, porto, rootfs, protected):
    """A client in there asks for children that bind what is read-only anew."""
    client = inside(bind="%s /data rro,rec" % protected)
    ways = [
        {},
        {"bind": "/data /tmp/w"},
        {"bind": "/data /tmp/w rw"},
        {"bind": "/data /tmp/w rw,rec"},
        {"bind": "/data/sub /tmp/w rw"},
        {"bind": "/data/file /tmp/f rw"},
        {"bind": "/ /tmp/w rw,rec"},
        {"root": "/data"},
        {"root": "/data", "root_readonly": False, "bind": "/bin /bin ro"},
        {"virt_mode": "job"},
        {"virt_mode": "host"},
        {"isolate": False},
        {"stdout_path": "/data/file"},
        {"symlink": "/data/l: /etc"},
        {"userns": True, "unshare_on_exec": True, "bind": "/data /tmp/w rw"},
    ]
    command = attack(WRITES + "grep -q kept /tmp/f 2>/dev/null && (echo x >/tmp/f) 2>/dev/null && echo wrote f; ", "/data /tmp/w /tmp/w/data /")
    for props, text in zip(ways, try_all(client, "self/kid", command, ways)):
        assert not text, props


def test_a_read_only_root_through_children(inside, rootfs):
    os.makedirs(rootfs + "/below/bin")
    shutil.copy(rootfs + "/bin/busybox", rootfs + "/below/bin/sh")
    client = inside(root_readonly=True)
    command = "/bin/sh -c 'for f in /x /below/x /etc/x /bin/x; do (echo x >$f) 2>/dev/null && echo $f; done'"
    ways = [
        {},
        {"root_readonly": False},
        {"root": "/below", "root_readonly": False},
        {"bind": "/below /below rw"},
        {"virt_mode": "host"},
        {"virt_mode": "job"},
        {"isolate": False},
    ]
    for props, text in zip(ways, try_all(client, "self/kid", command, ways)):
        assert not text, props
    assert not os.path.exists(rootfs + "/x") and os.listdir(rootfs + "/below") == ["bin"]


# ---- mounts do not get out -----------------------------------------------------------------------


def points():
    with open("/proc/self/mountinfo") as file:
        return sorted(line.split()[4] for line in file)


MOUNTS = (
    "mount --make-rshared / 2>/dev/null; mount -t tmpfs x /tmp 2>/dev/null && echo mounted; "
    "mount -t tmpfs x /data 2>/dev/null; mount -o bind / /data 2>/dev/null; sleep 1000"
)


@pytest.mark.parametrize("root", [False, True])
def test_mounts_of_a_container_with_all_rights(porto, rootfs, name, tmp_path, root):
    """SYS_ADMIN inside: it mounts what it likes, and neither the host nor a sibling sees it."""
    data = tmp_path / "data"
    data.mkdir()
    before = points()
    props = {"root": rootfs, "bind": "%s /data" % data} if root else {}
    porto.run(name, "sh -c '%s'" % MOUNTS, capabilities="SYS_ADMIN", **props)
    poll(lambda: porto.get_property(name, "stdout") == "mounted\n")
    assert points() == before
    porto.run(name + "-2", "sleep 1000", **props)
    for pid in porto.get_property(name + "-2", "root_pid"), os.getpid():
        lines = read("/proc/%s/mountinfo" % pid).splitlines()
        assert not [line for line in lines if line.split()[4] in ("/tmp", "/data") and " - tmpfs x " in line]


# ---- more rights than the parent -----------------------------------------------------------------


def caps(text):
    return {line.split(":")[0]: int(line.split()[1], 16) for line in text.splitlines() if line.startswith("Cap")}


CHOWN, KILL, SYS_ADMIN, SYS_PTRACE = 0, 5, 21, 19
ALLOWED = 1 << CHOWN | 1 << KILL | 1 << 6 | 1 << 7 | 1 << 8  # and SETGID, SETUID, SETPCAP


@pytest.mark.parametrize("way", ["set", "spec", "update"])
@pytest.mark.parametrize("owner", ["root", "nobody"])
def test_capabilities_through_clients_inside(inside, porto, rootfs, name, way, owner):
    """A client in a container asks for children with more than it has itself."""
    if owner != "root":
        os.chown(rootfs, NOBODY, NOBODY)
    client = inside(capabilities="CHOWN;KILL;SETUID;SETGID;SETPCAP", owner_user=owner)
    ways = [
        {},
        {"capabilities": "CHOWN;SYS_ADMIN"},
        {"capabilities": "SYS_ADMIN", "capabilities_ambient": "SYS_ADMIN"},
        {"capabilities_ambient": "SYS_PTRACE"},
        {"virt_mode": "host"},
        {"virt_mode": "job"},
        {"virt_mode": "os", "stdout_path": "/out"},
        {"isolate": False},
        {"userns": True},
        {"root": "/"},
        {"memory_limit": 64 << 20},
    ]
    for i, props in enumerate(ways):
        child = "self/kid%d" % i
        spec = dict(props)
        for key in "capabilities", "capabilities_ambient":
            if key in spec and way != "set":
                spec[key] = {"cap": spec[key].split(";")}
        try:
            if way == "spec":
                client.create_from_spec(child, command="cat /proc/self/status", **spec)
            else:
                client.create(child)
                if way == "set":
                    client.set(child, command="cat /proc/self/status", **spec)
                else:
                    client.update_from_spec(child, command="cat /proc/self/status", **spec)
            client.start(child)
        except PortoError as error:
            assert error.name in ("Permission", "InvalidValue", "NotSupported", "Unknown"), error
            continue
        client.wait([child])
        text = read(rootfs + "/out") if "stdout_path" in props else client.get_property(child, "stdout")
        got = caps(text)
        if props.get("userns"):
            continue  # there they are those of the namespace; test_userns.py has what they can do
        assert len(got) == 5 and all(value & ~ALLOWED == 0 for value in got.values()), (props, text)


@pytest.mark.parametrize("way", ["set", "spec"])
def test_devices_through_clients_inside(inside, porto, way):
    """Neither by name, nor by number, nor with all of them."""
    client = inside(devices="/dev/null rw; /dev/zero -")
    tried = 0
    for text in "/dev/zero rw", "/dev/null rwm; /dev/zero rw", "c 1:5 rwm", "c *:* rwm", "a *:* rwm", "/dev/fuse rw":
        try:
            if way == "set":
                client.create("self/kid")
                client.set("self/kid", devices=text, command="dd if=/dev/zero of=/dev/null count=1")
            else:
                path = text.split(";")[-1].split()[0]
                client.create_from_spec(
                    "self/kid",
                    command="dd if=/dev/zero of=/dev/null count=1",
                    devices={"device": [{"device": path, "access": "rw"}]},
                )
            client.start("self/kid")
        except PortoError as error:
            tried += 1
            assert error.name in ("Permission", "InvalidValue", "DeviceNotFound"), error
        else:
            assert client.finish("self/kid") != 0, text
        with contextlib.suppress(PortoError):
            client.destroy("self/kid")
    assert tried


# ---- names ---------------------------------------------------------------------------------------

# Every byte that a name of a file may have, in pieces that are one name each.
BYTES = [chr(c) for c in range(1, 128) if chr(c) != "/"] + ["\u0080", "\u00ff", "\u202e", "\U0001f600", "\u2028"]
NASTY = ["..", "...", "a..", "-rf", "--", "%s%n", "$(reboot)", "`x`", "a\nb", "\\", "\\;", ";", "*", "***", "a:b", "\x7f", "|", "'\""]

PARTS = ["".join(BYTES[:60]), "".join(BYTES[60:])] + NASTY[1:]
BLANK = ["\n", " ", "  x "]  # around the text of a value there is no white space


def test_roots_with_every_byte(porto, portod, rootfs, name, tmp_path):
    """They are names and nothing else, also after a restart of the server."""
    os.chmod(tmp_path, 0o755)
    porto.create(name)
    for i, part in enumerate(PARTS):
        root = str(tmp_path / part)
        os.rename(rootfs, root)
        try:
            porto.set(name, root=root, cwd="/", command="cat /mark")
            with open(root + "/mark", "w") as file:
                file.write(repr(part))
            if i == 0:
                portod.kill_server()
                porto.connect()
            assert porto.get_property(name, "root") == root
            porto.start(name)
            assert porto.finish(name) == 0, part
            assert porto.get_property(name, "stdout") == repr(part)
            porto.stop(name)
        finally:
            os.rename(root, rootfs)


@pytest.mark.parametrize("prop", ["stdout_path", "symlink", "cwd"])
def test_paths_inside_with_every_byte(porto, rootfs, name, prop):
    """What is made is made under that name, in that directory, and nothing else is."""
    porto.create(name)
    base = rootfs + "/made"
    for part in PARTS + BLANK * (prop == "symlink"):
        os.mkdir(base)
        path = "/made/" + part
        props = {"command": "pwd", "root": rootfs, prop: path}
        if prop == "symlink":
            porto.set(name, command="true", root=rootfs, symlink="")
            porto.start(name)
            porto.wait([name])
            porto.stop(name)
            porto.run(name + "-2", "sleep 1000", root=rootfs)
            porto.set_symlink(name + "-2", path, "/etc")
            made = os.listdir(base)
            porto.destroy(name + "-2")
            assert made == [part]
        else:
            if prop == "cwd":
                os.mkdir(rootfs + path)
            porto.set(name, **props)
            porto.start(name)
            porto.wait([name])
            assert os.listdir(base) == [part]
            if prop == "cwd":
                assert porto.get_property(name, "stdout") == path + "\n"
            porto.stop(name)
        shutil.rmtree(base)
        assert not os.path.exists(rootfs + "/etc/rf")


def test_names_of_containers_with_every_byte(porto, portod, name):
    """Those that are taken are below one directory and one group each; all others are refused."""
    taken = []
    for part in BYTES + NASTY + BLANK:
        try:
            porto.create("%s-%s" % (name, part))
            taken.append(part)
        except PortoError as error:
            assert error.name == "InvalidValue", (part, error)
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@:.")
    assert {c for part in taken for c in part} <= allowed
    for part in taken:
        porto.set_property("%s-%s" % (name, part), "command", "true")
        porto.start("%s-%s" % (name, part))
        porto.destroy("%s-%s" % (name, part))
