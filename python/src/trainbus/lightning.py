"""PyTorch Lightning: a logger, and a callback that makes the training obey.

    bus = TrainbusLogger(run="mnist")
    trainer = Trainer(logger=bus, callbacks=[TrainbusCallback(bus)])
"""

from typing import Optional

try:
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers.logger import Logger
    from lightning.pytorch.utilities import rank_zero_only
except ImportError:
    from pytorch_lightning.callbacks import Callback
    from pytorch_lightning.loggers.logger import Logger
    from pytorch_lightning.utilities import rank_zero_only

from ._agreement import agreed_step
from ._producer import Producer
from .learning_rate import LearningRate


class TrainbusLogger(Logger):
    """What the model logs, under its names. The arguments are those of trainbus.Producer."""

    def __init__(self, run: Optional[str] = None, trainer: Optional[str] = None, broker: Optional[str] = None, **options):
        super().__init__()
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self._bus = None
        self._parameters = {}

    @property
    def experiment(self) -> Producer:
        """The Producer, opened at the first use; in ranks other than the first it is one that is off."""
        if self._bus is None:
            off = {"broker": "off"} if getattr(rank_zero_only, "rank", 0) else {}
            self._bus = Producer(client_name="lightning", **{**self._arguments, **off})
        return self._bus

    @property
    def name(self):
        return self.experiment.run

    @property
    def version(self):
        return self.experiment.trainer

    @rank_zero_only
    def log_metrics(self, metrics, step=None):
        self.experiment.log({name: value for name, value in metrics.items() if name != "epoch"}, step=step)

    @rank_zero_only
    def log_hyperparams(self, params, *args, **kwargs):
        self._parameters = params if isinstance(params, dict) else dict(vars(params))
        self.experiment.change_plan("hyperparameters", parameters=self._parameters)

    @rank_zero_only
    def finalize(self, status):
        if self._bus is not None:
            stopped = self._bus.stop_commanded
            said = "stopped" if stopped else "completed" if status in ("success", "finished") else "failed"
            self._bus.finish(said, "" if said == "completed" else status)


class TrainbusCallback(Callback):
    """Steps, epochs, and commands: pause, stop, learning_rate, and the knobs that you add to logger.experiment.

    In a distributed training rank 0 takes the commands; pause, stop and learning_rate are those of all ranks at the same
    step. A handler of a knob of yours runs on rank 0 alone.
    """

    def __init__(self, logger: TrainbusLogger):
        self._logger = logger
        self._rate = None

    @property
    def _bus(self):
        return self._logger.experiment

    def on_train_start(self, trainer, module):
        self._rate = LearningRate(trainer.optimizers, [each.scheduler for each in trainer.lr_scheduler_configs])
        if not trainer.is_global_zero:
            return
        batches = trainer.num_training_batches
        known = isinstance(batches, int)
        self._rate.offer(self._bus)
        self._bus.change_plan("", total_epochs=max(0, trainer.max_epochs or 0), batches_per_epoch=batches if known else 0,
                              learning_rate=self._rate.get(), first_step=trainer.global_step or None,
                              model=type(module).__name__)

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        bus = self._bus if trainer.is_global_zero else None
        go_on = agreed_step(bus, self._rate, trainer.strategy.broadcast if trainer.world_size > 1 else None)
        if not go_on:
            trainer.should_stop = True
            return -1
        return None

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if not trainer.is_global_zero:
            return
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        self._bus.log_batch(loss=None if loss is None else loss.detach(), epoch=trainer.current_epoch + 1,
                            batch=batch_idx, learning_rate=self._rate.get() if self._rate else None)

    def on_train_epoch_end(self, trainer, module):
        if trainer.is_global_zero:
            said = {name: value for name, value in trainer.callback_metrics.items()}
            self._bus.log_epoch(trainer.current_epoch + 1, validation_loss=said.get("val_loss"),
                                validation_accuracy=said.get("val_acc"))

    def on_exception(self, trainer, module, exception):
        if trainer.is_global_zero:
            stopped = isinstance(exception, KeyboardInterrupt)
            self._bus.finish("stopped" if stopped else "failed", f"{type(exception).__name__}: {exception}")
