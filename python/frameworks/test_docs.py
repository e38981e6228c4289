"""The pages of docs/python: each is a program that runs, and its records arrive."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trainbus
from conftest import STARTING

PAGES = Path(__file__).resolve().parents[2] / "docs/python"
TRAINERS = {"trees": ["xgboost", "lightgbm"], "distributed": ["rank0", "rank1"]}


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_is_a_program_that_runs(broker, tmp_path, page):
    program = tmp_path / "train.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S)))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"] if page.stem == "distributed" else []
    ran = subprocess.Popen([sys.executable, *launcher, program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           start_new_session=True)
    try:
        output = ran.communicate(timeout=STARTING)[0]
    finally:
        if ran.poll() is None:
            os.killpg(ran.pid, signal.SIGKILL)
    assert ran.returncode == 0, output[-4000:]
    with trainbus.Control(broker.address) as control:
        trainers = {each.trainer: each for each in control.trainers("docs")}
    assert sorted(trainers) == sorted(TRAINERS.get(page.stem, [page.stem]))
    for trainer in trainers.values():
        assert trainer.status == "completed"
        assert trainer.last.keys() & {"batch", "scalars"}
