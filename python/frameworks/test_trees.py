"""XGBoost and LightGBM: a boosting round is a step."""

import lightgbm
import numpy
import pytest
import xgboost
from conftest import RATE, Person, everything

from trainbus.lightgbm import trainbus_callback
from trainbus.xgboost import TrainbusCallback

RANDOM = numpy.random.default_rng(1)
X = RANDOM.normal(size=(200, 4))
Y = (X[:, 0] + RANDOM.normal(size=200) > 0).astype(int)  # never learned to the end


def xgboost_train(rounds, **parameters):
    data = xgboost.DMatrix(X, Y)
    return xgboost.train({"objective": "binary:logistic", "max_depth": 1, "nthread": 1, **parameters}, data, rounds,
                         evals=[(data, "train")], verbose_eval=False, callbacks=[TrainbusCallback("run", "t0")])


def lightgbm_train(rounds, callbacks=(), **parameters):
    data = lightgbm.Dataset(X, Y)
    return lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 2, "num_threads": 1, **parameters}, data,
                          rounds, valid_sets=[data], callbacks=[trainbus_callback("run", "t0"), *callbacks])


@pytest.mark.parametrize("train", [xgboost_train, lightgbm_train])
def test_they_obey(broker, train, records, ended):
    with Person(broker, everything):
        train(1_000_000)
    assert ended() == "stopped"


def test_schedules_do_not_overwrite_what_was_set(broker):
    with Person(broker, everything):
        lightgbm_train(1_000_000, [lightgbm.reset_parameter(learning_rate=lambda round: 0.1 / (1 + round))])


def test_a_rate_that_was_set_is_that_of_the_next_trees(broker):
    def act(person):
        person.set_rate(1e-9)

    with Person(broker, act):
        model = lightgbm_train(1_000_000, learning_rate=0.5)
    leaves = model.trees_to_dataframe()
    last = leaves[leaves.tree_index == leaves.tree_index.max()]
    assert last.value.abs().max() < 1e-6
    with Person(broker, act, "run/x0"):
        data = xgboost.DMatrix(X, Y)
        model = xgboost.train({"objective": "binary:logistic", "max_depth": 1, "nthread": 1, "eta": 0.5}, data, 1_000_000,
                              evals=[(data, "train")], verbose_eval=False, callbacks=[TrainbusCallback("run", "x0")])
    rounds = model.num_boosted_rounds()
    leaves = model[rounds - 1:rounds].trees_to_dataframe()
    assert leaves[leaves.Feature == "Leaf"].Gain.abs().max() < 1e-6


@pytest.mark.parametrize("train, name", [(xgboost_train, "train/logloss"), (lightgbm_train, "training/binary_logloss")])
def test_what_they_log_arrives(broker, train, name, records, ended):
    train(7)
    assert ended() == "completed"
    batches = records("batch")
    assert [record.batch_idx for record in batches] == list(range(7))
    assert all(record.scalars[name] > 0 for record in batches)
