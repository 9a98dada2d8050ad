# SPDX-License-Identifier: Apache-2.0
"""namespaces and net: which one of each kind a container gets, when somebody chooses."""

import contextlib
import os
import signal
import subprocess

import pytest

from conftest import NOBODY, UNIQUE, alive, as_user, expect, poll, read

KINDS = ["pid", "ipc", "uts", "mnt", "net", "user", "cgroup"]


def namespaces(pid):
    return {kind: os.readlink("/proc/%s/ns/%s" % (pid, kind)) for kind in KINDS}


def pid_of(porto, name):
    return int(porto.get_property(name, "root_pid"))


def of(porto, name):
    return namespaces(pid_of(porto, name))


HOST = namespaces("self")


def differ(one, other):
    return {kind for kind in KINDS if one[kind] != other[kind]}


@pytest.fixture
def strange():
    """A process with namespaces of its own that is no container: where paths can lead."""
    proc = subprocess.Popen(
        ["unshare", "-u", "-i", "-n", "-m", "sh", "-c", "echo ready; exec sleep 1000"],
        stdout=subprocess.PIPE,
    )
    assert proc.stdout.readline() == b"ready\n"
    yield proc.pid
    proc.kill()
    proc.wait()
    proc.stdout.close()


@pytest.fixture
def netns(strange):
    """A network namespace with a name, as ip-netns(8) makes them."""
    name = UNIQUE + "-net"
    path = "/run/netns/" + name
    made = not os.path.isdir("/run/netns")
    os.makedirs("/run/netns", exist_ok=True)
    open(path, "w").close()
    subprocess.run(["mount", "--bind", "/proc/%d/ns/net" % strange, path], check=True)
    yield name
    subprocess.run(["umount", path], check=True)
    os.unlink(path)
    if made:
        with contextlib.suppress(OSError):
            os.rmdir("/run/netns")


# ---- new, inherit ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pid", "ipc", "uts", "net", "cgroup"])
def test_one_new(porto, name, kind):
    """Only that one, and with it no mounts of its own below the first level."""
    porto.run(name, "sleep 1000", isolate=False)
    porto.run(name + "/x", "sleep 1000", isolate=False, namespaces="%s: new" % kind)
    assert differ(of(porto, name), of(porto, name + "/x")) == {kind}


def test_new_mounts(porto, name):
    porto.run(name, "sleep 1000", isolate=False)
    porto.run(name + "/x", "sleep 1000", isolate=False, namespaces="mnt: new")
    assert differ(of(porto, name), of(porto, name + "/x")) == {"mnt"}


@pytest.mark.parametrize("kind", ["pid", "ipc", "uts"])
def test_isolated_but_for_one(porto, name, kind):
    porto.run(name, "sleep 1000", namespaces="%s: inherit" % kind)
    assert differ(of(porto, name), HOST) == {"pid", "ipc", "uts", "mnt"} - {kind}


def test_first_level_without_mounts(porto, name):
    porto.run(name, "sleep 1000", isolate=False, namespaces="mnt: inherit")
    assert differ(of(porto, name), HOST) == set()


def test_isolated_with_the_host_s_mounts(porto, name):
    porto.run(name, "sleep 1000", hostname="box", namespaces="mnt: inherit")
    assert differ(of(porto, name), HOST) == {"pid", "ipc", "uts"}
    text = subprocess.run(
        ["nsenter", "-t", str(pid_of(porto, name)), "-u", "hostname"], stdout=subprocess.PIPE
    ).stdout
    assert text == b"box\n"


def test_pod_without_mounts(porto, name):
    """A meta container with ipc and uts of its own, whose members share them and have a pid
    namespace each; nothing makes a mount namespace in between."""
    porto.run(name, None, virt_mode="host")
    pod = name + "/pod"
    wishes = "ipc: new; uts: new; net: new; mnt: inherit"
    porto.run(pod, None, isolate=False, namespaces=wishes, hostname="pod")
    assert porto.state(pod) == "meta"
    assert differ(of(porto, pod), HOST) == {"ipc", "uts", "net"}
    for member in "a", "b":
        porto.run("%s/%s" % (pod, member), "sleep 1000", isolate=False, namespaces="pid: new")
    a, b = of(porto, pod + "/a"), of(porto, pod + "/b")
    assert differ(a, b) == {"pid"}
    assert differ(a, of(porto, pod)) == {"pid"}
    porto.run(pod + "/c", "hostname", isolate=False, namespaces="pid: new; mnt: new")
    assert porto.finish(pod + "/c") == 0
    assert porto.get_property(pod + "/c", "stdout") == "pod\n"
    porto.stop(pod)


