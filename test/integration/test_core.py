# SPDX-License-Identifier: Apache-2.0
"""Core dumps: the hook in the kernel's pattern, the helper, core_command.

kernel.core_pattern is the whole host's, no namespace has one of its own, and a test must not take
other people's core dumps. So the daemons of these tests have their kernel_dir elsewhere, and the
helper is called as the kernel would call it, by the words of the pattern that the daemon wrote, with
a dump on standard input. What cannot be seen this way is the kernel's own call; the test for it at
the end is skipped and says so.
"""

import gzip
import lzma
import os
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

from conftest import Daemon, alive, expect, find_binary, poll, read, running

OLD = "core.%p.old"
UNLIMITED = 2**64 - 1


class CoreDaemon(Daemon):
    def __init__(self, pattern="core.%e.%p", core="", enable=True, kernel=True):
        super().__init__()
        self.kernel = os.path.join(self.dir, "kernel")
        self.cores = os.path.join(self.dir, "cores")
        os.mkdir(self.cores)
        if kernel:
            os.mkdir(self.kernel)
            self.write("core_pattern", OLD + "\n")
            self.write("core_pipe_limit", "0\n")
        text = "core { kernel_dir: '%s' %s %s %s }\n" % (
            self.kernel,
            "enable: true" if enable else "",
            "default_pattern: '%s/%s'" % (self.cores, pattern) if pattern else "",
            core,
        )
        with open(self.config, "a") as file:
            file.write(text)

    def write(self, name, text):
        with open(os.path.join(self.kernel, name), "w") as file:
            file.write(text)

    def knob(self, name):
        return read(os.path.join(self.kernel, name)).rstrip("\n")

    @property
    def link(self):
        return os.path.join(self.state_dir, "core")

    def words(self, **values):
        """What the kernel makes of the pattern: words split at blanks, each % replaced."""
        pattern = self.knob("core_pattern")
        assert pattern[0] == "|" and len(pattern) <= 127
        return [re.sub("%(.)", lambda m: str(values[m.group(1)]), w) for w in pattern[1:].split()]

    def dump(self, pid, data=b"a core", sig=11, dumpable=1, ulimit=UNLIMITED, tid=None, status=0,
             timeout=60):
        """Call the helper like the kernel: an almost empty environment, only a pipe."""
        ids = {}
        for number in pid, tid or pid:
            ids[number] = inner_pid(number)
        stats = os.stat("/proc/%d" % pid)
        words = self.words(P=pid, I=tid or pid, p=ids[pid], i=ids[tid or pid], s=sig, d=dumpable,
                           c=ulimit, u=stats.st_uid, g=stats.st_gid)
        done = subprocess.run(
            words,
            input=data,
            env={"HOME": "/", "PATH": "/sbin:/bin:/usr/sbin:/usr/bin"},
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
        )
        assert done.returncode == status, self.tail()

    def dumps(self):
        return sorted(os.listdir(self.cores))

    def path(self, name):
        return os.path.join(self.cores, name)

    def saved(self):
        """The one dump: its name, and its content uncompressed by nobody."""
        names = [name for name in self.dumps() if "%" in name]
        assert len(names) == 1, names
        with open(self.path(names[0]), "rb") as file:
            return names[0], file.read()


def inner_pid(pid):
    for line in read("/proc/%d/status" % pid).splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise AssertionError("no NSpid of %d" % pid)


@pytest.fixture(scope="module")
def portod():
    """The daemon of this module takes the dumps."""
    yield from running(CoreDaemon())


@pytest.fixture(autouse=True)
def no_old_dumps(portod):
    for name in os.listdir(portod.cores):
        os.unlink(portod.path(name))


@pytest.fixture
def make():
    made = []

    def new(start=True, **kwargs):
        daemon = CoreDaemon(**kwargs)
        made.append(daemon)
        return daemon.start() if start else daemon

    yield new
    for daemon in made:
        daemon.stop()


def crash(porto, name, command="sleep 1000", **props):
    """A process that could crash: its pid."""
    porto.run(name, command, **props)
    return int(porto.get_property(name, "root_pid"))


