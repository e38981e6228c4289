"""scikit-build-core, with the C++ sources of the SDK copied into the sdist: they lie outside this folder."""

import shutil
from contextlib import contextmanager
from pathlib import Path

from scikit_build_core import build as _build
from scikit_build_core.build import *  # noqa: F403

_HERE = Path(__file__).resolve().parent.parent
_NATIVE = _HERE / "native"
_SOURCES = ("proto", "producers/sdk", "producers/capi", "scripts/cmake", "LICENSE")


@contextmanager
def _sources():
    top = _HERE.parent
    copied = not _NATIVE.exists() and (top / "producers/capi").is_dir()
    try:
        for name in _SOURCES if copied else ():
            target = _NATIVE / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (top / name).is_dir() else shutil.copy)(top / name, target)
        yield
    finally:
        if copied:
            shutil.rmtree(_NATIVE, ignore_errors=True)


def build_sdist(directory, settings=None):
    with _sources():
        return _build.build_sdist(directory, settings)
