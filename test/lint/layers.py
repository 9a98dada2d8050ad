#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes go downhill only, as test/lint/rooms.txt says; no two files include each other in a
circle; the build lists the rooms in the order of their ranks."""

import os
import re
import sys

from sources import finish, read, root, sources

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
ROOMS_DIRS = ["portod", "proto", "client", "layers", "volumes"]


def table(top):
    rooms = {}
    for line in read(top, "test/lint/rooms.txt").splitlines():
        words = line.split("#")[0].split()
        if words:
            rooms[words[0]] = (int(words[1]), words[2:])
    return rooms


def room_of(path, rooms):
    """Longest match: a file with a row of its own, else its directory."""
    while path:
        if path in rooms:
            return path
        path = os.path.dirname(path)
    return None


def resolve(top, path, name):
    """Where an include leads, relative to the root; None for generated and foreign ones."""
    for base in (os.path.dirname(path), "portod", ""):
        candidate = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(top, candidate)):
            return candidate
    if name.startswith("proto/"):
        return name  # generated from the .proto files
    return None


def check_table(rooms):
    for room, (rank, uses) in rooms.items():
        for use in uses:
            if use != "*" and use not in rooms:
                yield "rooms.txt: %s uses %s, which is no room" % (room, use)
            elif use != "*" and rooms[use][0] >= rank and not room.startswith(use):
                yield "rooms.txt: %s (rank %d) uses %s (rank %d)" % (room, rank, use, rooms[use][0])


def check_includes(top, rooms, graph):
    for path in sources(top, ROOMS_DIRS):
        room = room_of(path, rooms)
        if room is None:
            yield "%s: is in no room of rooms.txt" % path
            continue
        uses = rooms[room][1]
        text = read(top, path)
        for match in INCLUDE.finditer(text):
            target = resolve(top, path, match.group(1))
            if target is None:
                continue
            graph.setdefault(path, set()).add(target)
            # A file with a row of its own belongs to its directory for those who use it.
            other = room_of(os.path.dirname(target), rooms)
            home = room_of(os.path.dirname(path), rooms)
            if other == home and room == home:
                continue
            if "*" not in uses and other not in uses:
                line = text.count("\n", 0, match.start()) + 1
                yield "%s:%d: %s may not use %s (%s)" % (path, line, room, other, target)


def check_cycles(graph):
    done, stack = set(), []

    def visit(path):
        if path in stack:
            return stack[stack.index(path) :] + [path]
        if path in done:
            return None
        stack.append(path)
        for target in sorted(graph.get(path, ())):
            circle = visit(target)
            if circle:
                return circle
        stack.pop()
        done.add(path)
        return None

    for path in sorted(graph):
        circle = visit(path)
        if circle:
            yield "circle of includes: " + " -> ".join(circle)
            return


def check_build(top, rooms):
    order = [
        name
        for name in re.findall(r"^\s*subdir\('([^']+)'\)", read(top, "meson.build"), re.M)
        if name in rooms
    ]
    ranks = [rooms[name][0] for name in order]
    if ranks != sorted(ranks):
        yield "meson.build: subdirs are not in the order of ranks: %s" % ", ".join(order)
    for name in rooms:
        if os.path.isfile(os.path.join(top, name, "meson.build")) and name not in order:
            yield "meson.build: %s is not built" % name


def main():
    sys.setrecursionlimit(10000)
    top = root()
    rooms = table(top)
    graph = {}
    problems = [*check_table(rooms), *check_includes(top, rooms, graph)]
    problems += [*check_cycles(graph), *check_build(top, rooms)]
    finish(problems, "layers")


main()
