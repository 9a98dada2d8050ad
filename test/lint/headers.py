#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone, twice in a row, and says so at its top: licence and guard."""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

from sources import SKIP, finish, read, root, sources

FLAGS = "-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function -fsyntax-only -x c".split()
DIRS = ["portod", "proto", "client", "layers", "volumes"]


def generate(top, out):
    """Headers that the build makes: the wire's messages and the configuration header."""
    protos = [p for p in os.listdir(os.path.join(top, "proto")) if p.endswith(".proto")]
    subprocess.run(
        ["protoc-c", "-I", top, "--c_out", out, *[os.path.join("proto", p) for p in protos]],
        check=True,
        cwd=top,
    )
    with open(os.path.join(out, "portod-config.h"), "w") as file:
        for name in "PORTOD_VERSION", "PORTOD_REVISION", "PORTO_HELPERS_DIR":
            file.write('#define %s ""\n' % name)


def compile_alone(compiler, top, out, path):
    text = '#include "%s"\n#include "%s"\n' % (path, path)
    done = subprocess.run(
        [compiler, *FLAGS, "-I", top, "-I", os.path.join(top, "portod"), "-I", out,
         "-I", os.path.join(top, os.path.dirname(path)), "-"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    return None if done.returncode == 0 else "%s does not compile alone:\n%s" % (path, done.stdout)


def main():
    top = root()
    compiler = shutil.which(os.environ.get("CC", "cc").split()[0])
    if compiler is None or shutil.which("protoc-c") is None:
        print("no compiler or no protoc-c")
        sys.exit(SKIP)
    problems = []
    headers = sources(top, DIRS, (".h",))
    for path in headers:
        text = read(top, path)
        if not re.search(r"^#pragma once$|^#ifndef \w+_H\w*$", text, re.M):
            problems.append("%s: no include guard" % path)
    for path in sources(top):
        if not read(top, path).startswith("/* SPDX-License-Identifier: Apache-2.0 */\n"):
            problems.append("%s: the first line is not the licence" % path)
    with tempfile.TemporaryDirectory() as out:
        generate(top, out)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda p: compile_alone(compiler, top, out, p), headers)
            problems += [result for result in results if result]
    finish(problems, "headers")


main()
