"""XGBoost: a callback that reports and obeys: xgboost.train(..., callbacks=[TrainbusCallback(run="trees")])."""

import json

import xgboost

from ._producer import Producer


class TrainbusCallback(xgboost.callback.TrainingCallback):
    """One step a boosting round. The arguments are those of trainbus.Producer."""

    def __init__(self, run=None, trainer=None, broker=None, **options):
        super().__init__()
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus = None
        self._rate = self._held = None

    def before_training(self, model):
        self.bus = Producer(client_name="xgboost", **self._arguments)
        self._held = None
        self._rate = _rate(model)

        @self.bus.knob("learning_rate", self._rate, min=0.0, help="of the trees to come, whatever a schedule says")
        def learning_rate(value):
            self._held = value

        self.bus.start(model="xgboost", learning_rate=self._rate)
        return model

    def before_iteration(self, model, epoch, evals_log):
        go_on = self.bus.step()
        if self._held is not None:
            model.set_param("learning_rate", self._held)
            self._rate = self._held
        return not go_on

    def after_iteration(self, model, epoch, evals_log):
        values = {f"{data}/{metric}": history[-1] if not isinstance(history[-1], tuple) else history[-1][0]
                  for data, metrics in evals_log.items() for metric, history in metrics.items()}
        self.bus.log_batch(epoch=1, batch=epoch, learning_rate=self._rate, values=values)
        return False

    def after_training(self, model):
        self.bus.finish("stopped" if self.bus.stop_commanded else "completed")
        return model


def _rate(model):
    """What the trees are made with; None where the booster has none, or cannot say."""
    try:
        booster = json.loads(model.save_config())["learner"]["gradient_booster"]
        return float(booster.get("tree_train_param", booster)["learning_rate"])
    except (KeyError, TypeError, ValueError):
        return None
