# SPDX-License-Identifier: Apache-2.0
"""The wire: framing, method table, bad input, limits, back-pressure."""

import os
import signal
import socket
import time

import pytest

import porto_client
from conftest import expect, as_user, NOBODY, poll, sanitized
from porto_client import Client, Closed, PortoError, Timeout, encode_varint, frame, make_request

# What this issue implements. Every other method of the schema must answer NotSupported with its
# name; the list shrinks as later issues add them and the test then says so.
IMPLEMENTED = """
    Create CreateWeak Destroy List GetProperty SetProperty GetDataProperty Start Stop Pause Resume
    ListProperties ListDataProperties Kill Version Get Wait Respawn AsyncWait StopAsyncWait
    FindLabel SetLabel IncLabel LocateProcess GetSystem SetSystem
    AttachProcess AttachThread ConvertPath SetSymlink CreateFromSpec UpdateFromSpec ListContainersBy
    ClearStatistics
""".split()

# Enough fields to get past the check of required ones.
FIELDS = {
    "Create": {"name": "x y"},
    "CreateWeak": {"name": "x y"},
    "GetProperty": {"name": "/", "property": "state"},
    "SetProperty": {"name": "/", "property": "private", "value": ""},
    "GetDataProperty": {"name": "/", "data": "state"},
    "Kill": {"name": "nothing", "sig": 0},
    "Get": {"name": ["/"], "variable": ["state"]},
    "Wait": {"name": ["nothing"], "timeout_ms": 0},
    "AsyncWait": {},
    "StopAsyncWait": {"name": ["nothing"]},
    "FindLabel": {"label": "TEST.x"},
    "SetLabel": {"name": "nothing", "label": "TEST.x", "value": "1"},
    "IncLabel": {"name": "nothing", "label": "TEST.x"},
    "LocateProcess": {"pid": 1, "comm": ""},
    "AttachProcess": {"name": "nothing", "pid": 1, "comm": ""},
    "AttachThread": {"name": "nothing", "pid": 1, "comm": ""},
    "ConvertPath": {"path": "/"},
    "SetSymlink": {"container": "nothing", "symlink": "/a", "target": "/b"},
}


def methods():
    return [field.name for field in porto_client.pb.TPortoRequest.DESCRIPTOR.fields]


def request_of(method):
    fields = FIELDS.get(method)
    if fields is None:
        fields = {}
        message = getattr(porto_client.pb.TPortoRequest(), method)
        if "name" in message.DESCRIPTOR.fields_by_name:
            fields["name"] = "nothing"
    return porto_client.make_request(method, **fields)


def reply(porto, request):
    porto.send(request)
    return porto.recv_reply()


def test_every_method_answers(porto):
    assert len(methods()) > 60
    for method in methods():
        response = reply(porto, request_of(method))
        assert response.HasField("error"), method
        assert response.HasField("errorMsg"), method
        if method in IMPLEMENTED:
            assert response.error != porto_client.error_code("NotSupported"), method
            assert response.error != porto_client.error_code("InvalidMethod"), method
        else:
            assert response.error == porto_client.error_code("NotSupported"), method
            assert method in response.errorMsg, "the name of %s in %r" % (
                method,
                response.errorMsg,
            )
    assert porto.version()


def test_reply_carries_a_timestamp(porto):
    before = int(time.time())
    porto.version()
    assert before <= porto.timestamp <= int(time.time())


def test_empty_error_text_on_success(porto):
    response = reply(porto, request_of("Version"))
    assert response.error == 0 and response.HasField("errorMsg") and response.errorMsg == ""


def test_no_method(porto):
    porto.send_raw(frame(b""))
    assert porto.recv_reply().error == porto_client.error_code("InvalidMethod")
    assert porto.version()


def test_two_methods(porto):
    request = porto_client.make_request("Version")
    request.List.SetInParent()
    with expect("InvalidMethod"):
        porto.call(request)
    assert porto.version()


def test_write_method_cannot_hide_behind_a_read_one(porto, name):
    request = porto_client.make_request("Create", name=name)
    request.Version.SetInParent()
    with expect("InvalidMethod"):
        porto.call(request)
    assert name not in porto.list()


def test_unknown_method(porto):
    # Field 9999, length-delimited, empty.
    porto.send_raw(frame(encode_varint(9999 << 3 | 2) + b"\0"))
    assert porto.recv_reply().error == porto_client.error_code("InvalidMethod")
    assert porto.version()


