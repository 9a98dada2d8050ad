# SPDX-License-Identifier: Apache-2.0
"""User namespaces: whose ids are whose, what belongs to root inside, and what it cannot reach."""

import os
import subprocess

import pytest

from conftest import NOBODY, Daemon, alive, as_user, expect, poll, read, running
from porto_client import PortoError, frame, make_request

USER = 1000  # no such user is needed
ALL = 4294967295


@pytest.fixture(scope="module")
def portod():
    yield from running(Daemon(group="porto:x:64999:nobody", container="enable_rw_cgroupfs: true"))


@pytest.fixture
def member(portod):
    with as_user(NOBODY, NOBODY):
        client = portod.client()
    yield client
    client.close()


@pytest.fixture
def run(porto, name):
    """A shell line in a container with a user namespace; returns its output."""

    def run(line, **props):
        props.setdefault("userns", True)
        props.setdefault("user", USER)
        props.setdefault("group", USER)
        return porto.output(name, "sh -c '%s'" % line, **props)

    return run


def swapped(id):
    """The usual map: `id` is root inside, the others are themselves."""
    rows = [(0, id, 1)]
    if id > 1:
        rows.append((1, 1, id - 1))
    return rows + [(id + 1, id + 1, ALL - 1 - id)]


def map_of(text):
    return [tuple(int(word) for word in line.split()) for line in text.splitlines()]


def maps(pid):
    return [map_of(read("/proc/%s/%s_map" % (pid, kind))) for kind in ("uid", "gid")]


def ids(pid):
    """Real, effective, saved and file system ids, as the host counts them."""
    lines = read("/proc/%s/status" % pid).splitlines()
    return [
        {int(word) for word in line.split()[1:]}
        for kind in ("Uid:", "Gid:")
        for line in lines
        if line.startswith(kind)
    ]


def ns(pid, kind="user"):
    return os.readlink("/proc/%s/ns/%s" % (pid, kind))


def pid_of(porto, name):
    return porto.get_property(name, "root_pid")


def caps(pid, kind):
    for line in read("/proc/%s/status" % pid).splitlines():
        if line.startswith("Cap%s:" % kind):
            return int(line.split()[1], 16)


CAPS = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE""".split()


def mask(text):
    return sum(1 << CAPS.index(word) for word in text.split(";") if word)


# ---- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [0, 1, 2, USER, NOBODY])
def test_usual_map(porto, name, user):
    porto.run(name, "sleep 1000", userns=True, user=user, group=user)
    pid = pid_of(porto, name)
    assert maps(pid) == [swapped(user)] * 2
    assert ids(pid) == [{user}] * 2
    assert ns(pid) != ns("self")


def test_root_inside(run):
    assert run("id -u; id -g").split() == ["0", "0"]


def test_off_by_default(porto, name):
    porto.run(name, "sleep 1000")
    assert porto.get_property(name, "userns") == "false"
    assert ns(pid_of(porto, name)) == ns("self")


def test_files_made_inside(run, tmp_path):
    os.chmod(tmp_path, 0o777)
    for part in tmp_path.parents:
        if str(part).startswith("/tmp/"):
            os.chmod(part, 0o755)
    run("umask 0; touch %s/mine; touch %s/other; chown 5:6 %s/other" % ((tmp_path,) * 3))
    made = {name: os.stat(tmp_path / name) for name in ("mine", "other")}
    assert (made["mine"].st_uid, made["mine"].st_gid) == (USER, USER)
    assert (made["other"].st_uid, made["other"].st_gid) == (5, 6)


def test_files_of_the_hosts_root_are_nobody_s(run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    for part in tmp_path.parents:
        if str(part).startswith("/tmp/"):
            os.chmod(part, 0o755)
    os.chmod(tmp_path, 0o755)
    out = run("stat -c %%u %s; cat %s 2>&1; chown 0 %s 2>&1; true" % ((secret,) * 3))
    assert out.split()[0] == str(NOBODY)
    assert "Permission denied" in out and "not permitted" in out


def test_set_maps(porto, name):
    porto.create(name)
    porto.set_property(name, "uid_map", " 0 100000  10;20 200000 1 ;")
    porto.set_property(name, "gid_map", "0 300000 65536")
    assert porto.get_property(name, "uid_map") == "0 100000 10; 20 200000 1"
    porto.set(name, userns=True, user=100003, group=300000, command="sleep 1000")
    porto.start(name)
    pid = pid_of(porto, name)
    assert maps(pid) == [[(0, 100000, 10), (20, 200000, 1)], [(0, 300000, 65536)]]
    assert ids(pid) == [{100003}, {300000}]


def test_root_is_root_inside(porto, name):
    """user=root cannot mean the host's, which has no id there."""
    line = "0 100000 65536"
    porto.run(name, "sleep 1000", userns=True, uid_map=line, gid_map=line, user="root", group="root")
    assert ids(pid_of(porto, name)) == [{100000}] * 2


