"""The Producer against a real broker: what is logged arrives, and what is wrong is said."""

import gc
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time

import numpy
import pytest
import trainbus
from conftest import eventually, read_until, run_python


def open_bus(broker, spool, trainer="t0", **options):
    return trainbus.Producer("run", trainer, broker.address, spool_dir=spool, **options)


def test_named_values_arrive_in_order_and_once(broker, spool, consumer):
    with open_bus(broker, spool, metering=False) as bus:
        bus.start(total_epochs=1)
        for step in range(100):
            assert bus.log({"loss": step / 2, "val/iou": numpy.float32(0.5), "count": 3}, step=step)
    records = read_until(consumer, 100, "scalars")
    assert [record.message.step for record in records] == list(range(100))
    assert records[7].message.values == {"loss": 3.5, "val/iou": 0.5, "count": 3.0}
    assert {(record.run, record.trainer) for record in records} == {("run", "t0")}


def test_a_batch_says_what_it_was_told_and_nothing_else(broker, spool, consumer):
    with open_bus(broker, spool) as bus:
        bus.log_batch(loss=math.nan, accuracy=0.25, epoch=1, batch=0, batch_size=4, values={"norm": math.inf},
                      predictions=[(1, "cat", 0.5, [(1, "cat", 0.5)])], ground_truth=[2])
        bus.log_batch()
    full, empty = (record.message for record in read_until(consumer, 2, "batch"))
    assert math.isnan(full.batch_loss) and full.batch_accuracy == 0.25 and full.scalars["norm"] == math.inf
    assert full.predictions[0].predicted_label == "cat" and list(full.ground_truth) == [2]
    assert full.step == 1 and empty.step == 2
    assert not empty.HasField("batch_loss") and not empty.scalars


def test_an_epoch_and_the_plan(broker, spool, consumer):
    class Settings:
        def __init__(self):
            self.lr, self.optimizer = 0.1, {"name": "sgd", "nesterov": True}

    with open_bus(broker, spool, environment=False) as bus:
        bus.start(total_epochs=3, class_names=["a", "b"], parameters=Settings(), first_step=7)
        bus.log_epoch(1, loss=1.5, validation_accuracy=0.5, values={"val/iou": 0.25})
    epoch = read_until(consumer, 1, "epoch")[0].message
    assert epoch.average_loss == 1.5 and epoch.validation_accuracy == 0.5 and not epoch.HasField("average_accuracy")
    with trainbus.Consumer(broker.address, kinds=["status"]) as again:
        plan = next(r.message.config for r in read_until(again, 2) if r.message.HasField("config"))
    assert plan.parameters == {"lr": "0.1", "optimizer/name": "sgd", "optimizer/nesterov": "on"}
    assert list(plan.class_names) == ["a", "b"] and plan.first_step == 7


@pytest.mark.parametrize("values, wrong", [
    ({"x": "1"}, TypeError), ({"x": None}, TypeError), ({"x": [1]}, TypeError), ({1: 1.0}, TypeError),
    ({None: 1.0}, TypeError), ([("x", 1)], TypeError), ({"x\0y": 1.0}, ValueError), ({"x": 10 ** 400}, TypeError),
    ({str(i): 1 for i in range(2001)}, ValueError), ({"\ud800": 1.0}, UnicodeEncodeError),
])
def test_what_is_no_value_is_an_exception_and_nothing_is_logged(spool, values, wrong):
    with trainbus.Producer("run", "t0", "tcp://127.0.0.1:1", spool_dir=spool, on_problem=lambda line: None) as bus:
        with pytest.raises(wrong):
            bus.log(values)
        with pytest.raises(wrong):
            bus.log_batch(values=values)
        assert bus.counters["accepted"] == 0


@pytest.mark.parametrize("call", [
    lambda bus: bus.log(), lambda bus: bus.log({}, 1, 2), lambda bus: bus.log({}, stop=1), lambda bus: bus.log({}, step="1"),
    lambda bus: bus.log({}, step=1.5), lambda bus: bus.log_batch(los=1), lambda bus: bus.log_batch(1.0, loss=1.0),
    lambda bus: bus.log_batch(epoch="1"), lambda bus: bus.log_epoch("1"), lambda bus: bus.log_batch(predictions=3),
    lambda bus: bus.log_batch(ground_truth=["a"]), lambda bus: bus.log_table("t", ["a"], ["b"], [["x"]]),
])
def test_wrong_arguments_are_exceptions(spool, call):
    with trainbus.Producer("run", "t0", "off", spool_dir=spool) as bus:
        with pytest.raises((TypeError, ValueError)):
            call(bus)


class OfOneValue:
    """As a tensor: float() of it warns, item() does not."""

    def __float__(self):
        raise AssertionError("item() was not asked")

    def item(self):
        return 1.5


