"""A real broker for each test that asks for one."""

import os
import subprocess
import sys
import time

import pytest
from real_broker import PATIENCE, Broker, eventually  # noqa: F401


@pytest.fixture
def broker(tmp_path):
    made = Broker(tmp_path / "state")
    yield made
    if made.process.poll() is None:
        made.stop()


@pytest.fixture
def spool(tmp_path):
    return str(tmp_path / "spool")


@pytest.fixture
def consumer(broker):
    import trainbus

    with trainbus.Consumer(broker.address) as made:
        yield made


def read_until(consumer, count, kind=None, seconds=PATIENCE):
    """The first `count` records of a kind."""
    found = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        found += [record for record in consumer.read(0.2) if kind in (None, record.kind)]
    return found


def run_python(code, **environment):
    """Runs a script in a Python of its own."""
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **environment}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