def test_unknown_method_beside_a_known_one(porto):
    body = porto_client.make_request("Version").SerializeToString()
    porto.send_raw(frame(body + encode_varint(9999 << 3 | 2) + b"\0"))
    assert porto.recv_reply().error == porto_client.error_code("InvalidMethod")


def test_unknown_field_inside_the_method(porto, name):
    inner = porto_client.pb.TCreateRequest(name=name).SerializeToString()
    inner += encode_varint(9999 << 3 | 0) + b"\1"
    porto.send_raw(frame(encode_varint(1 << 3 | 2) + encode_varint(len(inner)) + inner))
    response = porto.recv_reply()
    assert response.error == porto_client.error_code("InvalidMethod")
    assert name not in porto.list()


def test_required_fields_missing_get_a_reply(porto):
    for method in "Create Destroy Start SetProperty GetProperty Kill SetLabel".split():
        response = reply(porto, porto_client.make_request(method))
        assert response.error != 0, method
        assert response.errorMsg, method
    assert porto.version()


def test_required_but_empty_fields_may_be_left_out(porto):
    """Clients that forget `comm` or `value` get an answer as if it was empty."""
    assert reply(porto, porto_client.make_request("LocateProcess", pid=1)).error == 0
    porto.create("forgetful")
    request = porto_client.make_request("SetProperty", name="forgetful", property="private")
    assert reply(porto, request).error == 0


def bad_frame_is_answered_or_closed(client, data):
    """A clear error where a reply is possible, a closed connection where not."""
    client.send_raw(data)
    try:
        response = client.recv_reply()
    except Closed:
        return None
    assert response.error != 0 and response.errorMsg
    return response


def test_garbage_body(portod, porto):
    with portod.client() as client:
        bad_frame_is_answered_or_closed(client, frame(b"\xff" * 64))
    with portod.client() as client:
        bad_frame_is_answered_or_closed(client, frame(os.urandom(1000)))
    assert porto.version()


def test_garbage_stream(portod, porto):
    for seed in range(20):
        with portod.client(timeout=10) as client:
            try:
                client.send_raw(bytes((seed * 37 + i * i) & 0xFF for i in range(3000)))
                client.sock.shutdown(socket.SHUT_WR)
                assert client.closed(), "garbage and end of stream must end the connection"
            except (Closed, OSError):
                pass
    assert porto.version()


def test_oversized_frame(portod, porto):
    with portod.client() as client:
        response = bad_frame_is_answered_or_closed(client, encode_varint(1 << 31) + b"x" * 100)
        if response is not None:
            assert client.closed()
    assert porto.version()


def test_overlong_varint(portod, porto):
    with portod.client() as client:
        response = bad_frame_is_answered_or_closed(client, b"\x80" * 64)
        if response is not None:
            assert client.closed()
    assert porto.version()


def test_truncated_frame_then_end_of_stream(portod, porto):
    data = frame(porto_client.make_request("Create", name="truncated"))
    for cut in range(1, len(data)):
        with portod.client() as client:
            client.send_raw(data[:cut])
            client.sock.shutdown(socket.SHUT_WR)
            assert client.closed(5), "a cut frame at %d keeps the connection" % cut
    assert "truncated" not in porto.list()


def test_frame_byte_by_byte(portod):
    with portod.client() as client:
        for byte in frame(porto_client.make_request("Version")):
            client.send_raw(bytes([byte]))
        assert client.recv_reply().Version.tag


def test_strings_with_a_nul_byte(porto, name):
    """Texts of C end there: cut, a name would be another's."""
    porto.create(name)
    porto.set_property(name, "private", "before")
    bad = name + "\0b"
    for method, fields in (
        ("Create", {"name": "x\0y"}),
        ("Destroy", {"name": bad}),
        ("SetProperty", {"name": name, "property": "private", "value": "a\0b"}),
        ("SetProperty", {"name": name, "property": "private\0", "value": "a"}),
        ("Get", {"name": ["/", bad], "variable": ["state"]}),
        ("UpdateFromSpec", {"container": {"name": name, "private": "a\0b"}}),
        (
            "UpdateFromSpec",
            {"container": {"name": name, "env": {"var": [{"name": "A", "value": "\0"}]}}},
        ),
    ):
        with expect("InvalidValue") as caught:
            porto.request(method, **fields)
        assert method in caught.error.text and "0x00" in caught.error.text
    assert porto.list() == [name]
    assert porto.get_property(name, "private") == "before"
    # Zeroes elsewhere are nothing special.
    porto.request("Get", name=[name], variable=[""], sync=False, changed_since=0)


