"""Pictures of NumPy, PyTorch and Pillow as the pixels that the native module takes."""

from dataclasses import dataclass, field
from typing import Any, List, Optional, Sequence, Tuple

_MAX_CHANNELS = 4


@dataclass
class Tile:
    """One picture of a batch, with what the model said about it.

    image: H x W, H x W x C or C x H x W; uint8 0..255, or float 0..1; C is 1, 3 or 4 (alpha is left out).
    truth: its class; None: not known. predicted: the class that was predicted; None: nothing.
    scores: (class, label or None, score 0..1), best first.
    """

    image: Any
    truth: Optional[int] = None
    predicted: Optional[int] = None
    label: Optional[str] = None
    confidence: float = 0.0
    scores: Sequence[Tuple[int, Optional[str], float]] = field(default_factory=list)
    image_id: Optional[str] = None

    def native(self, keep: list):
        prediction = None
        if self.predicted is not None:
            scores = [(int(c), label, float(score)) for c, label, score in self.scores]
            prediction = (int(self.predicted), self.label, float(self.confidence), scores)
        truth = -1 if self.truth is None else int(self.truth)
        return (*pixels(self.image, keep), truth, prediction, self.image_id)


@dataclass
class Image:
    """A picture to look at, with a caption. image: as for Tile."""

    image: Any
    caption: Optional[str] = None

    def native(self, keep: list):
        return (*pixels(self.image, keep), self.caption)


def to_numpy(array):
    """A NumPy array of an array, a tensor (on any device), a Pillow picture or nested lists."""
    import numpy

    if hasattr(array, "detach"):  # a tensor of PyTorch
        array = array.detach()
        if str(array.dtype) == "torch.bfloat16":
            array = array.float()
        return array.cpu().numpy()
    return numpy.asarray(array)


def pixels(image, keep: list):
    """(address, width, height, channels, row_bytes) of a picture; what must stay alive goes into `keep`."""
    import numpy

    if getattr(image, "mode", None) in ("P", "LA", "PA", "CMYK", "YCbCr", "I", "F", "HSV", "LAB", "1"):  # of Pillow
        image = image.convert("L" if image.mode in ("LA", "1", "I", "F") else "RGB")
    array = to_numpy(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"a picture has 2 or 3 dimensions, not the shape {array.shape}")
    if array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    height, width, channels = array.shape
    if channels not in (1, 3, 4):
        raise ValueError(f"a picture has 1, 3 or 4 channels, not the shape {array.shape}")
    if channels == _MAX_CHANNELS:
        array, channels = array[:, :, :3], 3
    if array.dtype != numpy.uint8:
        array = as_bytes(array)
    # Rows may be apart, pixels may not.
    if array.strides[2] != 1 or array.strides[1] != channels or array.strides[0] < width * channels:
        array = numpy.ascontiguousarray(array)
    keep.append(array)
    return array.__array_interface__["data"][0], width, height, channels, array.strides[0] if height > 1 else 0


def as_bytes(array):
    """Floats 0..1, booleans, and integers 0..255 as uint8; what is outside is clipped, NaN is black."""
    import numpy

    if array.dtype == numpy.bool_:
        return array.astype(numpy.uint8) * 255
    if numpy.issubdtype(array.dtype, numpy.floating):
        array = numpy.nan_to_num(array.astype(numpy.float32), nan=0.0, posinf=1.0, neginf=0.0)
        return (array.clip(0.0, 1.0) * 255.0 + 0.5).astype(numpy.uint8)
    return array.clip(0, 255).astype(numpy.uint8)


def batch_tiles(images, truth=None, predictions=None, class_names=None, room: int = 16) -> List[Tile]:
    """The first `room` pictures of a batch as tiles. predictions: classes, or scores of every class (N x classes)."""
    count = min(room, len(images))
    truths = None if truth is None else to_numpy(truth[:count]).tolist()
    tiles = [Tile(images[i], truth=None if truths is None else int(truths[i])) for i in range(count)]
    if predictions is None:
        return tiles
    said = to_numpy(predictions[:count])
    for tile, row in zip(tiles, said):
        if said.ndim == 1:
            tile.predicted = int(row)
        else:
            best = row.argsort()[::-1][:3]
            tile.predicted = int(best[0])
            tile.confidence = float(row[best[0]])
            tile.scores = [(int(c), _label(class_names, c), float(row[c])) for c in best]
        tile.label = _label(class_names, tile.predicted)
    return tiles


def _label(class_names, index):
    return class_names[index] if class_names is not None and 0 <= index < len(class_names) else None
