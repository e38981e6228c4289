"""Accelerate: a loop of one's own, with its tracker."""

import torch
from accelerate import Accelerator
from conftest import RATE, Person, everything

from trainbus.accelerate import TrainbusTracker


def test_it_obeys(broker, records, ended):
    tracker = TrainbusTracker("run", "t0")
    accelerator = Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("project", {"lr": 0.1})
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.999 ** step)
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
    tracker.offer_learning_rate(optimizer, schedule)
    step = 0
    with Person(broker, everything):
        while tracker.step():
            loss = model(torch.ones(2, 4)).square().mean()
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            accelerator.log({"loss": loss, "note": "words are left out"}, step=step)
            step += 1
    accelerator.end_training()
    assert optimizer.param_groups[0]["lr"] == RATE
    assert ended() == "stopped"
    assert [record.step for record in records("scalars")] == list(range(step))
    assert len(records("batch")) == step
    plan = [record.config for record in records("status") if record.HasField("config")][-1]
    assert plan.parameters["lr"] == "0.1"