def labels(porto, name):
    values = []
    for label in "CORE.total", "CORE.dumped":
        found = porto.find_label(label, name)
        values.append(int(found[0][3]) if found else 0)
    return tuple(values)


# ---- the hook -----------------------------------------------------------------------------------


def test_pattern(portod):
    pattern = portod.knob("core_pattern")
    assert pattern == "|%s %%P %%I %%p %%i %%s %%d %%c %%u %%g" % portod.link
    assert os.path.realpath(portod.link) == find_binary("portod/porto-core")
    assert os.path.realpath(portod.link + ".conf") == os.path.realpath(portod.config)
    assert portod.knob("core_pipe_limit") == "1024"


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_pattern_is_put_back(make, sig):
    daemon = make()
    assert daemon.knob("core_pattern").startswith("|")
    daemon.end(sig)
    assert daemon.knob("core_pattern") == OLD
    assert daemon.knob("core_pipe_limit") == "0"
    assert not os.path.lexists(daemon.link)
    daemon.start()
    assert daemon.knob("core_pattern").startswith("|")


def test_pipe_limit_of_somebody(make):
    daemon = make(start=False)
    daemon.write("core_pipe_limit", "7\n")
    daemon.start()
    assert daemon.knob("core_pipe_limit") == "7"
    daemon.end()
    assert daemon.knob("core_pipe_limit") == "7"


def test_server_and_master_are_killed(make):
    """What was there before ours is not forgotten."""
    daemon = make()
    daemon.kill_server()
    assert daemon.knob("core_pattern").startswith("|")
    server = daemon.server_pid()
    daemon.proc.kill()
    daemon.proc.wait()
    poll(lambda: not alive(server), message="the end of the server")
    assert daemon.knob("core_pattern").startswith("|")
    daemon.start()
    daemon.end()
    assert daemon.knob("core_pattern") == OLD


def test_somebody_else_s_pattern_stays(make):
    daemon = make()
    daemon.write("core_pattern", "|/usr/lib/other %p\n")
    daemon.end()
    assert daemon.knob("core_pattern") == "|/usr/lib/other %p"
    daemon.start()


def test_switched_off_after_a_crash(make):
    daemon = make()
    server = daemon.server_pid()
    daemon.proc.kill()
    daemon.proc.wait()
    poll(lambda: not alive(server), message="the end of the server")
    text = read(daemon.config)
    with open(daemon.config, "w") as file:
        file.write(text.replace("enable: true", "enable: false"))
    daemon.start()
    assert daemon.knob("core_pattern") == OLD


def test_reload_keeps_it(make):
    daemon = make()
    pid = daemon.server_pid()
    daemon.proc.send_signal(signal.SIGHUP)
    daemon.server_pid(not_pid=pid)
    daemon.wait_ready()
    assert daemon.knob("core_pattern").startswith("|" + daemon.link)


def test_off_by_default(make, name):
    daemon = make(enable=False)
    assert daemon.knob("core_pattern") == OLD
    with daemon.client() as porto:
        porto.create(name)
        assert "core_command" not in porto.property_list()
        for call in (
            lambda: porto.get_property(name, "core_command"),
            lambda: porto.set_property(name, "core_command", "true"),
        ):
            with expect("NotSupported"):
                call()


def test_pattern_that_cannot_be_set(make, name):
    """The daemon runs without, and says so."""
    daemon = make(kernel=False)
    with daemon.client() as porto:
        porto.create(name)
        with expect("NotSupported"):
            porto.set_property(name, "core_command", "true")
        assert porto.output(name + "-2", "echo x") == "x\n"
    assert "core_pattern" in daemon.log()


# ---- files --------------------------------------------------------------------------------------


def test_file(portod, porto, name):
    pid = crash(porto, name)
    data = os.urandom(100000)
    portod.dump(pid, data, sig=6)
    file, content = portod.saved()
    assert content == data
    assert re.match(re.escape(name) + r"%sleep\." + str(pid) + r"\.S6\.\d{8}T\d{6}\.core$", file)
    stats = os.stat(portod.path(file))
    assert stat.S_IMODE(stats.st_mode) == 0o440
    assert (stats.st_uid, stats.st_gid) == (0, 0)
    other = "core.sleep.%d" % inner_pid(pid)
    assert os.stat(portod.path(other)).st_ino == stats.st_ino
    assert portod.dumps() == sorted([file, other])
    assert labels(porto, name) == (1, 1)


