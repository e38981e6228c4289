"""The Consumer and Control against a real broker: each record once, in order, whoever is killed."""

import signal

import pytest
import trainbus
from conftest import eventually, read_until, run_python


def fill(broker, spool, first, count, trainer="t0"):
    with trainbus.Producer("run", trainer, broker.address, spool_dir=spool, metering=False) as bus:
        for i in range(first, first + count):
            bus.log({"i": i})
        eventually(lambda: bus.counters["in_outbox"] == 0)


def values(records):
    return [record.message.values["i"] for record in records]


def test_the_history_then_live_without_a_seam(broker, spool):
    fill(broker, spool, 0, 500)
    with trainbus.Consumer(broker.address, kinds=["scalars"]) as consumer:
        with trainbus.Producer("run", "t1", broker.address, spool_dir=spool, metering=False) as bus:
            for i in range(500, 1000):
                bus.log({"i": i})
        assert sorted(values(read_until(consumer, 1000))) == list(range(1000))
        assert consumer.read(0.5) == []


def test_positions_are_kept(broker, spool, tmp_path):
    positions = str(tmp_path / "positions")
    fill(broker, spool, 0, 10)
    with trainbus.Consumer(broker.address, kinds=["scalars"], positions=positions) as consumer:
        assert values(read_until(consumer, 10)) == list(range(10))
    fill(broker, spool, 10, 5)
    with trainbus.Consumer(broker.address, kinds=["scalars"], positions=positions) as consumer:
        assert values(read_until(consumer, 5)) == list(range(10, 15))


def test_only_what_was_asked_for(broker, spool):
    fill(broker, spool, 0, 3, "t0")
    fill(broker, spool, 3, 3, "t1")
    with trainbus.Consumer(broker.address, kinds=["scalars"], run="run", trainer="t1") as consumer:
        assert values(consumer.history()) == [3, 4, 5]


def test_a_data_frame(broker, spool):
    pandas = pytest.importorskip("pandas")
    fill(broker, spool, 0, 4)
    with trainbus.Consumer(broker.address) as consumer:
        frame = consumer.dataframe("scalars")
    assert list(frame["i"]) == [0, 1, 2, 3] and list(frame["sequence"]) == [1, 2, 3, 4]
    assert isinstance(frame["time"].dtype, pandas.DatetimeTZDtype)


@pytest.mark.parametrize("arguments", [dict(kinds=["loss"]), dict(trainer="t0"), dict(broker="tcp://nowhere")])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError):
        trainbus.Consumer(**{"broker": "tcp://127.0.0.1:7760", **arguments})


def test_no_broker_is_one_line():
    with pytest.raises(Exception, match="no broker answers at tcp://127.0.0.1:"):
        trainbus.Consumer("tcp://127.0.0.1:20001")


def test_kills_of_trainer_and_broker_lose_nothing(broker, spool):
    script = """
import sys, time, trainbus
bus = trainbus.Producer("run", "t0", {address!r}, spool_dir={spool!r}, metering=False)
for i in range({first}, {first} + 300):
    bus.log({{"i": i}})
    print(i, flush=True)
    time.sleep(0.001)
time.sleep(60)
"""
    logged = 0
    with trainbus.Consumer(broker.address, kinds=["scalars"]) as consumer:
        got = []
        for round in range(3):
            child = run_python(script.format(address=broker.address, spool=spool, first=logged))
            for line in child.stdout:
                logged = int(line) + 1
                if logged % 300 == 150 and round == 1:
                    broker.kill()
                if logged % 300 == 250 and round == 1:
                    broker.start()
                if logged % 300 == 290:
                    child.send_signal(signal.SIGKILL)
            child.wait()
            logged = (round + 1) * 300
        with trainbus.Producer("run", "t0", broker.address, spool_dir=spool) as bus:  # delivers what is left
            bus.log({"i": -1})
            eventually(lambda: bus.counters["in_outbox"] == 0)
            while -1 not in got:
                got += values(consumer.read(0.5))
        got.remove(-1)
        per_round = [[i for i in got if i // 300 == r] for r in range(3)]
        for round, found in enumerate(per_round):
            assert found == list(range(round * 300, round * 300 + len(found)))  # in order, each once, none missing
            assert len(found) >= 290
