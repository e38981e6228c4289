"""Ultralytics YOLO: callbacks that report and obey.

    model = YOLO("yolo11n.pt")
    trainbus.ultralytics.attach(model, run="yolo")
    model.train(...)
"""

from ._producer import Producer
from .learning_rate import LearningRate


def attach(model, run=None, trainer=None, broker=None, **options) -> None:
    """Adds the callbacks to a model. The arguments are those of trainbus.Producer."""
    state = {}

    def on_train_start(training):
        if getattr(training, "rank", -1) not in (-1, 0):  # LOCAL_RANK: others follow through the group
            return
        bus = state["bus"] = Producer(run, trainer, broker, client_name="ultralytics", **options)
        rate = state["rate"] = LearningRate(training.optimizer, getattr(training, "scheduler", None))
        rate.offer(bus)
        bus.start(total_epochs=training.epochs, batches_per_epoch=len(training.train_loader),
                  batch_size=training.batch_size, learning_rate=rate.get(), model=str(training.args.model),
                  dataset=str(training.args.data), parameters=vars(training.args))

    def on_train_batch_start(training):
        bus = state.get("bus")
        if bus is not None and not bus.step():
            training.stop = True
            if hasattr(training, "stopper"):
                training.stopper.possible_stop = True

    def on_train_batch_end(training):
        bus = state.get("bus")
        if bus is None:
            return
        state["rate"].apply()
        values = {f"loss/{name}": value for name, value in _losses(training)}
        bus.log_batch(loss=training.loss.detach().sum(), epoch=training.epoch + 1, learning_rate=state["rate"].get(),
                      values=values)

    def on_fit_epoch_end(training):
        bus = state.get("bus")
        if bus is not None:
            bus.log_epoch(training.epoch + 1, values={k: float(v) for k, v in training.metrics.items()})

    def on_train_end(training):
        bus = state.pop("bus", None)
        if bus is not None:
            bus.finish("stopped" if bus.stop_commanded else "completed")

    for callback in (on_train_start, on_train_batch_start, on_train_batch_end, on_fit_epoch_end, on_train_end):
        model.add_callback(callback.__name__, callback)


def _losses(training):
    """By name; a tensor of them before release 8.4."""
    items = training.loss_items
    if isinstance(items, dict):
        return [(name, float(value)) for name, value in items.items()]
    return list(zip(training.loss_names, items.detach().reshape(-1).cpu().tolist()))
