# SPDX-License-Identifier: Apache-2.0
"""What the command finds: environment, directory, arguments, credentials, limits; how it ends."""

import os
import re
import signal

import pytest

from conftest import NOBODY, expect, poll

DEFAULT_CAPS = (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN "
    "NET_RAW IPC_LOCK SYS_CHROOT SYS_PTRACE MKNOD AUDIT_WRITE SETFCAP"
).split()
NUMBERS = {
    name: number
    for number, name in enumerate(
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
        "LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER "
        "SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
        "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL "
        "SETFCAP".split()
    )
}


def mask(names):
    return sum(1 << NUMBERS[name] for name in names)


# ---- environment ---------------------------------------------------------------------------------


def environment(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_default_environment(porto, name):
    env = environment(porto.output(name, "/usr/bin/env", cwd="/tmp"))
    assert env["PATH"] == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert env["HOME"] == "/tmp"
    assert env["USER"] == "root"
    assert env["container"] == "lxc"
    assert env["PORTO_NAME"] == name
    assert env["PORTO_HOST"] == os.uname().nodename
    assert env["PORTO_USER"] == "root"
    # And nothing of the daemon's own.
    assert set(env) <= {
        "PATH",
        "HOME",
        "USER",
        "container",
        "PORTO_NAME",
        "PORTO_HOST",
        "PORTO_USER",
        "PWD",
        "SHLVL",
        "_",
    }


def test_own_environment(porto, name):
    env = environment(
        porto.output(name, "/usr/bin/env", env="A=1;B=two words;PATH=/bin:/usr/bin;PORTO_NAME=fake;USER")
    )
    assert env["A"] == "1" and env["B"] == "two words"
    assert env["PATH"] == "/bin:/usr/bin"
    assert env["PORTO_NAME"] == name, "locked"
    assert "USER" not in env, "a name without a value unsets"


def test_inherited_environment(porto, name):
    porto.create(name)
    porto.set_property(name, "env", "P=parent;Q=parent")
    porto.start(name)
    env = environment(
        porto.output(name + "/shared", "/usr/bin/env", isolate=False, env="Q=own")
    )
    assert (env["P"], env["Q"]) == ("parent", "own")
    env = environment(porto.output(name + "/isolated", "/usr/bin/env"))
    assert "P" not in env
    porto.create(name + "/x")
    porto.set_property(name + "/x", "isolate", "false")
    assert porto.get_property(name + "/x", "env[P]") == "parent"
    assert porto.get_property(name + "/x", "env") == ""


# ---- directory ------------------------------------------------------------------------------------


def test_default_cwd_is_the_work_directory(porto, portod, name):
    text = porto.output(name, "pwd").strip()
    assert text == os.path.join(portod.place, "porto", name)


def test_work_directory_belongs_to_the_task(porto, portod, name):
    porto.run(name, "sh -c 'touch mine; sleep 1000'", user="nobody", group="nogroup")
    path = os.path.join(portod.place, "porto", name)
    poll(lambda: os.path.exists(path + "/mine"))
    info = os.stat(path)
    assert (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (NOBODY, NOBODY, 0o775)


def test_cwd(porto, name):
    assert porto.output(name, "pwd", cwd="/usr").strip() == "/usr"


@pytest.mark.parametrize("cwd", ["/not/there", "/etc/passwd"])
def test_cwd_that_is_none(porto, name, cwd):
    porto.create(name)
    porto.set(name, command="true", cwd=cwd)
    with expect("InvalidPath") as caught:
        porto.start(name)
    assert "cwd" in caught.error.text and cwd in caught.error.text


def test_cwd_in_a_root(porto, rootfs, name):
    assert porto.output(name, "pwd", root=rootfs).strip() == "/"
    assert porto.output(name, "pwd", root=rootfs, cwd="/var").strip() == "/var"


def test_cwd_is_inherited_and_relative(porto, name):
    porto.create(name)
    porto.set_property(name, "cwd", "/usr")
    porto.start(name)
    assert porto.output(name + "/a", "pwd").strip() == "/usr"
    assert porto.output(name + "/b", "pwd", cwd="bin").strip() == "/usr/bin"


# ---- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, args",
    [
        ("a b  c", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a\\ b", ["a b"]),
        ("$USER ${container}x", ["root", "lxcx"]),
        ("'$USER'", ["$USER"]),
        ("\"$USER\"", ["root"]),
        ("~", ["/usr"]),
        ("''", [""]),
        ("/etc/passw?", ["/etc/passwd"]),
        ("/no/such/*", ["/no/such/*"]),
    ],
)
def test_expansion(porto, toolbox, name, line, args):
    text = porto.output(name, "%s args %s" % (toolbox, line), cwd="/usr")
    assert text == "".join("[%s]\n" % arg for arg in args)


@pytest.mark.parametrize(
    "line", ["$(id)", "`id`", "$UNDEFINED_ONE", "a | b", "a; b", "a & b", "(a)", "{a}", "a > b", "'a"]
)
def test_bad_commands(porto, toolbox, name, line):
    porto.create(name)
    porto.set_property(name, "command", "%s args %s" % (toolbox, line))
    with expect("InvalidCommand"):
        porto.start(name)
    assert porto.state(name) == "stopped"


def test_argv_is_verbatim(porto, toolbox, name):
    porto.create(name)
    porto.set_property(name, "command_argv", "\t".join([toolbox, "args", "$USER", "a b", "", "*;|"]))
    porto.start(name)
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout") == "[$USER]\n[a b]\n[]\n[*;|]\n"


def test_path_search(porto, toolbox, name):
    env = "PATH=%s" % os.path.dirname(toolbox)
    assert porto.output(name, "toolbox args x", env=env) == "[x]\n"


def test_scripts(porto, tmp_path, name):
    os.chmod(tmp_path, 0o755)
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho $1\n")
    script.chmod(0o755)
    assert porto.output(name, "%s hello" % script) == "hello\n"


# ---- credentials -----------------------------------------------------------------------------------


def test_user_and_group(porto, name):
    text = porto.output(name, "id", user="nobody", group="nogroup")
    assert "uid=65534(nobody) gid=65534(nogroup)" in text
    groups = text.split("groups=")[1].split(",")
    assert len(groups) == 1


def test_numeric_user(porto, name):
    text = porto.output(name, "sh -c 'id -u; id -g'", user="54321", group="54322")
    assert text.split() == ["54321", "54322"]


def test_supplementary_groups(porto, name):
    import grp

    member = next((g for g in grp.getgrall() if g.gr_mem and g.gr_mem[0] != "root"), None)
    if member is None:
        pytest.skip("no user of this host is in a second group")
    user = member.gr_mem[0]
    text = porto.output(name, "id -G", user=user)
    assert str(member.gr_gid) in text.split()


def test_umask(porto, name):
    assert porto.output(name, "sh -c umask").strip() == "0002"
    assert porto.output(name, "sh -c umask", umask="027").strip() == "0027"


def caps(text):
    return {
        line.split(":")[0]: int(line.split(":")[1], 16)
        for line in text.splitlines()
        if line.startswith("Cap")
    }


def test_default_capabilities_of_root(porto, name):
    """Owner root: the extended set, minus what needs a memory limit or a network of its own."""
    got = caps(porto.output(name, "grep Cap /proc/self/status"))
    never = "SYS_MODULE SYS_RAWIO SYS_TIME SYS_PACCT DAC_READ_SEARCH AUDIT_CONTROL".split()
    assert got["CapBnd"] & mask(never) == 0
    assert got["CapEff"] == got["CapBnd"] == got["CapPrm"]
    assert got["CapAmb"] == 0
    assert got["CapBnd"] & mask(["CHOWN", "KILL", "SETUID", "SYS_PTRACE"])


def test_default_capabilities_of_others(porto, name):
    """A non-root owner: the default set bounds, nothing is effective."""
    porto.create(name)
    porto.set(name, owner_user="nobody", owner_group="nogroup", user="nobody", group="nogroup")
    porto.set_property(name, "command", "grep Cap /proc/self/status")
    porto.start(name)
    assert porto.finish(name) == 0
    got = caps(porto.get_property(name, "stdout"))
    assert got["CapEff"] == got["CapPrm"] == got["CapInh"] == got["CapAmb"] == 0
    without = {"IPC_LOCK", "NET_ADMIN"}  # no memory limit, no network of its own
    assert got["CapBnd"] == mask(set(DEFAULT_CAPS) - without)


def test_ipc_lock_comes_with_a_memory_limit(porto, name):
    porto.create(name)
    porto.set(name, owner_user="nobody", owner_group="nogroup", user="nobody", group="nogroup")
    porto.set(name, memory_limit="64M", command="grep CapBnd /proc/self/status")
    porto.start(name)
    porto.finish(name)
    got = caps(porto.get_property(name, "stdout"))
    assert got["CapBnd"] & mask(["IPC_LOCK"])


def test_kill_comes_with_a_pid_namespace(porto, name):
    porto.create(name)
    porto.set(name, owner_user="nobody", owner_group="nogroup", user="nobody", group="nogroup")
    porto.set(name, isolate=False, command="grep CapBnd /proc/self/status")
    porto.start(name)
    porto.finish(name)
    got = caps(porto.get_property(name, "stdout"))
    assert got["CapBnd"] & mask(["KILL", "SYS_PTRACE"]) == 0


def test_explicit_capabilities(porto, name):
    got = caps(porto.output(name, "grep Cap /proc/self/status", capabilities="KILL;NET_RAW"))
    assert got["CapBnd"] == got["CapEff"] == mask(["KILL", "NET_RAW"])
    porto.create(name + "-none")
    porto.set_property(name + "-none", "capabilities", "")
    porto.set_property(name + "-none", "command", "grep CapBnd /proc/self/status")
    porto.start(name + "-none")
    porto.finish(name + "-none")
    assert caps(porto.get_property(name + "-none", "stdout"))["CapBnd"] == 0


def test_ambient_capabilities(porto, name):
    got = caps(
        porto.output(
            name,
            "grep Cap /proc/self/status",
            user="nobody",
            group="nogroup",
            capabilities="NET_BIND_SERVICE;KILL",
            capabilities_ambient="NET_BIND_SERVICE",
        )
    )
    assert got["CapAmb"] == got["CapEff"] == mask(["NET_BIND_SERVICE"])


def test_ambient_needs_the_bound(porto, name):
    porto.create(name)
    porto.set(name, command="true", capabilities="KILL", capabilities_ambient="CHOWN")
    with expect("Permission"):
        porto.start(name)


def test_children_cannot_have_more(porto, name):
    porto.create(name)
    porto.set_property(name, "capabilities", "KILL;CHOWN;SETPCAP")
    porto.start(name)
    porto.create(name + "/child")
    allowed = set(porto.get_property(name + "/child", "capabilities_allowed").split(";"))
    assert allowed <= {"KILL", "CHOWN", "SETPCAP"}


def test_no_new_privs_is_not_set(porto, name):
    assert porto.output(name, "grep NoNewPrivs /proc/self/status").split()[1] == "0"


# ---- limits -----------------------------------------------------------------------------------------


def limits(text):
    rows = {}
    for line in text.splitlines()[1:]:
        rows[line[:25].strip()] = line[25:].split()[:2]
    return rows


def test_default_limits(porto, name):
    got = limits(porto.output(name, "cat /proc/self/limits"))
    assert got["Max core file size"] == ["0", "unlimited"]
    assert got["Max open files"][0] == "8192"


def test_own_limits(porto, name):
    text = porto.output(
        name, "cat /proc/self/limits", ulimit="nofile: 100 200; core: 0 0; stack: 1M 2M"
    )
    got = limits(text)
    assert got["Max open files"] == ["100", "200"]
    assert got["Max core file size"] == ["0", "0"]
    assert got["Max stack size"] == ["1048576", "2097152"]


def test_inherited_limits(porto, name):
    porto.create(name)
    porto.set_property(name, "ulimit", "nofile: 100 200")
    porto.start(name)
    got = limits(porto.output(name + "/child", "cat /proc/self/limits", ulimit="core: 0 0"))
    assert got["Max open files"] == ["100", "200"]


def test_limits_of_a_running_container(porto, name):
    porto.run(name, "sleep 1000", ulimit="nofile: 500 600")
    porto.set_property(name, "ulimit", "nofile: 100 200")
    with open("/proc/%s/limits" % porto.get_property(name, "root_pid")) as file:
        assert limits(file.read())["Max open files"] == ["100", "200"]


def test_limits_of_the_root_container(porto, name):
    """What everybody begins with."""
    text = porto.get_property("/", "ulimit")
    assert "core: 0 unlimited; " in text and "nofile: 8192 1048576; " in text
    assert porto.get_property("/", "ulimit[nofile]") == "nofile: 8192 1048576"
    assert re.search(r"nproc: \d+ \d+; ", text) and "memlock: " in text
    porto.create(name)
    assert porto.get_property(name, "ulimit") == ""


def files_of(porto, name):
    with open("/proc/%s/limits" % porto.get_property(name, "root_pid")) as file:
        return limits(file.read())["Max open files"]


def test_limits_of_running_containers_below(porto, toolbox, name):
    """Each process has what holds for its own container. (Limits only go down: that needs no right.)"""
    porto.run(name, "sleep 1000", ulimit="nofile: 500 600")
    porto.run(name + "/own", "sleep 1000", ulimit="nofile: 300 400")
    porto.run(name + "/inherits", "sleep 1000")
    porto.run(name + "/inherits/own", "sleep 1000", ulimit="nofile: 310 410")
    for job, props in ("job", {}), ("ownjob", {"ulimit": "nofile: 320 420"}):
        porto.run("%s/%s" % (name, job), "sleep 1000", virt_mode="job", **props)
    porto.set_property(name, "ulimit", "nofile: 200 450")
    for below, expected in {
        "": ["200", "450"],
        "/own": ["300", "400"],
        "/inherits": ["200", "450"],
        "/inherits/own": ["310", "410"],
        "/job": ["200", "450"],
        "/ownjob": ["320", "420"],
    }.items():
        assert files_of(porto, name + below) == expected, below
    porto.set_property(name + "/inherits", "ulimit[nofile]", "50 60")
    assert files_of(porto, name + "/inherits") == ["50", "60"]
    assert files_of(porto, name + "/inherits/own") == ["310", "410"]
    assert files_of(porto, name) == ["200", "450"]


def test_configured_memory_limits(own_portod):
    """memlock_minimal, memlock_margin and memory_limit_margin, which is for the first level."""
    daemon = own_portod(container="memlock_minimal: 1048576 memlock_margin: 2097152 memory_limit_margin: 1073741824")
    with daemon.client() as porto:
        got = limits(porto.output("a", "cat /proc/self/limits", memory_limit="2M"))
        assert got["Max locked memory"][0] == str(1 << 20)
        got = limits(porto.output("b", "cat /proc/self/limits", memory_limit="6M"))
        assert got["Max locked memory"][0] == str(4 << 20)
        porto.create("c")
        total = int(porto.get_property("/", "memory_limit_total"))
        limit = int(porto.get_property("c", "memory_limit"))
        assert limit == total - min(total // 4, 1 << 30)
        porto.create("c/child")
        assert porto.get_property("c/child", "memory_limit") == "0"
        porto.set_property("c", "memory_limit", "0")
        porto.start("c")
        assert porto.get_property("c", "memory_limit") == "0"


def test_oom_score_adj(porto, name):
    assert porto.output(name, "cat /proc/self/oom_score_adj", oom_score_adj=500).strip() == "500"
    assert porto.output(name, "cat /proc/self/oom_score_adj").strip() == "0"


def test_signals_are_clean(porto, toolbox, name):
    """Nothing blocked, nothing ignored, as if from a login."""
    rows = dict(line.split(":\t") for line in porto.output(name, "%s signals" % toolbox).splitlines())
    assert int(rows["SigBlk"], 16) == 0
    assert int(rows["SigIgn"], 16) == 0
    assert int(rows["SigCgt"], 16) == 0


def test_open_files(porto, toolbox, name):
    for props in {}, {"isolate": False}:
        porto.create(name)
        porto.set(name, command="%s fds" % toolbox, **props)
        porto.start(name)
        assert porto.finish(name) == 0
        rows = [line.split()[0] for line in porto.get_property(name, "stdout").splitlines()]
        porto.destroy(name)
        assert rows == ["0", "1", "2"], props


def test_nice_is_default(porto, name):
    with open("/proc/self/stat") as file:
        pass
    assert porto.output(name, "nice").strip() == "0"


# ---- the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 2, 42, 127, 128, 129, 130, 137, 143, 162, 163, 195, 255])
def test_exit_codes_are_exact(porto, toolbox, name, code):
    porto.run(name, "%s exit %d" % (toolbox, code))
    assert porto.finish(name) == code
    assert porto.get_property(name, "exit_status") == str(code << 8)
    assert porto.get_property(name, "core_dumped") == "false"
    assert porto.get_property(name, "oom_killed") == "false"


@pytest.mark.parametrize("sig", [1, 2, 6, 9, 11, 15, 34])
def test_signals_are_exact(porto, toolbox, name, sig):
    porto.run(name, "%s die %d" % (toolbox, sig), ulimit="core: 0 0")
    assert porto.finish(name) == -sig
    assert int(porto.get_property(name, "exit_status")) & 0x7F == sig


@pytest.mark.parametrize("isolate", [True, False])
def test_end_without_isolation(porto, toolbox, name, isolate):
    porto.run(name, "%s exit 130" % toolbox, isolate=isolate)
    assert porto.finish(name) == 130
    porto.stop(name)
    porto.set_property(name, "command", "%s die 15" % toolbox)
    porto.start(name)
    assert porto.finish(name) == -15


def test_kill_from_outside(porto, name):
    porto.run(name, "sleep 1000")
    os.kill(int(porto.get_property(name, "root_pid")), signal.SIGTERM)
    assert porto.finish(name) == -15


def test_many_short_lives(porto, name):
    """No status is lost or mixed up when many end at once."""
    for i in range(40):
        porto.create("%s-%d" % (name, i))
        porto.set_property("%s-%d" % (name, i), "command", "sh -c 'exit %d'" % (i + 1))
    for i in range(40):
        porto.start("%s-%d" % (name, i))
    for i in range(40):
        assert porto.finish("%s-%d" % (name, i)) == i + 1
