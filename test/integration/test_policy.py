# SPDX-License-Identifier: Apache-2.0
"""What the daemon has to say about containers: extra_properties of the configuration, taints."""

import signal
import time

import pytest

from conftest import expect, poll
from porto_client import PortoError

# ---- extra_properties -----------------------------------------------------------------------------


def extra(filter, **properties):
    return "extra_properties { filter: '%s' %s }" % (
        filter,
        " ".join(
            "properties { name: '%s' value: '%s' }" % (name, value)
            for name, value in properties.items()
        ),
    )


def presets(client, name):
    return client.get_property(name, "extra_properties")


@pytest.fixture
def client(own_portod):
    """client(configuration, …) of a daemon of this test; .portod is the daemon."""
    made = []

    def make(*parts):
        portod = own_portod(container=" ".join(parts))
        one = portod.client()
        one.portod = portod
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def test_given_at_the_start(client):
    porto = client(extra("web*", max_respawns=3, cpu_weight="2", oom_is_fatal="false"))
    for name in "web-1", "other":
        porto.create(name)
        porto.set_property(name, "command", "sleep 1000")
        assert porto.get_property(name, "cpu_weight") == "1"
        porto.start(name)
    assert porto.get_property("web-1", "cpu_weight") == "2"
    assert porto.get_property("web-1", "max_respawns") == "3"
    assert porto.get_property("web-1", "oom_is_fatal") == "false"
    assert presets(porto, "web-1") == "cpu_weight;max_respawns;oom_is_fatal"
    assert porto.get_property("web-1", "cpu_weight", real=True) == "2"
    assert porto.get_property("other", "cpu_weight") == "1"
    assert presets(porto, "other") == ""
    # The second start is like the first.
    porto.stop("web-1", 0)
    porto.start("web-1")
    assert porto.get_property("web-1", "cpu_weight") == "2"
    assert presets(porto, "web-1") == "cpu_weight;max_respawns;oom_is_fatal"


def test_what_somebody_has_set_stays(client):
    porto = client(extra("***", max_respawns=3, cpu_weight="2", umask="077"))
    porto.create("a")
    porto.set("a", cpu_weight="5", umask="02")
    porto.start("a")
    assert porto.get_property("a", "cpu_weight") == "5"
    # The same as the default, and said all the same.
    assert porto.get_property("a", "umask") == "02"
    assert presets(porto, "a") == "max_respawns"
    # Later, too: it is the client's from then on.
    porto.set_property("a", "max_respawns", "7")
    assert presets(porto, "a") == ""
    porto.stop("a", 0)
    porto.start("a")
    assert porto.get_property("a", "max_respawns") == "7"


def test_a_refused_change_takes_nothing_over(client):
    porto = client(extra("***", max_respawns=3))
    porto.create("a")
    porto.start("a")
    with expect("InvalidValue"):
        porto.set_property("a", "max_respawns", "many")
    assert presets(porto, "a") == "max_respawns"


def test_filters(client):
    """Names are absolute; the last of several counts."""
    porto = client(
        extra("a***", cpu_weight="2"),
        extra("a/*", cpu_weight="3"),
        extra("", cpu_weight="9"),
    )
    for name, weight in ("a", "2"), ("a/b", "3"), ("a/b/c", "2"), ("b", "1"):
        porto.create(name)
        porto.start(name)
        assert porto.get_property(name, "cpu_weight") == weight


def test_with_an_index(client):
    porto = client(extra("***", **{"capabilities[NET_ADMIN]": "true", "capabilities[CHOWN]": "false"}))
    porto.create("a")
    before = set(porto.get_property("a", "capabilities").split(";"))
    porto.start("a")
    after = set(porto.get_property("a", "capabilities").split(";"))
    assert after == (before | {"NET_ADMIN"}) - {"CHOWN"}
    assert presets(porto, "a") == "capabilities"
    porto.stop("a")
    porto.start("a")
    assert set(porto.get_property("a", "capabilities").split(";")) == after