def test_error_texts_are_utf8(porto):
    """Clients of most languages refuse a message with anything else."""
    for hostile in (
        b"\xff\xfe",
        b"a\xc3",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xf4\x90\x80\x80",
        b"x" + "ж".encode() * 300,
    ):
        body = b"\x0a" + encode_varint(len(hostile)) + hostile
        porto.send_raw(frame(b"\x0a" + encode_varint(len(body)) + body))
        reply = porto.recv_body()
        response = porto_client.pb.TPortoResponse()
        response.ParseFromString(reply)
        assert response.error == porto_client.error_code("InvalidValue")
        # The text as it is on the wire: field 2.
        text = response.errorMsg
        text = text if isinstance(text, bytes) else text.encode()
        text.decode()
        assert text in reply and b"container name" in text


def test_large_value_passes(porto, name):
    porto.create(name)
    value = "x" * 4096
    porto.set_property(name, "private", value)
    assert porto.get_property(name, "private") == value


def test_large_frame_passes(porto, name):
    """A frame of a megabyte is below the limit: its answer is an error about the value."""
    porto.create(name)
    with expect("InvalidValue"):
        porto.set_property(name, "command", "x" * (1 << 20))


def test_pipelined_requests_answer_in_order(porto, name):
    porto.create(name)
    data = b""
    for i in range(200):
        data += frame(
            porto_client.make_request("SetProperty", name=name, property="private", value=str(i))
        )
        data += frame(porto_client.make_request("GetProperty", name=name, property="private"))
    porto.send_raw(data)
    for i in range(200):
        assert porto.recv_reply().error == 0
        assert porto.recv_reply().GetProperty.value == str(i)


def test_pipelined_behind_a_wait(porto, name):
    """One request in flight: what stands behind a blocking wait is answered after it."""
    porto.run(name, "sleep 1000")
    porto.send_raw(
        frame(porto_client.make_request("Wait", name=[name], timeout_ms=300))
        + frame(porto_client.make_request("Version"))
    )
    first = porto.recv_reply()
    assert first.Wait.state == "timeout"
    assert porto.recv_reply().Version.tag


def test_slow_reader(portod, porto, name):
    """A client that sends and never reads: the daemon stops reading from it, its memory does not
    grow with what is sent, everybody else is served."""
    porto.create(name)
    porto.set_property(name, "private", "x" * 4096)
    data = frame(porto_client.make_request("Get", name=[name] * 50, variable=["private"])) * 50

    def rss():
        status = open("/proc/%d/status" % portod.server_pid()).read()
        return int(status.split("VmRSS:")[1].split()[0])

    before = rss()
    with portod.client() as slow:
        slow.sock.setblocking(False)
        sent = 0
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < 0.5 and sent < 64 << 20:
            try:
                sent += slow.sock.send(data)
                idle_since = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break  # thrown out: also a way to protect itself
        assert sent < 64 << 20, "the daemon swallows everything"
        for _ in range(20):
            assert porto.version(timeout=5)
        assert sanitized() or rss() - before < 64 << 10, "KiB more in the server"


def test_events_for_a_reader_that_sleeps(portod, porto, name):
    """Asynchronous reports to somebody who does not read are bounded."""
    porto.create(name)
    lazy = portod.client()
    lazy.async_wait("***", labels=["TEST.*"])

    def rss():
        status = open("/proc/%d/status" % portod.server_pid()).read()
        return int(status.split("VmRSS:")[1].split()[0])

    before = rss()
    value = "v" * 60000
    for i in range(300):
        porto.set_label(name, "TEST.a", value + str(i))
    assert sanitized() or rss() - before < 64 << 10
    assert porto.version()
    lazy.close()


def test_half_closed_client_gets_its_answer(portod):
    with portod.client() as client:
        client.send(porto_client.make_request("Version"))
        client.sock.shutdown(socket.SHUT_WR)
        try:
            assert client.recv_reply().Version.tag
        except Closed:
            pass  # allowed: the peer said that it is gone


def test_many_connections(portod, porto):
    clients = [portod.client() for _ in range(200)]
    for client in clients:
        client.send(porto_client.make_request("Version"))
    for client in clients:
        assert client.recv_reply().Version.tag
        client.close()
    poll(lambda: porto.get_system().client_count == 1, message="clients are forgotten")


