# SPDX-License-Identifier: Apache-2.0
"""Two daemons side by side: neither sees, touches or outlives the other's."""

import os
import re
import shutil
import signal
import subprocess

from conftest import BUILD, SOURCE, UNIQUE, alive, find_binary, poll


def test_two_daemons(own_portod):
    one, two = own_portod(), own_portod()
    with one.client() as a, two.client() as b:
        a.run("same", "sleep 1000", memory_limit="64M")
        b.run("same", "sleep 1000", memory_limit="128M")
        assert a.list() == b.list() == ["same"]
        pids = [int(c.get_property("same", "root_pid")) for c in (a, b)]
        assert pids[0] != pids[1]
        # Neither knows the other's processes.
        assert a.locate(pids[0]) == "same"
        assert a.locate(pids[1]) in ("/", "self")
        # Restarts and sweeps of one leave the other alone.
        one.kill_server()
        a.connect()
        assert a.state("same") == b.state("same") == "running"
        assert all(alive(pid) for pid in pids)
        groups = two.cgroup_dirs()
        one.end()
        assert two.cgroup_dirs() == groups
        assert b.state("same") == "running"
        assert not alive(pids[0]) and alive(pids[1])
        one.start()
        a.connect()
        assert a.list() == []


def test_prefix_of_the_other_s_name(own_portod):
    """`x` must not take `x-more` for its own."""
    one = own_portod(start=False)
    two = own_portod(start=False)
    with open(two.config) as file:
        text = file.read().replace('"%s"' % two.id, '"%s-more"' % one.id)
    with open(two.config, "w") as file:
        file.write(text)
    two.id = one.id + "-more"
    one.start()
    two.start()
    with two.client() as client:
        client.run("a", "sleep 1000")
        pid = int(client.get_property("a", "root_pid"))
        one.kill_server()
        one.end()
        assert alive(pid)
        assert client.state("a") == "running"
        client.kill("a", 9)
        assert client.finish("a") == -9
    two.end()
    one.start()


def test_foreign_groups_are_not_touched(own_portod):
    """A group of somebody else, with a similar name, survives our start, sweep and end."""
    daemon = own_portod(start=False)
    base = "/sys/fs/cgroup/freezer"
    if not os.path.isdir(base):
        base = "/sys/fs/cgroup"
    made = []
    try:
        for name in daemon.id + ".slice", "before-" + daemon.id:
            path = os.path.join(base, name)
            os.mkdir(path)
            made.append(path)
        daemon.start()
        daemon.kill_server()
        daemon.end()
        for path in made:
            assert os.path.isdir(path)
    finally:
        for path in made:
            os.rmdir(path)


def test_own_leftovers_are_swept(own_portod):
    """What a lost state left behind under our name goes at the next start."""
    daemon = own_portod()
    with daemon.client() as client:
        client.run("a", "sleep 1000")
        pid = int(client.get_property("a", "root_pid"))
    daemon.end(signal.SIGTERM)
    for name in os.listdir(daemon.state_dir):
        if name.startswith("state"):
            os.unlink(os.path.join(daemon.state_dir, name))
    daemon.start()
    with daemon.client() as client:
        assert client.list() == []
    poll(lambda: not alive(pid), message="the orphan goes")


def test_work_directories_are_swept(own_portod):
    daemon = own_portod()
    daemon.end(signal.SIGTERM)
    stale = os.path.join(daemon.place, "porto", "stale")
    os.makedirs(stale, exist_ok=True)
    daemon.start()
    poll(lambda: not os.path.exists(stale))


def test_damaged_state(own_portod):
    """A state that cannot be read: refused with the reason, nothing is destroyed on suspicion."""
    daemon = own_portod()
    with daemon.client() as client:
        client.run("a", "sleep 1000")
        pid = int(client.get_property("a", "root_pid"))
    daemon.end(signal.SIGTERM)
    kept = {}
    for name in os.listdir(daemon.state_dir):
        if name.startswith("state.db"):
            path = os.path.join(daemon.state_dir, name)
            with open(path, "rb") as file:
                kept[path] = file.read()
            with open(path, "wb") as file:
                file.write(b"garbage" * 1000)
    assert kept
    daemon.start(wait=False)
    assert daemon.proc.wait(20) == 1
    daemon.proc = None
    assert "state.db" in daemon.tail()
    assert alive(pid)
    for path, data in kept.items():
        with open(path, "wb") as file:
            file.write(data)
    daemon.start()
    with daemon.client() as client:
        assert client.state("a") == "running"


def test_first_container_of_the_readme(tmp_path):
    """As a newcomer does it: line after line, but for the build and the names of directories."""
    with open(os.path.join(SOURCE, "README.md")) as file:
        readme = file.read()
    section = readme.split("## The first container")[1]
    commands, config = re.findall(r"\n\n((?:    .+\n)+)", section)[:2]
    for old, new in (
        (r"meson setup .* && (?=mkdir)", ""),
        ("/tmp/my", str(tmp_path)),
        ("my.conf", str(tmp_path / "conf")),
        ("my-porto", UNIQUE + "-readme"),
        (r"\./build/|/where/it/is/build/", BUILD + "/"),
    ):
        commands, config = re.sub(old, new, commands), re.sub(old, new, config)
    (tmp_path / "conf").write_text(config)
    portod = [find_binary("portod/portod"), "--config", str(tmp_path / "conf")]
    with open(tmp_path / "out", "w+") as out:
        try:
            result = subprocess.run(["sh", "-ec", commands], stdout=out, stderr=out, timeout=60)
        finally:
            poll(lambda: subprocess.run([*portod, "status"], stdout=out).returncode == 0)
            subprocess.run([*portod, "stop"], check=True, timeout=60)
        out.seek(0)
        text = out.read()
    assert result.returncode == 0, text
    assert "Hello, world!" in text
    assert re.search(r"^web +running", text, re.M), text
    shutil.rmtree(tmp_path)
