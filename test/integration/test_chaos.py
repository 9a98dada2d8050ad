# SPDX-License-Identifier: Apache-2.0
"""Random operations on random containers while the server is killed at random.

The test keeps its own book of what must be. An operation that was answered is certain; one whose
connection broke may or may not have happened, so the book then holds every state that is possible
and learns which by looking. What may never happen: a container that is missing or new, a process
that was replaced without being asked, an exit status that is lost or wrong, output that is missing, an
update that was done by half, a label that was answered and forgotten, an attached process that
outlives its container.

PORTO_CHAOS_ROUNDS (150) and PORTO_CHAOS_SEED choose how much and what; a failure prints the seed.
"""

import os
import random
import signal
import subprocess
import threading
import time

import pytest

from conftest import alive, poll
from porto_client import Closed, PortoError, Timeout

ROUNDS = int(os.environ.get("PORTO_CHAOS_ROUNDS", "150"))
SEED = int(os.environ.get("PORTO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
NAMES = ["a", "a/b", "a/b/c", "a/j", "d", "d/e", "d/j", "f", "g", "h", "i"]
LEAVES = {"a/b/c", "a/j", "d/e", "d/j", "f", "g", "h", "i"}
SETTLED = {"stopped", "running", "paused", "dead", "meta"}


LOOKED_AT = ["state", "exit_code", "root_pid", "labels", "private", "memory_limit", "stdout"]


class Book:
    """What one container may be now."""

    def __init__(self, code, up):
        self.code = code  # what its command exits with; None = it sleeps for ever
        self.up = up  # its state when started: running, or meta without a command
        self.states = {"stopped"}
        self.pid = None
        self.ends = set()  # exit codes that are possible once it is dead
        self.dying = False  # SIGKILL was sent: it will be dead soon
        self.flavour = ""
        self.held = False  # None: nobody knows
        self.output = None  # file of its stdout, None = stored
        self.labels = {None}
        self.counts = {None}
        self.updates = {0}
        self.attached = []  # processes of ours that are in it for certain


class Chaos:
    def __init__(self, daemon, seed, place):
        self.daemon = daemon
        self.place = str(place)
        self.processes = []
        self.serial = 0
        self.flavours = {}
        self.random = random.Random(seed)
        self.client = daemon.client()
        self.books = {}
        self.unsure = set()  # names whose very existence is open
        self.kills = 0
        self.history = []

    def log(self, *words):
        self.history.append(" ".join(str(w) for w in words))

    # -- the killer

    def kill_soon(self):
        delay = self.random.choice([0, 0.001, 0.003, 0.01, 0.03, 0.1])
        pid = self.daemon.server_pid(deadline=20)

        def kill():
            time.sleep(delay)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

        thread = threading.Thread(target=kill)
        thread.start()
        self.kills += 1
        self.log("kill in", delay)
        return thread, pid

    def reconnect(self):
        def attempt():
            try:
                self.client.connect()
                self.client.version(timeout=10)
                return True
            except (OSError, Closed, Timeout):
                return False

        poll(attempt, 30, message="the server comes back")

    # -- operations

    def below(self, name):
        return [n for n in self.books if n == name or n.startswith(name + "/")]

    def above(self, name):
        parts = name.split("/")
        return ["/".join(parts[:i]) for i in range(1, len(parts))]

    def do(self, what, name, call):
        """Returns "yes", "no" (an error said so) or "maybe" (the connection broke)."""
        try:
            call()
            self.log(what, name, "yes")
            return "yes"
        except PortoError as err:
            self.log(what, name, err)
            assert err.name in (
                "InvalidState",
                "ContainerDoesNotExist",
                "ContainerAlreadyExists",
                "Busy",
            ), "%s %s: %s" % (what, name, err)
            return "no"
        except (Closed, OSError):
            self.log(what, name, "maybe")
            self.reconnect()
            return "maybe"

    def create(self, name):
        if name in self.books or any(p not in self.books for p in self.above(name)):
            return
        by_spec = self.random.random() < 0.4
        if by_spec:
            make = lambda: self.client.create_from_spec(name, private="made")
        else:
            make = lambda: self.client.create(name)
        result = self.do("create", name, make)
        if result == "no":
            return
        code = self.random.choice([None, None, 0, 1, 3, 130, 137, 255, "meta", "meta"])
        flavour = self.random.choice(self.flavours_of(name, code))
        command, up = "sleep 100000", "running"
        if code == "meta":
            code, command, up = None, "", "meta"
        if code is not None:
            command = "sh -c 'echo hello; sleep 0.%02d; exit %d'" % (self.random.randrange(20), code)
        props = dict(self.props_of(flavour, name), command=command)
        if by_spec and result == "maybe" and self.exists(name):
            assert self.private(name) == "made"  # all of it, or nothing
        if result == "maybe" and not self.exists(name):
            return
        for prop, value in props.items():
            for _ in range(20):
                if self.do("set " + prop, name, lambda: self.client.set(name, **{prop: value})) == "yes":
                    break
        book = self.books[name] = Book(code, up)
        book.flavour = flavour
        book.held = flavour == "held"
        book.output = props.get("stdout_path")
        self.flavours[flavour] = self.flavours.get(flavour, 0) + 1

    def exists(self, name):
        return name in self.patiently(self.client.list)

    def private(self, name):
        return self.patiently(lambda: self.client.get_property(name, "private"))

    def patiently(self, ask):
        while True:
            try:
                return ask()
            except (Closed, OSError):
                self.reconnect()

    def flavours_of(self, name, code):
        some = ["plain", "isolated", "not isolated", "devices"]
        if code != "meta":
            some += ["bind", "held", "held", "output", "no init"]
            if name.endswith("/j"):
                return ["job"]
            if name in LEAVES and "/" not in name:
                some += ["userns", "cgroupfs"] + ["respawn"] * (code is None)
        elif name == "i":
            return ["not isolated"]
        return some

    def props_of(self, flavour, name):
        self.serial += 1
        return {
            "plain": {},
            "isolated": dict(isolate=True),
            "not isolated": dict(isolate=False),
            "devices": dict(devices="/dev/random r"),
            "bind": dict(bind="%s /mnt ro" % self.place),
            "held": dict(held=True),
            "output": dict(stdout_path="%s/%d" % (self.place, self.serial)),
            "no init": dict(init=False),
            "job": dict(virt_mode="job"),
            "userns": dict(userns=True, user=1000, group=1000),
            "cgroupfs": dict(userns=True, user=1000, group=1000, cgroupfs="rw"),
            "respawn": dict(respawn=True, respawn_delay="50ms"),
        }[flavour]

    def spread(self, names, states):
        for name in names:
            self.books[name].states |= states

    def ended(self, name):
        """States of something started, seen a moment later."""
        book = self.books[name]
        if book.code is None or book.held:
            return {book.up}
        book.ends.add(book.code)
        return {"running", "dead"}

    def start(self, name):
        result = self.do("start", name, lambda: self.client.start(name))
        for one in self.above(name) + [name]:
            book = self.books[one]
            before = set(book.states)
            if result == "no":
                # A parent may have been started before the refusal.
                if "stopped" in before and one != name:
                    book.states |= self.ended(one)
                continue
            if "stopped" not in before:
                continue
            new = self.ended(one)
            if result == "maybe":
                # Undone, or found half made by the next server.
                new = new | before | {"dead"}
                book.ends |= {-9, 0}
            book.states = new if before == {"stopped"} else before | new
            book.dying = False
            book.pid = None

    def stop(self, name):
        timeout = self.random.choice([0, 0, 50, 2000])
        result = self.do("stop", name, lambda: self.client.stop(name, timeout))
        for one in self.below(name):
            book = self.books[one]
            if result == "yes":
                book.states = {"stopped"}
                book.pid = None
                book.ends = set()
                book.dying = False
                self.must_be_gone(book)
            elif result == "maybe":
                book.states |= {"stopped", "dead"}
                book.ends |= {-9, -15}
                if book.held is not False:
                    book.ends |= {128 + 15}

    def kill(self, name):
        result = self.do("kill", name, lambda: self.client.kill(name, 9))
        if result == "no":
            return
        # The end of a parent is the end of its children.
        for one in self.below(name):
            book = self.books[one]
            if book.states & {"running", "paused", "meta"}:
                book.ends.add(-9)
                book.states |= {"dead"}
                if one == name and book.flavour == "respawn":
                    book.pid = None
                elif result == "yes" and one == name:
                    book.dying = True

    def pause(self, name):
        if self.books[name].flavour == "job":
            return
        result = self.do("pause", name, lambda: self.client.pause(name))
        for one in self.below(name):
            book = self.books[one]
            if result != "no" and book.up in book.states:
                book.states |= {"paused"}

    def resume(self, name):
        if self.books[name].flavour == "job":
            return
        result = self.do("resume", name, lambda: self.client.resume(name))
        for one in self.below(name):
            book = self.books[one]
            if result != "no" and "paused" in book.states:
                book.states |= self.ended(one)

    def destroy(self, name):
        result = self.do("destroy", name, lambda: self.client.destroy(name))
        if result == "yes":
            for one in self.below(name):
                self.must_be_gone(self.books.pop(one))
        elif result == "maybe":
            for one in self.below(name):
                self.unsure.add(one)
                self.books[one].states |= {"stopped", "dead"}
                self.books[one].ends |= {-9, -15}

    def release(self, name):
        book = self.books[name]
        if book.flavour != "held" or book.held is False:
            return
        result = self.do("release", name, lambda: self.client.set(name, held=False))
        if result == "no":
            return
        book.held = False if result == "yes" else None
        if book.states & {"running", "paused"}:
            book.states |= self.ended(name) - {"running"}

    def label(self, name):
        book = self.books[name]
        value = str(self.random.randrange(1000))
        result = self.do("label", name, lambda: self.client.set_label(name, "TEST.v", value))
        if result != "no":
            book.labels = {value} if result == "yes" else book.labels | {value}

    def count(self, name):
        book = self.books[name]
        result = self.do("count", name, lambda: self.client.inc_label(name, "TEST.n", 1))
        more = {(n or 0) + 1 for n in book.counts}
        if result != "no":
            book.counts = more if result == "yes" else book.counts | more

    def update(self, name):
        """Two properties at once."""
        book = self.books[name]
        if "/" in name:  # no controller of memory by default
            return
        n = self.random.randrange(1, 1000)
        result = self.do(
            "update",
            name,
            lambda: self.client.update_from_spec(name, private=str(n), memory_limit=n + 64 << 20),
        )
        if result != "no":
            book.updates = {n} if result == "yes" else book.updates | {n}

    def attach(self, name):
        book = self.books[name]
        if name != "i" or book.states != {"meta"}:
            return
        child = subprocess.Popen(["sleep", "100000"])
        self.processes.append(child)
        if self.do("attach", name, lambda: self.client.attach(name, child.pid, "sleep")) == "yes":
            book.attached.append(child)

    def must_be_gone(self, book):
        for child in book.attached:
            assert child.wait(10) == -signal.SIGKILL
        book.attached = []

    def end(self):
        for child in self.processes:
            child.kill()
            child.wait()

    # -- the check

    def look(self):
        while True:
            try:
                return self.client.get(["***"], LOOKED_AT)
            except (Closed, OSError):
                self.reconnect()

    def check(self):
        seen = self.look()
        # Transitional ones settle by themselves.
        end = time.monotonic() + 20
        while any(
            row["state"] not in SETTLED
            or row["state"] == "running" and name in self.books and self.books[name].dying
            for name, row in seen.items()
        ):
            assert time.monotonic() < end, "not settled: %s" % seen
            time.sleep(0.02)
            seen = self.look()
        for name in list(self.unsure):
            if name not in seen:
                self.books.pop(name, None)
        self.unsure.clear()
        assert set(seen) == set(self.books), "containers were lost or invented"
        for name, row in seen.items():
            book = self.books[name]
            state = row["state"]
            self.check_values(name, book, row)
            # A short one ends when it likes, and takes its children with it.
            possible = set(book.states)
            # Paused: its end may just have come before the freeze, and be noticed later.
            if possible & {book.up, "paused"} and (
                book.code is not None or any(self.books[p].code is not None for p in self.above(name))
            ):
                possible.add("dead")
            if any("dead" in self.books[p].states for p in self.above(name)) and possible & {
                book.up,
                "paused",
            }:
                possible.add("dead")
            assert state in possible, "%s is %s, possible was %s" % (name, state, possible)
            if state == "dead":
                code = int(row["exit_code"])
                ends = set(book.ends)
                if book.code is not None:
                    ends.add(book.code)
                if self.above(name):
                    ends.add(-9)  # by the end of a parent
                assert code in ends, "%s ended with %d, possible was %s" % (name, code, ends)
                # A stop that nobody wrote down before the server died may have removed it already.
                if code == book.code and "stopped" not in possible:
                    self.check_output(name, book, row)
            if state in ("running", "meta", "paused"):
                # A meta container may have nothing to hold.
                holds = state == "paused" or state == "meta" and book.flavour == "not isolated"
                assert not isinstance(row["root_pid"], PortoError) or holds, (name, row)
                if state != "paused" and not isinstance(row["root_pid"], PortoError):
                    pid = int(row["root_pid"])
                    if book.pid is not None and book.states == {state} and book.flavour != "respawn":
                        assert pid == book.pid, "%s was replaced" % name
                    # One that was killed and respawns may not have noticed yet.
                    killed = book.flavour == "respawn" and "dead" in possible
                    if book.code is None and not killed and not any(
                        self.books[p].code is not None for p in self.above(name)
                    ):
                        assert alive(pid), "%s is not there" % name
                    book.pid = pid
            book.states = {state}
            book.dying = False
            if state == "stopped":
                book.ends = set()

    def check_values(self, name, book, row):
        labels = dict(part.strip().split(": ", 1) for part in row["labels"].split(";") if part.strip())
        assert labels.get("TEST.v") in book.labels, "%s: labels %s" % (name, row["labels"])
        count = int(labels["TEST.n"]) if "TEST.n" in labels else None
        assert count in book.counts, "%s: labels %s, not %s" % (name, row["labels"], book.counts)
        book.labels, book.counts = {labels.get("TEST.v")}, {count}
        if "/" in name:
            return
        limit = int(row["memory_limit"])
        n = (limit >> 20) - 64 if limit else 0
        assert n in book.updates, "%s: memory_limit %d, not %s" % (name, limit, book.updates)
        assert (row["private"] == str(n)) if n else row["private"] in ("", "made"), row
        book.updates = {n}

    def check_output(self, name, book, row):
        text = open(book.output).read() if book.output else row["stdout"]
        assert "hello" in str(text), "%s: output '%s'" % (name, text)

    def round(self):
        thread = None
        if self.random.random() < 0.6:
            thread, _ = self.kill_soon()
        for _ in range(self.random.randrange(2, 6)):
            name = self.random.choice(NAMES)
            if name not in self.books:
                self.create(name)
                continue
            what = self.random.choice(
                [self.start] * 6
                + [self.stop] * 3
                + [self.kill, self.pause, self.resume, self.destroy, self.destroy]
                + [self.label, self.count, self.update, self.release, self.release]
                + [self.attach] * (8 if name == "i" else 0)
            )
            what(name)
        if thread:
            thread.join()
        self.check()


@pytest.mark.limit(600)
def test_chaos(own_portod, tmp_path):
    daemon = own_portod(container="enable_rw_cgroupfs: true")
    baseline = daemon.cgroup_dirs(), daemon.mounts()
    chaos = Chaos(daemon, SEED, tmp_path)
    print("seed", SEED)
    for i in range(ROUNDS):
        chaos.log("---- round", i)
        try:
            chaos.round()
        except BaseException:
            print("seed %d, round %d" % (SEED, i))
            print("\n".join(chaos.history[-40:]))
            chaos.end()
            raise
    chaos.end()
    print(chaos.flavours, "attached", len(chaos.processes))
    assert chaos.kills > ROUNDS / 3
    chaos.client.close()
    daemon.wait_ready()
    daemon.destroy_all()
    poll(lambda: (daemon.cgroup_dirs(), daemon.mounts()) == baseline, message="nothing is left")
    assert daemon.client().get_system().container_lost == 0
