"""What trainers are there, and commands to them.

    control = trainbus.Control()
    control.set("mnist/t0", "learning_rate", 0.01)      # waits: applied at which step, or refused and why
    control.pause("mnist/*")

Needs pyzmq and protobuf: pip install 'trainbus[consumer]'.
"""

import getpass
import secrets
import socket as _socket
import time
from dataclasses import dataclass
from typing import List, Optional

try:
    import zmq

    from ._keys import chosen_key
    from ._wire import BusError, ControlSocket, Endpoints, schema
except ImportError as error:
    raise ImportError("trainbus.Control needs pyzmq and protobuf: pip install 'trainbus[consumer]'") from error

_STATES = {schema.COMMAND_ISSUED: "issued", schema.COMMAND_ACCEPTED: "accepted", schema.COMMAND_DELIVERED: "delivered",
           schema.COMMAND_APPLIED: "applied", schema.COMMAND_REJECTED: "rejected", schema.COMMAND_EXPIRED: "expired",
           schema.COMMAND_UNKNOWN: "unknown"}
_ENDED = ("applied", "rejected", "expired", "unknown")


@dataclass(frozen=True)
class CommandResult:
    """What became of a command at one trainer. state: accepted, delivered, or its end: applied, rejected, expired,
    unknown (the training ended before it answered)."""

    session: str
    command_id: str
    state: str
    step: int
    old_value: str
    new_value: str
    reason: str


@dataclass(frozen=True)
class TrainerInfo:
    """One trainer of the list. last: the newest record of each kind, as protobuf messages by kind."""

    run: str
    trainer: str
    incarnation: int
    connected: bool
    status: str
    knobs: dict
    last: dict


class Control:
    """Lists and commands. Not for several threads. broker, key: as for Producer."""

    def __init__(self, broker: Optional[str] = None, issuer: Optional[str] = None, key: Optional[str] = None):
        endpoints, shown = Endpoints(broker), chosen_key(key)
        self._context = zmq.Context()
        self._socket = ControlSocket(self._context, endpoints, shown)
        self._issuer = issuer or f"python:{getpass.getuser()}@{_socket.gethostname()}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def trainers(self, run: str = "") -> List[TrainerInfo]:
        """All trainers the broker knows, page by page."""
        found, after = [], ""
        while True:
            request = schema.MetricsRequest()
            request.list.run, request.list.after = run, after
            page = self._socket.ask(request).trainers
            found.extend(_trainer(entry) for entry in page.trainers)
            after = page.next
            if not after:
                return found

    def pause(self, trainer: str, **options) -> List[CommandResult]:
        return self._command(trainer, schema.PAUSE_TRAINING, {}, **options)

    def resume(self, trainer: str, **options) -> List[CommandResult]:
        return self._command(trainer, schema.RESUME_TRAINING, {}, **options)

    def stop(self, trainer: str, **options) -> List[CommandResult]:
        return self._command(trainer, schema.STOP_TRAINING, {}, **options)

    def set(self, trainer: str, knob: str, value, **options) -> List[CommandResult]:
        """Sets a knob: a number, on or off, a choice."""
        text = ("on" if value else "off") if isinstance(value, bool) else str(value)
        return self._command(trainer, schema.SET_KNOB, {"name": knob, "value": text}, **options)

    def do(self, trainer: str, action: str, **options) -> List[CommandResult]:
        """Asks for an action."""
        return self._command(trainer, schema.SET_KNOB, {"name": action}, **options)

    def _command(self, trainer, kind, parameters, timeout: float = 30.0, wait: bool = True):
        """trainer: "run/trainer", or "run/*": each answers for itself. wait: until the end, at most `timeout` seconds."""
        request = schema.MetricsRequest(session_id=trainer)
        command = request.issue_command
        command.type, command.command_id, command.issuer = kind, secrets.token_hex(16), self._issuer
        command.time_to_live_ms = int(timeout * 1000)
        command.parameters.update(parameters)
        results = self._results(self._socket.ask(request))
        find = schema.MetricsRequest()
        find.find_command.command_id = command.command_id
        end = time.monotonic() + timeout + 2.0
        while wait and any(result.state not in _ENDED for result in results) and time.monotonic() < end:
            time.sleep(0.05)
            results = self._results(self._socket.ask(find))
        return results

    @staticmethod
    def _results(response):
        return [CommandResult(each.session_id, each.command.command_id, _STATES.get(each.command.state, "issued"),
                              each.command.applied_step, each.command.old_value, each.command.new_value,
                              each.command.reason) for each in response.command_state.commands]


def _trainer(entry):
    run, _, trainer = entry.session_id.partition("/")
    last = {}
    for stored in entry.last:
        message = schema.MetricsRequest()
        message.ParseFromString(stored.message)
        payload = message.WhichOneof("payload")
        if payload:
            last[schema.Kind.Name(stored.kind).removeprefix("KIND_").lower()] = getattr(message, payload)
    status = last.get("status")
    return TrainerInfo(run, trainer, entry.incarnation, entry.connected,
                       schema.TrainingStatus.Name(status.status).lower() if status else "unknown",
                       {knob.name: knob.value for knob in status.config.knobs} if status else {}, last)