def test_user_without_an_id(porto, name):
    porto.create(name)
    porto.set(name, userns=True, uid_map="0 100000 10", user=USER, command="sleep 1000")
    with expect("InvalidValue") as got:
        porto.start(name)
    assert "uid_map" in got.error.text and str(USER) in got.error.text
    assert porto.state(name) == "stopped"
    porto.set(name, uid_map="0 1000 1", gid_map="5 5 5")
    with expect("InvalidValue") as got:
        porto.start(name)
    assert "gid_map" in got.error.text


def test_maps_of_ordinary_users(member, name):
    member.create(name)
    for prop in "uid_map", "gid_map":
        for bad in "0 0 1", "0 %d 2" % NOBODY, "0 %d 1; 1 1000 1" % NOBODY, "0 0 4294967295":
            with expect("Permission") as got:
                member.set_property(name, prop, bad)
            assert prop in got.error.text
        member.set_property(name, prop, "7 %d 1" % NOBODY)
    member.set(name, userns=True, command="sh -c 'id -u; id -g'")
    member.start(name)
    member.finish(name)
    assert member.get_property(name, "stdout").split() == ["7", "7"]
    member.destroy(name)


def test_ordinary_user_on_the_host_root_has_one_id(member, name):
    """Else root inside could become anybody on the host."""
    member.run(name, "sleep 1000", userns=True)
    assert maps(pid_of(member, name)) == [[(0, NOBODY, 1)]] * 2
    member.destroy(name)


def test_ordinary_user_in_a_directory_of_its_own(member, rootfs, name):
    os.chown(rootfs, NOBODY, NOBODY)
    member.run(name, "sleep 1000", userns=True, root=rootfs)
    assert maps(pid_of(member, name)) == [swapped(NOBODY)] * 2
    member.destroy(name)


@pytest.mark.parametrize("mode", ["host", "job"])
def test_not_without_separation(porto, name, mode):
    porto.run(name, "sleep 1000")
    porto.create(name + "/child")
    porto.set(name + "/child", virt_mode=mode, userns=True, command="true")
    with expect("InvalidValue", "Permission"):
        porto.start(name + "/child")


# ---- below -------------------------------------------------------------------------------------


def test_children_are_in_it(porto, name):
    porto.run(name, "sleep 1000", userns=True, user=USER, group=USER)
    outer = pid_of(porto, name)
    for child, isolate in ("a", True), ("b", False):
        full = "%s/%s" % (name, child)
        porto.run(full, "sleep 1000", isolate=isolate, user="root", group="root")
        pid = pid_of(porto, full)
        assert ns(pid) == ns(outer)
        assert ids(pid) == [{USER}] * 2
    porto.run(name + "/c", "sleep 1000", user=7, group=8)
    assert ids(pid_of(porto, name + "/c")) == [{7}, {8}]
    porto.run(name + "/c/d", "sh -c 'id -u; sleep 1000'")
    assert poll(lambda: porto.get_property(name + "/c/d", "stdout")) == "0\n"


def test_child_made_before(porto, name):
    """Who is in what is found out at start."""
    porto.create(name)
    porto.create(name + "/child")
    porto.set(name, userns=True, user=USER, group=USER, command="sleep 1000")
    porto.set(name + "/child", command="sleep 1000")
    porto.start(name + "/child")
    assert ns(pid_of(porto, name)) == ns(pid_of(porto, name + "/child")) != ns("self")


def test_child_without_an_id(porto, name):
    porto.run(name, "sleep 1000", userns=True, uid_map="0 1000 1", gid_map="0 1000 1")
    porto.create(name + "/child")
    porto.set(name + "/child", user=5, command="true")
    with expect("InvalidValue") as got:
        porto.start(name + "/child")
    assert name in got.error.text


