"""Several processes, one training: a command is everybody's, at one step."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import RATE, STARTING, Person

GROUP_TIMEOUT = 4  # seconds


@pytest.fixture
def launch(tmp_path):
    """launch(script, processes, name): torchrun, each rank writing what it did into NAME.RANK.json by say()."""
    started = []
    yield lambda *arguments: started.append(torchrun(tmp_path, *arguments)) or started[-1]
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            print(process.communicate()[0][-4000:])


def torchrun(folder, script, processes, name):
    path = folder / f"{name}.py"
    path.write_text(f"""
import datetime, json, os, torch, trainbus
RANK = int(os.environ["RANK"])
TIMEOUT = datetime.timedelta(seconds={GROUP_TIMEOUT})
def say(what):
    with open(f"{folder}/{name}.{{RANK}}.json", "w") as file: json.dump(what, file)
{script}""")
    return subprocess.Popen([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes),
                             "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", str(path)], env={**os.environ, "TRAINBUS_RUN": "run"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True)


def said_by_all(process, processes, folder, name):
    output = process.communicate(timeout=STARTING)[0]
    assert process.returncode == 0, output[-4000:]
    return [json.loads((folder / f"{name}.{rank}.json").read_text()) for rank in range(processes)]


def everything(person):
    """A pause that outlasts the group's timeout, then a learning rate."""
    paused = person.applied(person.control.pause(person.session))
    time.sleep(GROUP_TIMEOUT * 1.5)
    assert person.applied(person.control.resume(person.session)).step == paused.step
    person.further()
    person.set_rate()


def test_four_processes_of_a_loop_of_ones_own(broker, tmp_path, records, launch):
    process = launch("""
import torch.distributed as dist
from trainbus import distributed
dist.init_process_group("gloo", timeout=TIMEOUT)
bus = distributed.Producer()
rate, changes, step = 0.1, [], 0

@bus.knob("learning_rate", rate)
def learning_rate(value):
    global rate
    rate = value
    changes.append([step, value])

@bus.knob("fails_here", 1.0)
def fails_here(value):
    raise RuntimeError("not on this rank")

bus.start()
while bus.step():
    total = torch.tensor([rate])
    dist.all_reduce(total)
    step += 1
    bus.log_batch(loss=float(total), learning_rate=rate)
say({"steps": step, "changes": changes, "name": bus.trainer})
bus.finish("stopped")
dist.destroy_process_group()
""", 4, "own")

    def act(person):
        everything(person)
        assert person.control.set("run/rank0", "fails_here", 2)[0].state == "rejected"
        person.further()

    with Person(broker, act, "run/rank0"):
        said = said_by_all(process, 4, tmp_path, "own")
    assert [each["name"] for each in said] == ["rank0", "rank1", "rank2", "rank3"]
    assert len({json.dumps([each["steps"], each["changes"]]) for each in said}) == 1
    assert [value for _, value in said[0]["changes"]] == [RATE]
    # Each rank is a trainer; in no step did the ranks have different rates.
    for rank in range(4):
        batches = records("batch", f"run/rank{rank}")
        assert len(batches) == said[0]["steps"]
        assert all(batch.batch_loss == pytest.approx(4 * batch.learning_rate) for batch in batches)


LIGHTNING = """
import lightning
from lightning.pytorch.demos.boring_classes import BoringModel
from lightning.pytorch.strategies import DDPStrategy
from trainbus.lightning import TrainbusCallback, TrainbusLogger

class Model(BoringModel):
    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.layer.parameters(), lr=0.1)
        return [optimizer], [{"scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.999 ** step), "interval": "step"}]

bus = TrainbusLogger("run", "t0")
trainer = lightning.Trainer(logger=bus, callbacks=[TrainbusCallback(bus)], accelerator="cpu", devices=2, max_epochs=-1,
                            strategy=DDPStrategy(timeout=TIMEOUT, process_group_backend="gloo"), enable_progress_bar=False,
                            enable_model_summary=False, enable_checkpointing=False, limit_val_batches=0)
trainer.fit(Model())
say({"steps": trainer.global_step, "rate": trainer.optimizers[0].param_groups[0]["lr"]})
"""
ACCELERATE = """
from accelerate import Accelerator, InitProcessGroupKwargs
from trainbus.accelerate import TrainbusTracker
tracker = TrainbusTracker("run", "t0")
accelerator = Accelerator(cpu=True, log_with=tracker, kwargs_handlers=[InitProcessGroupKwargs(timeout=TIMEOUT)])
accelerator.init_trackers("project")
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.999 ** step)
model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
tracker.offer_learning_rate(optimizer, schedule)
steps = 0
while tracker.step():
    accelerator.backward(model(torch.ones(2, 4)).square().mean())
    optimizer.step(); schedule.step(); optimizer.zero_grad()
    steps += 1
accelerator.end_training()
say({"steps": steps, "rate": optimizer.param_groups[0]["lr"]})
"""
HUGGINGFACE = """
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from trainbus.huggingface import TrainbusCallback

class Words(torch.utils.data.Dataset):
    def __len__(self): return 64
    def __getitem__(self, i):
        return {"input_ids": torch.arange(i, i + 8) % 50, "attention_mask": torch.ones(8, dtype=torch.long), "labels": i % 2}

model = BertForSequenceClassification(BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
arguments = TrainingArguments(f"out", per_device_train_batch_size=8, report_to=[], use_cpu=True, disable_tqdm=True, ddp_backend="gloo",
                              learning_rate=0.1, num_train_epochs=100_000, save_strategy="no", ddp_timeout=TIMEOUT.seconds)
trainer = Trainer(model, arguments, train_dataset=Words(), eval_dataset=Words(), callbacks=[TrainbusCallback("run", "t0")])
trainer.train()
say({"steps": trainer.state.global_step, "rate": trainer.optimizer.param_groups[0]["lr"]})
"""


@pytest.mark.parametrize("script", [LIGHTNING, ACCELERATE, HUGGINGFACE], ids=["lightning", "accelerate", "huggingface"])
def test_two_processes_of_a_framework(broker, tmp_path, script, ended, launch):
    process = launch(script, 2, "framework")

    def act(person):
        everything(person)
        if script is HUGGINGFACE:
            person.applied(person.control.do("run/t0", "evaluate"))
            person.further()

    with Person(broker, act):
        said = said_by_all(process, 2, tmp_path, "framework")
    assert said[0] == said[1] and said[0]["rate"] == RATE
    assert ended() == "stopped"
