# SPDX-License-Identifier: Apache-2.0
"""Filters of system calls and no_new_privs."""

import os
import shutil

import pytest

from conftest import NOBODY, expect, read

NO_MKDIR = 'rules { syscall: "mkdir" action { action: Errno value: 13 } } rules { syscall: "mkdirat" action { action: Errno value: 13 } }'
NO_SYMLINK = 'rules { syscall: "symlink" action { action: Errno value: 1 } } rules { syscall: "symlinkat" action { action: Errno value: 1 } }'
TRY = "(%s) 2>/dev/null && echo done || echo refused; "


def status(text, key):
    for line in text.splitlines():
        if line.startswith(key + ":"):
            return line.split(":")[1].strip()
    raise AssertionError("no %s in %s" % (key, text))


@pytest.fixture
def tell(porto, rootfs, name):
    """Run shell lines in a container with the tiny root; the words it prints."""

    def run(line, ct=name, **props):
        return porto.output(ct, "sh -c '%s'" % line, root=rootfs, **props).split()

    return run


MKDIR = TRY % "mkdir /tmp/dir && rmdir /tmp/dir 2>/dev/null || mkdir /tmp/dir/x"
SYMLINK = TRY % "ln -s x /tmp/link && rm /tmp/link"


# ---- the value -----------------------------------------------------------------------------------


def test_text_is_normalised(porto, name):
    porto.create(name)
    assert porto.get_property(name, "seccomp") == ""
    porto.set_property(
        name,
        "seccomp",
        "name:'x' default_action{action:Allow}rules{syscall:'mkdir' args:[{index:1,compare:Eq,value:0x1FF}] action{action:Errno value:1}}",
    )
    text = porto.get_property(name, "seccomp")
    assert 'syscall: "mkdir"' in text and "value: 511" in text and "compare: Eq" in text
    porto.set_property(name, "seccomp", text)
    assert porto.get_property(name, "seccomp") == text
    porto.set_property(name, "seccomp", "default_action { action: Allow }")
    assert porto.get_property(name, "seccomp") == "", "it says nothing"


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "rules { syscall: 'mkdir' }",
        "rules { action { action: Allow } }",
        "rules { syscall: 'no_such_call' action { action: Allow } }",
        "rules { syscall: '' action { action: Allow } }",
        "rules { syscall: 'mkdir' action { action: NoSuch } }",
        "rules { syscall: 'mkdir' action { action: 99 } }",
        "rules { syscall: 'mkdir' action { value: 1 } }",
        "rules { syscall: 'mkdir' action { action: Errno value: 4096 } }",
        "rules { syscall: 'mkdir' action { action: Trace value: 65536 } }",
        "rules { syscall: 'mkdir' args { index: 6 compare: Eq value: 1 } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { index: 0 compare: Like value: 1 } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { index: 0 value: 1 } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { compare: Eq value: 1 } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { index: 0 compare: Eq } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { index: 0 compare: Eq value: 1 mask: 3 } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { index: 0 compare: MaskedEq value: 4 mask: 3 } action { action: Kill } }",
        "rules { syscall: 'mkdir' args { index: 0 compare: Gt value: 1 } args { index: 0 compare: Lt value: 9 } action { action: Kill } }",
        "rules { syscall: 'mkdir' action { action: Kill } } rules { syscall: 'mkdir' action { action: Allow } }",
        "rules { syscall: 'mkdir' action { action: Kill } } rules { syscall: 'mkdir' args { index: 0 compare: Eq value: 1 } action { action: Trap } }",
        "default_action { action: Errno value: 5000 }",
        "default_action { }",
        "rules { syscall: 'mkdir' action { action: Kill } } " * 1001,
        "#" + "x" * 200000,
    ],
)
def test_bad_profiles(porto, name, text):
    porto.create(name)
    porto.set_property(name, "seccomp", NO_MKDIR)
    before = porto.get_property(name, "seccomp")
    with expect("InvalidValue") as caught:
        porto.set_property(name, "seccomp", text)
    assert "seccomp" in caught.error.text
    assert porto.get_property(name, "seccomp") == before


