"""LightGBM: a callback that reports and obeys: lightgbm.train(..., callbacks=[trainbus_callback(run="trees")])."""

import lightgbm

from ._producer import Producer


class trainbus_callback:
    """One step a boosting round. The arguments are those of trainbus.Producer."""

    order = 5
    before_iteration = False

    def __init__(self, run=None, trainer=None, broker=None, **options):
        self._arguments = dict(run=run, trainer=trainer, broker=broker, **options)
        self.bus = None
        self._rate = None

    def __call__(self, env):
        if self.bus is None:
            self.bus = Producer(client_name="lightgbm", **self._arguments)
            rate = float(env.params.get("learning_rate", 0.1))

            @self.bus.knob("learning_rate", rate, min=0.0)
            def learning_rate(value):
                self._rate = value

            self.bus.start(batches_per_epoch=env.end_iteration - env.begin_iteration, model="lightgbm",
                           learning_rate=rate, parameters=env.params)
        values = {f"{result[0]}/{result[1]}": result[2] for result in env.evaluation_result_list}
        self.bus.log_batch(epoch=1, batch=env.iteration - env.begin_iteration, values=values)
        go_on = self.bus.step()
        if self._rate is not None:
            env.model.reset_parameter({"learning_rate": self._rate})
        if not go_on:
            self.bus.finish("stopped")
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)
        if env.iteration + 1 == env.end_iteration:
            self.bus.finish("completed")