def test_connect_and_go(portod, porto):
    for _ in range(300):
        portod.client().close()
    assert porto.version()


def test_client_limit(own_portod):
    portod = own_portod(daemon="max_clients: 10")
    clients = []
    refused = 0
    with as_user(NOBODY, NOBODY):
        for _ in range(20):
            try:
                client = portod.client()
                client.version()
                clients.append(client)
            except (Closed, OSError, PortoError):
                refused += 1
    assert len(clients) <= 10 and refused >= 10
    # Super-users have a reserve, and the daemon serves on.
    assert portod.client().version()
    assert clients[0].version()
    for client in clients:
        client.close()


def test_frame_limit_of_the_configuration(own_portod):
    portod = own_portod(daemon="max_msg_len: 65536")
    with portod.client() as client:
        response = bad_frame_is_answered_or_closed(client, encode_varint(65537) + b"x" * 65537)
        if response is not None:
            assert client.closed()
    with portod.client() as client:
        client.create("a")
        with expect("InvalidValue"):
            client.set_property("a", "private", "x" * 60000)


def test_frozen(portod, porto, name):
    porto.create(name)
    with as_user(NOBODY, NOBODY):
        user = portod.client()
    try:
        porto.set_system(frozen=True)
        assert porto.get_system().frozen
        # A reader is not concerned, a super-user may write.
        assert user.version()
        porto.set_property(name, "private", "x")
    finally:
        porto.set_system(frozen=False)
    assert not porto.get_system().frozen
    user.close()


def test_system_counters(porto, name):
    before = porto.get_system()
    assert before.porto_version and before.kernel_version == os.uname().release
    porto.run(name, "true")
    porto.finish(name)
    with expect("ContainerDoesNotExist"):
        porto.start("nothing")
    after = porto.get_system()
    assert after.container_count == before.container_count + 1
    assert after.container_started == before.container_started + 1
    assert after.container_created == before.container_created + 1
    assert after.request_completed > before.request_completed
    assert after.request_failed == before.request_failed + 1
    assert after.client_count == 1
    assert after.porto_uptime >= before.porto_uptime
    assert after.master_uptime >= after.porto_uptime


def test_set_system_needs_a_super_user(portod, porto):
    with as_user(NOBODY, NOBODY):
        user = portod.client()
    with expect("Permission"):
        user.set_system(verbose=True)
    user.close()
    assert not porto.get_system().verbose
    porto.set_system(verbose=True)
    assert porto.get_system().verbose and not porto.get_system().debug
    porto.set_system(debug=True)
    assert porto.get_system().debug
    porto.set_system(debug=False)
    assert porto.get_system().verbose and not porto.get_system().debug
    porto.set_system(debug=True)
    porto.set_system(verbose=False)
    assert not porto.get_system().verbose and not porto.get_system().debug
    # Off is not "on, but less".
    porto.set_system(debug=False)
    assert not porto.get_system().verbose


def test_what_is_logged(own_portod, name):
    portod = own_portod()
    with portod.client() as porto:
        assert not porto.get_system().verbose
        porto.create(name)
        assert porto.state(name) == "stopped"
        with expect("InvalidProperty"):
            porto.get_property(name, "no_such_thing")
        log = portod.log()
        assert "Create " + name in log, log
        assert log.count("GetProperty " + name) == 1, log
        assert "no_such_thing" in log
        porto.set_system(verbose=True)
        porto.state(name)
        assert portod.log().count("GetProperty " + name) == 2


# protocol.md section 20; "*" = cannot be cleared
COUNTERS = """spawned errors cgerrors warnings fatals taints postfork_issues master_uptime*
porto_uptime* remove_dead restore_failed start_timeouts l3stat_lost log_lines* log_bytes*
log_lines_lost log_bytes_lost log_open log_rotate_bytes log_rotate_errors containers*
containers_created containers_started containers_failed_start containers_oom layer_import
layer_export layer_remove volumes* volumes_created volumes_failed volume_links*
volume_links_mounted volume_lost networks* networks_created network_problems network_repairs
clients* clients_connected requests_queued* requests_completed requests_failed fail_system
fail_invalid_value fail_invalid_command fail_memory_guarantee fail_invalid_netaddr wait_time
exec_time lock_time requests_longer_1s requests_longer_3s requests_longer_30s requests_longer_5m
longest_read_request spec_requests_completed spec_requests_longer_1s spec_requests_longer_3s
spec_requests_longer_30s spec_requests_longer_5m spec_requests_failed spec_fail_invalid_value
spec_fail_unknown spec_fail_no_container lock_operations_count lock_operations_longer_1s
lock_operations_longer_3s lock_operations_longer_30s lock_operations_longer_5m memory_usage_mb*
cpu_usage* cpu_system_usage* running* running_children* starting_children* container_clients*
container_oom* container_requests* requests_top_running_time* queued_statuses* queued_events*
epoll_sources* volume_mounts*""".split()


