"""Hugging Face Transformers: a callback that reports and obeys.

    trainer = Trainer(model, args, ..., callbacks=[TrainbusCallback(run="bert")])
"""

from typing import Optional

from transformers import TrainerCallback

from ._agreement import agreed_step
from ._producer import Producer
from .learning_rate import LearningRate


class TrainbusCallback(TrainerCallback):
    """Every step and everything that is logged; pause, stop, learning_rate, and the actions save and evaluate. The
    arguments are those of trainbus.Producer. In a distributed training rank 0 is the trainer; pause, stop and
    learning_rate are those of all ranks at the same step."""

    def __init__(self, run: Optional[str] = None, trainer: Optional[str] = None, broker: Optional[str] = None, **options):
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus: Optional[Producer] = None
        self._rate = None
        self._asked = set()

    def on_train_begin(self, args, state, control, model=None, optimizer=None, lr_scheduler=None, **kwargs):
        self._rate = LearningRate(optimizer, lr_scheduler)
        if not state.is_world_process_zero:
            return
        self.bus = Producer(client_name="transformers", **self._arguments)
        self._rate.offer(self.bus)
        for action in ("save", "evaluate"):
            self.bus.knob(action, help=f"{action} at the next step")(lambda action=action: self._asked.add(action))
        self.bus.start(total_epochs=int(args.num_train_epochs), batch_size=args.train_batch_size,
                       batches_per_epoch=int(state.max_steps / args.num_train_epochs) if args.num_train_epochs else 0,
                       learning_rate=args.learning_rate, first_step=state.global_step or None,
                       model=type(model).__name__ if model is not None else "", parameters=args.to_dict())

    def on_step_begin(self, args, state, control, **kwargs):
        if not agreed_step(self.bus, self._rate, _broadcast if args.world_size > 1 else None, self._asked):
            control.should_training_stop = True
        return control

    def on_step_end(self, args, state, control, **kwargs):
        # The step's own loss is nowhere to be had without waiting for the device: on_log has the mean over some.
        if self.bus is not None:
            self.bus.log_batch(epoch=int(state.epoch or 0) + 1, learning_rate=self._rate.get(),
                               batch_size=args.train_batch_size)
        control.should_save |= "save" in self._asked
        control.should_evaluate |= "evaluate" in self._asked
        self._asked.clear()
        return control

    def on_log(self, args, state, control, logs=None, **kwargs):
        if self.bus is not None and logs:
            numbers = {name: value for name, value in logs.items() if isinstance(value, (int, float)) and name != "epoch"}
            self.bus.log(numbers, step=state.global_step)

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        if self.bus is not None and metrics:
            self.bus.log_epoch(int(state.epoch or 0) or 1, validation_loss=metrics.get("eval_loss"),
                               validation_accuracy=metrics.get("eval_accuracy"))

    def on_train_end(self, args, state, control, **kwargs):
        if self.bus is not None:
            self.bus.finish("stopped" if self.bus.stop_commanded else "completed")


def _broadcast(said):
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([said])[0]
