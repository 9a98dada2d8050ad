# SPDX-License-Identifier: Apache-2.0
"""A client of the Porto protocol, written for the tests only.

It shares nothing with libporto: the messages come from protoc --python_out, the framing is below.
A mistake which the daemon and libporto have in common is therefore visible here.

Every receive has a deadline: a test may fail, it may not hang.
"""

import collections
import importlib
import os
import socket
import subprocess
import sys
import time

DEFAULT_TIMEOUT = float(os.environ.get("PORTO_TEST_TIMEOUT", "30"))

pb = None  # the generated module, set by load_messages()


def load_messages(proto_dir, out_dir):
    """Generate and import the messages. Called once, before the first Client is made."""
    global pb
    if pb is not None:
        return pb
    subprocess.run(
        ["protoc", "-I", proto_dir, "--python_out", out_dir, os.path.join(proto_dir, "porto.proto")],
        check=True,
    )
    sys.path.insert(0, out_dir)
    pb = importlib.import_module("porto_pb2")
    return pb


class PortoError(Exception):
    """An answer with error != 0."""

    def __init__(self, code, text, response=None):
        self.code = code
        self.text = text
        self.response = response
        super().__init__("%s(%d): %s" % (error_name(code), code, text))

    @property
    def name(self):
        return error_name(self.code)


class Closed(Exception):
    """The daemon closed the connection."""


class Timeout(Exception):
    """Nothing arrived in time. Always a defect, of the daemon or of the test."""


def error_name(code):
    try:
        return pb.EError.Name(code)
    except ValueError:
        return "code %d" % code


def error_code(name):
    return pb.EError.Value(name)


def encode_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame(message):
    """Message, or bytes of its body -> bytes of the frame."""
    body = message if isinstance(message, (bytes, bytearray)) else message.SerializeToString()
    return encode_varint(len(body)) + body


