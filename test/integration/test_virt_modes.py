# SPDX-License-Identifier: Apache-2.0
"""virt_mode job and host, and the rules of all modes. A whole system is in test_os_mode.py."""

import contextlib
import os
import shutil
import signal

import pytest

from conftest import NOBODY, alive, as_user, expect, poll, read
from porto_client import PortoError

KINDS = ["pid", "ipc", "uts", "mnt", "net", "user", "cgroup"]


def namespaces(pid):
    return {kind: os.readlink("/proc/%s/ns/%s" % (pid, kind)) for kind in KINDS}


def pid_of(porto, name):
    return int(porto.get_property(name, "root_pid"))


def groups(pid):
    return read("/proc/%d/cgroup" % pid)


def processes_with(text):
    """Pids of the living processes whose command line begins like this."""
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            line = read("/proc/%s/cmdline" % pid, "") or ""
            if line.replace("\0", " ").startswith(text) and alive(int(pid)):
                found.append(int(pid))
    return found


def capabilities(pid):
    text = read("/proc/%d/status" % pid)
    return {
        line.split(":")[0]: int(line.split()[1], 16)
        for line in text.splitlines()
        if line.startswith("Cap")
    }


# ---- job -------------------------------------------------------------------------------------


def test_job_shares_everything(porto, name):
    porto.run(name, "sleep 1000", cwd="/tmp", hostname="box")
    porto.run(name + "/job", "sleep 1001", virt_mode="job")
    assert porto.state(name + "/job") == "running"
    parent, job = pid_of(porto, name), pid_of(porto, name + "/job")
    assert namespaces(parent) == namespaces(job)
    assert groups(parent) == groups(job)
    assert os.readlink("/proc/%d/cwd" % job) == "/tmp"
    assert porto.get_property(name + "/job", "cgroups") == porto.get_property(name, "cgroups")
    # Its processes are the parent's, for everybody who asks.
    assert porto.locate(job) == name


def test_job_in_a_chroot(porto, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs)
    porto.run(name + "/job", "sh -c 'pwd; hostname; ls /bin/busybox'", virt_mode="job")
    assert porto.finish(name + "/job") == 0
    assert porto.get_property(name + "/job", "stdout").splitlines()[2] == "/bin/busybox"


def test_job_below_a_meta_without_process(porto, name):
    porto.run(name, None, isolate=False)
    porto.run(name + "/hollow", None, isolate=False)
    porto.run(name + "/hollow/job", "sleep 1000", virt_mode="job")
    job = pid_of(porto, name + "/hollow/job")
    assert namespaces(job) == namespaces(pid_of(porto, name))
    assert "/%s/hollow\n" % name in groups(job)


@pytest.mark.parametrize("code", [0, 7, 129, 255])
def test_job_exits_exactly(porto, toolbox, name, code):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "%s exit %d" % (toolbox, code), virt_mode="job")
    assert porto.finish(name + "/job") == code


def test_job_killed(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "sleep 1000", virt_mode="job")
    porto.kill(name + "/job", signal.SIGTERM)
    assert porto.finish(name + "/job") == -signal.SIGTERM
    assert porto.state(name) == "running"
    porto.stop(name + "/job")
    porto.start(name + "/job")
    porto.kill(name + "/job", signal.SIGKILL)
    assert porto.finish(name + "/job") == -signal.SIGKILL


LEFTOVERS = (
    "sh -c 'sleep 7654321 & setsid sleep 7654321 & (setsid setsid sleep 7654321 &) ;"
    " echo ready; exec sleep %s'"
)


@pytest.mark.parametrize("end", ["exit", "stop", "destroy", "kill portoinit"])
@pytest.mark.parametrize("chroot", [False, True])
def test_job_leaves_nothing(porto, rootfs, name, end, chroot):
    """Also who changed the process group, or the session."""
    if chroot:
        os.symlink("busybox", rootfs + "/bin/setsid")
    porto.run(name, "sleep 1000", **({"root": rootfs} if chroot else {}))
    before = porto.get_property(name, "process_count")
    porto.run(name + "/job", LEFTOVERS % (1 if end == "exit" else 1000), virt_mode="job")
    poll(lambda: len(processes_with("sleep 7654321")) == 3)
    assert int(porto.get_property(name, "process_count")) >= int(before) + 4
    if end == "stop":
        porto.stop(name + "/job", 0)
    elif end == "destroy":
        porto.destroy(name + "/job")
    elif end == "kill portoinit":
        [init] = processes_with("portoinit --container %s/job" % name)
        os.kill(init, signal.SIGKILL)
        assert porto.finish(name + "/job") == -signal.SIGKILL
    else:
        assert porto.finish(name + "/job") == 0
    assert processes_with("sleep 7654321") == []
    assert porto.get_property(name, "process_count") == before
    assert porto.state(name) == "running"


