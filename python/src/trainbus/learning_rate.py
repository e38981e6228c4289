"""A learning rate that stays what somebody set it to, whatever the schedule says.

Schedules write param_groups themselves: LambdaLR (all of Hugging Face's) and OneCycleLR overwrite a value at their next
step, and some trainers write a warm-up by hand. So the value is set again after each step of the scheduler and before
each step of the optimizer, until release() gives the schedule back.
"""

from functools import wraps
from typing import Iterable, Optional


class LearningRate:
    """optimizers, schedulers: of PyTorch, one or several; what looks like them is enough (param_groups; step())."""

    def __init__(self, optimizers, schedulers=()):
        self.optimizers = _many(optimizers)
        self.schedulers = _many(schedulers)
        self.held: Optional[float] = None
        self._hooked = False

    def get(self) -> Optional[float]:
        """Of the first group of the first optimizer."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                return float(group["lr"])
        return None

    def hold(self, value: float) -> float:
        """Sets it, and keeps it there."""
        self.held = value
        for scheduler in self.schedulers:
            self._apply_after(scheduler)
        self._apply_before_steps()
        self.apply()
        return value

    def release(self) -> str:
        """The schedule decides again, from its next step on."""
        was, self.held = self.held, None
        return "the schedule decides again" if was is not None else "the schedule decides already"

    def follow(self, held: Optional[float]) -> None:
        """What another process of the job holds, or no longer does (None)."""
        if held is None:
            self.held = None
        elif held != self.held:
            self.hold(held)

    def apply(self) -> None:
        """Sets the held value again, if there is one."""
        if self.held is None:
            return
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if hasattr(group["lr"], "fill_"):  # a tensor, of a captured or compiled optimizer
                    group["lr"].fill_(self.held)
                else:
                    group["lr"] = self.held

    def offer(self, bus) -> None:
        """Offers it to everybody: the knob learning_rate, and the action follow_schedule where there is a schedule."""

        @bus.knob("learning_rate", self.get(), min=0.0, help="held until follow_schedule")
        def learning_rate(value):
            return self.hold(value)

        if self.schedulers:

            @bus.knob("follow_schedule", help="give the learning rate back to the schedule")
            def follow_schedule():
                return self.release()

    def _apply_before_steps(self):
        if not self._hooked:
            self._hooked = True
            for optimizer in self.optimizers:
                own = getattr(optimizer, "optimizer", optimizer)  # what Accelerate wraps
                if hasattr(own, "register_step_pre_hook"):  # PyTorch from 2.0 on
                    own.register_step_pre_hook(lambda *_: self.apply())

    def _apply_after(self, scheduler):
        step = scheduler.step
        if getattr(step, "_trainbus", None) is self:
            return

        @wraps(step)
        def followed(*args, **kwargs):
            result = step(*args, **kwargs)
            self.apply()
            return result

        followed._trainbus = self
        scheduler.step = followed


def _many(given) -> list:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) or isinstance(given, Iterable) else [given]
