"""XGBoost: a callback that reports and obeys: xgboost.train(..., callbacks=[TrainbusCallback(run="trees")])."""

import xgboost

from ._producer import Producer


class TrainbusCallback(xgboost.callback.TrainingCallback):
    """One step a boosting round. The arguments are those of trainbus.Producer."""

    def __init__(self, run=None, trainer=None, broker=None, **options):
        super().__init__()
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus = None
        self._rate = None

    def before_training(self, model):
        self.bus = Producer(client_name="xgboost", **self._arguments)

        @self.bus.knob("learning_rate", 0.3, min=0.0)
        def learning_rate(value):
            self._rate = value

        self.bus.start(model="xgboost")
        return model

    def before_iteration(self, model, epoch, evals_log):
        go_on = self.bus.step()
        if self._rate is not None:
            model.set_param("learning_rate", self._rate)
        return not go_on

    def after_iteration(self, model, epoch, evals_log):
        values = {f"{data}/{metric}": history[-1] if not isinstance(history[-1], tuple) else history[-1][0]
                  for data, metrics in evals_log.items() for metric, history in metrics.items()}
        self.bus.log_batch(epoch=1, batch=epoch, values=values)
        return False

    def after_training(self, model):
        self.bus.finish("stopped" if self.bus.stop_commanded else "completed")
        return model
