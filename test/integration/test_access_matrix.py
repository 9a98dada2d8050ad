# SPDX-License-Identifier: Apache-2.0
"""Every method, by every kind of client, about every kind of container.

The methods come from the schema: one without a row in METHODS fails the test. What has to come out
is said by Model, a second writing of the rules (reference/protocol.md §8 and §9, containers.md §14
and §27) that shares nothing with the daemon. The clients are real: processes in containers at two
depths, some in a root directory of their own, and users of the host.
"""

import contextlib
import itertools
import os

import pytest

import porto_client
from conftest import NOBODY, Daemon, Inside, as_user, expect, running
from porto_client import Client, PortoError

# Ordered; the value to set, the value shown.
LEVELS = ["none", "read-isolate", "read-only", "isolate", "self-isolate", "child-only", "full"]
SHOWN = {"none": "false", "full": "true"}
READ_ONLY = LEVELS.index("read-only")
CUT_READ = {"read-isolate", "isolate", "self-isolate"}
CUT_WRITE = CUT_READ | {"child-only"}

STRANGER, ALIEN = 54321, 54322
# "mapped" is root in a user namespace of its own.
OWNERS = {"root": 0, "member": NOBODY, "stranger": STRANGER, "mapped": 0}
MEMBERS = {NOBODY}  # of the group porto, in this daemon's /etc/group

# ---- the rules, once more ---------------------------------------------------------------------


class Denied(Exception):
    """Permission."""


class Container:
    def __init__(self, level, owner):
        self.level, self.owner = level, owner
        self.owner_containers = []


class Model:
    """What a client of container `own` ("" = the host) that acts as `uid` may do; `fence` is the
    container whose user namespace it is in."""

    def __init__(self, tree, own, uid, fence=None):
        self.tree, self.own, self.uid = tree, own, uid
        self.fence = fence if uid == 0 else None

    def chain(self, name):
        parts = name.split("/") if name else []
        return ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]

    @property
    def access(self):
        levels = [LEVELS.index(self.tree[name].level) for name in self.chain(self.own)]
        access = min(levels, default=LEVELS.index("full"))
        if self.uid != 0 and self.uid not in MEMBERS:
            access = min(access, READ_ONLY)
        if self.fence:
            access = min(access, LEVELS.index("child-only"))
        return access

    @property
    def superuser(self):
        return self.uid == 0 and self.access == LEVELS.index("full")

    def namespace(self, cutting):
        for name in self.chain(self.own):
            if self.tree[name].level in cutting:
                return name + "/"
        return ""

    @property
    def reads(self):
        return self.namespace(CUT_READ)

    @property
    def writes(self):
        writes = self.namespace(CUT_WRITE)
        if self.fence and not writes.startswith(self.fence + "/"):
            writes = self.fence + "/"
        return writes

    def below_own(self, name):
        return self.own == "" or name.startswith(self.own + "/")

    def resolve(self, text):
        if text == "/":
            return ""
        if text == "self":
            return self.own
        if text.startswith("self/"):
            full = (self.own + "/" if self.own else "") + text[5:]
        elif text == ".":
            return self.reads.rpartition("/")[0]
        elif text.startswith("/porto/"):
            full = text[7:]
        else:
            full = self.reads + text
        if not (
            full.startswith(self.reads)
            or self.below_own(full)
            or full in self.chain(self.own)
            or full == ""
        ):
            raise Denied
        return full

    def compose(self, name):
        """None: hidden."""
        if name == "":
            return "/"
        if not name.startswith(self.reads) or name == self.reads:
            return None
        return name[len(self.reads) :]

    def control(self, name, as_parent=False):
        writes = self.writes
        if self.access <= READ_ONLY or (name == "" and not as_parent):
            raise Denied
        if not (
            name.startswith(writes)
            or (as_parent and name + "/" == writes)
            or (name != "" and self.below_own(name))
            or (name == self.own != "" and as_parent)
            or (name == self.own != "" and self.tree[name].level == "self-isolate")
        ):
            raise Denied
        if name == "":
            return
        target = self.tree[name]
        if not self.superuser and target.owner != self.uid:
            raise Denied
        if target.owner_containers and self.own != "":
            if not any(self.own in self.chain(owner) for owner in target.owner_containers):
                raise Denied


# ---- the methods ------------------------------------------------------------------------------

OK = "Success"


def ok(case):
    return {OK}


def about_container(field="name", **more):
    """A request that names the target once."""

    def build(case):
        return dict(more, **{field: case.text})

    return build


def started(case):
    return {"InvalidState"} if case.running else {OK}


def dead_only(case):
    return {"InvalidState"}


def running_only(case):
    return {OK} if case.running and case.target not in case.world.metas else {"InvalidState"}


