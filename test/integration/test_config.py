# SPDX-License-Identifier: Apache-2.0
"""The configuration file: what is accepted, how mistakes are told, that it has an effect."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from conftest import Inside, expect, find_binary, poll


def start(tmp_path, text, *args):
    path = tmp_path / "portod.conf"
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(text)
    return subprocess.run(
        [find_binary("portod/portod"), "--config", str(path), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
        timeout=20,
    )


@pytest.mark.parametrize(
    "text, line, word",
    [
        ("daemon {\n  max_clients: x\n}\n", 2, "max_clients"),
        ("daemon {\n\n  no_such_key: 1\n}\n", 3, "no_such_key"),
        ("no_such_section {\n}\n", 1, "no_such_section"),
        ("daemon {\n  socket_path: 5\n}\n", 2, "socket_path"),
        ("daemon {\n  socket_path: \"open\n}\n", 2, ""),
        ("daemon {\n  max_clients: 99999999999999\n}\n", 2, "max_clients"),
        ("daemon {\n  max_clients: -1\n}\n", 2, "max_clients"),
        ("daemon {\n  max_clients: 1\n", None, ""),
        ("daemon {\n  max_clients 1\n}\n", 2, ""),
        ("}\n", 1, ""),
        ("daemon: 1\n", 1, "daemon"),
        ("log { verbose: perhaps }\n", 1, "verbose"),
        ("# comment\n\n\nlog { debug: }\n", 4, ""),
        (b"\xff\xfe\x00", 1, ""),
    ],
)
def test_mistakes(tmp_path, text, line, word):
    done = start(tmp_path, text)
    assert done.returncode == 1, done.stdout
    assert "portod.conf" in done.stdout
    if line:
        assert "portod.conf:%d" % line in done.stdout, done.stdout
    assert word in done.stdout


def test_missing_file(tmp_path):
    done = subprocess.run(
        [find_binary("portod/portod"), "--config", str(tmp_path / "nothing")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert str(tmp_path / "nothing") in done.stdout and "No such file" in done.stdout


def test_directories_that_cannot_be_made(tmp_path):
    done = start(
        tmp_path,
        'daemon { socket_path: "/proc/no/socket" state_dir: "%s/s" cgroup_prefix: "porto-test-x" '
        'log_path: "" pid_file: "" }' % tmp_path,
    )
    assert done.returncode == 1
    assert "/proc/no" in done.stdout


def test_second_daemon_on_the_same_state(own_portod):
    """Refused, and the first one is not harmed."""
    first = own_portod()
    with first.client() as client:
        client.run("a", "sleep 1000")
        done = subprocess.run(
            [first.binary, "--config", first.config],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            timeout=30,
        )
        assert done.returncode == 1
        assert client.state("a") == "running"
    assert first.client().version()


def test_stale_socket_is_replaced(own_portod):
    import socket

    daemon = own_portod(start=False)
    old = socket.socket(socket.AF_UNIX)
    old.bind(daemon.socket)
    old.close()
    daemon.start()


def test_a_file_in_place_of_the_socket(own_portod):
    daemon = own_portod(start=False)
    with open(daemon.socket, "w") as file:
        file.write("precious")
    daemon.start(wait=False)
    code = daemon.proc.wait(20)
    daemon.proc = None
    with open(daemon.socket) as file:
        assert file.read() == "precious"
    os.unlink(daemon.socket)
    assert code == 1


def test_removed_socket_comes_back(own_portod):
    daemon = own_portod()
    os.unlink(daemon.socket)
    poll(daemon.ready, 15, step=0.1, message="a new socket")


def test_verbose_log(own_portod):
    """What only reads is logged when it is asked for."""
    daemon = own_portod()

    def log_of(version_calls):
        start = os.path.getsize(daemon.log_path)
        with daemon.client() as client:
            for _ in range(version_calls):
                client.version()
            client.create("a")
            client.destroy("a")
        with open(daemon.log_path) as file:
            file.seek(start)
            return file.read()

    text = log_of(2)
    assert " Create a by " in text and " Version " not in text and " connects" not in text
    with daemon.client() as client:
        client.set_system(verbose=True)
    text = log_of(2)
    assert " Create a by " in text and text.count(" Version ") == 2 and " connects" in text
    poll(lambda: " is gone" in log_of(0))
    with daemon.client() as client:
        client.set_system(verbose=False)
    assert " Version " not in log_of(1)


def test_limit_of_clients_in_a_container(own_portod, toolbox):
    """It holds for each container by itself, and not for the host."""
    daemon = own_portod(daemon="max_clients_in_container: 3")
    with contextlib.ExitStack() as stack:
        outside = [stack.enter_context(daemon.client()) for _ in range(5)]
        porto = outside[-1]
        for name in "a", "b":
            porto.create(name)
            # Root would have some more.
            porto.set(name, user="nobody", group="nogroup", owner_user="nobody", owner_group="nogroup")
            one = Inside(porto, name, daemon.socket, toolbox).start()
            stack.callback(one.close)
            clients = [one.connect() for _ in range(4)]
            for client in clients:
                stack.callback(client.close)
            for client in clients[:3]:
                assert client.version()
            with expect("ResourceNotAvailable") as seen:
                clients[3].version()
            assert "max_clients_in_container" in seen.error.text and name in seen.error.text
        for client in outside:
            assert client.version()


def test_porto_s_own_file_is_accepted(own_portod):
    """Old keys and all, with comments, several sections of one name, both kinds of separators."""
    daemon = own_portod(
        start=False,
        extra="""
        # an old file
        log { verbose: true, debug: false; }
        daemon { rw_threads: 20 workers: 5 blocking_read: false }
        container { max_total: 3000; enable_smart: true
          default_ulimit: "core: 0 unlimited; " "nofile: 4K 1M"
          extra_env { name: "SITE" value: "test" }
        }
        network { enabled: false device_qdisc: "default: htb" }
        volumes { max_total: 3000 }
        core { enable: false }
        privileges { root_user: "root" }
        """,
    )
    daemon.start()
    with daemon.client() as client:
        assert client.get_system().verbose
        client.run("a", "sh -c 'ulimit -n; echo $SITE'")
        client.finish("a")
        assert client.get_property("a", "stdout") == "4096\ntest\n"


def test_defaults_of_properties(own_portod):
    daemon = own_portod(
        container="default_aging_time_s: 77 respawn_delay_ms: 250 stdout_limit: 4096 "
        "default_thread_limit: 55 min_memory_limit: 2097152"
    )
    with daemon.client() as client:
        client.create("a")
        assert client.get_property("a", "aging_time") == "77"
        assert client.get_property("a", "respawn_delay") == "250000000ns"
        assert client.get_property("a", "stdout_limit") == "4096"
        assert client.get_property("a", "thread_limit") == "55"
        with expect("InvalidValue"):
            client.set_property("a", "memory_limit", "1M")


def test_start_parents_can_be_forbidden(own_portod):
    daemon = own_portod(container="enable_start_parents: false")
    with daemon.client() as client:
        client.create("a")
        client.create("a/b")
        with expect("InvalidState"):
            client.start("a/b")
        client.start("a")
        client.start("a/b")


def test_log(own_portod):
    """One line for each change, with who and what; values cannot forge lines."""
    daemon = own_portod()
    with daemon.client() as client:
        client.create("logged-one")
        client.set_property("logged-one", "private", "x\n2020-01-01 00:00:00.000 fake line")
        client.set_property("logged-one", "command", "true")
        client.start("logged-one")
        client.finish("logged-one")
    text = daemon.log()
    assert "logged-one" in text
    assert not [line for line in text.splitlines() if line.startswith("2020-01-01")]


def test_log_is_opened_again(own_portod):
    daemon = own_portod()
    os.rename(daemon.log_path, daemon.log_path + ".1")
    daemon.proc.send_signal(signal.SIGUSR1)
    with daemon.client() as client:

        def written():
            client.create("after")
            client.destroy("after")
            return os.path.exists(daemon.log_path) and "after" in open(daemon.log_path).read()

        poll(written, 10, step=0.1)


def test_log_that_was_removed(own_portod):
    """By somebody who does not know that it takes a signal."""
    daemon = own_portod()
    master, server = daemon.master_pid, daemon.server_pid()
    with daemon.client() as client:
        os.unlink(daemon.log_path)
        poll(lambda: os.path.exists(daemon.log_path))

        def written():
            client.create("after")
            client.destroy("after")
            return "after" in open(daemon.log_path).read()

        poll(written, 10, step=0.1)
        opens = client.get_system().log_open
        # Both have it, and nobody opens it again and again.
        inode = os.stat(daemon.log_path).st_ino
        for pid in master, server:
            links = [os.path.join("/proc/%d/fd" % pid, fd) for fd in os.listdir("/proc/%d/fd" % pid)]
            assert inode in [os.stat(link).st_ino for link in links if os.path.exists(link)]
        time.sleep(1.5)
        assert client.get_system().log_open == opens
        assert (daemon.master_pid, daemon.server_pid()) == (master, server)


def test_disabled_controllers(own_portod):
    """As if the host had none of them."""
    daemon = own_portod(container="enable_blkio: false enable_hugetlb: false enable_cgroup2: false")
    with daemon.client() as porto:
        assert not {"io_limit", "hugetlb_limit"} & set(porto.property_list())
        porto.run("a", "sleep 1000")
        owned = porto.get_property("a", "controllers").split(";")
        assert not {"blkio", "hugetlb"} & set(owned)
        if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            assert "cgroup2" not in owned
            with open("/proc/%s/cgroup" % porto.get_property("a", "root_pid")) as file:
                assert not [line for line in file if line.startswith("0::") and daemon.id in line]
        with expect("NotSupported"):
            porto.set_property("a", "io_limit", "1M")
        porto.destroy("a")


def test_help(tmp_path):
    """Whatever the configuration is like."""
    texts = [start(tmp_path, "nothing", form) for form in ("help", "--help", "-h")]
    assert [done.returncode for done in texts] == [0, 0, 0]
    assert texts[0].stdout == texts[1].stdout == texts[2].stdout
    for word in "--config", "--verbose", "daemon", "reload", "help":
        assert "\n  %s" % word in texts[0].stdout
    wrong = start(tmp_path, "", "no-such-command")
    assert wrong.returncode == 1 and "no-such-command" in wrong.stdout
