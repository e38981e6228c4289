"""The bus as a consumer sees it: addresses, topics, and requests on the control socket."""

import os
import re
import secrets
import time
from typing import Optional

import zmq
from zmq.utils.monitor import recv_monitor_message

from . import _schema_pb2 as schema
from ._keys import Key

DEFAULT_BROKER = "tcp://127.0.0.1:7760"
KINDS = {
    "batch": schema.KIND_BATCH,
    "epoch": schema.KIND_EPOCH,
    "perf": schema.KIND_PERF,
    "status": schema.KIND_STATUS,
    "scalars": schema.KIND_SCALARS,
    "media": schema.KIND_MEDIA,
    "command": schema.KIND_COMMAND,
    "alert": schema.KIND_ALERT,
}
KIND_NAMES = {number: name for name, number in KINDS.items()}
LOOK_SECONDS = 0.1  # who waits for an answer looks so often whether a key is why it does not come,
SILENT_SECONDS = 1.8  # once it has not come for so long: a handshake also fails with a broker that is killed


class BusError(Exception):
    """The broker refused a request, or does not answer."""


class Endpoints:
    """One address is enough: P is data in, P + 1 data out, P + 2 control."""

    def __init__(self, broker: Optional[str]):
        broker = broker if broker is not None else os.environ.get("TRAINBUS_BROKER") or DEFAULT_BROKER
        match = re.fullmatch(r"tcp://(.+):(\d+)", broker)
        if not match or not 1 <= int(match[2]) <= 65533:
            raise ValueError(f"broker address {broker!r} must be tcp://HOST:PORT")
        host, port = match[1], int(match[2])
        self.broker = broker
        self.data_out = f"tcp://{host}:{port + 1}"
        self.control = f"tcp://{host}:{port + 2}"


def socket(context, kind, address, key: Optional[Key] = None):
    """A socket that connects, and what its handshakes came to, which is to be closed before it."""
    made = context.socket(kind)
    made.setsockopt(zmq.LINGER, 0)
    made.setsockopt(zmq.HANDSHAKE_IVL, 3000)
    made.setsockopt(zmq.HEARTBEAT_IVL, 2000)
    made.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
    made.setsockopt(zmq.RECONNECT_IVL_MAX, 5000)
    if ":[" in address or address.startswith("tcp://["):
        made.setsockopt(zmq.IPV6, 1)
    if kind == zmq.SUB:
        made.setsockopt(zmq.SNDHWM, 0)  # above it subscriptions vanish silently
        made.setsockopt(zmq.RCVHWM, 200_000)
    if key is not None:
        made.curve_publickey, made.curve_secretkey, made.curve_serverkey = key.public, key.secret, key.broker
    handshakes = Handshakes(made, address, key)
    made.connect(address)
    return made, handshakes


class Handshakes:
    """Whether a key is why a socket does not reach the broker. Made before the socket connects."""

    def __init__(self, made, address, key: Optional[Key]):
        self._address, self._key = address, key
        self._of = made
        self._last = zmq.EVENT_HANDSHAKE_SUCCEEDED
        self._events = made.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL |
            zmq.EVENT_HANDSHAKE_FAILED_AUTH)

    def check(self, silent_seconds):
        """BusError where the broker is there, has not answered for so long, and a key is why."""
        while self._events.poll(0):
            event = recv_monitor_message(self._events)["event"]
            # Of several failures one that says more than "without detail" is the reason: the broker may have hung up first.
            if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL or self._last == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._last = event
        event = self._last
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED or silent_seconds < SILENT_SECONDS:
            return
        if self._key is None:  # whatever the handshake failed with
            raise BusError(f"the broker at {self._address} wants a key: say key=FILE or TRAINBUS_KEY=FILE "
                           "(trainbus-keys add makes one)")
        name = f"key {self._key.name!r} ({self._key.path})"
        if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            why = f"knows no keys, but {name} is to be used: key='off' or TRAINBUS_KEY=off says none"
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            why = f"does not take {name}: it was revoked there"
        else:
            why = f"does not take {name}: it is not known there, its role may not use this port, or it is for another broker"
        raise BusError(f"the broker at {self._address} {why}")

    def close(self):
        self._of.disable_monitor()
        self._events.close(0)


class ControlSocket:
    """Requests and their answers, one at a time. Not for several threads."""

    def __init__(self, context, endpoints: Endpoints, key: Optional[Key] = None):
        self.address = endpoints.control
        self._dealer, self._handshakes = socket(context, zmq.DEALER, endpoints.control, key)
        self._last_id = secrets.randbits(32)

    def ask(self, request, timeout: float = 5.0):
        """The answer to a request; BusError when it is an error, or does not come in time (it is asked again)."""
        began = time.monotonic()
        while True:
            left = began + timeout - time.monotonic()
            if left <= 0:
                raise BusError(f"no broker answers at {self.address} (waited {timeout:g} s)")
            self._last_id += 1
            request.request_id = self._last_id
            try:
                self._dealer.send(request.SerializeToString(), zmq.NOBLOCK)
            except zmq.Again:  # libzmq has given the connection up: a broker of another mechanism
                time.sleep(min(left, LOOK_SECONDS))
                self._handshakes.check(time.monotonic() - began)
                continue
            response = self._receive(request.request_id, began, min(left, 1.0))
            if response is None:
                continue
            if response.WhichOneof("payload") == "error":
                raise BusError(response.error.message)
            return response

    def _receive(self, request_id, began, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self._dealer.poll(int(min(left, LOOK_SECONDS) * 1000)):
                self._handshakes.check(time.monotonic() - began)
                continue
            response = schema.MetricsResponse()
            response.ParseFromString(self._dealer.recv())
            if response.request_id == request_id:
                return response
        return None

    def close(self):
        self._handshakes.close()
        self._dealer.close()
