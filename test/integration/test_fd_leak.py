# SPDX-License-Identifier: Apache-2.0
"""Descriptors, memory and processes stay where they were after many cycles."""

import os

import pytest

from conftest import expect, poll, sanitized


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def rss(pid):
    with open("/proc/%d/status" % pid) as file:
        return int(file.read().split("VmRSS:")[1].split()[0])


def sanitized(pid):
    """A sanitizer keeps freed memory for a while: sizes say nothing then, descriptors do."""
    with open("/proc/%d/maps" % pid) as file:
        return "libasan" in file.read()


def cycle(porto, name):
    porto.create(name)
    porto.set_property(name, "command", "true")
    porto.start(name)
    porto.wait([name])
    porto.destroy(name)


@pytest.mark.limit(300)
def test_five_hundred_cycles(portod, porto, name):
    for i in range(20):
        cycle(porto, name)
    server, master = portod.server_pid(), portod.master_pid
    before = fds(server), fds(master)
    memory = rss(server)
    for i in range(500):
        cycle(porto, name)
    assert (fds(server), fds(master)) == before
    assert sanitized(server) or rss(server) - memory < 2048, "KiB grown"
    assert portod.server_pid() == server


def test_failing_requests(portod, porto, name):
    porto.create(name)

    def errors():
        with expect("InvalidProperty"):
            porto.set_property(name, "no_such", "x")
        with expect("ContainerDoesNotExist"):
            porto.start("nothing")
        with expect("InvalidValue"):
            porto.set_property(name, "isolate", "x")
        with expect("InvalidValue"):
            porto.create("a b")
        porto.get(["***", "nothing"], ["state", "no_such", "memory_usage"])

    for _ in range(50):
        errors()
    server = portod.server_pid()
    before, memory = fds(server), rss(server)
    for _ in range(1000):
        errors()
    assert fds(server) == before
    assert sanitized(server) or rss(server) - memory < 1024, "KiB grown"


def test_running_containers_cost_few_descriptors(portod, porto, name):
    porto.version()  # from here on the server has accepted this connection
    server = portod.server_pid()
    before = fds(server)
    for i in range(20):
        porto.run("%s-%d" % (name, i), "sleep 1000")
    cost = (fds(server) - before) / 20
    assert cost <= 6, "%g descriptors for a running container" % cost
    for i in range(20):
        porto.destroy("%s-%d" % (name, i))
    assert fds(server) == before


def test_connections(portod, porto):
    porto.version()
    server = portod.server_pid()
    before = fds(server)
    for _ in range(200):
        with portod.client() as client:
            client.version()
            client.async_wait("***")
    poll(lambda: fds(server) <= before)


def test_container_inherits_nothing(portod, porto, toolbox, name):
    """However many connections and containers there are."""
    clients = [portod.client() for _ in range(30)]
    porto.run(name + "-other", "sleep 1000")
    text = porto.output(name, "%s fds" % toolbox)
    assert [line.split()[0] for line in text.splitlines()] == ["0", "1", "2"]
    # portoinit neither, but for the record where it leaves the exit status.
    porto.run(name, "sleep 1000")
    pid = int(porto.get_property(name, "root_pid"))
    with open("/proc/%d/stat" % pid) as file:
        init = int(file.read().rpartition(")")[2].split()[1])
    links = {}
    for fd in os.listdir("/proc/%d/fd" % init):
        links[fd] = os.readlink("/proc/%d/fd/%s" % (init, fd))
    foreign = {
        fd: link
        for fd, link in links.items()
        if "socket:" in link or portod.dir in link and not link.endswith(("stdout", "stderr"))
        and "/tasks/" not in link
    }
    assert not foreign, links
    for client in clients:
        client.close()


def test_descriptor_of_a_client_is_not_kept(portod, porto, name):
    """Destroyed: the client's pipe is closed everywhere."""
    reader, writer = os.pipe()
    porto.run(name, "true", stdout_path="/dev/fd/%d" % writer)
    os.close(writer)
    porto.finish(name)
    porto.destroy(name)
    import select

    assert select.select([reader], [], [], 10)[0]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_no_zombies(portod, porto, name):
    for i in range(20):
        cycle(porto, name)

    def zombies():
        found = []
        for pid in (portod.master_pid, portod.server_pid()):
            with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
                for child in file.read().split():
                    try:
                        with open("/proc/%s/stat" % child) as stat:
                            if stat.read().rpartition(")")[2].split()[0] == "Z":
                                found.append(child)
                    except FileNotFoundError:
                        pass
        return found

    poll(lambda: not zombies(), message="zombies go")
