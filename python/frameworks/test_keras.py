"""Keras 3 on PyTorch, with a plain learning rate and with a schedule."""

import keras
import numpy
import pytest
from conftest import RATE, Person, everything

from trainbus.keras import TrainbusCallback


def fit(callbacks, rate=0.1, epochs=100_000, **options):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x = numpy.random.default_rng(1).normal(size=(64, 4)).astype("float32")
    model.fit(x, (x[:, 0] > 0).astype("int64"), batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks, **options)
    return model


@pytest.mark.parametrize("rate", [0.1, keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)],
                         ids=["fixed", "schedule"])
def test_it_obeys(broker, records, ended, rate):
    def act(person):
        everything(person)
        person.applied(person.control.do("run/t0", "follow_schedule"))
        person.further()
        assert (person.last("batch").learning_rate == pytest.approx(RATE)) == (rate == 0.1)

    with Person(broker, act):
        fit([TrainbusCallback("run", "t0")], rate)
    assert ended() == "stopped"


def test_a_scheduler_callback_does_not_overwrite_what_was_set(broker):
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))
    with Person(broker, everything):
        fit([schedule, TrainbusCallback("run", "t0")])


def test_what_it_logs_arrives(broker, records, ended):
    fit([TrainbusCallback("run", "t0")], epochs=2, validation_split=0.5)
    assert ended() == "completed"
    batches, epochs = records("batch"), records("epoch")
    assert [(record.epoch, record.batch_idx) for record in batches] == [(e, b) for e in (1, 2) for b in range(4)]
    assert all(record.batch_loss > 0 and 0 <= record.batch_accuracy <= 1 for record in batches)
    assert [record.epoch for record in epochs] == [1, 2]
    assert all(record.validation_loss > 0 and record.HasField("validation_accuracy") for record in epochs)