def child(case):
    return {"name": ("" if case.text == "/" else case.text + "/") + "new" if case.text != "/" else "/porto/new"}


class Method:
    """right: R anybody, W writers, S the superuser.
    about: what else is checked: None, "read" (the name), "control", "create"."""

    def __init__(self, right, about=None, fields=None, expect=ok, undo=None):
        self.right, self.about, self.expect, self.undo = right, about, expect, undo
        self.fields = fields or (about_container() if about else lambda case: {})


def read(fields=None, **more):
    return Method("R", "read", fields, **more)


def control(fields=None, **more):
    return Method("W", "control", fields, **more)


def later(right):
    """Not built yet. Whoever builds it has to say here what is checked."""
    return Method(right, expect=lambda case: {"NotSupported"})


def anything(case):
    return None  # but for Permission


METHODS = {
    "Version": Method("R"),
    "GetSystem": Method("R"),
    "SetSystem": Method("S"),
    "ClearStatistics": Method("S"),
    "Create": Method("W", "create", child, undo="new"),
    "CreateWeak": Method("W", "create", child, undo="new"),
    "Destroy": control(undo="all"),
    "List": Method("R"),
    "Start": control(expect=started, undo="stop"),
    "Stop": control(about_container(timeout_ms=0), undo="all"),
    "Pause": control(expect=lambda c: {OK} if c.running else {"InvalidState"}, undo="resume"),
    "Resume": control(expect=dead_only),
    "Kill": control(about_container(sig=0), expect=running_only),
    "Respawn": control(expect=dead_only),
    "Wait": read(lambda c: {"name": [c.text], "timeout_ms": 0}),
    "AsyncWait": read(lambda c: {"name": [c.text]}),
    "StopAsyncWait": Method("R", expect=lambda c: {"InvalidValue"}),
    "ListProperties": Method("R"),
    "ListDataProperties": Method("R"),
    "GetProperty": read(about_container(property="state")),
    "GetDataProperty": read(about_container(data="state")),
    "SetProperty": control(about_container(property="private", value="x")),
    "Get": read(lambda c: {"name": [c.text], "variable": ["state"]}),
    "CreateFromSpec": Method("W", "create", lambda c: {"container": child(c)}, undo="new"),
    "UpdateFromSpec": control(lambda c: {"container": {"name": c.text, "private": "x"}}),
    "ListContainersBy": Method("R", fields=lambda c: {"filters": [{"name": "***"}]}),
    "SetSymlink": control(lambda c: {"container": c.text, "symlink": "/tmp/x"}, expect=anything),
    "FindLabel": Method("R", fields=lambda c: {"label": "TEST.m"}),
    "SetLabel": control(about_container(label="TEST.x", value="1")),
    "IncLabel": control(about_container(label="TEST.n")),
    "ConvertPath": read(lambda c: {"path": "/", "source": c.text}, expect=anything),
    "AttachProcess": Method("W", fields=lambda c: {"name": "/", "pid": 0}, expect=anything),
    "AttachThread": Method("W", fields=lambda c: {"name": "/", "pid": 0}, expect=anything),
    "LocateProcess": Method("R", expect=lambda c: {"InvalidValue"}),
    "ListVolumeProperties": later("R"),
    "ListVolumes": later("R"),
    "CreateVolume": later("W"),
    "TuneVolume": later("W"),
    "CheckVolume": later("R"),
    "NewVolume": later("W"),
    "GetVolume": later("R"),
    "LinkVolume": later("W"),
    "LinkVolumeTarget": later("W"),
    "UnlinkVolume": later("W"),
    "UnlinkVolumeTarget": later("W"),
    "ImportLayer": later("W"),
    "RemoveLayer": later("W"),
    "ListLayers": later("R"),
    "ExportLayer": later("W"),
    "GetLayerPrivate": later("R"),
    "SetLayerPrivate": later("W"),
    "ListStorages": later("R"),
    "RemoveStorage": later("W"),
    "ImportStorage": later("W"),
    "ExportStorage": later("W"),
    "CreateMetaStorage": later("W"),
    "ResizeMetaStorage": later("W"),
    "RemoveMetaStorage": later("W"),
    "CleanupPlace": later("W"),
    "dockerImageStatus": later("R"),
    "listDockerImages": later("R"),
    "pullDockerImage": later("W"),
    "removeDockerImage": later("W"),
}

# The ones that hurt come last.
ORDER = sorted(METHODS, key=lambda name: METHODS[name].undo == "all")


def test_every_method_of_the_schema_has_a_row():
    methods = {field.name for field in porto_client.pb.TPortoRequest.DESCRIPTOR.fields}
    assert methods == set(METHODS), "say here who may call it"