def test_notify_is_not_supported(porto, name):
    porto.create(name)
    with expect("NotSupported"):
        porto.set_property(name, "seccomp", "rules { syscall: 'mkdir' action { action: Notify } }")


def test_only_when_stopped(porto, name):
    porto.run(name, "sleep 1000")
    for prop in "seccomp", "seccomp_name", "no_new_privs":
        with expect("InvalidState"):
            porto.set_property(name, prop, "")


def test_survives_the_server(porto, portod, name):
    porto.create(name)
    porto.set_property(name, "seccomp", NO_MKDIR)
    porto.set_property(name, "no_new_privs", "false")
    text = porto.get_property(name, "seccomp")
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "seccomp") == text
    assert porto.get_property(name, "no_new_privs") == "false"


# ---- effect --------------------------------------------------------------------------------------


def test_filter(tell):
    assert tell(MKDIR + SYMLINK) == ["done", "done"]
    assert tell(MKDIR + SYMLINK, seccomp=NO_MKDIR) == ["refused", "done"]


def test_filter_is_there(porto, rootfs, name):
    text = porto.output(name, "cat /proc/self/status", root=rootfs, seccomp=NO_MKDIR)
    assert status(text, "Seccomp") == "2"
    assert status(text, "Seccomp_filters") == "1"
    text = porto.output(name, "cat /proc/self/status", root=rootfs)
    assert status(text, "Seccomp") == status(read("/proc/self/status"), "Seccomp")


def test_arguments(tell):
    """mkdir -m 0700 is refused, other modes are not."""
    rule = 'rules { syscall: "%s" args { index: %d compare: Eq value: 448 } action { action: Errno value: 1 } }'
    profile = rule % ("mkdir", 1) + rule % ("mkdirat", 2)
    line = TRY % "umask 0077; mkdir /tmp/a" + TRY % "umask 0022; mkdir /tmp/b"
    # busybox's mkdir asks for 0777 and leaves the rest to the umask.
    assert tell(line, seccomp=profile) == ["done", "done"]
    profile = profile.replace("448", "511")
    assert tell(line.replace("/tmp/", "/tmp/2"), seccomp=profile) == ["refused", "refused"]


def test_masked(porto, rootfs, name):
    """Opening for writing is refused: (flags & 3) == 0 is allowed only."""
    profile = ""
    for call, index in ("open", 1), ("openat", 2):
        for value in 1, 2:
            profile += (
                'rules { syscall: "%s" args { index: %d compare: MaskedEq value: %d mask: 3 } '
                "action { action: Errno value: 30 } } " % (call, index, value)
            )
    line = "".join(
        "(: %s) && echo done || echo refused; " % to for to in ("< /etc/passwd", "> /tmp/x", "<> /tmp/y")
    )
    text = porto.output(name, "sh -c '%s'" % line, root=rootfs, seccomp=profile)
    assert text.split() == ["done", "refused", "refused"]
    assert os.listdir(rootfs + "/tmp") == []


def test_kill(porto, rootfs, name):
    profile = "".join(
        'rules { syscall: "%s" action { action: KillProcess } }' % call for call in ("mkdir", "mkdirat")
    )
    porto.run(name, "mkdir /tmp/x", root=rootfs, seccomp=profile)
    assert porto.finish(name) == -31, "SIGSYS"
    assert not os.path.exists(rootfs + "/tmp/x")


def test_profile_that_stops_the_launcher(porto, rootfs, name):
    """What forbids execve(2) lets nothing begin, and says so if it can."""
    porto.create(name)
    porto.set(
        name,
        root=rootfs,
        command="true",
        seccomp='rules { syscall: "execve" action { action: Errno value: 13 } }',
    )
    with expect("InvalidCommand", "Permission") as caught:
        porto.start(name)
    assert "true" in caught.error.text
    assert porto.state(name) == "stopped"


