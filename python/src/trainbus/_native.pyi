"""trainbus.h as a Python type. Producer in trainbus is this, with what Python does better on top."""

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, SupportsFloat, Tuple

version: str

_Score = Tuple[int, Optional[str], float]  # class, label, score 0..1
_Prediction = Tuple[int, Optional[str], float, Sequence[_Score]]  # class, label, confidence 0..1, best first

class Producer:
    def __init__(
        self,
        run: str,
        trainer: str,
        broker: Optional[str],
        spool_dir: Optional[str],
        spool_bytes: int,
        heartbeat_ms: int,
        max_tile_rate: float,
        tile_pixels: int,
        jpeg_quality: int,
        no_environment: bool,
        no_metering: bool,
        client_name: str,
        on_problem: Optional[Callable[[str], None]],
        key: Optional[str],
    ) -> None: ...
    @property
    def incarnation(self) -> int:
        """This start of the trainer, unique with run and trainer."""
    @property
    def connected(self) -> bool:
        """True while the broker answers."""
    @property
    def watched(self) -> bool:
        """True while somebody watches the tiles."""
    @property
    def paused(self) -> bool:
        """True while the training is paused by a command."""
    @property
    def stop_commanded(self) -> bool:
        """True once a stop was commanded."""
    @property
    def problem(self) -> str:
        """Why records are refused or not kept safe, in one line; or ''."""
    @property
    def counters(self) -> Dict[str, int]:
        """What became of the records and tiles: accepted = stored + in_outbox, ..."""
    def log(self, values: Mapping[str, SupportsFloat], step: Optional[int] = None) -> bool:
        """Named values at any time; step: of the whole training, None: the one that was finished last."""
    def log_batch(
        self,
        loss: Optional[SupportsFloat] = None,
        accuracy: Optional[SupportsFloat] = None,
        epoch: int = 0,
        batch: int = 0,
        batch_size: int = 0,
        learning_rate: Optional[SupportsFloat] = None,
        values: Optional[Mapping[str, SupportsFloat]] = None,
        predictions: Optional[Sequence[_Prediction]] = None,
        ground_truth: Optional[Sequence[int]] = None,
        tiles: Optional[Callable[[int], Sequence[Any]]] = None,
        record: bool = True,
    ) -> bool:
        """One finished step. epoch counts from 1, batch from 0, accuracy is 0..1; what is None is not said."""
    def log_epoch(
        self,
        epoch: int,
        loss: Optional[SupportsFloat] = None,
        accuracy: Optional[SupportsFloat] = None,
        learning_rate: Optional[SupportsFloat] = None,
        validation_loss: Optional[SupportsFloat] = None,
        validation_accuracy: Optional[SupportsFloat] = None,
        is_converged: bool = False,
        values: Optional[Mapping[str, SupportsFloat]] = None,
    ) -> bool:
        """One finished epoch, from 1; accuracies are 0..1."""
    def step(self) -> bool:
        """The boundary between two steps. False when the training should end."""
    def interrupt(self) -> None:
        """step() returns False from now on."""
    def _try_step(self, seconds: float, /) -> str: ...  # "go", "held" or "end"
    def _start(self, plan: Tuple[Any, ...], message: str = ..., /) -> bool: ...
    def _say(self, status: int, message: str, /) -> bool: ...
    def _close(self, seconds: float, /) -> bool: ...
    def _offer(
        self,
        name: str,
        type: int,
        value: Optional[str],
        min: Optional[float],
        max: Optional[float],
        unit: str,
        help: str,
        choices: Optional[Sequence[str]],
        handler: Callable[[str], Optional[Tuple[str, str]]],
        /,
    ) -> bool: ...
    def _expect(self, seconds: float, /) -> None: ...
    def _log_text(self, name: str, text: str, /) -> bool: ...
    def _log_images(self, name: str, images: Sequence[Any], /) -> bool: ...
    def _log_histogram(self, name: str, edges: bytes, counts: bytes, /) -> bool: ...
    def _log_distribution(self, name: str, address: int, count: int, bins: int, /) -> bool: ...
    def _log_table(self, name: str, columns: Sequence[str], rows: Sequence[str], values: bytes, /) -> bool: ...
