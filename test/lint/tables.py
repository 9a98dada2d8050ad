#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables against each other: what one of them names, the others know. (docs.py has the manual.)

A table that does not exist yet is no problem; each check says what it compared."""

import os
import re

from sources import finish, read, root, sources


def exists(top, path):
    return os.path.exists(os.path.join(top, path))


def message_fields(text, name):
    body = re.search(r"^message %s \{(.*?)^\}" % name, text, re.M | re.S)
    return re.findall(r"^\s*(?:optional|repeated)\s+[\w.]+\s+(\w+)\s*=", body.group(1), re.M) if body else []


def check_methods(top):
    """Each request of the wire has a row in the method table, and the other way round."""
    path = "portod/methods.c"
    if not exists(top, path):
        return
    text = read(top, path)
    rows = set(re.findall(r'^\s*\{\s*"(\w+)"|METHOD\w*\(\s*(\w+)', text, re.M))
    rows = {a or b for a, b in rows}
    if not rows:
        return
    wire = set(message_fields(read(top, "proto/porto.proto"), "TPortoRequest"))
    for name in sorted(wire - rows):
        yield "%s: no row for %s" % (path, name)


def check_tests(top):
    """Each unit test is built."""
    build = read(top, "test/unit/meson.build") if exists(top, "test/unit/meson.build") else ""
    for path in sources(top, ["test/unit"], (".c",)):
        if os.path.basename(path)[:-2] not in build:
            yield "%s: is not in test/unit/meson.build" % path


def main():
    top = root()
    problems = [
        *check_methods(top),
        *check_tests(top),
    ]
    finish(problems, "tables")


main()