def test_allow_list(porto, rootfs, toolbox, name):
    """Only what a static program needs."""
    allowed = (
        "execve exit exit_group write brk arch_prctl set_tid_address set_robust_list rseq prlimit64 "
        "readlinkat readlink getrandom mprotect fstat newfstatat read close getpid getppid getsid "
        "rt_sigprocmask futex gettid mmap munmap uname"
    )
    profile = "default_action { action: Errno value: 38 }" + "".join(
        'rules { syscall: "%s" action { action: Allow } }' % call for call in allowed.split()
    )
    assert porto.output(name, "/bin/toolbox pid", root=rootfs, seccomp=profile).split()
    porto.run(name, "/bin/toolbox fds", root=rootfs, seccomp=profile)
    assert porto.finish(name) != 0, "opendir is not among them"


def test_respawn_keeps_the_filter(porto, rootfs, name):
    line = "sh -c '%s'" % MKDIR
    porto.create(name)
    porto.set(name, command=line, root=rootfs, seccomp=NO_MKDIR)
    porto.start(name)
    porto.finish(name)
    porto.respawn(name)
    porto.wait_state(name, "dead") if porto.state(name) != "dead" else None
    assert porto.get_property(name, "stdout").split() == ["refused", "refused"]


def test_held_command_is_filtered(porto, rootfs, name):
    porto.create(name)
    porto.set(name, command="sh -c '%s'" % MKDIR, root=rootfs, seccomp=NO_MKDIR, held=True)
    porto.start(name)
    porto.set_property(name, "held", "false")
    assert porto.finish(name) == 0
    assert porto.get_property(name, "stdout").split() == ["refused"]


# ---- inheritance ---------------------------------------------------------------------------------


def test_child_inherits(porto, rootfs, tell, name):
    porto.run(name, "sleep 1000", root=rootfs, seccomp=NO_MKDIR)
    for isolate in True, False:
        words = porto.output(name + "/child", "sh -c '%s'" % (MKDIR + SYMLINK), isolate=isolate)
        assert words.split() == ["refused", "done"]


def test_child_of_a_meta_container_inherits(porto, rootfs, name):
    porto.create(name)
    porto.set(name, root=rootfs, seccomp=NO_MKDIR)
    porto.start(name)
    # The init of the meta container itself is free.
    pid = porto.get_property(name, "root_pid")
    assert status(read("/proc/%s/status" % pid), "Seccomp") == status(
        read("/proc/self/status"), "Seccomp"
    )
    words = porto.output(name + "/child", "sh -c '%s'" % (MKDIR + SYMLINK))
    assert words.split() == ["refused", "done"]


def test_two_profiles_conflict(porto, name):
    porto.create(name)
    porto.create(name + "/a")
    porto.create(name + "/a/b")
    porto.create(name + "/c")
    porto.set_property(name + "/a", "seccomp", NO_MKDIR)
    for other in name, name + "/a/b":
        with expect("InvalidState") as caught:
            porto.set_property(other, "seccomp", NO_SYMLINK)
        assert name + "/a" in caught.error.text
        assert porto.get_property(other, "seccomp") == ""
    porto.set_property(name + "/c", "seccomp", NO_SYMLINK)
    porto.set_property(name + "/a", "seccomp", "")
    porto.set_property(name + "/a/b", "seccomp", NO_SYMLINK)


def test_stacked_profiles(porto, rootfs, name):
    """Beyond Porto: one on top of the other, both hold."""
    porto.run(name, "sleep 1000", root=rootfs, seccomp=NO_MKDIR)
    child = name + "/child"
    line = "sh -c '%s'" % (MKDIR + SYMLINK)
    words = porto.output(child, line, seccomp=NO_SYMLINK + " stack: true").split()
    assert words == ["refused", "refused"]
    text = porto.output(child, "cat /proc/self/status", seccomp=NO_SYMLINK + " stack: true")
    assert status(text, "Seccomp_filters") == "2"
    # More than the parent has cannot be had so.
    lax = 'rules { syscall: "mkdir" action { action: Allow } } rules { syscall: "getppid" action { action: Errno value: 1 } } stack: true'
    assert porto.output(child, line, seccomp=lax).split() == ["refused", "done"]