# ---- the world --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def portod():
    yield from running(Daemon(group="porto:x:64999:nobody"))


class World:
    """top            a meta container, owned by the client's owner
    top/me            a client is here, with the level in question
    top/me/kid        another one, which asks for full access
    top/me/kid/grand  stopped, as all that follow
    top/me/alien      belongs to somebody else
    top/sib, far      beside, and outside
    top/closed        owned by the client, but only for clients in "far"
    """

    def __init__(self, porto, level, owner, path, toolbox, root=None):
        self.porto, self.level, self.owner, self.root = porto, level, owner, root
        self.top = "%s-%s" % (level, owner)
        self.me, self.kid = self.top + "/me", self.top + "/me/kid"
        self.metas = {self.top}
        uid = OWNERS[owner]
        # What a superuser allowed a child is lowered to what its parent has, where that is less.
        lowered = level if LEVELS.index(level) <= READ_ONLY else "full"
        self.tree = {
            self.top: Container("full", uid),
            self.me: Container(level, uid),
            self.kid: Container(lowered, uid),
            self.kid + "/grand": Container("full", uid),
            self.me + "/alien": Container("full", ALIEN),
            self.top + "/sib": Container("full", uid),
            self.top + "/closed": Container("full", uid),
            "far": Container("full", uid),
        }
        self.tree[self.top + "/closed"].owner_containers = ["far"]
        self.inside = {name: Inside(porto, name, path, toolbox) for name in (self.me, self.kid)}
        self.repair()

    def make(self, name):
        ct = self.tree[name]
        self.porto.create(name)
        self.porto.set(name, owner_user=ct.owner, user=ct.owner, enable_porto="full")
        if name == self.me:
            self.porto.set(name, enable_porto=self.level)
            if self.root:
                self.porto.set(name, root=self.root)
            if self.owner == "mapped":
                self.porto.set(name, userns=True)
        if ct.owner_containers:
            self.porto.set(name, owner_containers=";".join(ct.owner_containers))
        self.porto.set_label(name, "TEST.m", "1")

    def repair(self):
        there = set(self.porto.list())
        for name in self.tree:
            if name not in there:
                self.make(name)
        for name in (self.top, self.me, self.kid):
            if self.porto.state(name) not in ("running", "meta"):
                if name in self.inside:
                    self.inside[name].start()
                else:
                    self.porto.start(name)

    def undo(self, what, case, code):
        if what == "new" and code == OK:
            self.porto.destroy((case.target + "/" if case.target else "") + "new")
        elif what == "stop" and code == OK:
            self.porto.stop(case.target, 0)
        elif what == "resume" and code == OK:
            self.porto.resume(case.target)
        elif what == "all" and code == OK:
            self.repair()
            return True
        return False

    def close(self):
        for inside in self.inside.values():
            inside.close()
        for name in (self.top, "far"):
            self.porto.destroy(name)


class Case:
    def __init__(self, world, target, text):
        self.world, self.target, self.text = world, target, text
        self.running = target == "" or target in (world.top, world.me, world.kid)


def outcome(client, method, fields):
    """Name of the error."""
    try:
        response = client.request(method, **fields)
    except PortoError as err:
        assert err.text, "%s without a text" % err.name
        return err.name, None
    if method == "Get":
        return error_of_get(response), response
    return OK, response


def error_of_get(response):
    value = response.Get.list[0].keyval[0]
    return porto_client.error_name(value.error) if value.error else OK


def expected(model, method, case):
    """The error names that are right, None = anything but Permission."""
    row = METHODS[method]
    try:
        if row.right != "R" and model.access <= READ_ONLY:
            raise Denied
        if row.right == "S" and not model.superuser:
            raise Denied
        if row.about:
            target = model.resolve(case.text)
            assert target == case.target
        if row.about == "control":
            model.control(case.target)
        if row.about == "create":
            model.control(case.target, as_parent=True)
    except Denied:
        return {"Permission"}
    return row.expect(case)


def check_names(model, world, method, response):
    """Lists show what has a name for the client, and nothing else."""
    composed = {name: model.compose(name) for name in world.tree}
    visible = sorted(name for name in composed.values() if name)
    if method == "List":
        assert sorted(response.List.name) == visible
    elif method == "FindLabel":
        assert sorted(entry.name for entry in response.FindLabel.list) == visible
    elif method == "ListContainersBy":
        shown = sorted(c.spec.name for c in response.ListContainersBy.containers)
        assert shown == sorted([*visible, "/"])