def test_below_a_meta_container(porto, name):
    porto.create(name)
    porto.set(name, userns=True, user=USER, group=USER, isolate=False)
    porto.start(name)
    assert ids(pid_of(porto, name)) == [{USER}] * 2
    porto.run(name + "/child", "sleep 1000")
    assert ns(pid_of(porto, name)) == ns(pid_of(porto, name + "/child")) != ns("self")


def test_one_in_another(porto, name):
    porto.run(name, "sleep 1000", userns=True, user=USER, group=USER)
    porto.run(name + "/inner", "sh -c 'id -u; cat /proc/self/uid_map; sleep 1000'", userns=True, user=2000, group=2000)
    outer, inner = pid_of(porto, name), pid_of(porto, name + "/inner")
    assert len({ns(outer), ns(inner), ns("self")}) == 3
    assert ids(inner) == [{2000}] * 2
    text = poll(lambda: porto.get_property(name + "/inner", "stdout"))
    assert text.splitlines()[0] == "0"
    # As the host counts: all ids of the outer one, and no more.
    found = maps(inner)[0]
    outside = sorted((row[1], row[1] + row[2]) for row in found)
    assert (0, 2000, 1) in found
    assert sum(row[2] for row in found) == ALL - 1
    assert all(not (low <= 0 < high) for low, high in outside), "root of the host has no id"
    assert all(a[1] == b[0] for a, b in zip(outside, outside[1:]))


def test_one_in_another_of_fewer_ids(porto, name):
    porto.run(name, "sleep 1000", userns=True, uid_map="0 100000 100", gid_map="0 100000 100")
    porto.run(name + "/usual", "sleep 1000", userns=True)
    assert maps(pid_of(porto, name + "/usual"))[0] == [(0, 100000, 1), (100001, 100001, 99)]
    porto.create(name + "/more")
    porto.set(name + "/more", userns=True, uid_map="0 100000 101", command="true")
    with expect("InvalidValue") as got:
        porto.start(name + "/more")
    assert "uid_map" in got.error.text


# ---- what belongs to it ------------------------------------------------------------------------


def test_namespaces_belong_to_it(run):
    """Root inside rules what was made for it."""
    out = run("hostname other && hostname; cat /proc/self/uid_map | wc -l")
    assert out.splitlines()[0] == "other"


def test_network_of_its_own(run):
    out = run("ip link set lo down && ip link set lo up && echo up; ls /sys/class/net", net="none")
    assert out.split() == ["up", "lo"]


@pytest.mark.parametrize("user", [0, USER])
def test_knobs_of_its_namespaces(run, user):
    """The kernel lets only root inside write them."""
    knobs = {"kernel.shmmax": "12345", "net.ipv4.ip_default_ttl": "60", "fs.mqueue.msg_max": "20"}
    line = "cat " + " ".join("/proc/sys/" + key.replace(".", "/") for key in knobs)
    text = "; ".join("%s: %s" % item for item in knobs.items())
    assert run(line, sysctl=text, net="none", user=user, group=user).split() == list(knobs.values())


def test_inherited_network_stays(porto, name):
    porto.run(name, "sleep 1000", userns=True, user=USER)
    assert ns(pid_of(porto, name), "net") == ns("self", "net")


def test_inherited_network_is_not_root_s(run):
    assert "up" not in run("ip link set lo down 2>&1 && echo up; true")


def test_root_owns_what_was_made_for_it(run, rootfs):
    os.chown(rootfs, USER, USER)
    os.makedirs(rootfs + "/run/there")
    line = "for f in /dev /dev/null /dev/pts /dev/shm /run /run/lock /run/there /etc/hostname; do "
    out = run(line + 'echo $(stat -c %u:%g $f) $f; done', root=rootfs, hostname="box")
    owners = dict(reversed(l.split()) for l in out.splitlines())
    assert owners.pop("/dev/pts") == "%d:%d" % (NOBODY, NOBODY), "the kernel's"
    assert set(owners.values()) == {"0:0"}, owners


def test_missing_mount_points_are_root_s(run, rootfs):
    os.chown(rootfs, USER, USER)
    for part in "proc", "dev", "sys", "run":
        os.rmdir(os.path.join(rootfs, part))
    run("true", root=rootfs)
    for part in "proc", "dev", "sys", "run":
        assert os.stat(os.path.join(rootfs, part)).st_uid == USER