def test_a_real_memory(portod, porto, name):
    """Of a living process: mapped memory as the dump has it, with its holes."""
    pid = crash(porto, name)
    data = b""
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in read("/proc/%d/maps" % pid).splitlines():
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and "[v" not in line:
                mem.seek(start)
                data += mem.read(end - start) + b"\0" * 1000000
    portod.dump(pid, data)
    file, content = portod.saved()
    assert content == data
    assert os.stat(portod.path(file)).st_blocks * 512 < len(data)


def test_nested_names_and_owner(portod, porto, name):
    porto.create(name)
    porto.set(name, owner_user="nobody", owner_group="nogroup", user="nobody", group="nogroup")
    porto.start(name)
    pid = crash(porto, name + "/a.b", owner_user="nobody", owner_group="nogroup", user="nobody",
                group="nogroup")
    portod.dump(pid)
    file, _ = portod.saved()
    assert file.startswith("%s%%a.b%%sleep." % name)
    stats = os.stat(portod.path(file))
    assert (stats.st_uid, stats.st_gid) == (65534, 65534)
    # Counted on the way up.
    assert labels(porto, name + "/a.b") == (1, 1)
    assert labels(porto, name) == (1, 1)


def test_dumpable(portod, porto, name):
    pid = crash(porto, name, owner_user="nobody", owner_group="nogroup", user="nobody",
                group="nogroup")
    portod.dump(pid, dumpable=0)
    assert portod.dumps() == []
    assert labels(porto, name) == (1, 0)
    portod.dump(pid, dumpable=2)
    file, _ = portod.saved()
    stats = os.stat(portod.path(file))
    assert (stats.st_uid, stats.st_gid) == (0, 0), "a set-user-ID program's memory is root's"
    assert labels(porto, name) == (2, 1)


def test_ulimit(portod, porto, name):
    pid = crash(porto, name)
    portod.dump(pid, b"x" * 100000, ulimit=0)
    assert portod.dumps() == []
    assert labels(porto, name) == (1, 0)
    portod.dump(pid, b"x" * 100000, ulimit=5000)
    assert portod.saved()[1] == b"x" * 5000
    assert labels(porto, name) == (2, 1)


def test_of_the_host(portod, porto):
    """What is in no container is dumped, too: the pattern is the host's."""
    child = subprocess.Popen(["sleep", "1000"], user=65534, group=65534, extra_groups=[])
    try:
        poll(lambda: "sleep" in read("/proc/%d/comm" % child.pid), message="sleep")
        portod.dump(child.pid)
        file, content = portod.saved()
        assert file.startswith("%%sleep.") and content == b"a core"
        assert os.stat(portod.path(file)).st_uid == 65534
    finally:
        child.kill()
        child.wait()


def test_thread(portod, porto, toolbox, name):
    porto.run(name, "%s threads 1" % toolbox)
    pid = int(porto.get_property(name, "root_pid"))
    tid = poll(lambda: [int(t) for t in os.listdir("/proc/%d/task" % pid) if int(t) != pid],
               message="a thread")[0]
    portod.dump(pid, tid=tid)
    assert portod.saved()[0].startswith("%s%%toolbox.%d." % (name, pid))


def test_names_of_programs(portod, porto, tmp_path, name):
    """Whatever a program is called, the file is in the directory."""
    os.chmod(tmp_path, 0o755)
    for program in "a b%c", "...", "x\n;$(y)", "ü" * 50, "-rf":
        path = str(tmp_path / program)
        shutil.copy("/bin/sleep", path)
        porto.create(name)
        porto.set_property(name, "command_argv", path + "\t1000")
        porto.start(name)
        portod.dump(int(porto.get_property(name, "root_pid")))
        names = portod.dumps()
        assert len(names) == 2, names
        ours = [n for n in names if n.startswith(name + "%")]
        assert ours and re.fullmatch(r"[\w.+%:@-]+", ours[0], re.ASCII), names
        no_old = [os.unlink(portod.path(n)) for n in names]
        assert len(no_old) == 2
        porto.destroy(name)