def test_pod_with_one_pid_namespace(porto, name):
    pod = name
    porto.run(pod, None, isolate=False, namespaces="ipc: new; uts: new; pid: new")
    holder = pid_of(porto, pod)
    assert read("/proc/%d/comm" % holder).strip() == "portoinit"
    for member in "a", "b":
        porto.run("%s/%s" % (pod, member), "sleep 1000", isolate=False)
    assert differ(of(porto, pod + "/a"), of(porto, pod + "/b")) == set()
    assert porto.locate(pid_of(porto, pod + "/a")) == pod + "/a"
    os.kill(holder, signal.SIGKILL)
    porto.wait_state(pod + "/a", "dead")


# ---- of a container --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pid", "ipc", "uts", "mnt", "net", "cgroup"])
def test_of_a_container(porto, name, kind):
    porto.run(name, "sleep 1000", net="none", cgroupfs="ro")
    porto.run(name + "-2", "sleep 1000", namespaces="%s: container %s" % (kind, name))
    there, here = of(porto, name), of(porto, name + "-2")
    assert there[kind] == here[kind]
    assert kind not in differ(there, here) and "pid" in differ(there, here) | {kind}


def test_root_comes_with_the_mounts(porto, rootfs, name):
    porto.run(name, "sleep 1000", root=rootfs)
    porto.create(name + "-2")
    porto.set(name + "-2", command="ls /bin/busybox", namespaces="mnt: container " + name)
    porto.set(name + "-2", isolate=False, cwd="/")
    porto.start(name + "-2")
    assert porto.finish(name + "-2") == 0


def test_container_by_its_end(porto, name):
    """Whose pid namespace is joined, with him one goes."""
    porto.run(name, "sleep 1000")
    porto.run(name + "-2", "sleep 1000", namespaces="pid: container " + name)
    status = read("/proc/%d/status" % pid_of(porto, name + "-2"))
    assert len([line for line in status.splitlines() if line.startswith("NSpid")][0].split()) == 3
    porto.kill(name, signal.SIGKILL)
    assert porto.finish(name + "-2") == -signal.SIGKILL


def test_container_errors(porto, name):
    porto.create(name)
    porto.set(name, command="sleep 1000", namespaces="ipc: container nobody-here")
    with expect("InvalidValue") as seen:
        porto.start(name)
    assert "nobody-here" in seen.error.text
    porto.create(name + "-2")
    porto.set(name, namespaces="ipc: container %s-2" % name)
    with expect("InvalidValue"):
        porto.start(name)
    porto.set(name + "-2", virt_mode="host")
    porto.start(name + "-2")  # a meta without a process
    with expect("InvalidValue") as seen:
        porto.start(name)
    assert "no process" in seen.error.text
    porto.set(name, namespaces="ipc: container " + name)
    with expect("InvalidValue"):
        porto.start(name)
    assert porto.state(name) == "stopped"


def test_container_needs_control(own_portod, name):
    portod = own_portod(group="porto:x:64999:nobody")
    with portod.client() as root:
        root.run(name + "-root", "sleep 1000", net="none")
        with as_user(NOBODY, NOBODY):
            client = portod.client()
        with client:
            client.create(name)
            client.set(name, command="sleep 1000")
            client.set(name, namespaces="ipc: container %s-root" % name)
            with expect("Permission"):
                client.start(name)
            client.set_property(name, "namespaces[ipc]", "")
            client.set(name, net="container %s-root" % name)
            with expect("Permission"):
                client.start(name)
            with expect("Permission"):
                client.set(name, namespaces="ipc: path /proc/1/ns/ipc")
            root.set(name, namespaces="ipc: path /proc/1/ns/ipc")
            client.set(name, net="inherited")
            with expect("Permission"):
                client.start(name)
            client.destroy(name)
        root.destroy(name + "-root")


# ---- by path ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ipc", "uts", "net", "mnt"])
def test_by_path(porto, name, strange, kind):
    wish = "%s: path /proc/%d/ns/%s" % (kind, strange, kind)
    porto.run(name, "sleep 1000", namespaces=wish, cwd="/")
    assert of(porto, name)[kind] == namespaces(strange)[kind]
    assert porto.get_property(name, "namespaces") == wish


