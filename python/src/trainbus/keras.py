"""Keras 3: a callback that reports and obeys.

    model.fit(x, y, callbacks=[TrainbusCallback(run="mnist")])
"""

from typing import Optional

import keras
import numpy

from ._producer import Producer


class TrainbusCallback(keras.callbacks.Callback):
    """Every batch and epoch; pause, stop and learning_rate. The arguments are those of trainbus.Producer."""

    def __init__(self, run: Optional[str] = None, trainer: Optional[str] = None, broker: Optional[str] = None, **options):
        super().__init__()
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus: Optional[Producer] = None
        self._epoch = 0
        self._held = self._schedule = None

    def on_train_begin(self, logs=None):
        self.bus = Producer(client_name="keras", **self._arguments)
        self._held = None
        given = self.model.optimizer._learning_rate
        self._schedule = given if callable(given) and not isinstance(given, keras.Variable) else None

        @self.bus.knob("learning_rate", self._rate(), min=0.0, help="held, whatever a schedule says, until follow_schedule")
        def learning_rate(value):
            self._held = value
            self._apply()

        @self.bus.knob("follow_schedule", help="give the learning rate back to the schedule")
        def follow_schedule():
            self._held = None
            self._use(self._schedule)

        self.bus.start(total_epochs=self.params.get("epochs") or 0, batches_per_epoch=self.params.get("steps") or 0,
                       learning_rate=self._rate(), model=self.model.name)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_begin(self, batch, logs=None):
        if not self.bus.step():
            self.model.stop_training = True
        self._apply()

    def on_train_batch_end(self, batch, logs=None):
        logs = dict(logs or {})
        accuracy = logs.pop("accuracy", None)
        self.bus.log_batch(loss=logs.pop("loss", None), accuracy=accuracy, epoch=self._epoch, batch=batch,
                           learning_rate=self._rate(), values=logs)
        self._apply()
        if self.bus.stop_commanded:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        self.bus.log_epoch(epoch + 1, loss=logs.pop("loss", None), accuracy=logs.pop("accuracy", None),
                           validation_loss=logs.pop("val_loss", None), validation_accuracy=logs.pop("val_accuracy", None),
                           values=logs)

    def on_train_end(self, logs=None):
        self._use(self._schedule)
        self.bus.finish("stopped" if self.bus.stop_commanded else "completed")

    def _rate(self):
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _apply(self):
        if self._held is None:
            return
        if self._schedule is None:
            self.model.optimizer.learning_rate = self._held
        elif self._rate() != numpy.float32(self._held):
            self._use(keras.optimizers.schedules.ExponentialDecay(self._held, decay_steps=1, decay_rate=1.0))

    def _use(self, schedule):
        """An optimizer with a schedule takes no number: a constant schedule does instead, one that Keras can save. What
        was compiled with the other is compiled again."""
        if schedule is not None and self.model.optimizer._learning_rate is not schedule:
            self.model.optimizer._learning_rate = schedule
            self.model.make_train_function(force=True)
