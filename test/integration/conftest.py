# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the behaviour tests.

Each test module runs against private daemons of its own: own socket, state directory, cgroup
subtree, place. When a daemon ends, nothing of it may be left on the host; that is asserted for
each of them, so that every test is also a test of cleaning up.

Environment:
  PORTO_BUILD         the build directory (default ./build)
  PORTO_TEST_TIMEOUT  seconds that one call may take (default 30; a sanitizer build wants more)
"""

import contextlib
import glob
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import porto_client  # noqa: E402
from porto_client import Client, Closed, PortoError, Timeout  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("PORTO_BUILD", os.path.join(SOURCE, "build")))
TEST_TIMEOUT = int(os.environ.get("PORTO_TEST_LIMIT", "120"))
UNIQUE = "porto-test-%d" % os.getpid()
NOBODY = 65534

_counter = itertools.count(1)
_running = []  # daemons, for the log tail of a failing test


def find_binary(*names):
    """A built program, wherever its room's build directory is."""
    for name in names:
        path = os.path.join(BUILD, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    pytest.exit("%s is not built in %s" % (names[0], BUILD), 3)


def poll(what, deadline=10.0, step=0.01, message="condition"):
    """Call until it answers something true; for facts that no event announces."""
    end = time.monotonic() + deadline
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout("%s did not come true in %gs" % (message, deadline))
        time.sleep(step)


def read(path, default=None):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return default


def alive(pid):
    """A process that exists and is not a zombie."""
    stat = read("/proc/%d/stat" % pid)
    return stat is not None and stat.rpartition(")")[2].split()[0] not in "ZX"


def parent_of(pid):
    stat = read("/proc/%d/stat" % pid)
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


# ---- the daemon ------------------------------------------------------------------------------



def sanitized():
    """Is the daemon built with AddressSanitizer? Its memory says nothing about the daemon's then."""
    with open(os.path.join(BUILD, "portod", "portod"), "rb") as file:
        return b"__asan_init" in file.read()


class Daemon:
    """A private daemon: one configuration file in a temporary directory."""

    def __init__(self, extra="", container="", daemon="", group=None, files=None):
        """group: a line that this daemon finds in /etc/group besides the host's. files: contents
        it finds in place of files of the host; self.files has the paths to change them."""
        self.id = "%s-%d" % (UNIQUE, next(_counter))
        self.dir = tempfile.mkdtemp(prefix=self.id + "-")
        os.chmod(self.dir, 0o755)
        self.socket = os.path.join(self.dir, "socket")
        self.state_dir = os.path.join(self.dir, "state")
        self.place = os.path.join(self.dir, "place")
        self.log_path = os.path.join(self.dir, "log")
        self.out_path = os.path.join(self.dir, "out")
        self.config = os.path.join(self.dir, "portod.conf")
        self.binary = find_binary("portod/portod")
        os.mkdir(self.place, 0o755)
        with open(self.config, "w") as file:
            file.write(self.config_text(extra, container, daemon))
        self.proc = None
        self.command = [self.binary, "--config", self.config]
        files = dict(files or {})
        if group:
            files["/etc/group"] = read("/etc/group") + group + "\n"
        self.files = {}
        script = "mount --make-rslave /"
        for path, text in files.items():
            self.files[path] = os.path.join(self.dir, os.path.basename(path))
            with open(self.files[path], "w") as file:
                file.write(text)
            script += ' && mount --bind "%s" "%s"' % (self.files[path], path)
        if files:
            # In a mount namespace of its own, the host's files stay as they are.
            self.command = ["unshare", "-m", "sh", "-c", script + ' && exec "$@"', "sh", *self.command]

    def config_text(self, extra="", container="", daemon=""):
        return textwrap.dedent(
            """\
            daemon {
              socket_path: "%s"
              state_dir: "%s"
              cgroup_prefix: "%s"
              place: "%s"
              log_path: "%s"
              helpers_dir: "%s"
              pid_file: ""
              %s
            }
            container { %s }
            %s
            """
        ) % (
            self.socket,
            self.state_dir,
            self.id,
            self.place,
            self.log_path,
            os.path.dirname(self.binary),
            daemon,
            container,
            extra,
        )

    # -- life

    def start(self, wait=True):
        env = dict(os.environ)
        env["PORTO_TEST_ID"] = self.id
        env["ASAN_OPTIONS"] = "detect_leaks=1:exitcode=99:log_path=%s/sanitizer" % self.dir
        env["UBSAN_OPTIONS"] = (
            "print_stacktrace=1:halt_on_error=1:exitcode=99:log_path=%s/sanitizer" % self.dir
        )
        env["LSAN_OPTIONS"] = "report_objects=1"
        with open(self.out_path, "ab") as out:
            self.proc = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=env,
                start_new_session=True,
            )
        if self not in _running:
            _running.append(self)
        if wait:
            self.wait_ready()
        return self

    def ready(self):
        try:
            with Client(self.socket, timeout=5) as client:
                client.version()
            return True
        except (OSError, Closed, Timeout):
            return False

    def wait_ready(self, deadline=30.0):
        end = time.monotonic() + deadline
        while not self.ready():
            if self.proc.poll() is not None:
                raise AssertionError(
                    "portod ended with %d\n%s" % (self.proc.returncode, self.tail())
                )
            if time.monotonic() > end:
                raise AssertionError("portod does not answer\n" + self.tail())
            time.sleep(0.01)

    @property
    def master_pid(self):
        return self.proc.pid

    def server_pid(self, not_pid=None, deadline=10.0):
        """Pid of the living server; not_pid = the one just killed."""

        def look():
            text = read(os.path.join(self.state_dir, "server.pid"), "").strip()
            if not text.isdigit() or int(text) == not_pid:
                return None
            pid = int(text)
            return pid if alive(pid) and parent_of(pid) == self.master_pid else None

        return poll(look, deadline, message="a server under master %d" % self.master_pid)

    def kill_server(self, wait=True):
        """SIGKILL of the server; with wait, until its successor answers. Returns seconds."""
        pid = self.server_pid()
        start = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        if wait:
            self.server_pid(not_pid=pid)
            self.wait_ready()
        return time.monotonic() - start

    def end(self, sig=signal.SIGINT, deadline=60.0):
        """Signal the master and wait for it. SIGINT ends containers, SIGTERM keeps them."""
        if self.proc is None:
            return 0
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        try:
            code = self.proc.wait(deadline)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise AssertionError("portod does not end\n" + self.tail()) from None
        self.proc = None
        return code

    def restart_clean(self):
        """After a failure: kill everything, forget everything, start again."""
        if self.proc is not None and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        self.sweep(keep=True)
        shutil.rmtree(self.state_dir, ignore_errors=True)
        self.start()

    def stop(self):
        """The end of a daemon in a test: everything goes, nothing is left."""
        try:
            code = self.end()
            self.assert_clean()
            assert code == 0, "portod ended with %d\n%s" % (code, self.tail())
        finally:
            self.sweep()

    # -- what it has on the host

    def cgroup_dirs(self):
        """All cgroup directories of this daemon, in every hierarchy."""
        found = []

        def walk(path, depth):
            with contextlib.suppress(OSError), os.scandir(path) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        continue
                    if self.id in entry.name.replace("%", " ").split() or self.id in entry.path:
                        found.append(entry.path)
                        walk(entry.path, 0)
                    elif depth > 0:
                        walk(entry.path, depth - 1)

        walk("/sys/fs/cgroup", 4)
        return sorted(found)

    def mounts(self):
        text = read("/proc/self/mountinfo")
        return [line for line in text.splitlines() if self.dir in line or self.id in line]

    def processes(self):
        """Processes of this daemon and of its containers."""
        found = {}
        for path in self.cgroup_dirs():
            for pid in (read(os.path.join(path, "cgroup.procs"), "") or "").split():
                if pid != "0":
                    found[int(pid)] = path
        mark = ("PORTO_TEST_ID=%s\0" % self.id).encode()
        for pid in pids():
            if pid == os.getpid() or not alive(pid):
                continue
            with contextlib.suppress(OSError):
                with open("/proc/%d/environ" % pid, "rb") as file:
                    if mark in file.read():
                        found[pid] = "environ"
                for link in "root", "cwd":
                    if os.readlink("/proc/%d/%s" % (pid, link)).startswith(self.dir):
                        found[pid] = link
        return found

    def sanitizer_reports(self):
        return "".join(read(path, "") for path in sorted(glob.glob(self.dir + "/sanitizer*")))

    def assert_clean(self):
        """After the end: nothing is left on the host."""
        left = {}
        processes = self.processes()
        if processes:
            left["processes"] = {
                pid: (read("/proc/%d/cmdline" % pid, "") or "").replace("\0", " ")
                for pid in processes
            }
        if self.cgroup_dirs():
            left["cgroups"] = self.cgroup_dirs()
        if self.mounts():
            left["mounts"] = self.mounts()
        if os.path.exists(self.socket):
            left["socket"] = self.socket
        if os.path.isdir(self.state_dir):
            files = [f for f in os.listdir(self.state_dir) if f.endswith((".pid", ".socket"))]
            if files:
                left["state files"] = files
        place = os.path.join(self.place, "porto")
        if os.path.isdir(place) and os.listdir(place):
            left["work directories"] = os.listdir(place)
        reports = self.sanitizer_reports()
        if reports:
            left["sanitizer reports"] = reports
        assert not left, "portod left behind: %s\n%s" % (left, self.tail())

    def sweep(self, keep=False):
        """After a failed test: remove by force what the daemon left; keep = but our files."""
        if self.proc is not None and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        self.proc = None
        for _ in range(50):
            for path in self.cgroup_dirs():
                with contextlib.suppress(OSError):
                    with open(os.path.join(path, "freezer.state"), "r+") as file:
                        file.write("THAWED")
                with contextlib.suppress(OSError):
                    with open(os.path.join(path, "cgroup.freeze"), "r+") as file:
                        file.write("0")
            for pid in self.processes():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            for path in sorted(self.cgroup_dirs(), reverse=True):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
            if not self.cgroup_dirs() and not self.processes():
                break
            time.sleep(0.05)
        for line in reversed(self.mounts()):
            subprocess.run(["umount", "-l", line.split()[4]], stderr=subprocess.DEVNULL)
        if keep:
            return
        if self in _running:
            _running.remove(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log_size(self):
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def tail(self, lines=60, since=0):
        out = read(self.out_path, "") or ""
        log = (read(self.log_path, "") or "")[since:]
        text = ""
        if out:
            text += "---- output of portod\n%s\n" % "\n".join(out.splitlines()[-lines:])
        if log and log != out:
            text += "---- log of portod\n%s\n" % "\n".join(log.splitlines()[-lines:])
        return text + self.sanitizer_reports()

    def log(self):
        return (read(self.log_path, "") or "") + (read(self.out_path, "") or "")

    # -- clients

    def client(self, **kwargs):
        return Client(self.socket, **kwargs)

    def portoctl_env(self):
        env = dict(os.environ)
        env["PORTO_SOCKET"] = self.socket
        env["LC_ALL"] = "C"
        return env

    def portoctl(self, *args, timeout=60, **kwargs):
        """Run portoctl; returns CompletedProcess with text."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        if "input" in kwargs:
            del kwargs["stdin"]
        return subprocess.run(
            [find_binary("client/portoctl"), *args],
            env=self.portoctl_env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            universal_newlines=True,
            **kwargs,
        )

    def destroy_all(self):
        with self.client() as client:
            for name in client.list():
                if "/" not in name:
                    with contextlib.suppress(PortoError):
                        client.destroy(name)
            left = client.list()
        assert not left, "cannot destroy %s" % left


# ---- fixtures --------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def messages(tmp_path_factory):
    out = tmp_path_factory.mktemp("pb")
    return porto_client.load_messages(os.path.join(SOURCE, "proto"), str(out))


@pytest.fixture(scope="session", autouse=True)
def needs_root():
    if os.geteuid() != 0:
        pytest.exit("behaviour tests need root: they start containers", 3)


def running(daemon):
    """The body of a fixture: the daemon runs while it is used."""
    try:
        daemon.start()
    except BaseException:
        daemon.sweep()
        raise
    daemon.baseline = (daemon.cgroup_dirs(), daemon.mounts())
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def portod():
    """The daemon of this test module."""
    yield from running(Daemon())


@pytest.fixture
def porto(portod):
    """A client of the module's daemon; what the test made is destroyed after it."""
    client = portod.client()
    yield client
    client.close()
    try:
        portod.destroy_all()
    except (AssertionError, Closed, Timeout, OSError):
        # One test's failure is not to be the next one's.
        portod.restart_clean()
        raise
    # Not only the container, also what it had on the host.
    assert (portod.cgroup_dirs(), portod.mounts()) == portod.baseline


@pytest.fixture(scope="module")
def group_portod():
    """A daemon that finds a group porto with one member in the system's files."""
    yield from running(Daemon(group="porto:x:64999:nobody"))


@pytest.fixture
def root_client(group_portod):
    client = group_portod.client()
    yield client
    client.close()
    group_portod.destroy_all()


@pytest.fixture
def member(group_portod):
    with as_user(NOBODY, NOBODY):
        client = group_portod.client()
    yield client
    client.close()


@pytest.fixture
def own_portod():
    """A daemon of this one test: a function that makes as many as needed."""
    made = []

    def make(start=True, **config):
        daemon = Daemon(**config)
        made.append(daemon)
        if start:
            daemon.start()
        return daemon

    yield make
    failures = []
    for daemon in made:
        try:
            daemon.stop()
        except AssertionError as err:
            failures.append(str(err))
    assert not failures, "\n".join(failures)


@pytest.fixture
def name(request):
    """A container name of this test."""
    text = "".join(c if c.isalnum() or c in "_-" else "-" for c in request.node.name)
    return text[:60]


@pytest.fixture(scope="session")
def toolbox():
    """A small static program whose first argument chooses what it does; see toolbox.c."""
    # Not below pytest's directory: each session that starts shuts that one for other users.
    path = tempfile.mkdtemp(prefix=UNIQUE + "-toolbox-")
    os.chmod(path, 0o755)
    binary = os.path.join(path, "toolbox")
    subprocess.run(
        ["gcc", "-O1", "-static", "-pthread", "-o", binary, os.path.join(HERE, "toolbox.c")],
        check=True,
    )
    yield binary
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def busybox():
    path = shutil.which("busybox")
    if path is None:
        pytest.skip("busybox-static is not installed")
    return path


APPLETS = (
    "sh cat echo ls mount umount id env pwd sleep true false touch mkdir rm ln stat hostname "
    "head tail grep cut wc ps kill test readlink dd tty stty umask seq tr sort printf find df"
).split()


@pytest.fixture
def rootfs(tmp_path_factory, busybox, toolbox):
    """A tiny root file system: busybox with its applets, and the toolbox."""
    path = tempfile.mkdtemp(prefix="porto-test-root-")
    os.chmod(path, 0o755)
    for part in "bin etc tmp proc sys dev run root var home".split():
        os.mkdir(os.path.join(path, part), 0o1777 if part == "tmp" else 0o755)
    os.chmod(os.path.join(path, "tmp"), 0o1777)
    shutil.copy(busybox, os.path.join(path, "bin/busybox"))
    shutil.copy(toolbox, os.path.join(path, "bin/toolbox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(path, "bin", applet))
    with open(os.path.join(path, "etc/passwd"), "w") as file:
        file.write("root:x:0:0::/root:/bin/sh\n")
    with open(os.path.join(path, "etc/group"), "w") as file:
        file.write("root:x:0:\n")
    yield path
    text = read("/proc/self/mountinfo")
    mounts = [line for line in text.splitlines() if path in line]
    shutil.rmtree(path, ignore_errors=True)
    assert not mounts, "mounts below the root directory are left: %s" % mounts


class Inside:
    """Connections that a process in a container has made: it answers for them, we use them.

    inside = Inside(porto, name, path of the socket inside, toolbox inside); start() starts the
    container with a process that connects on demand, connect() gives a Client."""

    def __init__(self, porto, name, path, toolbox):
        self.porto, self.name, self.path, self.toolbox = porto, name, path, toolbox
        self.sock = None

    def start(self):
        self.close()
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.porto.set(
                self.name,
                command="%s connect %s" % (self.toolbox, self.path),
                stdin_path="/dev/fd/%d" % theirs.fileno(),
            )
            self.porto.start(self.name)
        return self

    def connect(self):
        """A Client; OSError when there is no socket inside."""
        self.sock.settimeout(porto_client.DEFAULT_TIMEOUT)
        self.sock.send(b"c")
        data, fds, _, _ = socket.recv_fds(self.sock, 1, 1)
        if not fds:
            raise OSError(data[0], os.strerror(data[0]))
        client = Client(self.path, connect=False)
        client.sock = socket.socket(fileno=fds[0])
        return client

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None


@contextlib.contextmanager
def client_of(portod, toolbox, uid, gid, pass_fds=()):
    """A connection of a process that is a user's in every respect, and has these descriptors. What
    as_user() makes is root's process with a user's name."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [toolbox, "connect", portod.socket],
        stdin=theirs,
        user=uid,
        group=gid,
        extra_groups=[],
        pass_fds=pass_fds,
    )
    theirs.close()
    with ours:
        ours.send(b"c")
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        client = Client(portod.socket, connect=False)
        client.sock = socket.socket(fileno=fds[0])
        with client:
            yield client
    process.wait()


@contextlib.contextmanager
def as_user(uid, gid, groups=()):
    """Connect as somebody else: SO_PEERCRED reports the effective ids at connect time."""
    old_groups = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(old_groups)


@contextlib.contextmanager
def expect(*codes):
    """The block must fail with one of these error names: with expect("InvalidState"): …
    Yields an object whose .error is the error afterwards."""

    class Holder:
        error = None

    holder = Holder()
    try:
        yield holder
    except PortoError as err:
        holder.error = err
        assert err.name in codes, "expected %s, got %s" % ("/".join(codes), err)
        assert err.text, "%s without a text" % err.name
        return
    pytest.fail("expected %s, but it worked" % "/".join(codes))


# ---- reporting -------------------------------------------------------------------------------




@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    limit = TEST_TIMEOUT
    mark = item.get_closest_marker("limit")
    if mark:
        limit = int(mark.args[0])

    def on_alarm(signum, frame):
        raise AssertionError("the test took longer than %d seconds" % limit)

    item.log_sizes = {daemon.id: daemon.log_size() for daemon in _running}
    old = signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for daemon in _running:
            since = getattr(item, "log_sizes", {}).get(daemon.id, 0)
            report.sections.append(("portod " + daemon.id, daemon.tail(since=since)))


def pytest_configure(config):
    # Told to end, we clean up as for ^C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "limit(seconds): time limit of this test")


@pytest.fixture
def inside(portod, porto, toolbox):
    """inside(name, prop=value): the container is made and runs; a function that connects in it."""
    made = []

    def make(name, **props):
        porto.create(name)
        porto.set(name, **props)
        one = Inside(porto, name, portod.socket, toolbox).start()
        made.append(one)

        def connect():
            client = one.connect()
            made.append(client)
            return client

        return connect

    yield make
    for one in made:
        one.close()
