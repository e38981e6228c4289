"""Commands in a distributed training: all ranks apply them at the same step.

A pause on one rank hangs the others in their collective, and a learning rate on one rank diverges. So rank 0 alone
takes commands, and the job's own process group carries them:

    import torch.distributed as dist
    dist.init_process_group("gloo")
    bus = trainbus.distributed.Producer(run="job")         # on every rank; trainer "rank3"
    @bus.knob("learning_rate", 0.1)                        # on every rank, the same
    def learning_rate(value): ...
    while bus.step(): ...

step() is a collective: every rank calls it, equally often. It costs one broadcast of 8 bytes.
"""

import warnings
from typing import Any, Callable, Dict, Optional

from . import _names
from ._agreement import PAUSE_LOOK_SECONDS
from ._producer import Producer as _Producer


class Producer(_Producer):
    """A Producer of each rank, whose step() agrees with the others.

    group: the process group that carries the commands; None: the default one.
    The other arguments are those of trainbus.Producer. A pause does not trip the group's timeout: while it lasts, the
    ranks meet once a second. A handler that fails on rank 0 refuses the command for all; one that fails on another rank
    alone is a warning there.
    """

    def __init__(self, *args, group: Optional[Any] = None, **kwargs):
        import torch.distributed

        if not torch.distributed.is_initialized():
            raise RuntimeError("trainbus.distributed needs torch.distributed.init_process_group() first")
        self._dist, self._group = torch.distributed, group
        self._rank = torch.distributed.get_rank(group)
        self._handlers: Dict[str, Callable] = {}
        self._agreed = []
        super().__init__(*args, **kwargs)

    def knob(self, name: str, value: Any = None, **options):
        """As trainbus.Producer.knob, on every rank. What rank 0 answers is what people see."""
        declare = super().knob(name, value, **options)

        def declare_everywhere(function):
            self._handlers[name] = function
            if self._rank != 0:
                return function  # rank 0 is asked; the others follow it

            def on_first(*values):
                result = function(*values)
                self._agreed.append((name, values))
                return result

            on_first.__doc__ = function.__doc__
            declare(on_first)
            return function

        return declare_everywhere

    def step(self) -> bool:
        """The boundary between two steps, for all ranks: the commands of rank 0 are applied, a pause waits. False
        everywhere when the training should end."""
        if self._rank != 0:
            return self._follow()
        while True:
            state = super()._try_step(0.0)
            self._send(state)
            if state != "held":
                return state == "go"
            super()._try_step(PAUSE_LOOK_SECONDS)

    def _send(self, state):
        agreed, self._agreed = self._agreed, []
        self._broadcast_size(1 if state == "go" and not agreed else 0)
        if state != "go" or agreed:
            self._dist.broadcast_object_list([(state, agreed)], src=self._source(), group=self._group)

    def _follow(self):
        while True:
            if self._broadcast_size(0) == 1:
                return True
            box = [None]
            self._dist.broadcast_object_list(box, src=self._source(), group=self._group)
            state, agreed = box[0]
            for name, values in agreed:
                self._call(name, values)
            if state != "held":
                return state == "go"

    def _call(self, name, values):
        try:
            self._handlers[name](*values)
        except Exception as error:
            warnings.warn(f"trainbus: knob {name!r} was applied on rank 0 and failed on rank {self._rank}: {error!r}",
                          stacklevel=3)

    def _broadcast_size(self, value):
        import torch

        device = "cuda" if self._dist.get_backend(self._group) == "nccl" else "cpu"
        plain_go = torch.tensor([value], dtype=torch.int64, device=device)
        self._dist.broadcast(plain_go, src=self._source(), group=self._group)
        return int(plain_go.item())

    def _source(self):
        return self._dist.get_global_rank(self._group, 0) if self._group is not None else 0


def rank() -> Optional[int]:
    """This process's rank by its environment; None outside a job."""
    return _names.rank()