def test_terminals(run, rootfs):
    out = run("stat -c %%g /dev/pts/ptmx; : </dev/ptmx && echo works", root=rootfs)
    assert "works" in out


def test_stored_streams(porto, portod, name):
    porto.run(name, "sleep 1000", userns=True, user=USER)
    path = os.path.join(portod.place, "porto", name, "stdout")
    assert os.stat(path).st_uid == USER


# ---- capabilities ------------------------------------------------------------------------------


def test_bound_inside(porto, name):
    porto.run(name, "sleep 1000", userns=True, user=USER)
    pid = pid_of(porto, name)
    allowed = mask(porto.get_property(name, "capabilities_allowed"))
    assert caps(pid, "Bnd") == caps(pid, "Prm") == caps(pid, "Eff") == allowed
    assert allowed & mask("SYS_ADMIN;NET_ADMIN;KILL;IPC_LOCK")
    assert not allowed & mask("SYS_MODULE;SYS_RAWIO;SYS_TIME")


def test_explicit_bound(porto, name):
    porto.run(name, "sleep 1000", userns=True, user=USER, capabilities="CHOWN;SETUID")
    assert caps(pid_of(porto, name), "Eff") == mask("CHOWN;SETUID")
    porto.run(name + "/child", "sleep 1000")
    assert caps(pid_of(porto, name + "/child"), "Eff") == mask("CHOWN;SETUID")


def test_not_root_inside(porto, name):
    porto.run(name, "sleep 1000", userns=True, uid_map="0 100000 9", gid_map="0 100000 9", user=100003, group=100003, capabilities_ambient="NET_RAW")
    pid = pid_of(porto, name)
    assert caps(pid, "Eff") == caps(pid, "Amb") == mask("NET_RAW")


def test_ordinary_users_name_what_counts_inside(member, name):
    member.create(name)
    with expect("Permission"):
        member.set_property(name, "capabilities", "CHOWN;SYS_ADMIN")
    member.set_property(name, "userns", "true")
    with expect("Permission"):
        member.set_property(name, "capabilities", "SYS_MODULE")
    member.set_property(name, "capabilities", "CHOWN;SYS_ADMIN")
    with expect("Permission") as got:
        member.set_property(name, "userns", "false")
    assert "SYS_ADMIN" in got.error.text
    assert member.get_property(name, "userns") == "true"
    member.set_property(name, "capabilities", "CHOWN")
    member.set_property(name, "userns", "false")
    member.destroy(name)


def test_parent_loses_its_namespace(member, name):
    """What a child was granted inside does not begin to count on the host."""
    member.create(name)
    member.set_property(name, "userns", "true")
    member.create(name + "/child")
    member.set_property(name + "/child", "capabilities", "CHOWN;SYS_ADMIN")
    member.set_property(name, "userns", "false")
    assert "SYS_ADMIN" not in member.get_property(name + "/child", "capabilities_allowed")
    member.destroy(name)


# ---- clients inside ----------------------------------------------------------------------------


def test_portoctl_works_inside(porto, inside, name):
    client = inside(name, userns=True, user=USER, group=USER)()
    assert client.get_property("self", "absolute_name") == "/porto/" + name
    client.run("self/kid", "sleep 1000")
    assert ns(pid_of(porto, name + "/kid")) == ns(pid_of(porto, name))
    client.destroy("self/kid")


def test_root_inside_is_no_superuser(porto, inside, name):
    """Although the container's owner is root: it rules what is below it, and nothing else."""
    porto.create("other")
    client = inside(name, userns=True, user=USER, group=USER)()
    for call in (
        lambda: client.create("mine"),
        lambda: client.set_property("other", "private", "x"),
        lambda: client.start("other"),
        lambda: client.destroy("other"),
        lambda: client.set_property("self", "private", "x"),
        lambda: client.set_system(verbose=True),
    ):
        with pytest.raises(PortoError) as got:
            call()
        assert got.value.name in ("Permission", "InvalidValue"), got.value
    client.create("self/kid")
    for prop, value in ("capabilities", "SYS_MODULE"), ("uid_map", "0 0 10"):
        with expect("Permission"):
            client.set_property("self/kid", prop, value)
    client.set(
        "self/kid",
        virt_mode="host",
        command="true",
    )
    with expect("Permission"):
        client.start("self/kid")
    porto.destroy("other")