def test_job_stops_politely(porto, toolbox, name):
    """The whole process group is asked, and then the time is up for whoever does not listen."""
    porto.run(name, "sleep 1000")
    command = "sh -c '%s catch 15 3 & %s catch 15 5'" % (toolbox, toolbox)
    porto.run(name + "/job", command, virt_mode="job")
    poll(lambda: porto.get_property(name + "/job", "stdout").count("ready") == 2)
    porto.stop(name + "/job", 10000)
    assert porto.state(name + "/job") == "stopped"
    porto.set(name + "/job", command="%s ignore 15" % toolbox)
    porto.start(name + "/job")
    poll(lambda: "ready" in porto.get_property(name + "/job", "stdout"))
    porto.stop(name + "/job", 200)
    assert porto.state(name + "/job") == "stopped"
    assert porto.state(name) == "running"


def test_job_goes_with_its_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "sleep 7654322", virt_mode="job")
    porto.kill(name, signal.SIGKILL)
    porto.wait_state(name + "/job", "dead")
    porto.wait_state(name, "dead")
    poll(lambda: not processes_with("sleep 7654322"))
    porto.stop(name)
    assert porto.state(name + "/job") == "stopped"


def test_job_pauses_only_with_its_parent(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "sleep 1000", virt_mode="job")
    with expect("NotSupported"):
        porto.pause(name + "/job")
    with expect("NotSupported"):
        porto.resume(name + "/job")
    porto.pause(name)
    assert porto.state(name + "/job") == "paused"
    porto.create(name + "/other")
    porto.set(name + "/other", virt_mode="job", command="true")
    with expect("InvalidState"):
        porto.start(name + "/other")
    porto.resume(name)
    assert porto.state(name + "/job") == "running"
    porto.stop(name + "/job")


def test_job_ulimit_is_its_own(porto, name):
    porto.run(name, "sleep 1000", ulimit="nofile: 100 100")
    porto.run(name + "/job", "sleep 1000", virt_mode="job")
    porto.set(name + "/job", ulimit="nofile: 50 50")

    def limit(which):
        text = read("/proc/%d/limits" % pid_of(porto, which))
        return [line.split()[3] for line in text.splitlines() if "open files" in line][0]

    assert limit(name + "/job") == "50"
    assert limit(name) == "100"


def test_job_stdin(porto, name):
    porto.run(name, "sleep 1000")
    reader, writer = os.pipe()
    try:
        porto.create(name + "/job")
        porto.set(name + "/job", virt_mode="job", command="cat", stdin_path="/dev/fd/%d" % reader)
        porto.start(name + "/job")
        os.write(writer, b"some words")
    finally:
        os.close(writer)
        os.close(reader)
    assert porto.finish(name + "/job") == 0
    assert porto.get_property(name + "/job", "stdout") == "some words"


def test_job_with_another_user(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "id -u", virt_mode="job", user="nobody", group="nogroup")
    assert porto.finish(name + "/job") == 0
    assert porto.get_property(name + "/job", "stdout") == "%d\n" % NOBODY


def test_job_that_kills_its_helper(porto, name):
    """It has the rights of the command's user, who so ends the job: nothing of it is left."""
    porto.run(name, "sleep 1000")
    job = name + "/job"
    command = "sh -c 'setsid sleep 7654323 & kill -9 $PPID; exec sleep 7654323'"
    porto.run(job, command, virt_mode="job", user="nobody", group="nogroup")
    assert porto.finish(job) == -signal.SIGKILL
    poll(lambda: not processes_with("sleep 7654323"))
    assert porto.state(name) == "running"


def test_job_user_leaves_others(porto, rootfs, toolbox, name):
    """What a set-user-ID program left behind is ended, too, though its user is another one."""
    program = os.path.join(rootfs, "bin", "suid")
    shutil.copy(os.path.join(rootfs, "bin", "toolbox"), program)
    os.chmod(program, 0o4755)
    porto.run(name, "sleep 1000", root=rootfs)
    job = name + "/job"
    porto.run(job, "sh -c '/bin/suid threads 1 & exit 5'", virt_mode="job", user=7, group=7)
    assert porto.finish(job) == 5
    poll(lambda: not processes_with("/bin/suid threads 1"))