class Requests:
    """All requests of one client."""

    def __init__(self, world, model, connect, missing):
        self.world, self.model, self.connect, self.missing = world, model, connect, missing
        self.client = connect()
        self.wrong = []
        self.count = 0

    def ask(self, method, case):
        row = METHODS[method]
        if method in self.missing:
            right = expected(self.model, method, case) or {"NotSupported"}
            if right != {"Permission"} or row.about:
                # Not built yet: the dispatcher's check is all there is.
                denied = row.right != "R" and self.model.access <= READ_ONLY
                denied = denied or (row.right == "S" and not self.model.superuser)
                right = {"Permission"} if denied else {"NotSupported"}
        else:
            right = expected(self.model, method, case)
        code, response = outcome(self.client, method, row.fields(case))
        self.count += 1
        if code == "Permission" if right is None else code not in right:
            self.wrong.append("%s(%s): %s, not %s" % (method, case.text, code, right))
        if response is not None:
            check_names(self.model, self.world, method, response)
        if row.undo and self.world.undo(row.undo, case, code):
            self.client.close()
            self.client = self.connect()

    def run(self):
        for method in ORDER:
            cases = [("", "/")] + [(name, "/porto/" + name) for name in self.world.tree]
            if not METHODS[method].about:
                cases = cases[:1]
            for target, text in cases:
                self.ask(method, Case(self.world, target, text))
        self.check_forms()
        self.client.close()
        assert not self.wrong, "%d of %d:\n%s" % (
            len(self.wrong),
            self.count,
            "\n".join(self.wrong),
        )
        return self.count

    def check_forms(self):
        """Each way to write a name leads to the same container, or nowhere."""
        model, client = self.model, self.client
        texts = {"/", "self", "."}
        for name in self.world.tree:
            texts |= {name, name.rpartition("/")[2], "/porto/" + name}
            texts.add("self/" + name[len(model.own) + 1 :] if model.own else "self/" + name)
            if model.compose(name):
                texts.add(model.compose(name))
        for text in sorted(texts - {"self/"}):
            fields = {"name": text, "property": "absolute_name"}
            code, response = outcome(client, "GetProperty", fields)
            self.count += 1
            try:
                full = model.resolve(text)
            except Denied:
                assert code == "Permission", text
                continue
            if full and full not in self.world.tree:
                assert code == "ContainerDoesNotExist", (text, full)
            else:
                assert response.GetProperty.value == ("/porto/" + full if full else "/"), text


@pytest.fixture(scope="module")
def missing(portod):
    """Methods that are not built yet."""
    found = set()
    with portod.client() as client:
        for method in METHODS:
            with contextlib.suppress(PortoError):
                try:
                    client.request(method)
                except PortoError as err:
                    if err.name == "NotSupported" and "this version" in err.text:
                        found.add(method)
    return found


# ---- clients inside ---------------------------------------------------------------------------


def no_access(inside):
    """Refused at connect: a reply that says so, then the end."""
    client = inside.connect()
    with expect("Permission"):
        client.version()
    assert client.closed()
    client.close()


@pytest.mark.parametrize("level, owner", list(itertools.product(LEVELS, OWNERS)))
def test_inside(portod, porto, missing, toolbox, rootfs, level, owner):
    chroot = owner == "member"
    path, tool = ("/run/portod.socket", "/bin/toolbox") if chroot else (portod.socket, toolbox)
    os.chown(rootfs, OWNERS[owner], OWNERS[owner])
    world = World(porto, level, owner, path, tool, rootfs if chroot else None)
    try:
        for name in (world.me, world.kid):
            shown = world.tree[name].level
            assert porto.get_property(name, "enable_porto") == SHOWN.get(shown, shown)
            inside = world.inside[name]
            if level == "none":
                if chroot:
                    with pytest.raises(FileNotFoundError):
                        inside.connect()
                else:
                    no_access(inside)
                continue
            fence = world.me if owner == "mapped" else None
            model = Model(world.tree, name, OWNERS[owner], fence)
            ns = porto.get_property(name, "absolute_namespace")
            assert ns == "/porto/" + model.reads
            Requests(world, model, inside.connect, missing).run()
    finally:
        world.close()


# ---- clients on the host ----------------------------------------------------------------------

GROUP = 64999


@pytest.mark.parametrize(
    "uid, gid, acts_as",
    [
        (0, 0, 0),
        (NOBODY, NOBODY, NOBODY),  # listed in the group
        (STRANGER, STRANGER, STRANGER),
    ],
    ids=["root", "member", "stranger"],
)
def test_host(portod, porto, missing, toolbox, uid, gid, acts_as):
    world = World(porto, "full", "member", portod.socket, toolbox)

    def connect():
        with as_user(uid, gid):
            return Client(portod.socket)

    try:
        Requests(world, Model(world.tree, "", acts_as), connect, missing).run()
    finally:
        world.close()