def test_a_value_says_itself_by_item(broker, spool, consumer):
    with open_bus(broker, spool) as bus:
        bus.log({"tensor": OfOneValue(), "array": numpy.array([2.5]), "scalar": numpy.float32(0.5), "flag": numpy.bool_(True)})
        bus.log_batch(loss=OfOneValue())
        with pytest.raises(TypeError, match="'array'"):
            bus.log({"array": numpy.array([1.0, 2.0])})
    assert read_until(consumer, 1, "scalars")[0].message.values == {"tensor": 1.5, "array": 2.5, "scalar": 0.5, "flag": 1.0}


@pytest.mark.parametrize("changes", [dict(total_epochs="3"), dict(tags="abc"), dict(class_names="abc"), dict(parameters=[1]),
                                     dict(unknown=1), dict(batch_size=1.5)])
def test_a_plan_that_is_refused_leaves_the_one_before(spool, changes):
    with trainbus.Producer("run", "t0", "off", spool_dir=spool) as bus:
        bus.start(total_epochs=3, tags=["good"])
        with pytest.raises(TypeError):
            bus.change_plan("worse", **changes)
        assert bus.change_plan("better", total_epochs=4)


@pytest.mark.parametrize("wrong", [
    lambda bus: bus.knob("k", 1.0)(3), lambda bus: trainbus.Producer("r", "t", "off", on_problem=3),
    lambda bus: trainbus.Producer(5), lambda bus: trainbus.Producer("r", 5), lambda bus: trainbus.Producer("r", "t", 5),
])
def test_what_cannot_be_called_or_is_no_name_is_an_exception(spool, wrong):
    with trainbus.Producer("run", "t0", "off", spool_dir=spool) as bus:
        with pytest.raises(TypeError):
            wrong(bus)


def test_a_folder_may_be_a_path(broker, tmp_path):
    with trainbus.Producer("run", "t0", broker.address, spool_dir=tmp_path / "spool") as bus:
        assert bus.log({"x": 1.0})
        assert (tmp_path / "spool").is_dir()


def test_one_that_was_not_opened_says_so(spool):
    class Forgot(trainbus.Producer):
        def __init__(self):
            pass

    for call in (lambda bus: bus.log({}), lambda bus: bus.step(), lambda bus: bus.start(), lambda bus: bus.connected):
        with pytest.raises(RuntimeError, match="not opened"):
            call(Forgot())


@pytest.mark.parametrize("arguments, said", [
    (dict(run="a b"), "run name 'a b'"), (dict(run="r", trainer="x/y"), "trainer name 'x/y'"),
    (dict(run="r", broker="nonsense"), "nonsense"), (dict(run="r", tile_pixels=4096), "4096"),
    (dict(run="r", ranks="some"), "some"),
])
def test_bad_names_and_numbers_are_named(arguments, said):
    with pytest.raises(ValueError, match=said):
        trainbus.Producer(**arguments)


def test_names_outside_the_grammar_are_left_out_and_counted(broker, spool, consumer):
    lines = []
    with open_bus(broker, spool, on_problem=lines.append) as bus:
        bus.log({"x" * 129: 1.0, "": 2.0, "a\nb": 3.0, "good": 4.0})
        assert bus.counters["values_refused"] == 3
    assert read_until(consumer, 1, "scalars")[0].message.values == {"good": 4.0}
    assert any("name" in line for line in lines)


def test_after_close_nothing_is_taken_and_nothing_raises(broker, spool):
    bus = open_bus(broker, spool)
    assert bus.finish()
    assert bus.finish() and bus.close()
    assert bus.log({"x": 1.0}) is False and bus.log_batch(loss=1.0) is False
    assert bus.log_text("a", "b") is False
    assert bus.step() is False
    assert "closed" in repr(bus)


def test_many_threads_lose_nothing(broker, spool, consumer):
    with open_bus(broker, spool) as bus:
        def work(thread):
            for i in range(200):
                bus.log({f"t{thread}": i})
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    records = read_until(consumer, 1600, "scalars")
    for thread in range(8):
        own = [r.message.values[f"t{thread}"] for r in records if f"t{thread}" in r.message.values]
        assert own == list(range(200))


def test_a_float_that_logs_while_it_is_read(broker, spool, consumer):
    with open_bus(broker, spool) as bus:
        class Number:
            def __float__(self):
                bus.log({"inner": 1.0})
                values.clear()
                return 2.0
        values = {"outer": Number(), "after": 3.0}
        bus.log(values)
    inner, outer = (record.message.values for record in read_until(consumer, 2, "scalars"))
    assert inner == {"inner": 1.0} and outer == {"outer": 2.0, "after": 3.0}