def test_controllers_have_a_way_back(client):
    porto = client(extra("a/b", **{"controllers[pids]": "true"}), extra("a/c", memory_limit="64M"))
    for name in "a", "a/b", "a/c", "a/d":
        porto.create(name)
        for _ in range(2):
            porto.start(name)
            porto.stop(name, 0)
    assert "pids" in porto.get_property("a/b", "controllers")
    assert presets(porto, "a/b") == "controllers"
    assert "pids" not in porto.get_property("a/d", "controllers")
    assert porto.get_property("a/c", "memory_limit") == str(64 << 20)
    assert "memory" in porto.get_property("a/c", "controllers")
    # Of the user, then.
    porto.set_property("a/b", "controllers", "memory")
    porto.start("a/b")
    assert "pids" not in porto.get_property("a/b", "controllers")
    assert presets(porto, "a/b") == ""


def test_command(client):
    porto = client(extra("job-*", command="sleep 1000"))
    porto.create("job-1")
    porto.start("job-1")
    assert porto.state("job-1") == "running"
    porto.stop("job-1", 0)
    porto.set_property("job-1", "command", "")
    porto.start("job-1")
    assert porto.state("job-1") == "meta"


def test_a_respawn_goes_on_with_what_there_was(client):
    porto = client(extra("***", max_respawns=3, umask="077"))
    porto.create("a")
    porto.set("a", command="true", respawn=True, respawn_delay="50ms")
    porto.start("a")
    porto.wait_state("a", "dead")
    assert porto.get_property("a", "respawn_count") == "3"


def test_through_restarts_and_other_configurations(client):
    porto = client(extra("***", max_respawns=3, cpu_weight="2"))
    portod = porto.portod
    porto.create("a")
    porto.set("a", command="sleep 1000")
    porto.start("a")
    porto.set_property("a", "cpu_weight", "4")
    portod.kill_server()
    porto.connect()
    assert presets(porto, "a") == "max_respawns"
    assert porto.get_property("a", "max_respawns") == "3"
    assert porto.get_property("a", "cpu_weight") == "4"
    # A start with another configuration forgets what the old one gave.
    with open(portod.config) as file:
        text = file.read()
    with open(portod.config, "w") as file:
        file.write(text.replace(extra("***", max_respawns=3, cpu_weight="2"), extra("*", umask="077")))
    portod.end(signal.SIGTERM)
    portod.start()
    porto.connect()
    assert porto.get_property("a", "max_respawns") == "3"
    porto.stop("a", 0)
    porto.start("a")
    assert porto.get_property("a", "max_respawns") == ""
    assert porto.get_property("a", "cpu_weight") == "4"
    assert presets(porto, "a") == "umask"


def test_what_cannot_be_followed(client):
    """Told in the log and counted; the rest holds."""
    porto = client(
        extra("***", owner_user="nobody", weak="true", no_such_thing="1", id="5", umask="077")
    )
    assert porto.get_system().fatals == 4
    assert "owner_user" in porto.portod.log() and "no_such_thing" in porto.portod.log()
    porto.create("a")
    porto.start("a")
    assert porto.get_property("a", "umask") == "077"
    assert presets(porto, "a") == "umask"


def test_bad_value(client):
    """Nobody starts without what was to hold for all."""
    porto = client(extra("bad-*", umask="what"))
    porto.create("bad-1")
    with expect("InvalidValue") as caught:
        porto.start("bad-1")
    assert "umask" in caught.error.text and "configuration" in caught.error.text
    assert porto.state("bad-1") == "stopped"
    assert "umask" in porto.get_property("bad-1", "start_error")
    porto.set_property("bad-1", "umask", "022")
    porto.start("bad-1")
    porto.create("good")
    porto.start("good")


def test_hidden_and_read_only(porto, name):
    porto.create(name)
    assert "extra_properties" not in porto.property_list()
    with expect("InvalidValue"):
        porto.set_property(name, "extra_properties", "x")


# ---- taints ---------------------------------------------------------------------------------------


def taints(porto, name):
    text = porto.get_property(name, "taint")
    assert not text or text.endswith("\n")
    return text.splitlines()


def sane(porto, name):
    porto.create(name)
    porto.set(
        name,
        memory_limit="64M",
        cpu_limit="1c",
        capabilities="KILL",
        enable_porto="isolate",
    )
    return name