class Client:
    def __init__(self, path, timeout=DEFAULT_TIMEOUT, connect=True):
        self.path = path
        self.timeout = timeout
        self.events = collections.deque()
        self.timestamp = None
        self.sock = None
        self.buf = bytearray()
        if connect:
            self.connect()

    # ---- transport ------------------------------------------------------------------------

    def connect(self):
        self.close()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self.path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock
        self.buf = bytearray()
        self.events.clear()
        return self

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send_raw(self, data):
        self.sock.settimeout(self.timeout)
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as err:
            raise Closed(str(err)) from None
        except socket.timeout:
            raise Timeout("send of %d bytes" % len(data)) from None

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout("no answer")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise Timeout("no answer") from None
        except ConnectionResetError as err:
            raise Closed(str(err)) from None
        if not data:
            raise Closed("end of stream with %d bytes pending" % len(self.buf))
        self.buf += data

    def recv_body(self, timeout=None):
        """Body of the next frame, whatever it is."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            size = shift = 0
            for i, byte in enumerate(self.buf):
                size |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    end = i + 1 + size
                    if len(self.buf) >= end:
                        body = bytes(self.buf[i + 1 : end])
                        del self.buf[:end]
                        return body
                    break
                assert i < 5, "the daemon sent an overlong length"
            self._fill(deadline)

    def recv_frame(self, timeout=None):
        response = pb.TPortoResponse()
        response.ParseFromString(self.recv_body(timeout))
        return response

    @staticmethod
    def is_event(response):
        # Only a report of an asynchronous wait carries this field; the answer to the
        # AsyncWait request itself carries no payload.
        return response.HasField("AsyncWait")

    def recv_reply(self, timeout=None):
        """Next frame that is not an event; events on the way are kept in self.events."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            response = self.recv_frame(max(0.001, deadline - time.monotonic()))
            if self.is_event(response):
                self.events.append(response.AsyncWait)
                continue
            if response.HasField("timestamp"):
                self.timestamp = response.timestamp
            return response

    def next_event(self, timeout=None):
        """Next report of the asynchronous wait. Raises Timeout when there is none."""
        if self.events:
            return self.events.popleft()
        response = self.recv_frame(timeout)
        assert self.is_event(response), "an unexpected answer: %s" % response
        return response.AsyncWait

    def closed(self, timeout=None):
        """True when the daemon hangs up within the timeout; frames on the way are dropped."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            while True:
                self._fill(deadline)
        except Closed:
            return True
        except Timeout:
            return False

    # ---- calls ----------------------------------------------------------------------------

    def send(self, request):
        self.send_raw(frame(request))

    def call(self, request, timeout=None):
        self.send(request)
        response = self.recv_reply(timeout)
        if response.error != 0:
            raise PortoError(response.error, response.errorMsg, response)
        return response

    def request(self, method, timeout=None, **fields):
        """request("Create", name="a") and so on; lists and sub-messages as python values."""
        return self.call(make_request(method, **fields), timeout)

    # containers

    def create(self, name):
        self.request("Create", name=name)
        return name

    def create_weak(self, name):
        self.request("CreateWeak", name=name)
        return name

    def destroy(self, name):
        self.request("Destroy", name=name)

    def start(self, name):
        self.request("Start", name=name)

    def stop(self, name, timeout_ms=None, keep=None):
        self.request("Stop", name=name, timeout_ms=timeout_ms, keep=keep)

    def kill(self, name, sig=15, all=None):
        self.request("Kill", name=name, sig=int(sig), all=all)

    def pause(self, name):
        self.request("Pause", name=name)

    def resume(self, name):
        self.request("Resume", name=name)

    def respawn(self, name):
        self.request("Respawn", name=name)

    def list(self, mask=None, changed_since=None):
        return [*self.request("List", mask=mask, changed_since=changed_since).List.name]

    # properties

    def get_property(self, name, prop, sync=None, real=None):
        response = self.request("GetProperty", name=name, property=prop, sync=sync, real=real)
        return response.GetProperty.value

    def get_data(self, name, data):
        return self.request("GetDataProperty", name=name, data=data).GetDataProperty.value

    def set_property(self, name, prop, value):
        self.request("SetProperty", name=name, property=prop, value=str(value))

    def set(self, name, **props):
        for prop, value in props.items():
            if isinstance(value, bool):
                value = "true" if value else "false"
            self.set_property(name, prop, value)

    def get(self, names, variables, **flags):
        """{name: {variable: value or PortoError}}"""
        response = self.request("Get", name=names, variable=variables, **flags)
        result = collections.OrderedDict()
        for entry in response.Get.list:
            values = {}
            for kv in entry.keyval:
                values[kv.variable] = (
                    PortoError(kv.error, kv.errorMsg) if kv.error != 0 else kv.value
                )
            result[entry.name] = values
        return result

    def get_raw(self, names, variables, **flags):
        return self.request("Get", name=names, variable=variables, **flags).Get.list

    def property_list(self):
        return {p.name: p for p in self.request("ListProperties").ListProperties.list}

    def data_list(self):
        return {p.name: p for p in self.request("ListDataProperties").ListDataProperties.list}

    # wait

    def wait(self, names, timeout_ms=None, labels=(), target_state=None, timeout=None):
        names = [names] if isinstance(names, str) else names
        if timeout is None and timeout_ms is not None:
            timeout = self.timeout + timeout_ms / 1000
        return self.request(
            "Wait",
            timeout,
            name=names,
            timeout_ms=timeout_ms,
            label=labels,
            target_state=target_state,
        ).Wait

    def async_wait(self, names, timeout_ms=None, labels=(), target_state=None):
        names = [names] if isinstance(names, str) else names
        self.request(
            "AsyncWait", name=names, timeout_ms=timeout_ms, label=labels, target_state=target_state
        )

    def stop_async_wait(self, names, labels=(), target_state=None):
        names = [names] if isinstance(names, str) else names
        self.request("StopAsyncWait", name=names, label=labels, target_state=target_state)

    # labels

    def find_label(self, label, mask=None, state=None, value=None):
        response = self.request("FindLabel", mask=mask, state=state, label=label, value=value)
        return [(e.name, e.state, e.label, e.value) for e in response.FindLabel.list]

    def set_label(self, name, label, value, prev_value=None, state=None):
        return self.request(
            "SetLabel", name=name, label=label, value=value, prev_value=prev_value, state=state
        ).SetLabel

    def inc_label(self, name, label, add=None):
        return self.request("IncLabel", name=name, label=label, add=add).IncLabel.result

    # specs: fields as keywords, messages as dictionaries

    def create_from_spec(self, name, start=None, volumes=(), **spec):
        spec["name"] = name
        self.request("CreateFromSpec", container=spec, volumes=volumes, start=start)
        return name

    def update_from_spec(self, name, start=None, **spec):
        spec["name"] = name
        self.request("UpdateFromSpec", container=spec, start=start)

    def list_by(self, *filters, properties=None, stdout=None, stderr=None):
        """Filters are names, masks or dictionaries; returns the entries of the reply."""
        filters = [{"name": f} if isinstance(f, str) else f for f in filters]
        options = {"properties": properties, "stdout_options": stdout, "stderr_options": stderr}
        given = any(value is not None for value in options.values())
        response = self.request(
            "ListContainersBy", filters=filters, field_options=options if given else None
        )
        return [*response.ListContainersBy.containers]

    def describe(self, name, *properties, **options):
        """The entry of one container."""
        entries = self.list_by(name, properties=properties or None, **options)
        assert len(entries) == 1, entries
        entry = entries[0]
        if entry.HasField("error"):
            raise PortoError(entry.error.error, entry.error.msg, entry)
        return entry

    def spec(self, name, *properties):
        return self.describe(name, *properties).spec

    def status(self, name, *properties, **options):
        return self.describe(name, *properties, **options).status

    # the rest

    def locate(self, pid, comm=""):
        return self.request("LocateProcess", pid=pid, comm=comm).LocateProcess.name

    def attach(self, name, pid, comm="", thread=False):
        method = "AttachThread" if thread else "AttachProcess"
        self.request(method, name=name, pid=pid, comm=comm)

    def set_symlink(self, name, link, target=None):
        fields = {"container": name, "symlink": link}
        if target is not None:
            fields["target"] = target
        return self.request("SetSymlink", **fields)

    def convert_path(self, path, source="", destination=""):
        response = self.request(
            "ConvertPath", path=path, source=source, destination=destination
        )
        return response.ConvertPath.path

    def version(self, timeout=None):
        response = self.request("Version", timeout)
        return response.Version.tag, response.Version.revision

    def get_system(self):
        return self.request("GetSystem").GetSystem

    def set_system(self, **fields):
        return self.request("SetSystem", **fields)

    # ---- shortcuts ------------------------------------------------------------------------

    def state(self, name):
        return self.get_property(name, "state")

    def run(self, name, command, **props):
        """Create, set and start."""
        self.create(name)
        if command is not None:
            self.set_property(name, "command", command)
        self.set(name, **props)
        self.start(name)
        return name

    def wait_state(self, name, *states, timeout=None):
        """Until the container is in one of these states, by asynchronous reports (second
        connection) and not by polling. Returns the state."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        with Client(self.path, self.timeout) as watcher:
            watcher.async_wait(name)
            seen = []
            while True:
                try:
                    event = watcher.next_event(max(0.001, deadline - time.monotonic()))
                except Timeout:
                    raise Timeout(
                        "%s did not become %s: saw %s, is %s"
                        % (name, "/".join(states), seen, self.state(name))
                    ) from None
                seen.append(event.state)
                if event.state in states:
                    return event.state

    def finish(self, name, timeout=None):
        """Wait for the end and return exit_code as a number."""
        report = self.wait(name, timeout=timeout)
        assert report.name == name and report.state == "dead", report
        return int(self.get_property(name, "exit_code"))

    def output(self, name, command, **props):
        """Run to the end with success, return stdout, destroy."""
        self.run(name, command, **props)
        code = self.finish(name)
        text = self.get_property(name, "stdout")
        err = self.get_property(name, "stderr")
        self.destroy(name)
        assert code == 0, "%r ended with %d, stdout %r, stderr %r" % (command, code, text, err)
        return text


def make_request(method, **fields):
    request = pb.TPortoRequest()
    message = getattr(request, method)
    message.SetInParent()
    fill(message, fields)
    return request


def fill(message, fields):
    for key, value in fields.items():
        if value is None:
            continue
        field = message.DESCRIPTOR.fields_by_name[key]
        if field.label == field.LABEL_REPEATED:
            for item in value:
                if isinstance(item, dict):
                    fill(getattr(message, key).add(), item)
                else:
                    getattr(message, key).append(item)
        elif isinstance(value, dict):
            getattr(message, key).SetInParent()
            fill(getattr(message, key), value)
        else:
            setattr(message, key, value)
