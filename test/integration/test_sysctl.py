# SPDX-License-Identifier: Apache-2.0
"""Kernel knobs of a container's own namespaces."""

import os

import pytest

from conftest import expect, read


def knob(key):
    return "/proc/sys/" + key.replace(".", "/")


def host(key):
    return " ".join(read(knob(key)).split())


IPC = {
    "fs.mqueue.queues_max": "300",
    "fs.mqueue.msg_max": "20",
    "fs.mqueue.msgsize_max": "9000",
    "fs.mqueue.msg_default": "12",
    "fs.mqueue.msgsize_default": "8200",
    "kernel.shmmax": "1000000",
    "kernel.shmall": "2000000",
    "kernel.shmmni": "4000",
    "kernel.shm_rmid_forced": "1",
    "kernel.msgmax": "9001",
    "kernel.msgmni": "31000",
    "kernel.msgmnb": "17000",
    "kernel.sem": "32001 1024000001 501 32001",
}


def values(porto, name, keys, **props):
    text = porto.output(name, "cat " + " ".join(knob(key) for key in keys), **props)
    return dict(zip(keys, (" ".join(line.split()) for line in text.splitlines())))


def test_all_knobs_of_the_ipc_namespace(porto, name):
    before = {key: host(key) for key in IPC}
    text = ";".join("%s: %s" % item for item in IPC.items())
    assert values(porto, name, list(IPC), sysctl=text) == IPC
    assert {key: host(key) for key in IPC} == before


def test_knobs_in_a_root_of_its_own(porto, rootfs, name):
    """Written before /proc/sys becomes read-only."""
    key = "kernel.msgmax"
    assert values(porto, name, [key], sysctl=key + ": 9002", root=rootfs) == {key: "9002"}


def test_new_namespaces_begin_with_the_host_s_values(porto, name):
    assert values(porto, name, list(IPC)) == {key: host(key) for key in IPC}


def test_nested(porto, name):
    """A child's namespace is new: it begins with the host's values, too, and may have its own."""
    key = "kernel.msgmax"
    porto.run(name, "sleep 1000", sysctl=key + ": 9003")
    assert values(porto, name + "/own", [key]) == {key: host(key)}
    assert values(porto, name + "/set", [key], sysctl=key + ": 9004") == {key: "9004"}
    assert values(porto, name + "/shared", [key], isolate=False) == {key: "9003"}


@pytest.mark.parametrize(
    "key",
    [
        "kernel.panic",
        "vm.drop_caches",
        "kernel.core_pattern",
        "kernel.hostname",
        "fs.file-max",
        "kernel.shm_next_id",
        "kernel.shmmax.x",
        "kernel..shmmax",
        "kernel/shmmax",
        "../kernel.shmmax",
        "net.core.rmem_max",
        "net.netfilter.nf_conntrack_max",
        "net.ipv4.neigh.default.gc_thresh3",
        "net.ipv4.conf.//.//.//.kernel.panic",
        "net.ipv4.conf...x",
        "net.ipv4.conf.",
        "no-such",
    ],
)
def test_other_knobs_are_refused(porto, name, key):
    """At start: which knobs are allowed depends on other properties, too."""
    porto.create(name)
    porto.set(name, command="true", net="none")
    porto.set_property(name, "sysctl", "kernel.msgmax: 9000")
    porto.set_property(name, "sysctl[%s]" % key, "1")
    with expect("Permission") as caught:
        porto.start(name)
    assert "sysctl" in caught.error.text and key.strip() in caught.error.text
    assert porto.state(name) == "stopped"
    porto.set_property(name, "sysctl[%s]" % key, "")
    porto.start(name)
    assert porto.finish(name) == 0


def test_index(porto, name):
    porto.create(name)
    porto.set_property(name, "sysctl", "kernel.msgmax: 9000; kernel.sem: 1 2 3 4")
    assert porto.get_property(name, "sysctl") == "kernel.msgmax: 9000; kernel.sem: 1 2 3 4"
    assert porto.get_property(name, "sysctl[kernel.sem]") == "1 2 3 4"
    assert porto.get_property(name, "sysctl[kernel.shmmax]") == ""
    porto.set_property(name, "sysctl[kernel.msgmnb]", "17")
    porto.set_property(name, "sysctl[kernel.msgmax]", "")
    assert porto.get_property(name, "sysctl") == "kernel.msgmnb: 17; kernel.sem: 1 2 3 4"
    long = "kernel.msgmax: " + "1" * 5000
    for bad in "x", "kernel.msgmax", "kernel.msgmax: 1: 2", "net.ipv4.conf.a b: 1", long:
        with expect("InvalidValue"):
            porto.set_property(name, "sysctl", bad)
    assert porto.get_property(name, "sysctl") == "kernel.msgmnb: 17; kernel.sem: 1 2 3 4"


