"""trainbus: a live bus for machine-learning training.

    import trainbus

    with trainbus.Producer(run="mnist", trainer="t0") as bus:
        bus.start(total_epochs=10, batches_per_epoch=500, parameters={"lr": 0.1})
        for step, batch in enumerate(loader):
            if not bus.step():              # pause, stop and knobs are applied here
                break
            loss = train(batch)
            bus.log_batch(loss=loss, values={"grad_norm": norm})

Nothing in a training loop blocks on the broker, and nothing of it is lost when the broker, or this process, is killed.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from ._native import version as __version__
from ._producer import Producer, Rejected, run
from ._pictures import Image, Tile

if TYPE_CHECKING:
    from ._wire import BusError
    from .consumer import Consumer
    from .control import Control
    from .tensorboard import SummaryWriter

__all__ = ["BusError", "Consumer", "Control", "Image", "Producer", "Rejected", "SummaryWriter", "Tile", "__version__",
           "run"]

# Imported when they are asked for: a training needs neither pyzmq nor protobuf.
_LAZY = {"BusError": "._wire", "Consumer": ".consumer", "Control": ".control", "SummaryWriter": ".tensorboard"}


def __getattr__(name):
    if name in _LAZY:
        return getattr(_import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module 'trainbus' has no attribute {name!r}")
