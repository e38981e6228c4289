"""Ultralytics YOLO from its description, on eight pictures."""

import numpy
import pytest
from conftest import RATE, Person, everything
from PIL import Image
from ultralytics import YOLO

import trainbus.ultralytics


@pytest.fixture
def data(tmp_path):
    random = numpy.random.default_rng(1)
    for part in ("train", "val"):
        (tmp_path / "set/images" / part).mkdir(parents=True)
        (tmp_path / "set/labels" / part).mkdir(parents=True)
        for i in range(8):
            pixels = random.integers(0, 255, (32, 32, 3), dtype=numpy.uint8)
            Image.fromarray(pixels).save(tmp_path / f"set/images/{part}/{i}.png")
            (tmp_path / f"set/labels/{part}/{i}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (tmp_path / "data.yaml").write_text(f"path: {tmp_path}/set\ntrain: images/train\nval: images/val\nnames: [thing]\n")
    return tmp_path / "data.yaml"


def train(data, tmp_path, **options):
    model = YOLO("yolo11n.yaml")
    trainbus.ultralytics.attach(model, "run", "t0")
    model.train(data=str(data), imgsz=32, batch=2, workers=0, device="cpu", plots=False, val=False, amp=False,
                project=str(tmp_path / "out"), verbose=False, optimizer="SGD", lr0=0.1, **options)
    return model


def test_it_obeys(broker, data, tmp_path, records, ended):
    with Person(broker, everything):
        model = train(data, tmp_path, epochs=10_000)
    assert all(group["lr"] == RATE for group in model.trainer.optimizer.param_groups)
    assert ended() == "stopped"


def test_what_it_logs_arrives(broker, data, tmp_path, records, ended):
    train(data, tmp_path, epochs=2)
    assert ended() == "completed"
    batches = records("batch")
    assert len(batches) == 8 and all(record.batch_loss > 0 for record in batches)
    assert {name for name in batches[0].scalars} >= {"loss/box_loss", "loss/cls_loss"}
    assert [record.epoch for record in records("epoch")][:2] == [1, 2]
