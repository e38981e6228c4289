"""Pictures of every kind become the same pixels; the rest is refused by name."""

import ctypes

import numpy
import pytest
import trainbus
from conftest import read_until
from trainbus._pictures import batch_tiles, pixels


def bytes_of(image):
    keep = []
    address, width, height, channels, row_bytes = pixels(image, keep)
    stride = row_bytes or width * channels
    raw = ctypes.string_at(address, stride * (height - 1) + width * channels)
    rows = [raw[y * stride: y * stride + width * channels] for y in range(height)]
    return numpy.frombuffer(b"".join(rows), numpy.uint8).reshape(height, width, channels)


RGB = (numpy.arange(4 * 5 * 3) * 4 % 256).astype(numpy.uint8).reshape(4, 5, 3)


@pytest.mark.parametrize("image", [
    RGB, RGB.transpose(2, 0, 1), RGB.astype(numpy.int64), RGB.astype(numpy.float64) / 255,
    numpy.concatenate([RGB, RGB[:, :, :1]], axis=2), numpy.pad(RGB, ((0, 0), (2, 3), (0, 0)))[:, 2:7],
    numpy.asfortranarray(RGB), RGB[:, ::-1][:, ::-1], RGB.tolist(),
])
def test_the_same_picture_in_every_shape(image):
    assert (bytes_of(image) == RGB).all()


def test_grey_and_flipped():
    grey = RGB[:, :, 0]
    assert (bytes_of(grey)[:, :, 0] == grey).all()
    assert (bytes_of(grey > 100)[:, :, 0] == (grey > 100) * 255).all()
    assert (bytes_of(RGB[::-1]) == RGB[::-1]).all()
    assert bytes_of(numpy.array([[numpy.nan, 2.0, -1.0]]))[0, :, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("image", [numpy.zeros(3), numpy.zeros((2, 2, 2)), numpy.zeros((1, 2, 3, 4)), "x", object()])
def test_what_is_no_picture(image):
    with pytest.raises((ValueError, TypeError)):
        pixels(image, [])


def test_pillow():
    Image = pytest.importorskip("PIL.Image")
    image = Image.fromarray(RGB)
    assert (bytes_of(image) == RGB).all()
    assert bytes_of(image.convert("RGBA")).shape == (4, 5, 3)
    assert bytes_of(image.convert("P")).shape == (4, 5, 3)
    assert bytes_of(image.convert("1")).shape == (4, 5, 1)


def test_torch():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(RGB.copy()).permute(2, 0, 1)
    assert (bytes_of(tensor) == RGB).all()
    assert (bytes_of((tensor.float() / 255).requires_grad_()) == RGB).all()


def test_tiles_of_a_batch():
    scores = numpy.array([[0.1, 0.7, 0.2], [0.9, 0.0, 0.1]])
    tiles = batch_tiles([RGB, RGB], truth=numpy.array([1, 2]), predictions=scores, class_names=["a", "b", "c"])
    assert [(t.truth, t.predicted, t.label) for t in tiles] == [(1, 1, "b"), (2, 0, "a")]
    assert [c for c, _, _ in tiles[0].scores] == [1, 2, 0]
    assert batch_tiles([RGB] * 20, predictions=numpy.arange(20))[15].predicted == 15
    assert len(batch_tiles([RGB] * 20)) == 16


def test_media_arrive(broker, spool, consumer):
    with trainbus.Producer("run", "t0", broker.address, spool_dir=spool) as bus:
        assert bus.log_text("note", "häuser")
        assert bus.log_images("one", RGB) and bus.log_images("two", [trainbus.Image(RGB, "a"), RGB[:, :, 0]])
        assert bus.log_images("batch", numpy.zeros((3, 8, 8, 3)))
        assert bus.log_histogram("h", numpy.ones((3, 4)), bins=4)
        assert bus.log_histogram("made", edges=[0, 1, 2], counts=[3, 4])
        assert bus.log_table("t", ["x", "y"], ["r"], [[1, 2]])
        with pytest.raises(ValueError):
            bus.log_images("many", numpy.zeros((65, 2, 2, 3)))
        with pytest.raises(TypeError):
            bus.log_histogram("h")
    media = {r.message.name: r.message for r in read_until(consumer, 7, "media")}
    assert media["note"].text == "häuser"
    assert [len(media[n].images.images) for n in ("one", "two", "batch")] == [1, 2, 3]
    assert list(media["two"].images.captions) == ["a", ""]
    assert sum(media["h"].histogram.counts) == 12
    assert list(media["made"].histogram.counts) == [3, 4] and list(media["t"].table.values) == [1, 2]