@pytest.mark.parametrize("suffix", ["gz", "xz", "zst"])
def test_compressed(make, name, suffix):
    daemon = make(pattern="core.%%p.%s" % suffix)
    data = b"memory " * 100000 + b"\0" * 1000000 + os.urandom(1000)
    with daemon.client() as porto:
        pid = crash(porto, name)
        daemon.dump(pid, data)
    file, content = daemon.saved()
    assert file.endswith(".core." + suffix)
    assert len(content) < len(data) // 20
    if suffix == "gz":
        assert gzip.decompress(content) == data
    elif suffix == "xz":
        assert lzma.decompress(content) == data
    else:
        assert content[:4] == b"\x28\xb5\x2f\xfd"
        zstd = shutil.which("zstd")
        if zstd:
            done = subprocess.run([zstd, "-dc"], input=content, stdout=subprocess.PIPE, check=True)
            assert done.stdout == data


def test_space(make, name):
    daemon = make(core="space_limit_mb: 4 slot_space_limit_mb: 2")
    mib = os.urandom(1 << 20)
    with daemon.client() as porto:
        a, b = crash(porto, name + "-a"), crash(porto, name + "-b")
        inner = crash(porto, name + "-a/x")
        daemon.dump(a, mib)
        daemon.dump(inner, mib * 3, status=1)  # does not fit, and leaves nothing
        assert len(daemon.dumps()) == 2
        daemon.dump(inner, mib[1000:])
        daemon.dump(a, b"x" * 10000, status=1)
        assert len([f for f in daemon.dumps() if "%" in f]) == 2
        daemon.dump(b, mib)
        assert labels(porto, name + "-a") == (4, 2)
        assert labels(porto, name + "-b") == (1, 1)
    assert "slot_space_limit_mb" in daemon.log()


def test_no_pattern(make, name):
    daemon = make(pattern="")
    with daemon.client() as porto:
        pid = crash(porto, name)
        daemon.dump(pid, status=1)
        assert labels(porto, name) == (1, 0)
        with open(daemon.dir + "/out-of-the-way", "w"):
            pass
        porto.set_property(name, "core_command", "cat")
        daemon.dump(pid)
        assert labels(porto, name) == (2, 1)


def test_without_a_daemon(make, name):
    """The dump is not lost: nobody knows whose it is, so it is root's."""
    daemon = make()
    with daemon.client() as porto:
        pid = crash(porto, name)
    words = daemon.knob("core_pattern")
    server = daemon.server_pid()
    daemon.proc.kill()
    daemon.proc.wait()
    poll(lambda: not alive(server), message="the end of the server")
    assert daemon.knob("core_pattern") == words
    daemon.dump(pid)
    file, content = daemon.saved()
    assert file.startswith("%%sleep.") and content == b"a core"
    assert os.stat(daemon.path(file)).st_uid == 0
    daemon.start()


# ---- core_command -------------------------------------------------------------------------------------


def test_command(portod, porto, tmp_path, name):
    """It gets the bytes, as the container's user, in its directory, with the facts in CORE_…"""
    os.chmod(tmp_path, 0o777)
    pid = crash(porto, name, cwd=str(tmp_path), user="nobody", group="nogroup",
                owner_user="nobody", owner_group="nogroup")
    porto.set_property(name, "core_command", "sh -c 'cat >got; env >vars; id -u >uid; pwd >pwd; "
                       "readlink /proc/$CORE_PID/ns/pid >ns'")
    data = os.urandom(300000)
    portod.dump(pid, data, sig=6, dumpable=1, ulimit=12345678)
    assert (tmp_path / "got").read_bytes() == data
    assert (tmp_path / "uid").read_text() == "65534\n"
    assert (tmp_path / "pwd").read_text() == "%s\n" % tmp_path
    env = dict(line.split("=", 1) for line in (tmp_path / "vars").read_text().splitlines())
    got = {key: value for key, value in env.items() if key.startswith("CORE_")}
    when = got.pop("CORE_DATETIME")
    assert time.time() - time.mktime(time.strptime(when, "%Y%m%dT%H%M%S")) < 600
    assert got == {
        "CORE_PID": str(inner_pid(pid)),
        "CORE_TID": str(inner_pid(pid)),
        "CORE_SIG": "6",
        "CORE_TASK_NAME": "sleep",
        "CORE_THREAD_NAME": "sleep",
        "CORE_EXE_NAME": "sleep",
        "CORE_CONTAINER": name,
        "CORE_OWNER_UID": "65534",
        "CORE_OWNER_GID": "65534",
        "CORE_DUMPABLE": "1",
        "CORE_ULIMIT": "12345678",
    }
    assert portod.dumps() == []
    assert labels(porto, name) == (1, 1)
    poll(lambda: porto.list() == [name], message="the end of the helper's container")