def test_root_inside_gets_no_namespace_of_others(porto, inside, name):
    porto.run("other", "sleep 1000")
    client = inside(name, userns=True)()
    for kind in "user", "mnt", "pid", "net":
        client.create("self/kid")
        with expect("Permission", "InvalidValue"):
            client.set_property("self/kid", "namespaces[%s]" % kind, "container other")
            client.set_property("self/kid", "command", "true")
            client.start("self/kid")
        with expect("Permission"):
            client.set_property("self/kid", "namespaces[%s]" % kind, "path /proc/1/ns/" + kind)
        client.destroy("self/kid")
    porto.destroy("other")


def test_child_cannot_leave(porto, name):
    """Not even with the help of a superuser who starts it."""
    porto.run("other", "sleep 1000")
    porto.run(name, "sleep 1000", userns=True, user=USER)
    porto.create(name + "/kid")
    porto.set(name + "/kid", **{"namespaces[user]": "container other"}, command="true")
    with expect("Permission") as got:
        porto.start(name + "/kid")
    assert name in got.error.text
    porto.destroy("other")


def test_joining_a_sibling(porto, name):
    porto.create(name)
    porto.set(name, isolate=False)
    porto.start(name)
    porto.run(name + "/a", "sleep 1000", userns=True, user=USER, group=USER)
    porto.run(name + "/b", "sh -c 'id -u; sleep 1000'", user=USER, group=USER, **{"namespaces[user]": "container %s/a" % name})
    assert ns(pid_of(porto, name + "/a")) == ns(pid_of(porto, name + "/b"))
    assert poll(lambda: porto.get_property(name + "/b", "stdout")) == "0\n"


def test_new_by_namespaces(porto, name):
    porto.run(name, "sleep 1000", user=USER, group=USER, **{"namespaces[user]": "new"})
    assert maps(pid_of(porto, name)) == [swapped(USER)] * 2


def test_capabilities_of_a_namespace_of_its_own_making(porto, portod, member, toolbox, name):
    """Every process has all capabilities in one that it makes: they grant nothing here."""
    if b"0" == (read("/proc/sys/kernel/unprivileged_userns_clone", "1") or "1").strip().encode():
        pytest.skip("ordinary users cannot make user namespaces here")
    member.create(name)
    member.set(name, command="sleep 1000")
    member.create(name + "/kid")
    member.set(name + "/kid", user=USER, command="true")
    member.start(name)
    request = frame(make_request("Start", name="self/kid")).hex()
    command = "%s in-userns %s ask %s %s" % (toolbox, toolbox, portod.socket, request)
    member.create(name + "/ask")
    member.set(name + "/ask", command=command, isolate=False, virt_mode="job")
    member.start(name + "/ask")
    member.finish(name + "/ask")
    out = member.get_property(name + "/ask", "stdout")
    assert "may not run tasks as user".encode().hex() in out, bytes.fromhex(out.strip())
    assert member.state(name + "/kid") == "stopped"
    member.destroy(name)


# ---- escapes -----------------------------------------------------------------------------------


def test_protection_stays(run, rootfs):
    """What the host's root mounted cannot be taken off, changed, or shown anew."""
    tries = [
        "umount /proc/sys",
        "umount -l /proc/sys",
        "umount /proc",
        "umount /sys",
        "mount -o remount,rw /proc/sys",
        "mount -o remount,bind,rw /proc/sys",
        "mount -o remount,rw /sys",
        "mount -t proc proc /tmp",
        "mount -t sysfs sys /tmp",
        "mount --move /proc/sys /tmp",
        "unshare -p sh -c \"mount -t proc proc /tmp\"",
    ]
    line = "; ".join("%s >/dev/null 2>&1 && echo \"%s\"" % (t, t.replace('"', "")) for t in tries)
    os.chown(rootfs, USER, USER)
    for user in USER, 0:
        out = run(line + "; echo end", root=rootfs, unshare_on_exec=True, net="none", user=user, group=user)
        assert out == "end\n"