def test_by_path_bound(porto, name, netns, strange):
    porto.run(name, "sleep 1000", namespaces="net: path /run/netns/" + netns)
    assert of(porto, name)["net"] == namespaces(strange)["net"]


def test_path_errors(porto, name, strange, tmp_path):
    porto.create(name)
    porto.set(name, command="sleep 1000")
    file = tmp_path / "file"
    file.write_text("")
    link = tmp_path / "link"
    link.symlink_to("/proc/%d/ns/ipc" % strange)
    for path in "/nowhere", str(file), "/proc/%d/ns/uts" % strange, "/proc/%d/exe" % strange:
        porto.set(name, namespaces="ipc: path " + path)
        with expect("InvalidValue") as seen:
            porto.start(name)
        assert path in seen.error.text
        assert porto.state(name) == "stopped"
    # Of a link it is the end that counts, but not a way through one of procfs.
    porto.set(name, namespaces="ipc: path /proc/%d/root%s" % (strange, file))
    with expect("InvalidValue", "Unknown", "Permission"):
        porto.start(name)
    for bad in "relative", "", "../x":
        with expect("InvalidValue"):
            porto.set(name, namespaces="ipc: path " + bad)


def test_path_of_a_pid_namespace(porto, name):
    porto.create(name)
    porto.set(name, command="sleep 1000", namespaces="pid: path /proc/%d/ns/pid" % os.getpid())
    porto.start(name)
    assert of(porto, name)["pid"] == HOST["pid"]


def test_respawn_by_path(porto, name, strange):
    porto.run(
        name,
        "sleep 1000",
        namespaces="ipc: path /proc/%d/ns/ipc" % strange,
        respawn=True,
        respawn_delay="50ms",
    )
    porto.kill(name, signal.SIGKILL)
    poll(lambda: porto.get_property(name, "respawn_count") == "1")
    porto.wait_state(name, "running")
    assert of(porto, name)["ipc"] == namespaces(strange)["ipc"]


def test_client_in_a_container_gives_no_path(porto, portod, toolbox, name):
    """Not even a superuser: it could reach out of its container."""
    from porto_client import frame, make_request

    porto.run(name, "sleep 1000")
    porto.create(name + "/x")
    request = frame(
        make_request(
            "SetProperty", name=name + "/x", property="namespaces", value="mnt: path /proc/1/ns/mnt"
        )
    )
    command = "%s ask %s %s" % (toolbox, portod.socket, request.hex())
    porto.run(name + "/asks", command, isolate=False, enable_porto=True)
    assert porto.finish(name + "/asks") == 0
    from porto_client import pb

    answer = bytes.fromhex(porto.get_property(name + "/asks", "stdout").strip())
    response = pb.TPortoResponse()
    response.ParseFromString(answer[1:] if answer[0] < 128 else answer[2:])
    assert response.error == pb.EError.Value("Permission"), response


# ---- the values ------------------------------------------------------------------------------


def test_namespaces_value(porto, portod, name):
    porto.create(name)
    assert porto.get_property(name, "namespaces") == ""
    porto.set(name, namespaces="uts:new;ipc: inherit ; pid : container  other")
    text = "ipc: inherit; pid: container other; uts: new"
    assert porto.get_property(name, "namespaces") == text
    porto.set_property(name, "namespaces[pid]", "")
    porto.set_property(name, "namespaces[net]", "new")
    assert porto.get_property(name, "namespaces") == "ipc: inherit; net: new; uts: new"
    assert porto.get_property(name, "namespaces[net]") == "new"
    assert porto.get_property(name, "namespaces[mnt]") == ""
    for bad in "time: new", "ipc: old", "ipc", "ipc: container", "ipc: container a b", "new":
        with expect("InvalidValue"):
            porto.set(name, namespaces=bad)
    with expect("InvalidValue"):
        porto.set_property(name, "namespaces[time]", "new")
    with expect("InvalidValue"):
        porto.get_property(name, "namespaces[time]")
    assert porto.get_property(name, "namespaces") == "ipc: inherit; net: new; uts: new"
    portod.kill_server()
    porto.connect()
    assert porto.get_property(name, "namespaces") == "ipc: inherit; net: new; uts: new"