def test_value_the_kernel_refuses(porto, name):
    porto.create(name)
    porto.set(name, command="true", sysctl="kernel.shmmni: -5")
    with expect("InvalidValue") as caught:
        porto.start(name)
    assert "kernel.shmmni" in caught.error.text and "-5" in caught.error.text
    assert porto.state(name) == "stopped"


def test_shared_namespaces_are_left_alone(porto, name):
    porto.run(name, "sleep 1000")
    for key, why in ("kernel.msgmax", "isolate"), ("net.core.somaxconn", "net isolation"):
        before = host(key)
        child = name + "/child"
        porto.create(child)
        porto.set(child, command="true", isolate=False)
        porto.set_property(child, "sysctl[%s]" % key, "77")
        with expect("Permission") as caught:
            porto.start(child)
        assert key in caught.error.text and why in caught.error.text
        porto.destroy(child)
        assert host(key) == before
    # Its own network namespace is something else than `isolate`.
    porto.create(name + "/net")
    porto.set(name + "/net", command="true", sysctl="net.core.somaxconn: 77")
    with expect("Permission"):
        porto.start(name + "/net")


def test_knobs_of_the_network_namespace(porto, name):
    keys = {"net.core.somaxconn": "77", "net.ipv4.ip_default_ttl": "65"}
    before = {key: host(key) for key in keys}
    text = ";".join("%s: %s" % item for item in keys.items())
    assert values(porto, name, list(keys), sysctl=text, net="none") == keys
    assert values(porto, name, list(keys), net="none") == before, "as the host has it"
    assert {key: host(key) for key in keys} == before


def test_knobs_of_an_interface(porto, name):
    key = "net.ipv4.conf.lo.rp_filter"
    assert values(porto, name, [key], sysctl=key + ": 2", net="none") == {key: "2"}
    porto.create(name)
    porto.set(name, command="true", net="none", sysctl="net.ipv4.conf.no-such.rp_filter: 1")
    with expect("NotSupported") as caught:
        porto.start(name)
    assert "no-such" in caught.error.text


def test_the_host_s_network_by_path(porto, name):
    """A namespace that is named by path, and is the host's."""
    porto.create(name)
    porto.set(name, command="true", namespaces="net: path /proc/%d/ns/net" % os.getpid())
    porto.set_property(name, "sysctl", "net.core.somaxconn: 78")
    before = host("net.core.somaxconn")
    with expect("Permission") as caught:
        porto.start(name)
    assert "net.core.somaxconn" in caught.error.text
    assert host("net.core.somaxconn") == before


def test_settable_while_stopped_only(porto, name):
    porto.run(name, "sleep 1000")
    with expect("InvalidState"):
        porto.set_property(name, "sysctl[kernel.msgmax]", "1")


def test_survives_a_restart(porto, portod, name):
    porto.create(name)
    porto.set_property(name, "sysctl", "kernel.msgmax: 9000; net.ipv4.conf.eth0/5.forwarding: 1")
    portod.kill_server()
    with portod.client() as client:
        assert (
            client.get_property(name, "sysctl")
            == "kernel.msgmax: 9000; net.ipv4.conf.eth0/5.forwarding: 1"
        )


def test_defaults_of_the_configuration(own_portod):
    daemon = own_portod(
        container='ipc_sysctl { key: "kernel.msgmax" val: "9005" } '
        'ipc_sysctl { key: "kernel.panic" val: "9" }'
    )
    with daemon.client() as porto:
        both = ["kernel.msgmax", "kernel.msgmnb"]
        expected = {"kernel.msgmax": "9005", "kernel.msgmnb": host("kernel.msgmnb")}
        assert values(porto, "a", both) == expected
        assert values(porto, "b", both, sysctl="kernel.msgmax: 9006")["kernel.msgmax"] == "9006"
    assert "kernel.panic" in daemon.log()
