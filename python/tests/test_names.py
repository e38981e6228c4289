"""What a training is called when nobody says it."""

import pytest
from trainbus import _names


@pytest.mark.parametrize("environment, trainer", [
    ({}, "t0"), ({"TRAINBUS_TRAINER": "mine"}, "mine"), ({"RANK": "3", "WORLD_SIZE": "8"}, "rank3"),
    ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, "t0"), ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, "rank2"),
    ({"SLURM_ARRAY_TASK_ID": "7"}, "task7"), ({"SLURM_ARRAY_TASK_ID": "7", "RANK": "1", "WORLD_SIZE": "2"}, "task7-rank1"),
    ({"OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "6"}, "rank5"), ({"RANK": "x"}, "t0"),
])
def test_the_trainer(environment, trainer):
    assert _names.default_trainer(environment) == trainer


@pytest.mark.parametrize("environment, run", [
    ({"TRAINBUS_RUN": "r"}, "r"), ({"SLURM_JOB_ID": "12", "SLURM_JOB_NAME": "my job"}, "my-job-12"),
    ({"SLURM_ARRAY_JOB_ID": "11", "SLURM_JOB_ID": "12"}, "job-11"),
])
def test_the_run(environment, run):
    assert _names.default_run(environment) == run


def test_a_name_is_made_good():
    assert _names.clean("a b/c") == "a-b-c" and _names.clean("///") == "unnamed"
    assert len(_names.clean("x" * 99)) == 64