def test_command_in_its_own_container(portod, porto, tmp_path, name):
    """A weak child; while it runs it can be seen, and then it is gone."""
    os.chmod(tmp_path, 0o777)
    pid = crash(porto, name, cwd=str(tmp_path))
    porto.set_property(name, "core_command", "sh -c 'read x; touch started; read y'")
    read_end, write_end = os.pipe()
    words = portod.words(P=pid, I=pid, p=inner_pid(pid), i=inner_pid(pid), s=11, d=1, c=UNLIMITED,
                         u=0, g=0)
    helper = subprocess.Popen(words, stdin=read_end, close_fds=True)
    os.close(read_end)
    os.write(write_end, b"line\n")
    poll((tmp_path / "started").exists, message="the command")
    child = "%s/core-%d" % (name, pid)
    assert porto.list() == [name, child]
    assert porto.get_property(child, "weak") == "true"
    assert porto.get_property(child, "isolate") == "false"
    assert porto.get_property(child, "ulimit[core]") == "core: 0 0"
    porto.wait_state(child, "running")  # the command may be quicker than the word of it
    main = os.readlink("/proc/%d/ns/pid" % pid)
    assert os.readlink("/proc/%s/ns/pid" % porto.get_property(child, "root_pid")) == main
    os.write(write_end, b"line\n")
    os.close(write_end)
    assert helper.wait(30) == 0
    poll(lambda: porto.list() == [name], message="its end")


def test_command_in_a_chroot(portod, porto, rootfs, name):
    pid = crash(porto, name, root=rootfs, command="/bin/sleep 1000")
    porto.set_property(name, "core_command", "/bin/dd of=/tmp/got")
    portod.dump(pid, b"inside")
    assert read(rootfs + "/tmp/got") == "inside"
    # In there it is the container's business who may be dumped.
    portod.dump(pid, b"suid", dumpable=2)
    assert read(rootfs + "/tmp/got") == "suid"
    assert portod.dumps() == []


def test_set_user_id_programs_of_the_host(portod, porto, tmp_path, name):
    """Their memory is not for a command of the container's owner."""
    os.chmod(tmp_path, 0o777)
    pid = crash(porto, name, cwd=str(tmp_path))
    porto.set_property(name, "core_command", "touch called")
    portod.dump(pid, dumpable=2)
    assert not (tmp_path / "called").exists()
    assert os.stat(portod.path(portod.saved()[0])).st_uid == 0
    portod.dump(pid, dumpable=0)
    assert not (tmp_path / "called").exists()
    assert labels(porto, name) == (2, 1)


def test_inherited_up_to_a_root(portod, porto, rootfs, name):
    porto.create(name)
    porto.set_property(name, "core_command", "cat")
    porto.create(name + "/a")
    assert porto.get_property(name + "/a", "core_command") == "cat"
    porto.create(name + "/a/root")
    porto.set_property(name + "/a/root", "root", rootfs)
    assert porto.get_property(name + "/a/root", "core_command") == ""
    porto.create(name + "/a/root/x")
    assert porto.get_property(name + "/a/root/x", "core_command") == ""
    porto.set_property(name + "/a/root", "core_command", "dd")
    assert porto.get_property(name + "/a/root/x", "core_command") == "dd"
    porto.set_property(name + "/a", "core_command", "")
    assert porto.get_property(name + "/a", "core_command") == ""
    with expect("NoValue"):
        porto.get_property(name + "/a/root/x", "core_command", real=True)


