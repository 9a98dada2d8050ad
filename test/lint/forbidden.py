#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that have one place or none, and habits that have none."""

import re

from sources import code_only, finish, read, root, sources

# What, where it is allowed, why not elsewhere.
CALLS = [
    ("fork vfork clone clone3", "portod/loop/proc.c portod/kernel/starter.c portod/kernel/clone.c "
     "portod/kernel/spawn.c portod/master.c portod/portoinit.c portod/upgrade.c",
     "children are born in few places"),
    ("waitpid waitid wait wait3 wait4", "portod/loop/proc.c portod/kernel/starter.c "
     "portod/kernel/spawn.c portod/master.c portod/portoinit.c portod/upgrade.c",
     "one reaper per process"),
    ("pthread_create thrd_create", "", "there are no threads"),
    ("system popen", "", "no shell in between"),
    ("sleep usleep", "", "nobody waits blindly; poll for what you wait for"),
    ("strcpy strcat sprintf vsprintf gets strncpy strncat", "", "bounded versions are in base/str.h"),
    ("atoi atol atoll atof", "", "base/num.h tells bad input"),
    ("strtok", "", "hidden state"),
    ("localtime gmtime ctime asctime", "", "not re-entrant: use the _r form"),
    ("readdir_r tmpnam tempnam mktemp", "", "unsafe"),
    ("malloc calloc realloc strdup strndup asprintf vasprintf",
     "portod/base/xalloc.c client/ proto/ portod/portoinit.c", "small allocations abort: base/xalloc.h"),
    ("alloca", "", "the stack is not for sizes of others"),
    ("setjmp longjmp", "", "errors are values"),
    ("exit", "client/ portod/main.c portod/master.c portod/portoinit.c",
     "a library returns; a child uses _exit"),
]
DAEMON = ["portod", "proto", "client", "layers", "volumes"]
# Descriptors are close-on-exec at birth.
CLOEXEC = [
    ("open openat", "O_CLOEXEC"),
    ("pipe", None),
    ("pipe2", "O_CLOEXEC"),
    ("socket socketpair", "SOCK_CLOEXEC"),
    ("accept", None),
    ("accept4", "SOCK_CLOEXEC"),
    ("epoll_create", None),
    ("epoll_create1", "EPOLL_CLOEXEC"),
    ("dup", None),
    ("dup3", "O_CLOEXEC"),
    ("memfd_create", "MFD_CLOEXEC"),
    ("eventfd", "EFD_CLOEXEC"),
    ("signalfd", "SFD_CLOEXEC"),
    ("timerfd_create", "TFD_CLOEXEC"),
    ("inotify_init1", "IN_CLOEXEC"),
    ("fopen", None),
]


def allowed(path, places):
    return any(path == place or place.endswith("/") and path.startswith(place) for place in places.split())


def calls(text, names):
    pattern = r"(?<![\w.>])(?:%s)\s*\(" % "|".join(names.split())
    return re.finditer(pattern, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def arguments(text, start):
    """Text of a call from its opening parenthesis to the closing one."""
    depth = 0
    for at in range(text.index("(", start), len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[start:at]
    return text[start:]


def check_calls(path, text):
    for names, places, why in CALLS:
        if allowed(path, places):
            continue
        for match in calls(text, names):
            yield "%s:%d: %s: %s" % (path, line_of(text, match.start()), match.group(0)[:-1].strip(), why)


def check_cloexec(path, text):
    for names, flag in CLOEXEC:
        for match in calls(text, names):
            inside = arguments(text, match.start())
            for macro in re.findall(r"\b[A-Z][A-Z0-9_]+\b", inside):
                inside += "".join(re.findall(r"#define %s\b(.*)" % macro, text))
            # A function of ours with such a name passes flags on; it says so by a parameter.
            if flag is None or (flag not in inside and not re.search(r"flags|how", inside)):
                yield "%s:%d: %s without close-on-exec" % (
                    path, line_of(text, match.start()), match.group(0)[:-1].strip())


def check_style(path, raw, text):
    strings_kept = code_only(raw, strings=False)
    for number, line in enumerate(raw.splitlines(), 1):
        if line != line.rstrip():
            yield "%s:%d: blanks at the end of the line" % (path, number)
        width = len(line.expandtabs(8))
        if width > 100 and "http" not in line and '"' not in line:
            yield "%s:%d: %d columns" % (path, number, width)
    for match in re.finditer(r"(?<![:\"'/\w])//", raw):
        # Only comments: a // inside /* */ or a string is text.
        at = match.start()
        if strings_kept[at] == " " and not inside_block(raw, at):
            yield "%s:%d: // comment" % (path, line_of(raw, at))
    for match in re.finditer(r"\btypedef\s+struct\b", text):
        yield "%s:%d: typedef of a struct" % (path, line_of(text, match.start()))
    for match in re.finditer(r"\b(?:TODO|FIXME|XXX)\b", raw):
        yield "%s:%d: %s" % (path, line_of(raw, match.start()), match.group(0))
    if path.endswith(".c") and re.search(r"^(?!static|extern|const)\w[\w \t*]*\b\w+\s*(?:=[^=]|\[\w*\]\s*=)", text, re.M):
        for match in re.finditer(r"^(?:struct \w+|int|bool|char|unsigned|size_t|uint\d+_t)\b[\w \t*]*\s(\w+)(?:\[\w*\])?\s*(?:=[^=][^;]*)?;", text, re.M):
            yield "%s:%d: global variable %s" % (path, line_of(text, match.start()), match.group(1))


def inside_block(raw, at):
    return raw.rfind("/*", 0, at) > raw.rfind("*/", 0, at) or in_string(raw, at)


def in_string(raw, at):
    start = raw.rfind("\n", 0, at) + 1
    return raw[start:at].replace('\\"', "").count('"') % 2 == 1


def check_store(path, text, raw):
    if '#include "store/' in raw and not path.startswith(("portod/ops/", "portod/store/")) and path.count("/") > 1:
        yield "%s: the store is for ops and the root only" % path


def main():
    top = root()
    problems = []
    for path in sources(top, DAEMON):
        raw = read(top, path)
        text = code_only(raw)
        problems += check_calls(path, text)
        problems += check_cloexec(path, text)
        problems += check_style(path, raw, text)
        problems += check_store(path, text, raw)
    finish(problems, "forbidden")


main()