def test_kernel_knobs_stay(run, rootfs):
    """Also for a root that is the host's: its files are not protected by their owner."""
    line = "cd /proc/sys; for f in kernel/core_pattern kernel/modprobe vm/drop_caches kernel/hostname; do "
    line += "(echo 1 >$f) 2>/dev/null && echo $f; done; echo end"
    for user in USER, 0:
        assert run(line, root=rootfs, user=user, group=user, unshare_on_exec=True) == "end\n"


def test_no_devices(run, rootfs):
    os.chown(rootfs, USER, USER)
    out = run("busybox mknod /tmp/mem c 1 1 2>&1; busybox mknod /tmp/null c 1 3 2>&1; true", root=rootfs)
    assert out.count("not permitted") == 2


def test_set_user_id_of_the_host_means_nothing(porto, rootfs, name):
    """Of files whose owner has no id inside. Else who is not root inside became the host's root."""
    program = rootfs + "/bin/toolbox"
    os.chmod(program, 0o4755)
    porto.run(name, "sleep 1000", root=rootfs, userns=True, user=USER, group=USER)
    assert porto.output(name + "/kid", "/bin/toolbox ids", user=7).split() == ["7", "7"]
    # Those of others mean what they say.
    os.chown(program, 8, 8)
    os.chmod(program, 0o4755)
    assert porto.output(name + "/kid", "/bin/toolbox ids", user=7).split() == ["7", "8"]


def test_processes_of_the_daemon_are_closed(porto, rootfs, name):
    """While containers below start, root inside tries to look into the processes that become
    them: they are copies of the server, with the host's rights before, and its memory."""
    porto.run(name, "/bin/toolbox snoop 3", root=rootfs, userns=True, user=USER, group=USER)
    for i in range(1000):
        if porto.state(name) != "running":
            break
        child = "%s/c%d" % (name, i % 2)
        try:
            porto.create(child)
            porto.set(child, command="true", isolate=bool(i % 2), user=["root", "7"][i % 2])
            porto.start(child)
            porto.destroy(child)
        except PortoError:
            break  # the parent ended
    porto.finish(name)
    out = porto.get_property(name, "stdout").splitlines()
    assert out[-1].startswith("seen ") and int(out[-1].split()[1]) > 10, out
    assert out[:-1] == []


def test_first_process_is_closed(run, rootfs):
    """portoinit is the host's: neither its root, nor its descriptors, nor its namespaces."""
    line = "ls /proc/1/root/ /proc/1/fd /proc/1/ns/mnt 2>&1 | grep -v denied; readlink /proc/1/exe; "
    line += "(echo x >/proc/1/root/tmp/x) 2>/dev/null && echo wrote; kill -9 1; kill -19 1; echo end"
    for user in USER, 0:
        out = run(line, root=rootfs, user=user, group=user)
        assert "end" in out and "wrote" not in out
        assert "portoinit" not in out


def test_setns_to_the_host(run, rootfs):
    """Without isolation its processes are in sight."""
    line = "for ns in user mnt net pid; do nsenter -t %d --$ns true 2>/dev/null && echo $ns; done; " % os.getpid()
    line += "(cat /proc/%d/mem) 2>/dev/null | head -c 1; ls /proc/%d/root/ 2>/dev/null; echo end" % ((os.getpid(),) * 2)
    assert run(line, isolate=False) == "end\n"


def test_mounts_stay_inside(porto, rootfs, name):
    line = "mount -t tmpfs box /tmp && touch /tmp/here && echo mounted; sleep 1000"
    os.chown(rootfs, USER, USER)
    porto.run(name, "sh -c '%s'" % line, root=rootfs, userns=True, user=USER, group=USER, unshare_on_exec=True)
    poll(lambda: porto.get_property(name, "stdout") == "mounted\n")
    assert not os.path.exists(rootfs + "/tmp/here")
    assert rootfs + "/tmp" not in read("/proc/self/mountinfo")
    # A container below is made from what its parent sees.
    assert "here" in porto.output(name + "/child", "ls /tmp")
    porto.run(name + "/other", "sh -c 'mount -t tmpfs box /mnt 2>&1; mount -t tmpfs box /tmp; echo; sleep 1000'", unshare_on_exec=True)
    poll(lambda: "\n" in porto.get_property(name + "/other", "stdout"))
    assert "here" in porto.output(name + "/child", "ls /tmp")


def test_no_mounts_without_a_namespace_for_them(run):
    assert "ok" not in run("mount -t tmpfs box /tmp && echo ok; true")


