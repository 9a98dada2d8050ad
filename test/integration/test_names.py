# SPDX-License-Identifier: Apache-2.0
"""Container names: syntax, limits, special forms, masks."""

import pytest

from conftest import NOBODY, expect


@pytest.mark.parametrize(
    "good", ["a", "A-Z_0.9", "a@b", "a:b", "-", "_", "..." , "a..b", "x" * 128]
)
def test_good_names(porto, good):
    porto.create(good)
    assert porto.list() == [good]
    assert porto.get_property(good, "absolute_name") == "/porto/" + good
    porto.destroy(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "/a",
        "a b",
        "a\tb",
        "a\nb",
        "a%b",
        "a*",
        "a?",
        "a[b]",
        "a\\b",
        "a;b",
        "a'b",
        'a"b',
        "a$b",
        "ä",
        "\x01",
        "x" * 129,
        "self/self",
        "x" * 100 + "/" + "y" * 130,
    ],
)
def test_bad_names(porto, bad):
    porto.create("x" * 100)
    with expect("InvalidValue", "Permission"):
        porto.create(bad)
    assert porto.list() == ["x" * 100]


@pytest.mark.parametrize("given", [".", "self", "self/.", "a/.."])
def test_what_means_the_root_says_so(porto, given):
    with expect("InvalidValue") as caught:
        porto.create(given)
    assert given in caught.error.text and "root container" in caught.error.text


def test_existing_special_names_cannot_be_created(porto):
    for special in "/", "self", ".":
        with expect("InvalidValue", "ContainerAlreadyExists", "Permission"):
            porto.create(special)
    assert porto.list() == []


def test_slashes(porto):
    porto.create("a")
    for bad in "a/", "a//b", "/a/b":
        with expect("InvalidValue", "Permission", "ContainerAlreadyExists"):
            porto.create(bad)
    assert porto.list() == ["a"]


def test_bad_byte_is_named(porto):
    with expect("InvalidValue") as caught:
        porto.create("a b")
    assert "20" in caught.error.text


def test_whole_length(porto):
    """200 for everybody, 220 for a super-user."""
    porto.create("a" * 100)
    porto.create("a" * 100 + "/" + "b" * 99)
    porto.create("a" * 100 + "/" + "b" * 119)
    with expect("InvalidValue"):
        porto.create("a" * 100 + "/" + "b" * 120)


def test_absolute_form(porto, name):
    porto.create("/porto/" + name)
    assert porto.list() == [name]
    assert porto.state("/porto/" + name) == "stopped"
    porto.create("/porto/" + name + "/b")
    assert porto.get_property(name + "/b", "parent") == "/porto/" + name
    assert porto.get_property(name, "parent") == "/"
    assert porto.get_property("/", "parent") == ""
    assert porto.get_property("/", "absolute_name") == "/"
    porto.destroy("/porto/" + name)


def test_self_and_dot_on_the_host(porto, name):
    assert porto.get_property("self", "absolute_name") == "/"
    assert porto.get_property(".", "absolute_name") == "/"
    porto.create("self/" + name)
    assert porto.list() == [name]
    assert porto.get_property("self/" + name, "absolute_name") == "/porto/" + name
    assert porto.get_property("/", "absolute_namespace") == "/porto/"


def test_dots_are_normalised(porto):
    porto.create("a")
    porto.create("a/b")
    assert porto.get_property("a/b/..", "absolute_name") == "/porto/a"
    assert porto.get_property("a/./b", "absolute_name") == "/porto/a/b"
    assert porto.get_property("a/..", "absolute_name") == "/"
    with expect("Permission", "InvalidValue", "ContainerDoesNotExist"):
        porto.get_property("../a", "state")


def test_answers_echo_the_name_as_written(porto, name):
    porto.create(name)
    for form in name, "/porto/" + name, "self/" + name:
        assert list(porto.get([form], ["state"])) == [form]


@pytest.fixture
def tree(porto):
    names = ["a", "ab", "b", "a/b", "a/c", "a/b/c", "b/a"]
    for name in names:
        porto.create(name)
    return sorted(names)


@pytest.mark.parametrize(
    "mask, expected",
    [
        (None, "a a/b a/b/c a/c ab b b/a"),
        ("***", "a a/b a/b/c a/c ab b b/a"),
        ("*", "a ab b"),
        ("a*", "a ab"),
        ("?", "a b"),
        ("[a]", "a"),
        ("*/*", "a/b a/c b/a"),
        ("a/*", "a/b a/c"),
        ("a/***", "a/b a/b/c a/c"),
        ("a***", "a a/b a/b/c a/c ab"),
        ("***/c", "a/b/c a/c"),
        ("***c", "a/b/c a/c"),
        ("**", "a ab b"),
        ("a", "a"),
        ("nothing*", ""),
    ],
)
def test_masks(porto, tree, mask, expected):
    assert porto.list(mask) == expected.split()


def test_list_without_match_has_no_payload(porto):
    assert not porto.request("List").HasField("List")


def test_masks_in_get(porto, tree):
    assert list(porto.get(["a/*"], ["state"])) == ["a/b", "a/c"]
    assert list(porto.get(["b", "a/*"], ["state"])) == ["b", "a/b", "a/c"]
    assert "/" not in porto.get(["***"], ["state"])
    assert porto.get(["nothing*"], ["state"]) == {}


def test_count_limit(own_portod):
    portod = own_portod(container="max_total: 5")
    with portod.client() as client:
        made = 0
        with expect("ResourceNotAvailable"):
            for i in range(200):
                client.create("c%d" % i)
                made += 1
        # The limit, and a reserve for super-users.
        assert 5 <= made <= 105
        assert client.get_system().container_limit == 5
        client.destroy("c0")
        client.create("again")
