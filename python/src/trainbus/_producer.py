"""The producer: what a training says to the bus, and what it is told."""

import atexit
import os
import sys
import weakref
from array import array
from contextlib import contextmanager
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from . import _names, _native
from ._pictures import Image, Tile, batch_tiles, to_numpy

_STATUS = {"initializing": 1, "running": 2, "paused": 3, "completed": 4, "failed": 5, "stopped": 6}
_KNOB_TYPES = {"action": 0, "number": 1, "integer": 2, "choice": 3, "switch": 4}
_CLOSE_SECONDS = 2.0

# Those that are open: a second one of a name ends the first, and the interpreter's end closes them.
_open = weakref.WeakValueDictionary()


class Rejected(Exception):
    """Raised by a knob's handler: the command is refused with this message, and the training goes on."""


def _text(value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value) if isinstance(value, float) else str(value)


class Producer(_native.Producer):
    """One trainer's connection to the bus. Any thread may call any method.

    run, trainer: two names [A-Za-z0-9._-]{1,64}. Where they are not given they come from TRAINBUS_RUN and
        TRAINBUS_TRAINER, from the job (Slurm, torchrun: trainer "rank3"), or from the script's name and the time.
    broker: "tcp://HOST:PORT"; None: the environment's TRAINBUS_BROKER, else this host. "off": nothing is sent, and
        every call returns at once; so it is with TRAINBUS_BROKER=off.
    key: the file of the key to show the broker (trainbus-keys). None: of TRAINBUS_KEY, else this user's own, if there
        is one. "off": none.
    spool_dir: records wait here until the broker has stored them. None: the default folder; "": in memory only.
    ranks: "all": every rank of a distributed job is a trainer; "first": the others get a producer that is off.
    on_problem: called with one line that a person should know, from any thread. None: it is written to stderr.

    Raises ValueError when a name or the address is outside its grammar, or the key cannot be used. A broker that is not there is no error.

    log(values, step=None) -> bool
        Named values at any time: bus.log({"loss": 0.5, "val/iou": 0.7}). A value is a float, an int, a NumPy scalar
        or a tensor of one value; NaN and infinity are values. A name is 1 to 128 bytes, '/' groups. step counts over
        the whole training; None: the step that was finished last. TypeError when a value is no number: then nothing
        is logged. A name that is too long, or one past 2,000, is left out and counted.
    log_batch(loss=None, accuracy=None, epoch=0, batch=0, batch_size=0, learning_rate=None, values=None,
              predictions=None, ground_truth=None, tiles=None, record=True) -> bool
        One finished step. What is None is not said. epoch counts from 1, batch from 0, accuracy is 0..1.
    log_epoch(epoch, loss=None, accuracy=None, learning_rate=None, validation_loss=None, validation_accuracy=None,
              is_converged=False, values=None) -> bool
    step() -> bool
        The boundary between two steps: commands are applied here, a pause waits here (Ctrl-C works). False when the
        training should end: somebody asked for it, or interrupt() was called.

    log* return False when the record was refused: the spool is full, or this is closed. It is then counted.
    """

    run = trainer = ""  # of one whose __init__ was not called
    _closed = _started = False

    def __init__(
        self,
        run: Optional[str] = None,
        trainer: Optional[str] = None,
        broker: Optional[str] = None,
        *,
        key: Optional[str] = None,
        spool_dir: Optional[str] = None,
        spool_bytes: int = 0,
        heartbeat_seconds: float = 0.0,
        max_tile_rate: float = 0.0,
        tile_pixels: int = 0,
        jpeg_quality: int = 0,
        environment: bool = True,
        metering: bool = True,
        ranks: str = "all",
        on_problem: Optional[Callable[[str], None]] = None,
        client_name: str = "python",
    ):
        run = _names.default_run() if run is None else run
        trainer = _names.default_trainer() if trainer is None else trainer
        if spool_dir is not None:
            spool_dir = os.fspath(spool_dir)
        for name, value in (("run", run), ("trainer", trainer), ("broker", broker), ("client_name", client_name)):
            if not isinstance(value, str) and (name, value) != ("broker", None):
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        if on_problem is not None and not callable(on_problem):
            raise TypeError(f"on_problem must be callable, not {type(on_problem).__name__}")
        if ranks not in ("all", "first"):
            raise ValueError(f"ranks must be 'all' or 'first', not {ranks!r}")
        if ranks == "first" and (_names.rank() or 0) != 0:
            broker = "off"
        earlier = _open.get((run, trainer))
        if earlier is not None:
            earlier.finish("stopped", "started again in the same process")
        super().__init__(
            run,
            trainer,
            broker,
            spool_dir,
            spool_bytes,
            int(heartbeat_seconds * 1000),
            float(max_tile_rate),
            tile_pixels,
            jpeg_quality,
            not environment,
            not metering,
            client_name,
            on_problem,
            key,
        )
        self.run, self.trainer = run, trainer
        self._plan = {}
        if broker != "off":
            _open[run, trainer] = self

    def __repr__(self):
        state = "closed" if self._closed else "not opened" if not self.run else "connected" if self.connected else "not connected"
        return f"<trainbus.Producer {self.run}/{self.trainer}, {state}>"

    def __reduce__(self):
        """In another process it is one that is off: a child that trains makes its own."""
        return _off, (self.run, self.trainer)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.finish("stopped" if self.stop_commanded else "completed")
        elif issubclass(kind, KeyboardInterrupt):
            self.finish("stopped", "interrupted")
        else:
            self.finish("failed", f"{kind.__name__}: {error}")
        return False

    # --- what is said once ---------------------------------------------------------------------------------------

    def start(
        self,
        *,
        total_epochs: int = 0,
        batches_per_epoch: int = 0,
        batch_size: int = 0,
        learning_rate: Optional[float] = None,
        first_step: Optional[int] = None,
        model: str = "",
        dataset: str = "",
        class_names: Sequence[str] = (),
        parameters: Mapping[str, Any] = {},
        tags: Sequence[str] = (),
        notes: str = "",
    ) -> bool:
        """Says that the training runs, with its plan; once, before the first batch. All of it may be left out.

        first_step: steps that earlier processes of a resumed training did; its curves continue there.
        parameters: settings of the run, of any type; nested ones get names like "optimizer/lr".
        """
        plan = dict(
            total_epochs=total_epochs,
            batches_per_epoch=batches_per_epoch,
            batch_size=batch_size,
            learning_rate=learning_rate,
            first_step=first_step,
            model=model,
            dataset=dataset,
            notes=notes,
            class_names=_texts(class_names, "class_names"),
            tags=_texts(tags, "tags"),
            parameters=dict(_flat(parameters)),
        )
        return self._say_plan(plan)

    def change_plan(self, message: str = "", **changes) -> bool:
        """Says the plan again with what has changed (arguments of start()), and what happened in `message`."""
        if not self._started:
            return self.start(**changes)
        unknown = set(changes) - set(self._plan)
        if unknown:
            raise TypeError(f"change_plan() has no argument {unknown.pop()!r}")
        for name in changes.keys() & {"class_names", "tags"}:
            changes[name] = _texts(changes[name], name)
        if "parameters" in changes:
            changes["parameters"] = {**self._plan["parameters"], **dict(_flat(changes["parameters"]))}
        return self._say_plan({**self._plan, **changes}, message)

    def _say_plan(self, plan, *message):
        """One that is refused by an exception leaves the one before."""
        said = self._start(tuple(plan.values()), *message)
        self._plan, self._started = plan, True
        return said

    def say(self, status: str, message: str = "") -> bool:
        """Says "initializing", "running", "paused", "completed", "failed" or "stopped", with a message for people."""
        return self._say(_status(status), message)

    # --- something to look at ------------------------------------------------------------------------------------

    def log_pictures(self, images, truth=None, predictions=None, class_names=None, **batch) -> bool:
        """log_batch() with the first 16 pictures of the batch as live tiles.

        images: N x C x H x W or N x H x W x C, uint8 0..255 or float 0..1; NumPy, PyTorch on any device, or a list.
        truth: N classes. predictions: N classes, or N x classes scores. They are read only while somebody watches.
        """
        keep = []

        def tiles(room):
            return [tile.native(keep) for tile in batch_tiles(images, truth, predictions, class_names, room)]

        return self.log_batch(tiles=tiles, **batch)

    def log_tiles(self, tiles: Union[Sequence[Tile], Callable[[], Sequence[Tile]]], **batch) -> bool:
        """log_batch() with tiles made by hand: a list of Tile, or a callable that is asked only when somebody watches."""
        keep = []

        def native(room):
            made = tiles() if callable(tiles) else tiles
            return [tile.native(keep) for tile in made[:room]]

        return self.log_batch(tiles=native, **batch)

    def log_text(self, name: str, text: str) -> bool:
        """A text under a name."""
        return self._log_text(name, text)

    def log_images(self, name: str, images) -> bool:
        """At most 64 pictures under a name: one, or a sequence; an Image adds a caption. Shrunk to 1024 pixels."""
        keep = []
        many = images if isinstance(images, (list, tuple)) or getattr(images, "ndim", 0) == 4 else [images]
        made = [image if isinstance(image, Image) else Image(image) for image in many]
        return self._log_images(name, [image.native(keep) for image in made])

    def log_histogram(self, name: str, values=None, bins: int = 64, *, edges=None, counts=None) -> bool:
        """How `values` (any shape) are spread over `bins` equal bins; or the edges and counts of a histogram made."""
        if (values is None) == (edges is None or counts is None):
            raise TypeError("log_histogram() needs values, or edges and counts")
        if values is None:
            return self._log_histogram(name, _doubles(edges), _doubles(counts))
        floats = to_numpy(values).astype("float32", copy=False).ravel()
        if not floats.flags["C_CONTIGUOUS"]:
            floats = floats.copy()
        return self._log_distribution(name, floats.__array_interface__["data"][0], floats.size, bins)

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[str], values) -> bool:
        """Numbers in rows and columns: values[row][column]. A confusion matrix has the true class as its rows."""
        flat = [number for row in values for number in row]
        return self._log_table(name, [str(c) for c in columns], [str(r) for r in rows], _doubles(flat))

    # --- commands ------------------------------------------------------------------------------------------------

    def knob(
        self,
        name: str,
        value: Any = None,
        *,
        min: Optional[float] = None,
        max: Optional[float] = None,
        choices: Optional[Sequence[str]] = None,
        unit: str = "",
        help: str = "",
        type: Optional[str] = None,
    ):
        """A decorator: what people may change while the training runs.

            @bus.knob("weight_decay", 0.01, min=0, max=1)
            def set_weight_decay(value):
                for group in optimizer.param_groups: group["weight_decay"] = value

        The function is called at a step boundary, in the thread of step(), with a value of the type of `value`: float,
        int, bool, or one of `choices`; without a value it is an action. What it returns is the value now in force
        (None: as asked for), for an action what came of it. When it raises, the command is refused with the message,
        and the training goes on. The names "learning_rate" and "batch_size" are those that every tool knows.
        """
        kind = type or _knob_type(name, value, choices)
        if kind not in _KNOB_TYPES:
            raise ValueError(f"knob {name!r}: type must be one of {', '.join(_KNOB_TYPES)}, not {kind!r}")

        def declare(function):
            if not callable(function):
                raise TypeError(f"knob {name!r}: its handler must be callable, not {function.__class__.__name__}")
            convert = _CONVERT[kind]
            state = {"value": value}

            def handle(text):
                asked = convert(text)
                result = function() if kind == "action" else function(asked)
                if kind == "action":
                    return None if result is None else ("", _text(result))
                before, now = state["value"], asked if result is None else result
                state["value"] = now
                return ("" if before is None else _text(before)), _text(now)

            given = None if value is None else _text(convert(_text(value)))
            offered = self._offer(
                name, _KNOB_TYPES[kind], given, min, max, unit, help or _first_line(function), choices, handle
            )
            if not offered and not self._closed:
                raise ValueError(f"knob {name!r} cannot be offered: {self.problem or 'see the line before this'}")
            return function

        return declare

    def expect_silence(self, seconds: float) -> None:
        """The loop will be silent (a checkpoint, a validation) for at most this long, and is not stalled."""
        self._expect(float(seconds))

    # --- the end -------------------------------------------------------------------------------------------------

    def finish(self, status: str = "completed", message: str = "", timeout: float = _CLOSE_SECONDS) -> bool:
        """Says "completed", "failed" or "stopped", and closes."""
        if self._closed:
            return True
        self._say(_status(status), message)
        return self.close(timeout)

    def close(self, timeout: float = _CLOSE_SECONDS) -> bool:
        """Waits, at most `timeout` seconds, until the broker has stored everything. True when it has; the rest stays
        in the spool for the next start. log* return False afterwards."""
        if self._closed:
            return True
        self._closed = True
        _open.pop((self.run, self.trainer), None)
        return self._close(float(timeout))


