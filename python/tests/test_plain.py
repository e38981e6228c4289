"""Trainers without an SDK: examples/plain, in each language that is there. All their records are stored."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trainbus

SOURCE = Path(__file__).resolve().parents[2]
PLAIN = SOURCE / "examples" / "plain"


def run(command, folder, broker, **environment):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "TRAINBUS_BROKER": broker, **environment})


def prepare(language, folder):
    """The command that runs it, in a folder of its own; None where the language is not there."""
    shutil.copytree(PLAIN, folder, ignore=shutil.ignore_patterns("node_modules"))
    if language == "python":
        subprocess.run(["protoc", f"--python_out={folder}", "-I", SOURCE / "proto", SOURCE / "proto/trainbus.proto"], check=True)
        return [sys.executable, "trainer.py"]
    if language == "javascript":
        if not shutil.which("npm"):
            return None
        made = subprocess.run(["npm", "ci", "--silent"], cwd=folder, timeout=300)
        return ["node", "trainer.mjs"] if made.returncode == 0 else None
    if not shutil.which("go"):
        return None
    made = subprocess.run(["go", "build", "-o", "trainer", "."], cwd=folder, timeout=300)
    return ["./trainer"] if made.returncode == 0 else None


@pytest.mark.parametrize("language", ["python", "javascript", "go"])
def test_every_record_is_stored(language, broker, tmp_path):
    folder = tmp_path / "plain"
    command = prepare(language, folder)
    if command is None:
        pytest.skip(f"no {language} here")
    schema = {"TRAINBUS_PROTO": str(SOURCE / "proto" / "trainbus.proto")}
    for records in ("1", "10", "1000"):
        done = run([*command, f"run{records}", records], folder, broker.address, **schema)
        assert (done.returncode, done.stdout) == (0, f"{records} of {records} records stored\n"), done.stderr
        with trainbus.Consumer(broker.address, run=f"run{records}", kinds=["batch"]) as consumer:
            steps = [record.message.step for record in consumer.history()]
        assert steps == list(range(1, int(records) + 1))


def test_a_trainer_of_pyzmq_alone_has_a_key(keyed_broker, tmp_path):
    folder = tmp_path / "plain"
    command = prepare("python", folder)
    key = keyed_broker.add("alice", "trainer", "--run", "alice-*")
    done = run([*command, "alice-1", "10"], folder, keyed_broker.address, TRAINBUS_KEY=key)
    assert (done.returncode, done.stdout) == (0, "10 of 10 records stored\n"), done.stderr
    done = run([*command, "bob-1", "10"], folder, keyed_broker.address, TRAINBUS_KEY=key)
    assert done.returncode == 1 and "its runs are 'alice-*'" in done.stderr
