"""Code written for torch.utils.tensorboard, with another import."""

import matplotlib.figure
import numpy
import pytest
import torch

import trainbus

matplotlib.use("Agg")


def use(writer):
    """What people do with it: the tutorials' calls."""
    for step in range(5):
        writer.add_scalar("loss/train", torch.tensor(1.0 / (step + 1)), step)
    writer.add_scalars("accuracy", {"train": 0.5, "val": 0.25}, 4)
    writer.add_histogram("weights", torch.randn(100), 4)
    writer.add_image("picture", torch.rand(3, 8, 8), 4)
    writer.add_image("grey", numpy.zeros((8, 8), dtype=numpy.uint8), 4, dataformats="HW")
    writer.add_images("pictures", torch.rand(4, 3, 8, 8), 4)
    writer.add_text("note", "a text", 4)
    figure = matplotlib.figure.Figure()
    figure.add_subplot().plot([1, 2, 3])
    writer.add_figure("figure", figure, 4)
    writer.add_hparams({"lr": 0.1, "model": "small"}, {"hparam/accuracy": 0.5})
    writer.add_graph(torch.nn.Linear(1, 1), torch.ones(1, 1))
    writer.flush()


def test_both_take_the_same_code(broker, records, ended, tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "runs")) as writer:
        use(writer)
    with pytest.warns(UserWarning, match="add_graph"):
        with trainbus.SummaryWriter("runs/run", trainer="t0") as writer:
            use(writer)
    assert ended() == "completed"
    values = {(record.step, name): value for record in records("scalars") for name, value in record.values.items()}
    assert values[0, "loss/train"] == 1.0 and values[4, "loss/train"] == pytest.approx(0.2)
    assert values[4, "accuracy/val"] == 0.25
    media = {record.name: record.WhichOneof("content") for record in records("media")}
    assert media == {"weights": "histogram", "picture": "images", "grey": "images", "pictures": "images",
                     "note": "text", "figure": "images"}
    plan = [record.config for record in records("status") if record.HasField("config")][-1]
    assert plan.parameters["lr"] == "0.1" and plan.parameters["model"] == "small"