def _off(run, trainer):
    return Producer(run, trainer, "off")


def _status(name: str) -> int:
    try:
        return _STATUS[name]
    except (KeyError, TypeError):
        raise ValueError(f"status must be one of {', '.join(_STATUS)}, not {name!r}") from None


def _knob_type(name, value, choices):
    if choices is not None:
        return "choice"
    if name in ("learning_rate", "batch_size"):
        return "number" if name == "learning_rate" else "integer"
    if value is None:
        return "action"
    if isinstance(value, bool):
        return "switch"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "choice"


_CONVERT = {
    "action": lambda text: None,
    "number": float,
    "integer": lambda text: int(float(text)),
    "choice": str,
    "switch": lambda text: text == "on",
}


def _first_line(function) -> str:
    return (function.__doc__ or "").strip().split("\n")[0]


def _texts(texts, what):
    if isinstance(texts, str):
        raise TypeError(f"{what} must be a sequence of texts, not one text: {texts!r}")
    return [str(text) for text in texts]


def _flat(parameters, prefix=""):
    if not isinstance(parameters, Mapping):
        if not hasattr(parameters, "__dict__"):
            raise TypeError(f"parameters must be a mapping, or an object with attributes, not {type(parameters).__name__}")
        parameters = vars(parameters)
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", _text(value).replace("\0", "")


def _doubles(numbers) -> bytes:
    return array("d", [float(number) for number in numbers]).tobytes()


@contextmanager
def run(run: Optional[str] = None, trainer: Optional[str] = None, broker: Optional[str] = None, **options):
    """`with trainbus.run("mnist", total_epochs=3) as bus:`: a Producer that has started. The arguments of Producer and
    of start() together."""
    started = ("total_epochs batches_per_epoch batch_size learning_rate first_step model dataset class_names "
               "parameters tags notes").split()
    plan = {name: options.pop(name) for name in started if name in options}
    with Producer(run, trainer, broker, **options) as bus:
        bus.start(**plan)
        yield bus


@atexit.register
def _close_all():
    for producer in list(_open.values()):
        if getattr(sys, "last_value", None) is not None or getattr(sys, "last_exc", None) is not None:
            producer.finish("failed", f"{type(sys.last_value).__name__}: {sys.last_value}")
        else:
            producer.close()
