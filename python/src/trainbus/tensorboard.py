"""A drop-in for torch.utils.tensorboard.SummaryWriter: change the import, keep the code.

    from trainbus.tensorboard import SummaryWriter
    writer = SummaryWriter("runs/mnist")
    writer.add_scalar("loss/train", loss, step)
"""

import os
import sys
import warnings
from typing import Optional

from . import _names
from ._pictures import to_numpy
from ._producer import Producer

_warned = set()


class SummaryWriter:
    """Scalars, images, figures, histograms, texts and hyperparameters go to the bus. log_dir names the run, as its
    last part; comment is added to it. What the bus has no place for (audio, video, graphs, meshes, embeddings, curves)
    is left out, and said once."""

    def __init__(self, log_dir: Optional[str] = None, comment: str = "", purge_step=None, max_queue=10, flush_secs=120,
                 filename_suffix="", *, bus: Optional[Producer] = None, **options):
        run = _names.default_run() if log_dir is None else os.path.basename(os.path.normpath(log_dir))
        self.log_dir = log_dir or os.path.join("runs", run)
        self._own = bus is None
        self.bus = bus or Producer(_names.clean(run + comment), **options)
        self._parameters = {}
        if self._own:
            self.bus.start(first_step=purge_step)

    def get_logdir(self):
        return self.log_dir

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False):
        self.bus.log({tag: scalar_value}, step=_step(global_step))

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        self.bus.log({f"{main_tag}/{tag}": value for tag, value in tag_scalar_dict.items()}, step=_step(global_step))

    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW"):
        self.bus.log_images(tag, [_as_rows(to_numpy(img_tensor), dataformats)])

    def add_images(self, tag, img_tensor, global_step=None, walltime=None, dataformats="NCHW"):
        images = to_numpy(img_tensor)
        self.bus.log_images(tag, [_as_rows(image, dataformats.replace("N", "")) for image in images[:64]])

    def add_figure(self, tag, figure, global_step=None, close=True, walltime=None):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        for each in figure if isinstance(figure, list) else [figure]:
            canvas = FigureCanvasAgg(each)
            canvas.draw()
            self.bus.log_images(tag, [to_numpy(canvas.buffer_rgba())])
            if close and "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close(each)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None):
        self.bus.log_histogram(tag, values, bins if isinstance(bins, int) else max_bins or 64)

    def add_text(self, tag, text_string, global_step=None, walltime=None):
        self.bus.log_text(tag, text_string)

    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None, global_step=None):
        self.bus.change_plan("hyperparameters", parameters=hparam_dict)
        self.bus.log(dict(metric_dict), step=_step(global_step))

    def flush(self):
        """Records are on their way the moment they are logged: there is nothing to flush."""

    def close(self):
        if self._own:
            self.bus.finish("completed")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self._own:
            self.bus.__exit__(kind, error, trace)

    def __getattr__(self, name):
        if not name.startswith("add_"):
            raise AttributeError(name)
        if name not in _warned:
            _warned.add(name)
            warnings.warn(f"trainbus: {name}() has no place on the bus and is left out", stacklevel=2)
        return lambda *args, **kwargs: None


def _step(global_step):
    return None if global_step is None else int(global_step)


def _as_rows(image, dataformats):
    """H x W x C, whatever the order of its dimensions."""
    if dataformats == "HW":
        return image
    return image.transpose([dataformats.index(axis) for axis in "HWC"])
