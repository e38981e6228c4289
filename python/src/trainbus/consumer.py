"""The consumer: everything trainers said, the history first, then live; each record once and in order.

    for record in trainbus.Consumer(run="mnist", kinds=["epoch"]):
        print(record.trainer, record.message.average_loss)

Needs pyzmq and protobuf: pip install 'trainbus[consumer]'.
"""

import json
import os
import secrets
import time
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Sequence

try:
    import zmq

    from ._keys import chosen_key
    from ._wire import KIND_NAMES, KINDS, LOOK_SECONDS, BusError, ControlSocket, Endpoints, schema, socket
except ImportError as error:
    raise ImportError("trainbus.Consumer needs pyzmq and protobuf: pip install 'trainbus[consumer]'") from error

_PAYLOADS = ("batch_data", "epoch_data", "performance_data", "status_update", "scalar_data", "media_data", "command",
             "alert")


@dataclass(frozen=True)
class Record:
    """One kept record. message: the protobuf payload (BatchData, EpochData, ...); time: Unix seconds of its sender."""

    kind: str
    run: str
    trainer: str
    incarnation: int
    sequence: int
    time: float
    message: Any


@dataclass(frozen=True)
class Lost:
    """Records first..last of a stream will never come: they were retired, deleted, or lost before the broker."""

    kind: str
    run: str
    trainer: str
    incarnation: int
    first: int
    last: int


class _Stream:
    """Puts the records of one (session, incarnation, kind) in order: duplicates go, gaps wait."""

    __slots__ = ("head", "waiting")

    def __init__(self, head=0):
        self.head = head
        self.waiting = {}

    def add(self, sequence, record, ready):
        if sequence <= self.head:
            return
        if sequence > self.head + 1:
            self.waiting[sequence] = record
            return
        self.head = sequence
        ready.append(record)
        self.release(ready)

    def skip_to(self, last, ready):
        """What is up to here will never come."""
        if last > self.head:
            for sequence in sorted(s for s in self.waiting if s <= last):
                ready.append(self.waiting.pop(sequence))
            self.head = last
            self.release(ready)

    def release(self, ready):
        while self.head + 1 in self.waiting:
            self.head += 1
            ready.append(self.waiting.pop(self.head))