# ---- named profiles ------------------------------------------------------------------------------


def test_named(own_portod, rootfs, name):
    portod = own_portod(
        container="""
  seccomp_profiles { name: "strict" profile { %s } }
  seccomp_profiles { name: "bad" profile { rules { syscall: "no_such" action { action: Kill } } } }
  seccomp_profiles { profile { %s } }
"""
        % (NO_MKDIR, NO_MKDIR)
    )
    assert "seccomp_profiles 'bad' is left out" in portod.log()
    with portod.client() as porto:
        line = "sh -c '%s'" % (MKDIR + SYMLINK)
        assert porto.output(name, line, root=rootfs, seccomp_name="strict").split() == ["refused", "done"]
        porto.create(name)
        for bad in "bad", "other", "strict ":
            if bad.strip() == "strict":
                continue
            with expect("InvalidValue") as caught:
                porto.set_property(name, "seccomp_name", bad)
            assert bad in caught.error.text
        porto.set_property(name, "seccomp", NO_SYMLINK)
        porto.set_property(name, "seccomp_name", "strict")
        assert porto.get_property(name, "seccomp") == ""
        porto.set_property(name, "seccomp", NO_SYMLINK)
        assert porto.get_property(name, "seccomp_name") == ""
        porto.set_property(name, "seccomp_name", "strict")
        porto.create(name + "/child")
        with expect("InvalidState"):
            porto.set_property(name + "/child", "seccomp_name", "strict")
        porto.set_property(name, "seccomp_name", "")
        porto.set_property(name + "/child", "seccomp_name", "strict")


# ---- no_new_privs --------------------------------------------------------------------------------


def test_no_new_privs(porto, rootfs, name):
    for value, told in (None, "0"), (True, "1"), (False, "0"):
        props = {} if value is None else {"no_new_privs": value}
        text = porto.output(name, "cat /proc/self/status", root=rootfs, **props)
        assert status(text, "NoNewPrivs") == told


def test_seccomp_sets_no_new_privs(porto, rootfs, name):
    porto.create(name)
    porto.set_property(name, "seccomp", NO_MKDIR)
    assert porto.get_property(name, "no_new_privs") == "true"
    porto.destroy(name)
    text = porto.output(name, "cat /proc/self/status", root=rootfs, seccomp=NO_MKDIR)
    assert status(text, "NoNewPrivs") == "1"


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_seccomp_without_no_new_privs(porto, rootfs, name, user):
    """By the daemon's capability, of which nothing is left to the command."""
    text = porto.output(
        name,
        "cat /proc/self/status",
        root=rootfs,
        user=user,
        seccomp=NO_MKDIR,
        no_new_privs=False,
        capabilities="CHOWN;KILL",
    )
    assert status(text, "NoNewPrivs") == "0"
    assert status(text, "Seccomp_filters") == "1"
    caps = (1 << 0 | 1 << 5) if user == "root" else 0
    assert int(status(text, "CapPrm"), 16) == int(status(text, "CapEff"), 16) == caps
    assert int(status(text, "CapBnd"), 16) == 1 << 0 | 1 << 5


def test_no_new_privs_binds_those_below(porto, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs, no_new_privs=True)
    child = name + "/child"
    text = porto.output(child, "cat /proc/self/status")
    assert status(text, "NoNewPrivs") == "1"
    porto.create(child)
    assert porto.get_property(child, "no_new_privs") == "true"
    with expect("Permission"):
        porto.set_property(child, "no_new_privs", "false")
    porto.set_property(child, "no_new_privs", "true")