def test_late_mounts_without_user_namespace(porto, rootfs, name):
    line = "mount -t tmpfs box /tmp && touch /tmp/here && echo mounted; sleep 1000"
    porto.run(name, "sh -c '%s'" % line, root=rootfs, unshare_on_exec=True)
    poll(lambda: porto.get_property(name, "stdout") == "mounted\n")
    pid = pid_of(porto, name)
    parent = [l.split()[1] for l in read("/proc/%s/status" % pid).splitlines() if l.startswith("PPid")][0]
    assert ns(pid, "mnt") != ns(parent, "mnt")
    assert "/tmp" not in [l.split()[4] for l in read("/proc/%s/mountinfo" % parent).splitlines()]


# ---- groups ------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [0, USER])
def test_cgroup_namespace(porto, name, user):
    """Goes with the user namespace, whatever *cgroupfs* says."""
    porto.run(name, "sleep 1000", userns=True, user=user, group=user)
    seen = porto.output(name + "/child", "cat /proc/self/cgroup", isolate=False)
    assert {line.split(":")[2] for line in seen.splitlines()} <= {"/", "/child"}
    pid = porto.get_property(name, "root_pid")
    assert os.readlink("/proc/%s/ns/cgroup" % pid) != os.readlink("/proc/self/ns/cgroup")


def test_cgroupfs(porto, rootfs, name):
    top = "/sys/fs/cgroup"
    line = "cd %s; for d in . *; do [ -f $d/cgroup.procs ] || continue; mkdir $d/x 2>/dev/null || continue; " % top
    line += "echo 0 >$d/x/cgroup.procs && echo $d; done; for f in */memory.limit_in_bytes memory.max; do "
    line += "(echo 1G >$f) 2>/dev/null && echo raised; done; echo end; sleep 1000"
    porto.run(name, "sh -c '%s'" % line, root=rootfs, userns=True, user=USER, group=USER, cgroupfs="rw", memory_limit=64 << 20)
    out = poll(lambda: "end" in porto.get_property(name, "stdout") and porto.get_property(name, "stdout"))
    assert out.split()[:-1], "there is a hierarchy to rule"
    assert "raised" not in out
    pid = pid_of(porto, name)
    assert porto.locate(int(pid)) == name
    assert "/x" in read("/proc/%s/cgroup" % pid)
    porto.stop(name)


# ---- file systems in user space ----------------------------------------------------------------

needs_fuse = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="this host has no /dev/fuse")


@needs_fuse
def test_fuse_properties(porto, name):
    porto.create(name)
    porto.set_property(name, "enable_fuse", "true")
    assert porto.get_property(name, "userns") == porto.get_property(name, "unshare_on_exec") == "true"
    porto.create(name + "/own")
    porto.set_property(name + "/own", "userns", "false")
    porto.set_property(name + "/own", "enable_fuse", "true")
    assert porto.get_property(name + "/own", "userns") == "false"


def test_fuse_may_be_forbidden(own_portod):
    daemon = own_portod(daemon="enable_fuse: false")
    with daemon.client() as porto:
        porto.create("a")
        with expect("InvalidValue") as got:
            porto.set_property("a", "enable_fuse", "true")
        assert "daemon.enable_fuse" in got.error.text
        assert porto.get_property("a", "userns") == "false"
        porto.destroy("a")


@needs_fuse
def test_fuse(porto, rootfs, name):
    os.chown(rootfs, USER, USER)
    porto.run(name, "/bin/toolbox fuse /tmp", root=rootfs, enable_fuse=True, user=USER, group=USER)
    poll(lambda: porto.get_property(name, "stdout") == "mounted\n")
    assert "fuse" not in [l.split()[-3] for l in read("/proc/self/mountinfo").splitlines() if rootfs in l]
    porto.stop(name)


@needs_fuse
def test_device_only_with_the_property(porto, rootfs, name):
    line = "ls /dev/fuse 2>/dev/null && (exec 3<>/dev/fuse) && echo open; echo end"
    assert porto.output(name, "sh -c '%s'" % line, root=rootfs) == "end\n"
    out = porto.output(name + "2", "sh -c '%s'" % line, root=rootfs, enable_fuse=True)
    assert out.split() == ["/dev/fuse", "open", "end"]


def pid_of_started(porto):
    porto.start("a")
    poll(lambda: porto.get_property("a", "stdout") == "mounted\n")
    return pid_of(porto, "a")