def test_names_are_those_of_the_viewer(porto, name):
    porto.run(name, "sleep 1000")
    porto.create(name + "/x")
    porto.set(name + "/x", namespaces="ipc: container " + name, net="container %s" % name)
    assert porto.get_property(name + "/x", "net") == "container " + name


@pytest.mark.parametrize(
    "prop, value",
    [("bind", "/tmp /mnt"), ("root", "/usr"), ("root_readonly", "true"), ("resolv_conf", "x")],
)
def test_mounts_of_others_stay(porto, name, prop, value):
    porto.create(name)
    porto.set(name, command="true", namespaces="mnt: inherit")
    porto.set_property(name, prop, value)
    with expect("InvalidValue") as seen:
        porto.start(name)
    assert prop in seen.error.text


def test_hostname_of_others_stays(porto, name):
    porto.create(name)
    porto.set(name, command="true", namespaces="uts: inherit", hostname="mine")
    with expect("InvalidValue") as seen:
        porto.start(name)
    assert "hostname" in seen.error.text
    assert os.uname().nodename != "mine"


def test_own_pid_namespace_allows_to_kill(porto, name):
    """The fence that a capability needs may be made either way."""
    caps = dict(owner_user="nobody", owner_group="nogroup", user="nobody", group="nogroup")
    porto.create(name)
    porto.set(name, isolate=False, **caps)
    assert "KILL" not in porto.get_property(name, "capabilities_allowed").split(";")
    porto.set(name, namespaces="pid: new")
    assert "KILL" in porto.get_property(name, "capabilities_allowed").split(";")
    assert "NET_ADMIN" not in porto.get_property(name, "capabilities_allowed").split(";")
    porto.set(name, net="none")
    assert "NET_ADMIN" in porto.get_property(name, "capabilities_allowed").split(";")


# ---- net -------------------------------------------------------------------------------------


def devices(pid):
    text = read("/proc/%d/net/dev" % pid)
    return {line.split(":")[0].strip() for line in text.splitlines()[2:]}


def test_net_none(porto, name):
    porto.run(name, "sleep 1000", net="none")
    pid = pid_of(porto, name)
    assert differ(namespaces(pid), HOST) == {"pid", "ipc", "uts", "mnt", "net"}
    assert "lo" in devices(pid)
    text = subprocess.run(
        ["nsenter", "-t", str(pid), "-n", "ip", "-o", "link", "show", "up"], stdout=subprocess.PIPE
    ).stdout.decode()
    assert [line.split(":")[1].strip() for line in text.splitlines()] == ["lo"]
    assert os.listdir("/proc/%d/root/sys/class/net" % pid).count("lo") == 1


def test_net_inherited(porto, name):
    porto.run(name, "sleep 1000", net="none")
    porto.run(name + "/a", "sleep 1000")
    porto.run(name + "/b", "sleep 1000", net="inherited")
    porto.run(name + "/c", "sleep 1000", net="host")
    for child in "/a", "/b", "/c":
        assert of(porto, name + child)["net"] == of(porto, name)["net"]
        assert porto.get_property(name + child, "net") == "inherited"


def test_net_of_a_container(porto, name):
    porto.run(name, "sleep 1000", net="none")
    porto.run(name + "-2", "sleep 1000", net="container " + name)
    assert of(porto, name + "-2")["net"] == of(porto, name)["net"]
    assert porto.get_property(name + "-2", "net") == "container " + name
    # It lives as long as somebody is in it.
    porto.destroy(name)
    assert porto.state(name + "-2") == "running"
    assert alive(pid_of(porto, name + "-2"))


def test_net_of_a_meta_without_process(porto, name):
    """It has that of the container above."""
    porto.run(name, "sleep 1000", net="none")
    porto.run(name + "/hollow", None, isolate=False)
    porto.run(name + "-2", "sleep 1000", net="container %s/hollow" % name)
    assert of(porto, name + "-2")["net"] == of(porto, name)["net"]


def test_net_meta_has_a_process(porto, name):
    porto.run(name, "sleep 1000")
    porto.run(name + "/meta", None, isolate=False, net="none")
    assert porto.state(name + "/meta") == "meta"
    assert differ(of(porto, name + "/meta"), of(porto, name)) == {"net"}
    porto.run(name + "/meta2", None, isolate=False, net="container %s/meta" % name)
    assert of(porto, name + "/meta2")["net"] == of(porto, name + "/meta")["net"]


