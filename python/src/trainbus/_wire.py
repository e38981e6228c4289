"""The bus as a consumer sees it: addresses, topics, and requests on the control socket."""

import os
import re
import secrets
import time
from typing import Optional

import zmq

from . import _schema_pb2 as schema

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


def socket(context, kind, address):
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
    made.connect(address)
    return made


class ControlSocket:
    """Requests and their answers, one at a time. Not for several threads."""

    def __init__(self, context, endpoints: Endpoints):
        self.address = endpoints.control
        self._context = context
        self._dealer = socket(context, zmq.DEALER, endpoints.control)
        self._last_id = secrets.randbits(32)

    def ask(self, request, timeout: float = 5.0):
        """The answer to a request; BusError when it is an error, or does not come in time (it is asked again)."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise BusError(f"no broker answers at {self.address} (waited {timeout:g} s)")
            self._last_id += 1
            request.request_id = self._last_id
            self._dealer.send(request.SerializeToString())
            response = self._receive(request.request_id, min(left, 2.0))
            if response is None:
                continue
            if response.WhichOneof("payload") == "error":
                raise BusError(response.error.message)
            return response

    def _receive(self, request_id, seconds):
        end = time.monotonic() + seconds
        while self._dealer.poll(max(0, int((end - time.monotonic()) * 1000))):
            response = schema.MetricsResponse()
            response.ParseFromString(self._dealer.recv())
            if response.request_id == request_id:
                return response
        return None

    def close(self):
        self._dealer.close()
