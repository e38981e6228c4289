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
        self._rate = self._held = None

    def __call__(self, env):
        if env.iteration == env.begin_iteration:
            self._begin(env)
        values = {f"{result[0]}/{result[1]}": result[2] for result in env.evaluation_result_list}
        self.bus.log_batch(epoch=1, batch=env.iteration - env.begin_iteration, learning_rate=self._rate, values=values)
        go_on = self.bus.step()
        if self._held is not None:
            env.model.reset_parameter({"learning_rate": self._held})
        if not go_on:
            self.bus.finish("stopped")
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)
        if env.iteration + 1 == env.end_iteration:
            self.bus.finish("completed")

    def _begin(self, env):
        self.bus = Producer(client_name="lightgbm", **self._arguments)
        self._held = None
        self._rate = float(env.params.get("learning_rate", 0.1))
        self._follow(env.model)

        @self.bus.knob("learning_rate", self._rate, min=0.0, help="of the trees to come, whatever a schedule says")
        def learning_rate(value):
            self._held = value

        self.bus.start(batches_per_epoch=env.end_iteration - env.begin_iteration, model="lightgbm",
                       learning_rate=self._rate, parameters=env.params)

    def _follow(self, model):
        """lightgbm.reset_parameter() is a schedule, and sets the rate just before a tree is made: it too gets the rate
        that was set here."""
        reset = model.reset_parameter

        def held(params):
            rate = params.get("learning_rate") if self._held is None else self._held
            if rate is not None:
                params, self._rate = {**params, "learning_rate": rate}, rate
            return reset(params)

        model.reset_parameter = held