def test_many_jobs(porto, name):
    porto.run(name, "sleep 1000")
    jobs = ["%s/job-%d" % (name, i) for i in range(20)]
    for i, job in enumerate(jobs):
        porto.run(job, "sh -c 'exit %d'" % i, virt_mode="job")
    for i, job in enumerate(jobs):
        assert porto.finish(job) == i
        porto.destroy(job)


def test_job_rules(porto, name):
    """What does not go together is refused at start and says why."""

    def refused(which, text, **props):
        porto.create(which)
        porto.set(which, **props)
        with expect("InvalidValue") as seen:
            porto.start(which)
        assert text in seen.error.text, seen.error
        assert porto.state(which) == "stopped"
        assert text in porto.get_property(which, "start_error")
        porto.destroy(which)

    job = dict(command="true", virt_mode="job")
    refused(name, "parent", **job)
    porto.run(name, "sleep 1000")
    refused(name + "/x", "command", virt_mode="job")
    refused(name + "/x", "root", root="/tmp", **job)
    refused(name + "/x", "root_readonly", root_readonly=True, **job)
    refused(name + "/x", "bind", bind="/tmp /mnt", **job)
    refused(name + "/x", "hostname", hostname="h", **job)
    refused(name + "/x", "resolv_conf", resolv_conf="nameserver 1.1.1.1", **job)
    refused(name + "/x", "memory", memory_limit="100M", **job)
    refused(name + "/x", "pids", controllers="pids", **job)
    porto.run(name + "/job", "sleep 1000", virt_mode="job")
    refused(name + "/job/x", "job", **job)
    refused(name + "/job/x", "job", command="true")
    porto.create(name + "/y")
    porto.set(name + "/y", virt_mode="job")
    with expect("InvalidValue"):
        porto.set(name + "/y", isolate=True)