class Consumer:
    """Reads from the bus. Iterate over it, or call read().

    broker, key: as for Producer. kinds: of batch, epoch, perf, status, scalars, media, command, alert; None: all of them.
    run, trainer: only these. positions: a file that remembers how far was read; the next start goes on there.
    lost: True: Lost is among the records where something is missing for ever.
    """

    def __init__(self, broker: Optional[str] = None, *, run: Optional[str] = None, trainer: Optional[str] = None,
                 kinds: Optional[Sequence[str]] = None, positions: Optional[str] = None, lost: bool = False,
                 key: Optional[str] = None):
        unknown = [kind for kind in kinds or () if kind not in KINDS]
        if unknown:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {unknown[0]!r}")
        if trainer is not None and run is None:
            raise ValueError("a trainer needs its run")
        self._kinds = list(kinds or KINDS)
        self._run, self._trainer, self._say_lost = run, trainer, lost
        self._positions, self._saved_at = positions, time.monotonic()
        endpoints, shown = Endpoints(broker), chosen_key(key)
        self._context = zmq.Context()
        self._control = ControlSocket(self._context, endpoints, shown)
        self._sub, self._handshakes = socket(self._context, zmq.SUB, endpoints.data_out, shown)
        self._streams = {}
        self._ready = []
        self._after = None  # the next page of the history; None: all of it was read
        self._fetch_again_at = float("inf")
        self._broker_incarnation = 0
        self._load_positions()
        for kind in [*self._kinds, "heartbeat"]:
            self._sub.subscribe(self._topic(kind))
        try:
            self._fence()
        except BaseException:
            self._close_sockets()
            raise
        self._begin_history()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __iter__(self) -> Iterator[Record]:
        """For ever: the history, then what comes."""
        while True:
            yield from self.read(timeout=1.0)

    def history(self) -> Iterator[Record]:
        """All there is now, and no more."""
        while self._after is not None:
            yield from self.read(timeout=0)

    def read(self, timeout: float = 0.0) -> list:
        """What is there, waiting at most `timeout` seconds for the first. Positions are those of the call before."""
        self._save_positions()
        end = time.monotonic() + timeout
        while True:
            if self._after is not None:
                self._read_page()
            self._read_live(0 if self._ready or self._after is not None else end - time.monotonic())
            if self._ready or self._after is not None or time.monotonic() >= end:
                ready, self._ready = self._ready, []
                return ready

    def dataframe(self, kind: str = "batch"):
        """The history of one kind as a pandas.DataFrame: a row a record, named values as columns."""
        import pandas

        rows = [_row(record) for record in self.history() if isinstance(record, Record) and record.kind == kind]
        frame = pandas.DataFrame(rows)
        if rows:
            frame["time"] = pandas.to_datetime(frame["time"], unit="s", utc=True)
        return frame

    def close(self) -> None:
        """Writes the positions, and closes the sockets."""
        if self._context.closed:
            return
        self._save_positions(at_once=True)
        self._close_sockets()

    def _close_sockets(self):
        self._control.close()
        self._handshakes.close()
        self._sub.close()
        self._context.term()

    # --- from the sockets to the streams -------------------------------------------------------------------------

    def _topic(self, kind):
        return kind + "/" + (f"{self._run}/" if self._run else "") + (f"{self._trainer}/" if self._trainer else "")

    def _fence(self):
        """Every subscription made before is in force when it comes back."""
        fence = f"fence/{secrets.token_hex(8)}/"
        self._sub.subscribe(fence)
        began = time.monotonic()
        while time.monotonic() < began + 5.0:
            if not self._sub.poll(int(LOOK_SECONDS * 1000)):
                self._handshakes.check(time.monotonic() - began)
                continue
            frames = self._sub.recv_multipart()
            if frames[0].startswith(b"fence/"):
                self._sub.unsubscribe(fence)
                return
            self._take_live(frames)
        raise BusError(f"no broker answers at {self._sub.LAST_ENDPOINT.decode()} (waited 5 s)")

    def _begin_history(self):
        self._after, self._heads_said = 0, False
        self._fetch_again_at = float("inf")

    def _read_page(self):
        request = schema.MetricsRequest()
        fetch = request.fetch
        fetch.kinds.extend(KINDS[kind] for kind in self._kinds)
        fetch.run, fetch.trainer = self._run or "", self._trainer or ""
        fetch.after_position = self._after
        if not self._heads_said:
            for (session, incarnation, kind), stream in self._streams.items():
                if stream.head:
                    fetch.heads.add(session_id=session, incarnation=incarnation, kind=kind, sequence=stream.head)
        reply = self._control.ask(request).fetch_reply
        self._heads_said = True
        for stored in reply.records:
            message = schema.MetricsRequest()
            message.ParseFromString(stored.message)
            self._take(stored.kind, message)
        for lost in reply.lost:
            self._take_lost(lost)
        self._after = None if reply.at_end else reply.next_position

    def _read_live(self, seconds):
        wait = max(0.0, min(seconds, 0.5))
        while self._sub.poll(int(wait * 1000)):
            wait = 0
            self._take_live(self._sub.recv_multipart())
            if len(self._ready) >= 10_000:
                return
        if self._after is None and time.monotonic() >= self._fetch_again_at:
            self._begin_history()

    def _take_live(self, frames):
        if len(frames) != 2 or frames[0].startswith(b"fence/"):
            return
        message = schema.MetricsRequest()
        try:
            message.ParseFromString(frames[1])
        except Exception:  # not one of ours
            return
        kind = KINDS.get(frames[0].split(b"/", 1)[0].decode())
        if kind is not None:
            self._take(kind, message)
        elif message.WhichOneof("payload") == "heartbeat":
            self._compare_heads(message)

    def _take(self, kind, message):
        run, _, trainer = message.session_id.partition("/")
        stream = self._streams.setdefault((message.session_id, message.incarnation, kind), _Stream())
        payload = message.WhichOneof("payload")
        record = Record(KIND_NAMES[kind], run, trainer, message.incarnation, message.sequence,
                        message.timestamp_ms / 1000, getattr(message, payload) if payload in _PAYLOADS else None)
        stream.add(message.sequence, record, self._ready)
        if stream.waiting and self._after is None:
            self._fetch_soon()

    def _take_lost(self, lost):
        of, last = lost.stream, lost.last_sequence
        stream = self._streams.setdefault((of.session_id, of.incarnation, of.kind), _Stream())
        if last <= stream.head:
            return
        if self._say_lost:
            run, _, trainer = of.session_id.partition("/")
            first = max(of.sequence, stream.head + 1)
            self._ready.append(Lost(KIND_NAMES[of.kind], run, trainer, of.incarnation, first, last))
        stream.skip_to(last, self._ready)

    def _compare_heads(self, message):
        """A heartbeat says how far its trainer is: what is missing at the end of a stream is found so."""
        for highest in message.heartbeat.highest:
            key = (message.session_id, message.incarnation, highest.kind)
            if KIND_NAMES.get(highest.kind) in self._kinds:
                stream = self._streams.get(key)
                if (stream.head if stream else 0) < highest.sequence:
                    self._fetch_soon()

    def _fetch_soon(self):
        self._fetch_again_at = min(self._fetch_again_at, time.monotonic() + 0.2)

    # --- positions -----------------------------------------------------------------------------------------------

    def _load_positions(self):
        if self._positions and os.path.exists(self._positions):
            with open(self._positions, encoding="utf-8") as file:
                for session, incarnation, kind, head in json.load(file):
                    self._streams[session, incarnation, KINDS[kind]] = _Stream(head)

    def _save_positions(self, at_once=False):
        if not self._positions or (not at_once and time.monotonic() - self._saved_at < 1.0) or self._ready:
            return
        self._saved_at = time.monotonic()
        heads = [(s, i, KIND_NAMES[k], stream.head) for (s, i, k), stream in self._streams.items() if stream.head]
        part = f"{self._positions}.part"
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(heads, file)
        os.replace(part, self._positions)


def _row(record):
    row = {"run": record.run, "trainer": record.trainer, "incarnation": record.incarnation,
           "sequence": record.sequence, "time": record.time}
    for field, value in record.message.ListFields():
        if field.name in ("scalars", "values"):
            row.update(value)
        elif not hasattr(value, "add") and field.name != "timestamp_ms":
            row[field.name] = value
    return row
