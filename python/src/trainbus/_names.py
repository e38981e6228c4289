"""What a training is called where nobody said it: by its job, its script and its rank."""

import os
import re
import sys
import time

_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "JSM_NAMESPACE_RANK")
_WORLDS = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "JSM_NAMESPACE_SIZE")


def _number(names, environment):
    for name in names:
        value = environment.get(name, "")
        if value.isdigit():
            return int(value)
    return None


def rank(environment=os.environ):
    """This process's rank in its job; None outside one."""
    return _number(_RANKS, environment)


def world_size(environment=os.environ):
    """Processes of the job; None outside one."""
    return _number(_WORLDS, environment)


def clean(name):
    """The name with what the bus does not take replaced: [A-Za-z0-9._-]{1,64}, not of dots alone."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")[:64]
    return cleaned if cleaned.strip(".") else "unnamed"


def default_run(environment=os.environ, now=None):
    """TRAINBUS_RUN; else the job's id; else the script's name and the time. All ranks of a job agree on it."""
    if environment.get("TRAINBUS_RUN"):
        return environment["TRAINBUS_RUN"]
    job = environment.get("SLURM_ARRAY_JOB_ID") or environment.get("SLURM_JOB_ID")
    if job:
        return clean(f"{environment.get('SLURM_JOB_NAME', 'job')}-{job}")
    elastic = environment.get("TORCHELASTIC_RUN_ID")
    script = os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0] or "python"
    if elastic and elastic != "none":
        return clean(f"{script}-{elastic}")
    if "MASTER_PORT" in environment:  # torchrun without an id: its parent is common to the ranks of this node
        return clean(f"{script}-{environment['MASTER_PORT']}")
    return clean(f"{script}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}")


def default_trainer(environment=os.environ):
    """TRAINBUS_TRAINER; else rankN, with the array task's number before it; else t0."""
    if environment.get("TRAINBUS_TRAINER"):
        return environment["TRAINBUS_TRAINER"]
    task = environment.get("SLURM_ARRAY_TASK_ID")
    number = rank(environment)
    if number is None or (world_size(environment) or 1) == 1:
        return f"task{task}" if task else "t0"
    return f"task{task}-rank{number}" if task else f"rank{number}"