def test_job_limits_while_it_runs(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/job", "sleep 1000", virt_mode="job")
    with expect("NotSupported"):
        porto.set(name + "/job", memory_limit="100M")


def test_jobs_survive_the_server(porto, portod, toolbox, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/ends", "sh -c 'read x; exit 9'", virt_mode="job")
    porto.destroy(name + "/ends")
    porto.run(name + "/stays", "sleep 1000", virt_mode="job")
    porto.run(name + "/ends", "%s catch 15 130" % toolbox, virt_mode="job")
    poll(lambda: "ready" in porto.get_property(name + "/ends", "stdout"))
    stays, ends = pid_of(porto, name + "/stays"), pid_of(porto, name + "/ends")
    portod.kill_server(wait=False)
    os.kill(ends, signal.SIGTERM)
    portod.wait_ready()
    porto.connect()
    assert porto.finish(name + "/ends") == 130
    assert porto.state(name + "/stays") == "running"
    assert pid_of(porto, name + "/stays") == stays
    # A paused parent does not make the job one that was paused by itself.
    porto.pause(name)
    portod.kill_server()
    porto.connect()
    assert porto.state(name + "/stays") == "paused"
    porto.resume(name)
    assert porto.state(name + "/stays") == "running"
    porto.kill(name + "/stays", signal.SIGKILL)
    assert porto.finish(name + "/stays") == -9


def test_stopped_job_survives_the_server(porto, portod, name):
    porto.run(name, "sleep 1000")
    porto.create(name + "/job")
    porto.set(name + "/job", virt_mode="job", command="true")
    portod.kill_server()
    porto.connect()
    assert porto.state(name) == "running"
    assert porto.state(name + "/job") == "stopped"
    porto.start(name + "/job")
    assert porto.finish(name + "/job") == 0


def test_job_respawns(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(
        name + "/job", "false", virt_mode="job", respawn=True, max_respawns=2, respawn_delay="50ms"
    )
    poll(lambda: porto.get_property(name + "/job", "respawn_count") == "2")
    porto.wait_state(name + "/job", "dead")
    assert porto.get_property(name + "/job", "exit_code") == "1"


# ---- host ------------------------------------------------------------------------------------


def test_host_mode_separates_nothing(porto, name):
    porto.run(name, "sleep 1000", virt_mode="host")
    pid = pid_of(porto, name)
    assert namespaces(pid) == namespaces("self")
    with open("/proc/sys/kernel/cap_last_cap") as file:
        every = (2 << int(file.read())) - 1
    mine = capabilities(os.getpid())["CapBnd"]
    assert capabilities(pid)["CapBnd"] == every & mine
    assert porto.get_property(name, "isolate") == "false"
    # It has groups all the same.
    assert "/%s\n" % name in groups(pid)


def test_host_mode_devices(porto, name):
    """Without restriction, where the controller is there: the group allows all."""
    porto.run(name, "sleep 1000", virt_mode="host")
    path = [
        p for p in porto.get_property(name, "cgroups").split(";") if p.strip().startswith("devices")
    ]
    if not path:
        pytest.skip("this host has no devices controller of version 1")
    allowed = read(path[0].split(":", 1)[1].strip() + "/devices.list")
    assert allowed.split() == ["a", "*:*", "rwm"]


def test_host_mode_with_capabilities(porto, name):
    porto.run(name, "sleep 1000", virt_mode="host", capabilities="KILL;CHOWN")
    assert capabilities(pid_of(porto, name))["CapBnd"] == 0x21


def test_host_mode_meta_has_no_process(porto, name):
    porto.run(name, None, virt_mode="host")
    assert porto.state(name) == "meta"
    with expect("InvalidState"):
        porto.get_property(name, "root_pid")
    porto.run(name + "/child", "sleep 1000")
    assert namespaces(pid_of(porto, name + "/child"))["pid"] != namespaces("self")["pid"]
    porto.run(name + "/host", "sleep 1000", virt_mode="host")
    assert namespaces(pid_of(porto, name + "/host")) == namespaces("self")


def test_host_mode_rules(porto, name):
    porto.run(name, "sleep 1000")
    porto.create(name + "/x")
    porto.set(name + "/x", virt_mode="host", command="true")
    with expect("Permission"):
        porto.start(name + "/x")
    porto.destroy(name + "/x")
    for prop, value in ("root", "/tmp"), ("bind", "/tmp /mnt"), ("hostname", "h"):
        porto.create(name + "-y")
        porto.set(name + "-y", virt_mode="host", command="true")
        porto.set_property(name + "-y", prop, value)
        with expect("InvalidValue") as seen:
            porto.start(name + "-y")
        assert prop in seen.error.text
        porto.destroy(name + "-y")


def test_host_mode_of_an_ordinary_user(own_portod, name):
    """It runs with the rights of the user, and cannot hand on more."""
    portod = own_portod(group="porto:x:64999:nobody")
    with as_user(NOBODY, NOBODY):
        client = portod.client()
    with client, portod.client() as root:
        client.run(name, "sleep 1000", virt_mode="host")
        pid = int(root.get_property(name, "root_pid"))
        assert capabilities(pid)["CapEff"] == 0
        client.create(name + "/child")
        with expect("Permission"):
            client.set(name + "/child", capabilities_ambient="SYS_ADMIN")
        with expect("Permission"):
            client.set(name + "/child", capabilities="SYS_ADMIN")
        client.destroy(name)


# ---- os: what needs no system ----------------------------------------------------------------


def test_os_first_process_is_the_command(porto, toolbox, name):
    porto.run(name, "%s ready" % toolbox, virt_mode="os", stdout_path="/tmp/%s" % name)
    try:
        pid = pid_of(porto, name)
        status = read("/proc/%d/status" % pid)
        assert [line for line in status.splitlines() if line.startswith("NSpid")][0].split()[-1] == "1"
        assert read("/proc/%d/cmdline" % pid).startswith(toolbox)
        assert os.readlink("/proc/%d/cwd" % pid) == "/"
        assert os.readlink("/proc/%d/fd/2" % pid) == "/dev/null"
        loginuid = read("/proc/%d/loginuid" % pid)
        assert loginuid in (None, "4294967295")
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/tmp/%s" % name)


@pytest.mark.parametrize("code", [0, 3, 130, 200])
def test_os_exits_exactly(porto, toolbox, name, code):
    porto.run(name, "%s exit %d" % (toolbox, code), virt_mode="os")
    assert porto.finish(name) == code


@pytest.mark.parametrize("sig", [signal.SIGPWR, signal.SIGTERM])
def test_os_stop_signal_by_handler(porto, toolbox, name, sig, tmp_path):
    os.chmod(tmp_path, 0o755)
    out = str(tmp_path / "out")
    porto.run(name, "%s catch %d 0" % (toolbox, sig), virt_mode="os", stdout_path=out)
    poll(lambda: "ready" in (read(out) or ""))
    porto.stop(name, 20000)
    assert "got %d" % sig in read(out)


def test_os_without_a_handler_is_killed_at_once(porto, toolbox, name):
    """It would not get the signal: no use to wait."""
    porto.run(name, "%s ready" % toolbox, virt_mode="os")
    with porto.__class__(porto.path, timeout=15) as impatient:
        impatient.stop(name, 3600 * 1000)
    assert porto.state(name) == "stopped"


def test_os_user(porto, name, toolbox):
    """Root unless somebody said otherwise: also when the container belongs to somebody else."""
    porto.run(name, "sleep 1000", virt_mode="os")
    assert os.stat("/proc/%d" % pid_of(porto, name)).st_uid == 0
    porto.destroy(name)
    porto.run(name, "sleep 1000", virt_mode="os", user="nobody", group="nogroup")
    status = read("/proc/%d/status" % pid_of(porto, name))
    assert "Uid:\t%d" % NOBODY in status and "Gid:\t%d" % NOBODY in status


def test_os_mode_needs_the_rights_of_root(own_portod, name):
    portod = own_portod(group="porto:x:64999:nobody")
    with as_user(NOBODY, NOBODY):
        client = portod.client()
    with client:
        client.create(name)
        client.set(name, virt_mode="os", command="true")
        with expect("Permission"):
            client.start(name)
        # Named by itself it is an ordinary user's.
        client.set(name, user=NOBODY)
        client.set(name, group=NOBODY)
        client.start(name)
        assert client.finish(name) == 0
        client.destroy(name)


def test_os_defaults_are_not_kept(porto, portod, name):
    porto.create(name)
    porto.set(name, virt_mode="os")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "command") == "/sbin/init"
    with expect("NoValue"):
        porto.get_property(name, "command", real=True)
    porto.set(name, virt_mode="app")
    for prop, value in ("command", ""), ("stdout_path", "stdout"), ("net", "inherited"):
        try:
            assert porto.get_property(name, prop) == value
        except PortoError as err:
            assert (prop, err.name) == ("net", "NotSupported")


def test_os_output_can_be_stored(porto, portod, name):
    """What is set by its name is no default, whatever the mode."""
    porto.create(name)
    porto.set(name, virt_mode="os", command="sh -c 'echo out; echo err >&2'")
    assert porto.get_property(name, "stdout_path") == "/dev/null"
    porto.set(name, stdout_path="stdout", stderr_path="stderr")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "stdout_path") == "stdout"
    porto.start(name)
    porto.wait_state(name, "dead")
    assert porto.get_property(name, "stdout") == "out\n"
    assert porto.get_property(name, "stderr") == "err\n"


def test_os_container_survives_the_server(porto, portod, toolbox, name):
    porto.run(name, "%s catch 30 0" % toolbox, virt_mode="os")
    pid = pid_of(porto, name)
    portod.kill_server()
    porto.connect()
    assert porto.state(name) == "running"
    assert pid_of(porto, name) == pid
    porto.pause(name)
    porto.resume(name)
    assert porto.state(name) == "running"
    poll(lambda: int(read("/proc/%d/status" % pid).split("SigCgt:")[1].split()[0], 16) & 1 << 29)
    os.kill(pid, signal.SIGPWR)
    assert porto.finish(name) == 0


# ---- one in the other ------------------------------------------------------------------------


@pytest.mark.parametrize("outer, inner", [("app", "os"), ("os", "app"), ("os", "os")])
def test_nested_modes(porto, toolbox, name, outer, inner):
    porto.run(name, "%s ready" % toolbox, virt_mode=outer)
    porto.run(name + "/in", "%s ready" % toolbox, virt_mode=inner)
    status = read("/proc/%d/status" % pid_of(porto, name + "/in"))
    depth = [line for line in status.splitlines() if line.startswith("NSpid")][0].split()[1:]
    assert depth[-1] == ("1" if inner == "os" else "2")
    porto.run(name + "/in/job", "sh -c 'exit 5'", virt_mode="job")
    assert porto.finish(name + "/in/job") == 5
    porto.stop(name, 0)
    for which in name, name + "/in", name + "/in/job":
        assert porto.state(which) == "stopped"