def test_nothing_to_say(porto, name):
    assert taints(porto, sane(porto, name)) == []
    assert taints(porto, "/") == []


@pytest.mark.parametrize(
    "props, word",
    [
        ({"memory_limit": "0"}, "memory_limit"),
        ({"cpu_limit": "0c"}, "cpu_limit"),
        ({"isolate": "false"}, "isolate"),
        ({"enable_porto": "true"}, "enable_porto"),
        ({"oom_is_fatal": "false"}, "oom_is_fatal"),
        ({"controllers[devices]": "false"}, "devices"),
        ({"cpu_policy": "rt"}, "cpu_policy"),
        ({"virt_mode": "os", "command": "sleep 1", "net": "inherited"}, "virt_mode"),
        ({"net": "none", "enable_porto": "false"}, "hostname"),
        ({"net": "none", "hostname": "x"}, "ip_limit"),
        ({"net": "none", "hostname": "x", "enable_porto": "read-only"}, None),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_one_taint(porto, name, props, word):
    sane(porto, name)
    for prop, value in props.items():
        try:
            porto.set_property(name, prop, value)
        except PortoError as err:
            if err.name == "NotSupported":
                pytest.skip(err.text)
            raise
    lines = taints(porto, name)
    if word is None:
        assert not lines
    else:
        assert len(lines) == 1 and word in lines[0], lines


def test_full_access_from_a_network_of_its_own(porto, name):
    sane(porto, name)
    porto.set(name, net="none", hostname="x", enable_porto="true")
    assert [line for line in taints(porto, name) if "way out of its network" in line]


def test_of_a_root_directory(porto, rootfs, name, tmp_path):
    sane(porto, name)
    porto.set(name, root=rootfs, enable_porto="true")
    lines = taints(porto, name)
    assert len(lines) == 2 and all("enable_porto" in line for line in lines)
    porto.set_property(name, "enable_porto", "isolate")
    assert taints(porto, name) == []
    for bind, tainted in (
        ("%s /mnt" % tmp_path, True),
        ("%s /mnt ro" % tmp_path, False),
        ("/run /mnt", None),
    ):
        porto.set_property(name, "bind", bind)
        if tainted is not None:
            assert [line for line in taints(porto, name) if "bind" in line] == (
                [line for line in taints(porto, name)] if tainted else []
            )
            assert bool(taints(porto, name)) == tainted


def test_levels(porto, name):
    """Limits are a matter of the first level, and a nested root directory has no device group."""
    sane(porto, name)
    porto.create(name + "/kid")
    porto.set(name + "/kid", capabilities="KILL", enable_porto="isolate")
    assert taints(porto, name + "/kid") == []


def test_counted_and_logged(portod, porto, name):
    before = porto.get_system()
    sane(porto, name + "-sane")
    porto.start(name + "-sane")
    assert porto.get_system().container_tainted == before.container_tainted
    sane(porto, name)
    porto.set_property(name, "oom_is_fatal", "false")
    assert porto.get_system().container_tainted == before.container_tainted
    porto.start(name)
    after = porto.get_system()
    assert after.container_tainted == before.container_tainted + 1
    assert after.taints == before.taints + 1
    assert porto.get_property("/", "porto_stat[containers_tainted]") == str(after.container_tainted)
    assert porto.get_property("/", "porto_stat[taints]") == str(after.taints)
    poll(lambda: "TAINT container %s: oom_is_fatal" % name in portod.log())
    porto.set_property(name, "oom_is_fatal", "true")
    assert porto.get_system().container_tainted == before.container_tainted
    porto.stop(name, 0)


def test_in_a_spec(porto, name):
    """Entries of their own, with the code for it."""
    sane(porto, name)
    porto.set(name, oom_is_fatal=False, cpu_limit="0c")
    answer = porto.request("ListContainersBy", filters=[{"name": name}]).ListContainersBy
    status = answer.containers[0].status
    assert [(entry.error, entry.msg) for entry in status.taint] == [
        (666, line) for line in taints(porto, name)
    ]
    assert len(status.taint) == 2
