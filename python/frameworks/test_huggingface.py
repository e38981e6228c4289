"""Hugging Face Trainer; its schedules are LambdaLR, which overwrite a learning rate at the next step."""

import torch
from conftest import RATE, Person, everything
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from trainbus.huggingface import TrainbusCallback


class Words(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, i):
        return {"input_ids": torch.arange(i, i + 8) % 50, "attention_mask": torch.ones(8, dtype=torch.long),
                "labels": i % 2}


def make_trainer(callback, tmp_path, **options):
    model = BertForSequenceClassification(BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1,
                                                     num_attention_heads=2, intermediate_size=16))
    arguments = TrainingArguments(str(tmp_path / "out"), per_device_train_batch_size=8, report_to=[], use_cpu=True,
                                  disable_tqdm=True, learning_rate=0.1, **options)
    return Trainer(model, arguments, train_dataset=Words(), eval_dataset=Words(), callbacks=[callback])


def test_it_obeys(broker, tmp_path, records, ended):
    trainer = make_trainer(TrainbusCallback("run", "t0"), tmp_path, num_train_epochs=100_000, save_strategy="no",
                           logging_steps=2)

    def act(person):
        everything(person)
        person.applied(person.control.do("run/t0", "evaluate"))
        person.further()

    with Person(broker, act):
        trainer.train()
    assert trainer.optimizer.param_groups[0]["lr"] == RATE
    assert ended() == "stopped"
    assert len(records("epoch")) >= 1 and records("epoch")[0].validation_loss > 0
    assert any("loss" in record.values for record in records("scalars"))


def test_what_it_logs_arrives(broker, tmp_path, records, ended):
    make_trainer(TrainbusCallback("run", "t0"), tmp_path, num_train_epochs=2, save_strategy="no", logging_steps=4,
                 eval_strategy="epoch").train()
    assert ended() == "completed"
    assert [record.step for record in records("batch")] == list(range(1, 17))
    assert [record.epoch for record in records("epoch")] == [1, 2]
    assert [record.step for record in records("scalars") if "loss" in record.values] == [4, 8, 12, 16]


def test_what_is_asked_for_is_saved(broker, tmp_path):
    trainer = make_trainer(TrainbusCallback("run", "t0"), tmp_path, num_train_epochs=100_000, save_strategy="no")
    with Person(broker, lambda person: (person.applied(person.control.do("run/t0", "save")), person.further())):
        trainer.train()
    assert list((tmp_path / "out").glob("checkpoint-*"))
