#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual against the code: whatever a user can name is in its page, and the other way round."""

import os
import re

from sources import finish, read, root

CONFIG_PAGE = "man/portod.conf.5.rst"
DAEMON_PAGE = "man/portod.8.rst"
CLIENT_PAGE = "man/portoctl.8.rst"
LIBRARY_PAGE = "man/libporto.3.rst"
DIFFERENCES_PAGE = "man/porto-differences.7.rst"


def page(top, path):
    return read(top, path) if os.path.exists(os.path.join(top, path)) else None


def fields(schema):
    """(message, key) of all fields of the configuration."""
    stack = []
    for line in schema.splitlines():
        opened = re.match(r"\s*message (\w+)", line)
        field = re.match(r"\s*(?:optional|repeated) [\w.]+ (\w+) = ", line)
        if opened:
            stack.append(opened.group(1))
        elif re.match(r"\s*}", line):
            stack.pop()
        elif field and stack:
            yield stack[-1], field.group(1)


def word(text, name):
    return re.search(r"(?<![\w])%s(?![\w])" % re.escape(name), text)


def check_config(top):
    text = page(top, CONFIG_PAGE)
    if text is None:
        yield "%s: missing" % CONFIG_PAGE
        return
    known = set()
    for message, key in fields(read(top, "proto/config.proto")):
        known.add(key)
        if not word(text, key):
            yield "%s: no %s of %s" % (CONFIG_PAGE, key, message)
    for key in re.findall(r"^\*\*(\w+)\*\* \(", text, re.M):
        if key not in known:
            yield "%s: %s is no key of proto/config.proto" % (CONFIG_PAGE, key)


def check_config_use(top):
    """A key that the daemon reads is not called unused."""
    text = page(top, CONFIG_PAGE) or ""
    sections = re.split(r"^(.+)\n[-=]{3,}\n", text, flags=re.M)
    names = [key for _, key in fields(read(top, "proto/config.proto"))]
    sources = [file for file in os.listdir(os.path.join(top, "portod")) if file.endswith(".c")]
    code = "".join(read(top, "portod/" + file) for file in sources if file != "config.c")
    for title, body in zip(sections[1::2], sections[2::2]):
        if "not used yet" not in title and "no effect" not in title:
            continue
        for key in re.findall(r"\*\*(\w+)\*\* \(", body):
            # Of a name that two sections have one may be used.
            if names.count(key) == 1 and re.search(
                r"\b(daemon|container|volumes|core|network|metrics|m)->%s\b" % key, code
            ):
                yield "%s: %s is read by the daemon, but stands under '%s'" % (
                    CONFIG_PAGE,
                    key,
                    title,
                )


def table(text, name):
    """Body of an array of rows in a C source."""
    found = re.search(r"\b%s\[\] = \{\n(.*?)^\t*\};" % name, text, re.M | re.S)
    return found.group(1) if found else ""


def check_daemon(top):
    text = page(top, DAEMON_PAGE)
    source = read(top, "portod/main.c")
    commands = re.findall(r'^\t\{ "(\w+)"', table(source, "commands"), re.M)
    options = re.findall(r'\{ "(\w[\w-]*)"', table(source, "longopts"))
    if text is None or not commands or not options:
        yield "%s or the tables of portod/main.c: missing" % DAEMON_PAGE
        return
    for name in commands:
        if "**%s**\n" % name not in text:
            yield "%s: no command %s" % (DAEMON_PAGE, name)
    for name in options:
        if not re.search(r"^(-\w, )?--%s\b" % name, text, re.M):
            yield "%s: no option --%s" % (DAEMON_PAGE, name)


def check_client(top):
    text = page(top, CLIENT_PAGE)
    if text is None:
        return
    for name in re.findall(r'^\t\{ "([a-z][\w-]*)", "', read(top, "client/portoctl.c"), re.M):
        if "**%s**" % name not in text:
            yield "%s: no command %s" % (CLIENT_PAGE, name)


def check_library(top):
    text = page(top, LIBRARY_PAGE)
    if text is None:
        return
    for name in re.findall(r"^\t(porto_\w+);", read(top, "client/libporto.map"), re.M):
        if not word(text, name):
            yield "%s: no %s" % (LIBRARY_PAGE, name)


def check_differences(top):
    text = page(top, DIFFERENCES_PAGE)
    if text is None:
        yield "%s: missing" % DIFFERENCES_PAGE
        return
    for title, body in re.findall(r"^\*\*(.+)\*\*\n((?:    .*\n)+)", text, re.M):
        if "Why:" not in " ".join(body.split()):
            yield "%s: '%s' has no reason" % (DIFFERENCES_PAGE, title)


def check_built(top):
    build = read(top, "man/meson.build")
    for file in sorted(os.listdir(os.path.join(top, "man"))):
        if file.endswith(".rst") and "'%s'" % file[:-4] not in build:
            yield "man/%s: is not in man/meson.build" % file


def main():
    top = root()
    checks = (
        check_config,
        check_config_use,
        check_daemon,
        check_client,
        check_library,
        check_differences,
        check_built,
    )
    finish([problem for check in checks for problem in check(top)], "docs")


main()