def test_net_by_name(porto, name, netns, strange):
    porto.run(name, "sleep 1000", net="netns " + netns)
    assert of(porto, name)["net"] == namespaces(strange)["net"]
    porto.stop(name)
    os_mode = dict(virt_mode="os", command="sleep 1000")
    porto.set(name, **os_mode)
    porto.start(name)
    assert of(porto, name)["net"] == namespaces(strange)["net"]


def test_net_of_os_mode(porto, toolbox, name):
    porto.run(name, "%s ready" % toolbox, virt_mode="os")
    assert porto.get_property(name, "net") == "none"
    assert "net" in differ(of(porto, name), HOST)
    porto.stop(name)
    porto.set(name, net="inherited")
    porto.start(name)
    assert "net" not in differ(of(porto, name), HOST)


@pytest.mark.parametrize(
    "value",
    "L3|L3 eth0|NAT|macvlan eth* eth0|ipvlan eth0 e0|veth e0 br0|steal e0|host e0|tap t0"
    "|ipip6 t a b|MTU e0 1400|MAC e0 x|autoconf e0|ECN|ip link|L3; MTU eth0 1400".split("|"),
)
def test_net_of_later(porto, name, value):
    porto.create(name)
    with expect("NotSupported") as seen:
        porto.set(name, net=value)
    assert value.split()[0].rstrip(";") in seen.error.text
    assert porto.get_property(name, "net") == "inherited"


@pytest.mark.parametrize(
    "value, code",
    [
        ("", "InvalidValue"),
        ("bridge", "InvalidValue"),
        ("l3", "InvalidValue"),
        ("None", "InvalidValue"),
        ("none; inherited", "InvalidValue"),
        ("none; none", "InvalidValue"),
        ("none x", "InvalidValue"),
        ("container", "InvalidValue"),
        ("container a b", "InvalidValue"),
        ("container a\\b", "InvalidValue"),
        ("netns", "InvalidValue"),
        ("netns a b", "InvalidValue"),
        ("netns nobody-made-it", "InvalidValue"),
        ("netns a/b", "InvalidValue"),
        ("netns ..", "Permission"),
        ("netns ../x", "Permission"),
        ("netns a/../x", "Permission"),
        ("L3; bridge", "InvalidValue"),
    ],
)
def test_net_errors(porto, name, value, code):
    porto.create(name)
    porto.set(name, net="none")
    with expect(code):
        porto.set(name, net=value)
    assert porto.get_property(name, "net") == "none"


def test_net_start_errors(porto, name, netns):
    porto.create(name)
    porto.set(name, command="true", net="container nobody-here")
    with expect("InvalidValue"):
        porto.start(name)
    porto.create(name + "-2")
    porto.set(name, net="container %s-2" % name)
    with expect("InvalidValue"):
        porto.start(name)
    porto.set(name, net="none", namespaces="net: new")
    with expect("InvalidValue"):
        porto.start(name)
    porto.set(name, namespaces="", net="netns " + netns)
    porto.start(name)
    assert porto.finish(name) == 0


def test_net_respawns_anew(porto, name):
    porto.run(name, "sleep 1000", net="none", respawn=True, respawn_delay="50ms")
    porto.kill(name, signal.SIGKILL)
    poll(lambda: porto.get_property(name, "respawn_count") == "1")
    porto.wait_state(name, "running")
    assert "net" in differ(of(porto, name), HOST)


def test_all_of_it_survives_the_server(porto, portod, name, strange):
    porto.run(name, None, isolate=False, namespaces="pid: new; ipc: path /proc/%d/ns/ipc" % strange)
    porto.run(name + "/a", "sleep 1000", isolate=False, net="none")
    porto.run(name + "/b", "sleep 1000", isolate=False, net="container %s/a" % name)
    before = [of(porto, n) for n in (name, name + "/a", name + "/b")]
    portod.kill_server()
    porto.connect()
    assert before == [of(porto, n) for n in (name, name + "/a", name + "/b")]
    porto.run(name + "/c", "sleep 1000", isolate=False, namespaces="net: container %s/b" % name)
    assert of(porto, name + "/c")["net"] == before[1]["net"]
    porto.stop(name, 0)
    for child in "/a", "/b", "/c":
        assert porto.state(name + child) == "stopped"
