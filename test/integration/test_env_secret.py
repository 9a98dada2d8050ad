# SPDX-License-Identifier: Apache-2.0
"""env_secret: in the container like any variable, nowhere else."""

import glob
import hashlib
import os
import re
import stat

import pytest

from conftest import NOBODY, as_user, expect

SECRET = "hunter2-8c5f1ae0d3"
MASK = re.compile(r"^<secret salt=([0-9a-f]{32}) sha256=([0-9a-f]{64})>$")


def verify(mask, value):
    """Is it the mask of this value? By what the manual says, not by our code."""
    salt, digest = MASK.match(mask).groups()
    assert hashlib.sha256((salt + value).encode()).hexdigest() == digest
    return salt


def output(porto, name, command="env"):
    porto.set_property(name, "command", command)
    porto.start(name)
    porto.finish(name)
    text = porto.get_property(name, "stdout")
    porto.stop(name)
    return text


def variables(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.fixture
def ct(porto, name):
    porto.create(name)
    porto.set_property(name, "env_secret", "TOKEN=%s" % SECRET)
    return name


# ---- in the container -------------------------------------------------------------------------


def test_the_command_gets_it(porto, ct):
    assert variables(output(porto, ct))["TOKEN"] == SECRET


def test_it_is_expanded(porto, ct):
    assert output(porto, ct, "echo $TOKEN") == SECRET + "\n"


def test_secret_wins_over_env(porto, name):
    porto.create(name)
    porto.set(name, env="A=1;B=2", env_secret="B=x;C=y")
    got = variables(output(porto, name))
    assert (got["A"], got["B"], got["C"]) == ("1", "x", "y")


def test_fixed_variables_stay(porto, name):
    porto.create(name)
    porto.set(name, env_secret="PORTO_NAME=x;PATH=/bin:/usr/bin")
    got = variables(output(porto, name))
    assert got["PORTO_NAME"] == name and got["PATH"] == "/bin:/usr/bin"
    assert porto.get_property(name, "env[PORTO_NAME]") == name


def test_inherited(porto, name):
    """As env: into what is not isolated, where there is no own value; and unset where it is."""
    porto.create(name)
    porto.set(name, env="A=parent;B=plain", env_secret="A=secret;C=secret;D=secret")
    porto.start(name)
    porto.create(name + "/a")
    porto.set(name + "/a", isolate=False, env="C=own;D")
    got = variables(output(porto, name + "/a"))
    assert (got["A"], got["B"], got["C"]) == ("secret", "plain", "own")
    assert "D" not in got
    MASK.match(porto.get_property(name + "/a", "env[A]"))
    assert porto.get_property(name + "/a", "env[C]") == "own"
    porto.create(name + "/b")
    got = variables(output(porto, name + "/b"))
    assert not {"A", "B", "C", "D"} & set(got)


def test_escapes(porto, name):
    porto.create(name)
    porto.set_property(name, "env_secret", r"A=x\;y=z\\;B=  two words ")
    got = variables(output(porto, name))
    assert got["A"] == "x;y=z\\"
    verify(porto.get_property(name, "env_secret[A]"), "x;y=z\\")


# ---- reading -----------------------------------------------------------------------------------


def test_masked(porto, ct):
    first = porto.get_property(ct, "env_secret")
    assert first.startswith("TOKEN=")
    salts = {verify(porto.get_property(ct, "env_secret")[6:], SECRET) for _ in range(5)}
    assert len(salts) == 5, "a salt was used twice"
    verify(porto.get_property(ct, "env_secret[TOKEN]"), SECRET)
    verify(porto.get_property(ct, "env[TOKEN]"), SECRET)
    assert "TOKEN" not in porto.get_property(ct, "env")


def test_no_way_to_read_it(porto, ct):
    """Every property, by every call that reads."""
    names = [*porto.property_list(), "env_secret[TOKEN]", "env[TOKEN]", "env[X]", "TOKEN"]
    texts = [str(porto.get([ct], names)), str(porto.get(["*"], names, real=True))]
    for prop in names:
        for call in porto.get_property, porto.get_data:
            try:
                texts.append(call(ct, prop))
            except Exception as err:  # the error must not tell it either
                texts.append(str(err))
    texts.append(str(porto.request("ListContainersBy", filters=[{"name": ct}])))
    assert not [text for text in texts if SECRET in text]


def test_missing_variable(porto, ct):
    for prop in "env_secret[NOTHING]", "env[NOTHING]":
        with expect("InvalidValue"):
            porto.get_property(ct, prop)


def test_unset_variable(porto, name):
    porto.create(name)
    porto.set_property(name, "env_secret", "PATH;A=1")
    text = porto.get_property(name, "env_secret")
    assert "PATH" in text.split(";")
    assert "PATH" not in variables(output(porto, name, "/usr/bin/env"))


def test_index(porto, name):
    porto.create(name)
    porto.set_property(name, "env_secret[A]", "one")
    porto.set_property(name, "env_secret[B]", "two")
    verify(porto.get_property(name, "env_secret[A]"), "one")
    porto.set_property(name, "env_secret[A]", "three")
    verify(porto.get_property(name, "env_secret[A]"), "three")
    verify(porto.get_property(name, "env_secret[B]"), "two")
    porto.set_property(name, "env_secret", "")
    assert porto.get_property(name, "env_secret") == ""


def test_reader_without_control_gets_no_hash(portod, porto, ct):
    """A guess could be tried against a hash."""
    with as_user(NOBODY, NOBODY), portod.client() as nobody:
        assert nobody.get_property(ct, "env_secret") == "TOKEN=<secret>"
        assert nobody.get_property(ct, "env_secret[TOKEN]") == "<secret>"
        assert nobody.get_property(ct, "env[TOKEN]") == "<secret>"
        reply = nobody.request("ListContainersBy", filters=[{"name": ct}])
        (entry,) = reply.ListContainersBy.containers
        (var,) = entry.spec.env_secret.var
        assert (var.name, var.value) == ("TOKEN", "<secret>")
        assert not var.salt and not var.hash


# ---- errors and logs -----------------------------------------------------------------------------


def test_bad_values_are_not_repeated(porto, portod, name):
    porto.create(name)
    for prop, value in [
        ("env_secret", "=%s" % SECRET),
        ("env_secret", "A=1;=%s" % SECRET),
        ("env_secret[x=%s]" % SECRET, "1"),
    ]:
        with expect("InvalidValue") as caught:
            porto.set_property(name, prop, value)
        assert SECRET not in caught.error.text
        assert "env_secret" in caught.error.text
    assert porto.get_property(name, "env_secret") == ""
    porto.set_property(name, "env_secret", "A=%s" % SECRET)
    porto.start(name)
    with expect("InvalidState") as caught:
        porto.set_property(name, "env_secret", "A=%s-2" % SECRET)
    assert SECRET not in caught.error.text
    assert SECRET not in portod.log()


@pytest.mark.parametrize(
    "command",
    ["$TOKEN", "/nowhere/$TOKEN", "$TOKEN/$TOKEN $TOKEN", "~/$TOKEN", "'$TOKEN' $NOTHING", "$TOKEN |"],
)
def test_start_errors_do_not_tell_it(porto, portod, ct, command):
    porto.set_property(ct, "command", command)
    with expect("InvalidCommand") as caught:
        porto.start(ct)
    assert "TOKEN" in caught.error.text
    told = caught.error.text + porto.get_property(ct, "start_error")
    with portod.client() as watcher:
        watcher.async_wait(ct)
        told += str(watcher.next_event())
    assert SECRET not in told
    assert SECRET not in portod.log()


def test_inherited_secrets_are_hidden_as_well(porto, portod, ct):
    porto.start(ct)
    porto.create(ct + "/a")
    porto.set(ct + "/a", isolate=False, command="/nowhere/$TOKEN")
    with expect("InvalidCommand") as caught:
        porto.start(ct + "/a")
    assert SECRET not in caught.error.text + portod.log()


def test_log_of_a_talkative_daemon(own_portod, name):
    portod = own_portod(extra="log { verbose: true debug: true }")
    with portod.client() as porto:
        porto.create(name)
        porto.set_property(name, "env_secret", "A=%s" % SECRET)
        porto.set_property(name, "env_secret[B]", SECRET)
        porto.set_property(name, "command", "sh -c 'exit 3'")
        porto.start(name)
        porto.finish(name)
        porto.request(
            "CreateFromSpec",
            container={"name": name + "-2", "env_secret": {"var": [{"name": "A", "value": SECRET}]}},
        )
        with expect("InvalidValue"):
            porto.request(
                "CreateFromSpec",
                container={
                    "name": name + "-3",
                    "env_secret": {"var": [{"name": "=", "value": SECRET}]},
                },
            )
        # Nor does the next server, when it reads what is stored.
        portod.kill_server()
    log = portod.log()
    assert "SetProperty %s" % name in log, "the log is not talkative: %s" % log
    assert SECRET not in log


# ---- storage ----------------------------------------------------------------------------------------


def test_survives_a_restart(porto, portod, ct):
    portod.kill_server()
    porto.connect()
    verify(porto.get_property(ct, "env_secret[TOKEN]"), SECRET)
    assert output(porto, ct, "echo $TOKEN") == SECRET + "\n"


def test_files_are_for_root_only(porto, portod, ct):
    """Only the store knows it."""
    files = [
        path
        for path in glob.glob(portod.dir + "/**", recursive=True)
        if os.path.isfile(path) and SECRET.encode() in open(path, "rb").read()
    ]
    assert files and all(path.startswith(portod.state_dir) for path in files)
    for path in files:
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path
        assert os.stat(path).st_uid == 0


# ---- specs ----------------------------------------------------------------------------------------------


def spec_of(porto, name):
    reply = porto.request("ListContainersBy", filters=[{"name": name}])
    (entry,) = reply.ListContainersBy.containers
    return entry.spec


def test_spec(porto, name):
    porto.request(
        "CreateFromSpec",
        container={
            "name": name,
            "env": {"var": [{"name": "P", "value": "plain"}]},
            "env_secret": {
                "var": [{"name": "A", "value": SECRET}, {"name": "B", "unset": True}],
            },
        },
    )
    spec = spec_of(porto, name)
    secrets = {v.name: v for v in spec.env_secret.var}
    assert set(secrets) == {"A", "B"} and secrets["B"].unset
    a = secrets["A"]
    assert a.value == "<secret>"
    assert hashlib.sha256((a.salt + SECRET).encode()).hexdigest() == a.hash
    plain = {v.name: v for v in spec.env.var}
    assert plain["P"].value == "plain"
    assert plain["A"].value == "<secret>" and plain["A"].hash
    assert SECRET not in str(spec)


def test_what_was_told_can_be_written_back(porto, ct):
    """A client that reads, changes and writes the whole does not turn secrets into masks."""
    spec = spec_of(porto, ct)
    request = pb_request(ct)
    request.UpdateFromSpec.container.env_secret.CopyFrom(spec.env_secret)
    request.UpdateFromSpec.container.env.CopyFrom(spec.env)
    added = request.UpdateFromSpec.container.env_secret.var.add()
    added.name, added.value = "MORE", "x"
    porto.call(request)
    verify(porto.get_property(ct, "env_secret[TOKEN]"), SECRET)
    verify(porto.get_property(ct, "env_secret[MORE]"), "x")
    assert "TOKEN" not in porto.get_property(ct, "env")
    # A mask of another value is refused, and nothing changes.
    request.UpdateFromSpec.container.env_secret.var[0].hash = "0" * 64
    with expect("InvalidValue"):
        porto.call(request)
    verify(porto.get_property(ct, "env_secret[TOKEN]"), SECRET)


def pb_request(name):
    import porto_client

    request = porto_client.pb.TPortoRequest()
    request.UpdateFromSpec.container.name = name
    return request


def test_rollback(porto, ct):
    """A refused update leaves the secrets as they were."""
    with expect("InvalidValue"):
        porto.request(
            "UpdateFromSpec",
            container={
                "name": ct,
                "env_secret": {"var": [{"name": "TOKEN", "value": "other"}]},
                "oom_score_adj": 5000,
            },
        )
    verify(porto.get_property(ct, "env_secret[TOKEN]"), SECRET)
