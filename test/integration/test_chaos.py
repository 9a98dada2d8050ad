# SPDX-License-Identifier: Apache-2.0
"""Random operations on random containers while the server is killed at random.

The test keeps its own book of what must be. An operation that was answered is certain; one whose
connection broke may or may not have happened, so the book then holds every state that is possible
and learns which by looking. What may never happen: a container that is missing or new, a process
that was replaced without being asked, an exit status that is lost or wrong.

PORTO_CHAOS_ROUNDS (200) and PORTO_CHAOS_SEED choose how much and what; a failure prints the seed.
"""

import os
import random
import signal
import threading
import time

import pytest

from conftest import alive, poll
from porto_client import Closed, PortoError, Timeout

ROUNDS = int(os.environ.get("PORTO_CHAOS_ROUNDS", "200"))
SEED = int(os.environ.get("PORTO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
NAMES = ["a", "a/b", "a/b/c", "d", "d/e", "f", "g", "h"]
SETTLED = {"stopped", "running", "paused", "dead", "meta"}


class Book:
    """What one container may be now."""

    def __init__(self, code, up):
        self.code = code  # what its command exits with; None = it sleeps for ever
        self.up = up  # its state when started: running, or meta without a command
        self.states = {"stopped"}
        self.pid = None
        self.ends = set()  # exit codes that are possible once it is dead
        self.dying = False  # SIGKILL was sent: it will be dead soon


class Chaos:
    def __init__(self, daemon, seed):
        self.daemon = daemon
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
        result = self.do("create", name, lambda: self.client.create(name))
        if result == "no":
            return
        code = self.random.choice([None, None, 0, 1, 3, 130, 137, 255, "meta", "meta"])
        command, up = "sleep 100000", "running"
        if code == "meta":
            code, command, up = None, "", "meta"
        if code is not None:
            command = "sh -c 'sleep 0.%02d; exit %d'" % (self.random.randrange(20), code)
        if result == "maybe" and name not in self.client.list():
            return
        for _ in range(20):
            if self.do("set", name, lambda: self.client.set_property(name, "command", command)) == "yes":
                break
        self.books[name] = Book(code, up)

    def spread(self, names, states):
        for name in names:
            self.books[name].states |= states

    def ended(self, name):
        """States of something started, seen a moment later."""
        book = self.books[name]
        if book.code is None:
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
            elif result == "maybe":
                book.states |= {"stopped", "dead"}
                book.ends |= {-9, -15}

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
                if result == "yes" and one == name:
                    book.dying = True

    def pause(self, name):
        result = self.do("pause", name, lambda: self.client.pause(name))
        for one in self.below(name):
            book = self.books[one]
            if result != "no" and book.up in book.states:
                book.states |= {"paused"}

    def resume(self, name):
        result = self.do("resume", name, lambda: self.client.resume(name))
        for one in self.below(name):
            book = self.books[one]
            if result != "no" and "paused" in book.states:
                book.states |= self.ended(one)

    def destroy(self, name):
        result = self.do("destroy", name, lambda: self.client.destroy(name))
        if result == "yes":
            for one in self.below(name):
                del self.books[one]
        elif result == "maybe":
            for one in self.below(name):
                self.unsure.add(one)
                self.books[one].states |= {"stopped", "dead"}
                self.books[one].ends |= {-9, -15}

    # -- the check

    def look(self):
        while True:
            try:
                seen = self.client.get(["***"], ["state", "exit_code", "root_pid"])
                return seen
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
            if state in ("running", "meta", "paused"):
                assert not isinstance(row["root_pid"], PortoError) or state == "paused", row
                if state != "paused":
                    pid = int(row["root_pid"])
                    if book.pid is not None and book.states == {state}:
                        assert pid == book.pid, "%s was replaced" % name
                    if book.code is None and not any(
                        self.books[p].code is not None for p in self.above(name)
                    ):
                        assert alive(pid), "%s is not there" % name
                    book.pid = pid
            book.states = {state}
            book.dying = False
            if state == "stopped":
                book.ends = set()

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
                [self.start] * 6 + [self.stop] * 3 + [self.kill, self.pause, self.resume, self.destroy]
            )
            what(name)
        if thread:
            thread.join()
        self.check()


@pytest.mark.limit(600)
def test_chaos(own_portod):
    daemon = own_portod()
    baseline = daemon.cgroup_dirs(), daemon.mounts()
    chaos = Chaos(daemon, SEED)
    print("seed", SEED)
    for i in range(ROUNDS):
        chaos.log("---- round", i)
        try:
            chaos.round()
        except BaseException:
            print("seed %d, round %d" % (SEED, i))
            print("\n".join(chaos.history[-40:]))
            raise
    assert chaos.kills > ROUNDS / 3
    chaos.client.close()
    daemon.wait_ready()
    daemon.destroy_all()
    poll(lambda: (daemon.cgroup_dirs(), daemon.mounts()) == baseline, message="nothing is left")
    assert daemon.client().get_system().container_lost == 0
