"""Hugging Face Accelerate: a tracker.

    accelerator = Accelerator(log_with=TrainbusTracker(run="mnist"))
    accelerator.init_trackers("mnist", config)
    ... accelerator.log({"loss": loss}, step=n) ... accelerator.end_training()

For commands call `accelerator.get_tracker("trainbus").step()` once a step.
"""

from accelerate.tracking import GeneralTracker, on_main_process

from ._producer import Producer


class TrainbusTracker(GeneralTracker):
    """The arguments are those of trainbus.Producer."""

    name = "trainbus"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run=None, trainer=None, broker=None, **options):
        super().__init__()
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus = None
        self.start()

    @on_main_process
    def start(self):
        if self.bus is None:
            self.bus = Producer(client_name="accelerate", **self._arguments)

    @property
    def tracker(self):
        return self.bus

    @on_main_process
    def store_init_configuration(self, values):
        self.bus.start(parameters=values)

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
        self.bus.finish("stopped" if self.bus.stop_commanded else "completed")