def test_clear_statistics(own_portod, name):
    def get(what):
        return int(porto.get_property("/", "porto_stat[%s]" % what))

    portod = own_portod()
    with portod.client() as porto:
        shown = porto.get_property("/", "porto_stat")
        shown = dict(item.split(": ") for item in shown.split("; "))
        assert {counter.rstrip("*") for counter in COUNTERS} <= set(shown)
        porto.create(name)
        with expect("InvalidProperty"):
            porto.set_property(name, "no_such_thing", "1")
        assert get("containers_created") > 0 and get("requests_failed") > 0
        porto.request("ClearStatistics", stat="containers_created")
        assert get("containers_created") == 0 and get("requests_failed") > 0
        assert porto.get_system().container_created == 0
        for counter in COUNTERS:
            if counter.startswith(("container_", "volume_mounts")) or "_children" in counter:
                continue
            if counter.endswith("*"):
                with expect("InvalidValue") as caught:
                    porto.request("ClearStatistics", stat=counter[:-1])
                assert counter[:-1] in caught.error.text
            else:
                porto.request("ClearStatistics", stat=counter)
        with expect("InvalidValue") as caught:
            porto.request("ClearStatistics", stat="no_such_thing")
        assert "no_such_thing" in caught.error.text
        porto.request("ClearStatistics")
        assert get("requests_failed") == 0 and get("clients_connected") == 0
        assert get("containers") == 1 and get("clients") == 1
        with as_user(NOBODY, NOBODY), portod.client() as user, expect("Permission"):
            user.request("ClearStatistics")


def test_counters_go_on_with_the_next_server(own_portod, name):
    def get(what):
        return int(porto.get_property("/", "porto_stat[%s]" % what))

    def reload():
        pid = portod.server_pid()
        os.kill(portod.master_pid, signal.SIGHUP)
        portod.server_pid(not_pid=pid)

    portod = own_portod()
    with portod.client() as porto:
        porto.run(name, "true")
        porto.finish(name)
        with expect("InvalidProperty"):
            porto.set_property(name, "no_such_thing", "1")
        for replace in portod.kill_server, reload, portod.kill_server:
            before = porto.get_system()
            replace()
            porto.connect()
            after = porto.get_system()
            assert after.container_started == before.container_started == 1
            assert after.request_failed == before.request_failed == 1
            assert after.client_connected > before.client_connected
            assert after.request_completed >= before.request_completed
            assert after.log_lines > before.log_lines
            # These are of this server.
            assert after.client_count == 1 and after.container_count == before.container_count
        porto.request("ClearStatistics", stat="containers_started")
        portod.kill_server()
        porto.connect()
        assert get("containers_started") == 0 and get("requests_failed") == 1
    # A file that is not whole counts for nothing.
    with open(os.path.join(portod.state_dir, "stats"), "r+b") as file:
        file.write(b"\xff" * 100)
    portod.kill_server()
    with portod.client() as porto:
        assert porto.get_system().container_started == 0
    # A new master begins anew.
    portod.end(signal.SIGTERM)
    portod.start()
    with portod.client() as porto:
        assert porto.get_system().request_failed == 0


def test_a_wait_is_no_slow_request(portod, porto, name):
    """Its time is the client's choice: slow requests would be impossible to find."""
    porto.run(name, "sleep 1000")
    before = porto.get_system()
    assert porto.wait(name, timeout_ms=1200).state == "timeout"
    after = porto.get_system()
    assert after.request_longer_1s == before.request_longer_1s
    assert after.request_completed > before.request_completed
    with portod.client() as other:
        other.send(make_request("Wait", name=[name]))
        assert porto.wait(name, timeout_ms=1200).state == "timeout"
        assert porto.get_system().request_top_running_time == 0


def test_version(porto):
    tag, revision = porto.version()
    assert tag and revision is not None


def test_socket_mode(portod):
    assert os.stat(portod.socket).st_mode & 0o777 == 0o666
