"""Each framework trains something small for as long as nobody stops it; a person at the terminal is played by a thread."""

import os
import sys
import threading
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import pytest  # noqa: E402
import trainbus  # noqa: E402
from real_broker import Broker, eventually  # noqa: E402

RATE = 0.0125  # no schedule comes by it
STARTING = 300.0  # seconds: several processes import a framework on a busy machine


@pytest.fixture
def broker(tmp_path, monkeypatch):
    made = Broker(tmp_path / "state")
    monkeypatch.setenv("TRAINBUS_BROKER", made.address)
    monkeypatch.setenv("TRAINBUS_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.chdir(tmp_path)
    yield made
    made.stop()


class Person(threading.Thread):
    """Does `act(self)` in a thread of its own while the main thread trains, and in the end stops the training."""

    def __init__(self, broker, act, session="run/t0"):
        super().__init__()
        self.broker, self.act, self.session = broker, act, session
        self.error = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.join(STARTING)
        assert not self.is_alive(), "the person is still at it"
        if self.error is not None:
            raise self.error
        return False

    def run(self):
        self.control = trainbus.Control(self.broker.address)
        try:
            eventually(lambda: self.batches() >= 3, STARTING)
            self.act(self)
        except BaseException as failed:  # noqa: B902
            self.error = failed
        finally:
            try:
                self.control.stop(self.session, timeout=10)
            except trainbus.BusError:
                pass  # it never began
            self.control.close()

    def trainer(self):
        run, name = self.session.split("/")
        return next((each for each in self.control.trainers(run) if each.trainer == name), None)

    def last(self, kind):
        trainer = self.trainer()
        return trainer.last.get(kind) if trainer else None

    def batches(self):
        batch = self.last("batch")
        return batch.step if batch else 0

    def applied(self, results):
        assert [result.state for result in results] == ["applied"], results
        return results[0]

    def further(self, batches=5):
        """Waits for some more steps."""
        first = self.batches()
        eventually(lambda: self.batches() >= first + batches)

    def pause_and_resume(self):
        """No step is made in between."""
        paused = self.applied(self.control.pause(self.session))
        resumed = self.applied(self.control.resume(self.session))
        assert resumed.step == paused.step
        self.further()

    def set_rate(self, rate=RATE):
        """Sets the learning rate, and sees it in force several steps later."""
        self.applied(self.control.set(self.session, "learning_rate", rate))
        self.further()
        assert self.last("batch").learning_rate == pytest.approx(rate, rel=1e-6)


def everything(person):
    person.pause_and_resume()
    person.set_rate()
    person.pause_and_resume()
    assert person.last("batch").learning_rate == pytest.approx(RATE, rel=1e-6)


@pytest.fixture
def records(broker):
    """What the broker has, after a training."""

    def read(kind, session="run/t0"):
        run, name = session.split("/")
        with trainbus.Consumer(broker.address, run=run, kinds=[kind]) as consumer:
            found = []
            while more := consumer.read(1.0):
                found += [record.message for record in more if record.trainer == name]
        return found

    return read


@pytest.fixture
def ended(records):
    def status(session="run/t0"):
        said = records("status", session)
        return trainbus.consumer.schema.TrainingStatus.Name(said[-1].status).lower()

    return status