def test_no_new_privs_by_a_profile_binds_those_below(porto, name):
    porto.create(name)
    porto.set_property(name, "seccomp", NO_MKDIR)
    porto.create(name + "/child")
    with expect("Permission"):
        porto.set_property(name + "/child", "no_new_privs", "false")
    porto.set_property(name, "no_new_privs", "false")
    assert porto.get_property(name + "/child", "no_new_privs") == "false"


# ---- ways around ---------------------------------------------------------------------------------


@pytest.fixture
def suid_id(rootfs):
    """A set-user-ID root program that tells its effective user."""
    path = rootfs + "/bin/suid"
    shutil.copy(rootfs + "/bin/toolbox", path)
    os.chown(path, 0, 0)
    os.chmod(path, 0o4755)
    return "/bin/suid ids"


def effective(text):
    return int(text.split()[1])


def test_set_user_id_works_and_does_not(porto, rootfs, suid_id, name):
    props = {"root": rootfs, "user": "nobody", "group": "nogroup"}
    assert effective(porto.output(name, suid_id, **props)) == 0
    for more in {"no_new_privs": True}, {"seccomp": NO_MKDIR}:
        assert effective(porto.output(name, suid_id, **props, **more)) == NOBODY
    text = porto.output(name, suid_id, seccomp=NO_MKDIR, no_new_privs=False, **props)
    assert effective(text) == 0


def test_set_user_id_in_a_child(porto, rootfs, suid_id, name):
    """A child is no way to get rid of it."""
    porto.run(name, "sleep 1000", root=rootfs, no_new_privs=True)
    text = porto.output(name + "/child", suid_id, user="nobody", group="nogroup")
    assert effective(text) == NOBODY


def test_filter_cannot_be_dropped(porto, rootfs, name):
    """Neither by executing something, nor as root with all capabilities, nor in a child."""
    line = "sh -c '%s'" % (TRY % "exec sh -c \"mkdir /tmp/x\"")
    assert porto.output(name, line, root=rootfs, seccomp=NO_MKDIR).split() == ["refused"]
    porto.run(name, "sleep 1000", root=rootfs, seccomp=NO_MKDIR, no_new_privs=False)
    child = name + "/child"
    porto.create(child)
    for prop, value in ("seccomp", ""), ("seccomp", "default_action { action: Allow }"):
        porto.set_property(child, prop, value)
    porto.set_property(child, "command", "sh -c '%s'" % MKDIR)
    porto.start(child)
    assert porto.finish(child) == 0
    assert porto.get_property(child, "stdout").split() == ["refused"]


def test_other_architecture_is_no_way_around(porto, rootfs, name, tmp_path):
    """The 32-bit entry into the kernel has other numbers."""
    import platform
    import subprocess

    if platform.machine() != "x86_64":
        pytest.skip("a test for x86_64")
    source = tmp_path / "entry.c"
    source.write_text(
        """
#include <unistd.h>
#include <stdio.h>
int main(void)
{
	static char path[] = "/tmp/by32";
	static char *low;
	long r;

	low = path; /* a static, non-PIE program: below 4 GiB */
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(39), "b"(low), "c"(0777) : "memory");
	printf("%ld\\n", r);
	return 0;
}
"""
    )
    subprocess.run(
        ["gcc", "-static", "-no-pie", "-O1", "-o", rootfs + "/bin/entry", str(source)], check=True
    )
    porto.run(name, "/bin/entry", root=rootfs)
    if porto.finish(name) != 0 or not os.path.isdir(rootfs + "/tmp/by32"):
        pytest.skip("this kernel has no 32-bit entry")
    os.rmdir(rootfs + "/tmp/by32")
    porto.destroy(name)
    porto.run(name, "/bin/entry", root=rootfs, seccomp=NO_MKDIR)
    assert porto.finish(name) == -31
    assert not os.path.exists(rootfs + "/tmp/by32")
