# SPDX-License-Identifier: Apache-2.0
"""What an unfriendly user may try: large answers, links in place of directories. And a respawn that
meets a paused parent."""
import os
import time

from conftest import expect, poll


def test_get_of_too_much(porto, name):
    porto.create(name)
    with expect("ResourceNotAvailable"):
        porto.get([name] * 3000, ["state"] * 3000)
    with expect("ResourceNotAvailable"):
        porto.get(["missing"] * 3000, ["state"] * 3000)
    porto.set_property(name, "private", "x" * 4000)
    with expect("ResourceNotAvailable"):
        porto.get([name] * 300, ["private"] * 300)
    assert porto.get([name], ["state"])[name]["state"] == "stopped"


def test_link_in_place_of_a_work_directory(porto, portod, name, tmp_path):
    """The work directory of a parent belongs to its user, who can rename in it."""
    victim = tmp_path / "c"
    victim.mkdir()
    (victim / "file").write_text("precious")
    for part in name, name + "/b", name + "/b/c":
        porto.create(part)
        porto.set(part, command="sleep 1000")
    porto.start(name + "/b/c")
    middle = os.path.join(portod.place, "porto", name, "b")
    os.rename(middle, middle + ".away")
    os.symlink(str(tmp_path), middle)
    porto.destroy(name)
    assert (victim / "file").read_text() == "precious"
    assert porto.list() == []


def test_respawn_meets_a_paused_parent(porto, name):
    porto.create(name)
    porto.start(name)
    child = name + "/child"
    porto.create(child)
    porto.set(child, command="sleep 1000", respawn=True, respawn_delay="1s")
    porto.start(child)
    porto.kill(child, 9)
    porto.wait_state(child, "respawning")
    porto.pause(name)
    time.sleep(1.5)  # its turn comes and goes
    porto.resume(name)
    poll(lambda: porto.state(child) == "running")
