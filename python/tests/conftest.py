"""A real broker for each test that asks for one."""

import os
import subprocess
import sys
import time

import pytest
from real_broker import BIN, PATIENCE, Broker, eventually  # noqa: F401


@pytest.fixture
def broker(tmp_path):
    made = Broker(tmp_path / "state")
    yield made
    if made.process.poll() is None:
        made.stop()


class KeyedBroker(Broker):
    """With keys of its own. own: the file of the key that may everything."""

    def __init__(self, folder):
        self.keys_folder = folder / "keys"
        self.run_keys("init")
        self.own = str(self.keys_folder / "own.key_secret")
        super().__init__(folder / "keyed-state", keys=self.keys_folder)

    def run_keys(self, *arguments):
        subprocess.run([BIN / "trainbus-keys", "--dir", self.keys_folder, *arguments], check=True, stdout=subprocess.DEVNULL)

    def add(self, name, role, *more):
        file = str(self.keys_folder.parent / f"{name}.key_secret")
        self.run_keys("add", name, "--role", role, "--out", file, *more)
        return file


@pytest.fixture
def keyed_broker(tmp_path):
    made = KeyedBroker(tmp_path)
    yield made
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
