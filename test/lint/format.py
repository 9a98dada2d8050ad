#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format has the last word on the layout of C. `format.py ROOT --fix` applies it."""

import re
import shutil
import subprocess
import sys

from sources import SKIP, finish, root, sources

# Versions disagree in details: the words of one of them count.
VERSIONS = {14}
# Tables whose columns are their sense.
TABLES = {"test/unit/wire_record.h"}


def main():
    top = root()
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if tool is None:
        print("no clang-format")
        sys.exit(SKIP)
    version = int(re.search(r"version (\d+)", subprocess.getoutput(tool + " --version")).group(1))
    if version not in VERSIONS:
        print("clang-format %d, wanted one of %s" % (version, VERSIONS))
        sys.exit(SKIP)
    files = [path for path in sources(top) if path not in TABLES]
    if "--fix" in sys.argv:
        subprocess.run([tool, "-i", *files], cwd=top, check=True)
        return
    done = subprocess.run(
        [tool, "--dry-run", *files],
        cwd=top,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    problems = [line for line in done.stdout.splitlines() if "warning:" in line]
    finish(problems, "format")


main()