def test_property(portod, porto, name):
    crash(porto, name)
    porto.set_property(name, "core_command", "cat")  # of a running container
    assert porto.property_list()["core_command"].dynamic
    with expect("InvalidValue"):
        porto.set_property(name, "core_command", "x" * 131073)
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "core_command") == "cat"


def test_command_that_cannot_start(portod, porto, name):
    """Then the dump becomes a file, whole."""
    pid = crash(porto, name)
    porto.set_property(name, "core_command", "/no/such/program")
    portod.dump(pid, b"all of it")
    assert portod.saved()[1] == b"all of it"
    assert labels(porto, name) == (1, 1)
    assert porto.list() == [name]


def test_command_that_fails(portod, porto, name):
    pid = crash(porto, name)
    porto.set_property(name, "core_command", "false")
    portod.dump(pid, b"x" * 1000000, status=1)
    assert portod.dumps() == []
    assert labels(porto, name) == (1, 0)


def test_command_takes_too_long(make, name):
    daemon = make(core="timeout_s: 1")
    with daemon.client() as porto:
        pid = crash(porto, name)
        porto.set_property(name, "core_command", "sleep 1000")
        daemon.dump(pid, status=1)
        assert labels(porto, name) == (1, 0)
        poll(lambda: porto.list() == [name], message="its end")


def test_command_without_ptrace(portod, porto, name):
    """A container that must not have SYS_PTRACE gets its dumps without."""
    pid = crash(porto, name, capabilities="CHOWN", isolate=False)
    porto.set_property(name, "core_command", "cat")
    portod.dump(pid)
    assert portod.dumps() == []
    assert labels(porto, name) == (1, 1)


def test_crash_of_the_command(portod, porto, name):
    """It is not dumped: its ulimit is 0."""
    pid = crash(porto, name)
    porto.set_property(name, "core_command", "sh -c 'ulimit -c; test $(ulimit -c) = 0'")
    portod.dump(pid)
    assert labels(porto, name) == (1, 1)


# ---- the helper alone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["porto-core", "portod"])
def test_by_hand(portod, porto, name, program):
    """`portod core` and the helper itself, with the configuration named."""
    pid = crash(porto, name)
    words = [str(n) for n in (pid, pid, 2, 2, 11, 1, UNLIMITED, 0, 0)]
    if program == "portod":
        call = [find_binary("portod/portod"), "--config", portod.config, "core", *words]
    else:
        call = [find_binary("portod/porto-core"), "--config", portod.config, *words]
    subprocess.run(call, input=b"by hand", check=True, timeout=30)
    assert portod.saved()[1] == b"by hand"


def test_bad_words(portod):
    helper = [find_binary("portod/porto-core"), "--config", portod.config]
    for words in [], ["1"], ["1"] * 8, ["1"] * 10, ["x"] + ["1"] * 8, ["0"] * 9, ["1"] * 8 + ["-1"]:
        done = subprocess.run(helper + words, input=b"", stderr=subprocess.PIPE, timeout=30)
        assert done.returncode == 1 and done.stderr
    done = subprocess.run([helper[0], "--config", "/nowhere", *["1"] * 9], input=b"",
                          stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 1 and b"/nowhere" in done.stderr
    assert portod.dumps() == []


def test_process_that_is_gone(portod, porto, name):
    """With a pipe limit of 0 the kernel does not wait: what can be had is saved."""
    words = portod.words(P=4194300, I=4194300, p=5, i=5, s=11, d=1, c=UNLIMITED, u=0, g=0)
    done = subprocess.run(words, input=b"orphan", timeout=30)
    assert done.returncode == 0
    file, content = portod.saved()
    assert content == b"orphan" and "unknown" in file
    assert os.stat(portod.path(file)).st_uid == 0


def test_the_kernel_calls_it(portod):
    pytest.skip(
        "kernel.core_pattern has no namespace: setting it would take the core dumps of everybody "
        "on this host (it is %r); the call itself is rehearsed above" % read("/proc/sys/kernel/core_pattern")
    )