def test_knobs_of_every_type_are_set_and_refused(broker, spool):
    got = {}
    bus = open_bus(broker, spool)

    @bus.knob("decay", 0.5, min=0, max=1, unit="1", help="how fast")
    def decay(value):
        got["decay"] = value

    @bus.knob("workers", 2, min=1)
    def workers(value):
        got["workers"] = value
        return value * 2

    @bus.knob("mixed", True)
    def mixed(value):
        got["mixed"] = value

    @bus.knob("mode", "a", choices=["a", "b"])
    def mode(value):
        raise RuntimeError("not today")

    @bus.knob("save")
    def save():
        """writes a checkpoint"""
        return "saved to /x"

    bus.start()
    control = trainbus.Control(broker.address)
    done = threading.Event()

    def train():
        while not done.is_set() and bus.step():
            time.sleep(0.002)
    loop = threading.Thread(target=train)
    loop.start()
    try:
        eventually(lambda: control.trainers() and control.trainers()[0].knobs)
        end = lambda name, value: control.set("run/t0", name, value)[0]  # noqa: E731
        assert (end("decay", 0.25).state, got["decay"]) == ("applied", 0.25)
        assert end("decay", 2).state == "rejected"
        result = end("workers", 3)
        assert (result.old_value, result.new_value, got["workers"]) == ("2", "6", 3)
        assert end("mixed", False).state == "applied" and got["mixed"] is False
        refused = end("mode", "b")
        assert refused.state == "rejected" and refused.reason == "RuntimeError: not today"
        assert control.do("run/t0", "save")[0].new_value == "saved to /x"
        assert control.stop("run/t0")[0].state == "applied"
        loop.join(30)
        assert not loop.is_alive() and bus.stop_commanded
    finally:
        done.set()
        bus.close()
        control.close()


def test_ctrl_c_works_while_paused(broker, spool):
    child = run_python(f"""
import trainbus
bus = trainbus.Producer("run", "t0", {broker.address!r}, spool_dir={spool!r})
bus.start()
print("up", flush=True)
try:
    while bus.step(): pass
    print("ended")
except KeyboardInterrupt:
    print("interrupted")
""")
    assert child.stdout.readline() == "up\n"
    with trainbus.Control(broker.address) as control:
        eventually(lambda: control.trainers())
        assert control.pause("run/t0")[0].state == "applied"
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0] == "interrupted\n"


def test_the_context_manager_says_how_it_ended(broker, spool, consumer):
    with pytest.raises(KeyError):
        with open_bus(broker, spool) as bus:
            raise KeyError("lost")
    statuses = read_until(consumer, 1, "status")
    assert statuses[-1].message.message == "KeyError: 'lost'"


def test_a_second_one_of_the_name_ends_the_first(broker, spool):
    first = open_bus(broker, spool)
    second = open_bus(broker, spool)
    assert first.log({"x": 1.0}) is False and second.log({"x": 1.0})
    second.close()


def test_one_that_is_off_costs_nothing_and_leaves_nothing(tmp_path):
    bus = trainbus.Producer("run", "t0", "off", spool_dir=str(tmp_path / "spool"))
    assert bus.start() and bus.log({"x": 1.0}) and bus.step() and bus.finish()
    assert not (tmp_path / "spool").exists()


def use_in_child(bus):
    return bus.log({"x": 1.0}), bus.step(), repr(bus)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pickled_it_is_one_that_is_off(broker, spool, method):
    with open_bus(broker, spool) as bus:
        copy = pickle.loads(pickle.dumps(bus))
        assert copy.log({"x": 1.0}) and copy.counters["accepted"] == 0
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(use_in_child, (bus,))[:2] == (True, True)


def test_in_a_forked_child_every_call_returns_at_once(broker, spool):
    with open_bus(broker, spool) as bus:
        pid = os.fork()
        if pid == 0:
            started = time.monotonic()
            good = bus.log({"x": 1.0}) is not None and bus.step() and bus.log_text("a", "b") is not None
            bus.finish()
            os._exit(0 if good and time.monotonic() - started < 5 else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert bus.log({"x": 1.0})
        eventually(lambda: bus.counters["stored"] >= 1)


def test_it_ends_with_the_interpreter_in_any_order(broker, spool):
    for ending in ("", "del bus", "import sys; sys.exit(3)", "raise ValueError('x')", "import gc; bus.me = bus; del bus; gc.collect()"):
        child = run_python(f"""
import trainbus
bus = trainbus.Producer("run", "t0", {broker.address!r}, spool_dir={spool!r}, on_problem=print)
bus.knob("k", 1.0)(lambda value: bus.log({{"k": value}}))
bus.start(); bus.log({{"x": 1.0}})
{ending}
""")
        _, errors = child.communicate(timeout=60)
        assert child.returncode in (0, 1, 3), (ending, errors)
        assert "Fatal" not in errors


def test_a_handler_does_not_keep_it_alive(broker, spool):
    bus = open_bus(broker, spool)
    bus.knob("k", 1.0)(lambda value: bus.log({"k": value}))
    seen = []
    import weakref
    weakref.finalize(bus, seen.append, 1)
    bus.close()
    del bus
    gc.collect()
    assert seen == [1]
