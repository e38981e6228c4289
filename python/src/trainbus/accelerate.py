"""Hugging Face Accelerate: a tracker.

    tracker = TrainbusTracker(run="mnist")
    accelerator = Accelerator(log_with=tracker)
    accelerator.init_trackers("mnist", config)
    ... accelerator.log({"loss": loss}, step=n) ... accelerator.end_training()

For commands ask it once a step, in every process (accelerator.get_tracker() gives all but the main one an empty one):

    tracker.offer_learning_rate(optimizer, scheduler)
    while tracker.step(): ...
"""

from accelerate.state import PartialState
from accelerate.tracking import GeneralTracker, on_main_process
from accelerate.utils import broadcast_object_list

from ._agreement import agreed_step
from ._producer import Producer
from .learning_rate import LearningRate


class TrainbusTracker(GeneralTracker):
    """The arguments are those of trainbus.Producer."""

    name = "trainbus"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run=None, trainer=None, broker=None, **options):
        super().__init__()
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus = None
        self._rate = None
        self._stepping = False

    @on_main_process
    def start(self):
        """Called by init_trackers(): until then it is not known which process is the main one."""
        if self.bus is None:
            self.bus = Producer(client_name="accelerate", **self._arguments)
            self.bus.start()

    @property
    def tracker(self):
        return self.bus

    def offer_learning_rate(self, optimizer, scheduler=None):
        """On every process: what people set is held in all of them, whatever the schedule says."""
        self._rate = LearningRate(optimizer, scheduler)
        if self.bus is not None:
            self._rate.offer(self.bus)

    def step(self):
        """The boundary between two steps, on every process: the one before is finished, and commands are applied. False in
        all of them when the training should end."""
        self._finish_step()
        self._stepping = agreed_step(self.bus, self._rate, _broadcast if PartialState().num_processes > 1 else None)
        return self._stepping

    def _finish_step(self):
        if self._stepping and self.bus is not None:
            self.bus.log_batch(learning_rate=self._rate.get() if self._rate else None)
        self._stepping = False

    @on_main_process
    def store_init_configuration(self, values):
        self.start()  # of a release that does not call it
        self.bus.change_plan("configuration", parameters=values)

    @on_main_process
    def log(self, values, step=None, **kwargs):
        numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
        self.bus.log(numbers, step=step)

    @on_main_process
    def log_images(self, values, step=None, **kwargs):
        for name, images in values.items():
            self.bus.log_images(name, list(images))

    @on_main_process
    def finish(self):
        self._finish_step()
        self.bus.finish("stopped" if self.bus.stop_commanded else "completed")


def _broadcast(said):
    return broadcast_object_list([said])[0]