def tells_connection(pid):
    base = "/proc/%s/fdinfo/" % pid
    return any("fuse_connection:" in (read(base + fd) or "") for fd in os.listdir(base))


@needs_fuse
def test_stop_of_what_waits_for_itself(own_portod, rootfs):
    """The server reads the question that its other thread waits for: not even SIGKILL ends it."""
    daemon = own_portod(daemon="fuse_termination_sleep_ms: 100")
    os.chown(rootfs, USER, USER)
    with daemon.client() as porto:
        porto.create("a")
        porto.set("a", command="/bin/toolbox fuse-hang /tmp", root=rootfs, enable_fuse=True, user=USER, group=USER)
        pid = int(pid_of_started(porto))
        poll(lambda: read("/proc/%d/wchan" % pid) != "0")
        porto.stop("a", 0)
        assert not alive(pid)
        if not tells_connection(pid_of_started(porto)):
            pytest.skip("this kernel does not tell the connection of a descriptor of /dev/fuse")
        # The same when the mount is gone: its directory was removed on the host.
        os.rmdir(rootfs + "/tmp")
        porto.destroy("a")


# ---- life --------------------------------------------------------------------------------------


def test_restart_of_the_server(porto, portod, name):
    porto.run(name, "sleep 1000", userns=True, user=USER, group=USER, uid_map="0 1000 5")
    before = ns(pid_of(porto, name))
    portod.kill_server()
    with portod.client() as again:
        assert again.state(name) == "running"
        assert again.get_property(name, "userns") == "true"
        assert again.get_property(name, "uid_map") == "0 1000 5"
        again.run(name + "/child", "sleep 1000")
        assert ns(pid_of(again, name + "/child")) == before
        assert ids(pid_of(again, name + "/child"))[0] == {USER}
        again.destroy(name)


def test_respawn(porto, name):
    porto.run(name, "sh -c 'id -u; exit 1'", userns=True, user=USER, respawn=True, max_respawns=2)
    poll(lambda: porto.state(name) == "dead" and porto.get_property(name, "respawn_count") == "2")
    assert porto.get_property(name, "stdout").split() == ["0"] * 3


def test_failures_leave_nothing(porto, portod, name):
    """A start that fails after the namespaces were made."""
    porto.create(name)
    porto.set(name, userns=True, user=USER, command="/no/such/program", net="none")
    for _ in range(3):
        with expect("InvalidCommand"):
            porto.start(name)
    assert porto.state(name) == "stopped"


def test_not_while_it_runs(porto, name):
    porto.run(name, "sleep 1000")
    for prop, value in ("userns", "true"), ("uid_map", "0 0 1"), ("enable_fuse", "true"), ("unshare_on_exec", "true"):
        with expect("InvalidState"):
            porto.set_property(name, prop, value)


SYSTEM = "/var/tmp/portod-test-rootfs"


@pytest.mark.skipif(not os.path.isdir(SYSTEM), reason="no Debian in %s" % SYSTEM)
@pytest.mark.limit(180)
def test_a_whole_system(own_portod, tmp_path, name):
    """systemd as root of a user namespace, with a hierarchy of its own to sort its services."""
    for part in "root", "upper", "work":
        (tmp_path / part).mkdir()
    options = "lowerdir=%s,upperdir=%s,workdir=%s" % (SYSTEM, tmp_path / "upper", tmp_path / "work")
    subprocess.run(["mount", "-t", "overlay", "box", "-o", options, str(tmp_path / "root")], check=True)
    try:
        with own_portod().client() as porto:
            boot_and_stop(porto, name, str(tmp_path / "root"))
    finally:
        subprocess.run(["umount", str(tmp_path / "root")], check=True)


def boot_and_stop(porto, name, root):
    porto.create(name)
    porto.set(name, virt_mode="os", userns=True, root=root)
    porto.start(name)
    pid = pid_of(porto, name)
    enter = ["nsenter", "-t", pid, "-m", "-p", "-U", "-C", "-u", "-i"]

    def active():
        told = subprocess.run([*enter, "systemctl", "is-active", "multi-user.target"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return told.stdout == b"active\n"

    poll(active, deadline=120, step=0.5)
    assert ns(pid) != ns("self")
    porto.stop(name, 60000)
    porto.destroy(name)
