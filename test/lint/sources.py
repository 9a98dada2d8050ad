# SPDX-License-Identifier: Apache-2.0
"""What the lint scripts share: the list of C sources and the text without comments and strings."""

import os
import re
import sys

SKIP = 77  # exit status that meson shows as "skipped"
DIRS = ["portod", "proto", "client", "layers", "volumes", "test/unit", "test/fuzz", "test/bench"]


def root():
    if len(sys.argv) < 2 or not os.path.isdir(sys.argv[1]):
        sys.exit("usage: %s SOURCE_ROOT" % sys.argv[0])
    return os.path.abspath(sys.argv[1])


def sources(top, dirs=DIRS, ends=(".c", ".h")):
    """Paths relative to the root, sorted; build directories inside the tree are left out."""
    found = []
    for one in dirs:
        for path, names, files in os.walk(os.path.join(top, one)):
            names[:] = [n for n in names if not n.startswith((".", "build"))]
            for file in files:
                if file.endswith(ends):
                    found.append(os.path.relpath(os.path.join(path, file), top))
    return sorted(found)


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return file.read()


_PARTS = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)


def code_only(text, strings=True):
    """Comments (and strings) blanked, line numbers kept."""

    def blank(match):
        part = match.group(0)
        if part[0] in "\"'" and not strings:
            return part
        return re.sub(r"[^\n]", " ", part)

    return _PARTS.sub(blank, text)


def finish(problems, what):
    for problem in problems:
        print(problem)
    if problems:
        sys.exit("%s: %d problems" % (what, len(problems)))
    print("%s: fine" % what)
