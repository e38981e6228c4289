"""The broker of this build; its programs are those of TRAINBUS_BIN."""

import os
import signal
import subprocess
import time
from pathlib import Path

BIN = Path(os.environ.get("TRAINBUS_BIN", Path(__file__).resolve().parents[2] / "build" / "bin"))
PATIENCE = 60.0  # the machine may be busy


def eventually(check, seconds=PATIENCE):
    """What check() gives once it is true; AssertionError when that takes too long."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.02)


class Broker:
    def __init__(self, folder, listen="tcp://127.0.0.1:*", keys="off"):
        self.folder, self.listen, self.keys = folder, listen, keys
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [BIN / "trainbus-broker", "--listen", self.listen, "--state-dir", self.folder, "--keys", self.keys],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "listening on " in line:
                self.address = self.listen = line.split("listening on ")[1].strip()
                return
        raise RuntimeError("the broker did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
