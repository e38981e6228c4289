"""PyTorch Lightning, with a schedule that writes the learning rate at every step."""

import lightning
import torch
from conftest import RATE, Person, everything
from lightning.pytorch.demos.boring_classes import BoringModel

from trainbus.lightning import TrainbusCallback, TrainbusLogger


class Model(BoringModel):
    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.layer.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.999 ** step)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def training_step(self, batch, batch_idx):
        result = super().training_step(batch, batch_idx)
        self.log("loss", result["loss"])
        return result

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", super().validation_step(batch, batch_idx)["x"])


def fit(bus, **options):
    trainer = lightning.Trainer(logger=bus, callbacks=[TrainbusCallback(bus)], accelerator="cpu", devices=1,
                                enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
                                log_every_n_steps=2, **options)
    model = Model()
    trainer.fit(model)
    return model, trainer


def test_it_obeys(broker, records, ended):
    bus = TrainbusLogger("run", "t0")
    decay = []

    @bus.experiment.knob("weight_decay", 0.0, min=0)
    def weight_decay(value):
        decay.append(value)

    def act(person):
        everything(person)
        person.applied(person.control.set("run/t0", "weight_decay", 0.5))

    with Person(broker, act):
        _, trainer = fit(bus, max_epochs=-1)
    assert trainer.optimizers[0].param_groups[0]["lr"] == RATE
    assert decay == [0.5]
    assert ended() == "stopped"
    assert records("batch")[-1].batch_loss > 0


def test_what_it_logs_arrives(broker, records, ended):
    fit(TrainbusLogger("run", "t0"), max_epochs=2, limit_train_batches=6, limit_val_batches=2)
    assert ended() == "completed"
    assert [record.step for record in records("batch")] == list(range(1, 13))
    assert [record.epoch for record in records("epoch")] == [1, 2]
    assert all(record.validation_loss > 0 for record in records("epoch"))
    assert sum("loss" in record.values for record in records("scalars")) == 6


def test_an_exception_is_a_failed_training(broker, ended):
    class Broken(TrainbusCallback):
        def on_train_batch_end(self, trainer, *args):
            raise RuntimeError("no more")

    bus = TrainbusLogger("run", "t0")
    trainer = lightning.Trainer(logger=bus, callbacks=[Broken(bus)], accelerator="cpu", devices=1, max_epochs=1,
                                enable_progress_bar=False, enable_checkpointing=False)
    try:
        trainer.fit(Model())
    except RuntimeError:
        pass
    assert ended() == "failed"
