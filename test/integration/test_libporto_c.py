# SPDX-License-Identifier: Apache-2.0
"""libporto as its users have it: pkg-config, header, shared and static library."""

import os
import re
import subprocess

import pytest

from conftest import BUILD, HERE, SOURCE


def run(*args, **kwargs):
    done = subprocess.run(
        args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, **kwargs
    )
    assert done.returncode == 0, "%s\n%s" % (" ".join(args), done.stdout)
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An installation in a directory of its own; returns the environment of pkg-config."""
    dest = str(tmp_path_factory.mktemp("install"))
    run("meson", "install", "-C", BUILD, "--destdir", dest, "--no-rebuild", "--quiet")
    files = run("find", dest, "-name", "libporto.pc").split()
    assert files, "no libporto.pc is installed"
    env = dict(os.environ)
    env["PKG_CONFIG_PATH"] = os.path.dirname(files[0])
    env["PKG_CONFIG_SYSROOT_DIR"] = dest
    env["DEST"] = dest
    return env


def sanitizers(lib):
    """A library built with a sanitizer wants its users to be."""
    text = run("nm", "-D", "--undefined-only", lib)
    flags = []
    if "__asan_" in text:
        flags.append("address")
    if "__ubsan_" in text:
        flags.append("undefined")
    return ["-fsanitize=" + ",".join(flags)] if flags else []


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_program(portod, porto, installed, tmp_path, kind):
    program = str(tmp_path / "program")
    lib = run("find", installed["DEST"], "-name", "libporto.so").split()[0]
    flags = run("pkg-config", "--cflags", "--libs", "libporto", env=installed).split()
    if kind == "static":
        flags = run("pkg-config", "--cflags", "libporto", env=installed).split()
        rest = run("pkg-config", "--static", "--libs", "libporto", env=installed).split()
        archive = os.path.join(os.path.dirname(lib), "libporto.a")
        flags += [archive if flag == "-lporto" else flag for flag in rest]
    run(
        "gcc", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program,
        os.path.join(HERE, "libporto_test.c"), *flags, *sanitizers(lib),
    )
    env = portod.portoctl_env()
    env["LD_LIBRARY_PATH"] = os.path.dirname(lib)
    proc = subprocess.Popen(
        [program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True
    )
    seen = []
    for line in proc.stdout:
        seen.append(line.strip())
        if line.strip() == "ok ready":
            portod.kill_server()
            proc.stdin.write("go\n")
            proc.stdin.flush()
    assert proc.wait(60) == 0, seen
    assert seen == ["ok " + s for s in (
        "life", "specs", "reading", "labels", "events", "processes", "threads", "cancel", "fork", "local errors", "ready",
        "restart")], seen
    porto.connect()


def test_header_is_plain_c_and_cxx(installed, tmp_path):
    flags = run("pkg-config", "--cflags", "libporto", env=installed).split()
    for language, standard in ("c", "c99"), ("c", "c11"), ("c++", "c++11"):
        source = tmp_path / ("x." + ("c" if language == "c" else "cc"))
        source.write_text("#include <libporto.h>\nint main(void) { return PORTO_E_SUCCESS; }\n")
        run("gcc", "-x", language, "-std=" + standard, "-pedantic", "-Wall", "-Wextra", "-Werror",
            "-fsyntax-only", str(source), *flags)
    with open(run("find", installed["DEST"], "-name", "libporto.h").split()[0]) as file:
        text = file.read()
    assert "protobuf" not in text.lower()


def test_symbols(installed):
    """Only the interface is visible, each symbol with a version."""
    lib = run("find", installed["DEST"], "-name", "libporto.so").split()[0]
    lines = run("nm", "-D", "--defined-only", "--with-symbol-versions", lib).splitlines()
    names = [line.split()[2] for line in lines if line.split()[1] in "TDBRWV"]
    names = [n for n in names if not n.startswith(("__asan", "__ubsan", "__odr_asan"))]
    assert names
    for name in names:
        assert re.match(r"porto_\w+@@LIBPORTO_[\d.]+$", name), name
    declared = set(re.findall(r"\b(porto_\w+)\(", open(os.path.join(SOURCE, "client/libporto.h")).read()))
    missing = {n.split("@")[0] for n in names} - declared
    assert not missing, "exported without a declaration: %s" % missing
