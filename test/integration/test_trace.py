# SPDX-License-Identifier: Apache-2.0
"""Somebody in a container who may trace: what of the host he gets hold of. Inside of a user
namespace it is nothing at all, see test_userns.py."""

import os
import platform

import pytest

from conftest import read

# What he has; SYS_ADMIN and the like are not among it.
CAPS = "CHOWN;DAC_OVERRIDE;KILL;SETGID;SETUID;SETPCAP;SYS_PTRACE"

JOINING = {
    "job": dict(virt_mode="job"),
    "job of a user": dict(virt_mode="job", user="nobody", group="nogroup"),
    "not isolated": dict(isolate=False),
    "without init": dict(isolate=False, init=False),
    "held": dict(isolate=False, held=True),
}


@pytest.fixture
def spied(porto, rootfs, name):
    porto.create(name)
    porto.set(name, root=rootfs, capabilities=CAPS)
    return name


@pytest.mark.parametrize("kind", JOINING)
def test_nothing_of_the_daemon_is_seen(porto, rootfs, spied, kind):
    """While others start below, in his pid namespace."""
    porto.set(spied, command="/bin/toolbox spy /end")
    porto.start(spied)
    child = "%s/c" % spied
    for _ in range(30):
        porto.create(child)
        porto.set(child, **dict(dict(command="/bin/toolbox exit 3"), **JOINING[kind]))
        porto.start(child)
        porto.destroy(child)
    open(os.path.join(rootfs, "end"), "w").close()
    porto.finish(spied)
    out = porto.get_property(spied, "stdout").splitlines()
    assert out[-1].startswith("traced ") and int(out[-1].split()[1]) > 0, out
    assert out[:-1] == []


def hijacked(porto, spied, pid):
    out = porto.output(spied + "/thief", "/bin/toolbox hijack %d /bin/toolbox" % pid, isolate=False)
    return out


@pytest.mark.skipif(platform.machine() != "x86_64", reason="it is written for x86_64")
@pytest.mark.parametrize("kind", ["first", "holder", "job"])
def test_the_helper_gives_no_rights(porto, spied, kind):
    """portoinit is root of the host; made to execute something else, it may not do more."""
    porto.set(spied, command="" if kind == "holder" else "sleep 1000")
    porto.start(spied)
    pid = 1
    if kind == "job":
        job = spied + "/job"
        porto.create(job)
        porto.set(job, command="sleep 1000", virt_mode="job")
        porto.start(job)
        main = int(porto.get_property(job, "root_pid"))
        status = read("/proc/%d/status" % main)
        parent = [line for line in status.splitlines() if line.startswith("PPid")][0].split()[1]
        status = read("/proc/%s/status" % parent)
        pid = int([line for line in status.splitlines() if line.startswith("NSpid")][0].split()[-1])
    assert hijacked(porto, spied, pid) == "executed 0\n"
