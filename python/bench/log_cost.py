"""What a call costs: trainbus beside SummaryWriter and wandb (offline) where they are installed, in one loop.

    python python/bench/log_cost.py [--calls 200000]
"""

import argparse
import itertools
import statistics
import tempfile
import time

import trainbus


def cost_us(call, calls, repeat=7):
    """Median and range of the mean cost, in microseconds of this thread's processor time: what else runs does not count."""
    costs, steps = [], itertools.count()  # wandb refuses a step that was before
    for _ in range(repeat):
        started = time.thread_time()
        for i in itertools.islice(steps, calls // repeat):
            call(i)
        costs.append((time.thread_time() - started) / (calls // repeat) * 1e6)
    return statistics.median(costs), min(costs), max(costs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--broker", help="tcp://HOST:PORT; default: the environment's, else this host")
    options = parser.parse_args()
    folder = tempfile.mkdtemp()
    bus = trainbus.Producer("bench", "python", options.broker, spool_dir=folder, on_problem=lambda line: None)
    values = {"loss": 0.5, "accuracy": 0.7, "grad_norm": 1.5, "val/iou": 0.25}
    rows = {
        "an empty function": lambda i: None,
        "trainbus log_batch, 4 values": lambda i: bus.log_batch(loss=0.5, epoch=1, batch=i, values=values),
        "trainbus log, 4 values": lambda i: bus.log(values, step=i),
        "trainbus log_batch(loss)": lambda i: bus.log_batch(loss=0.5),
        "trainbus step": lambda i: bus.step(),
    }
    try:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(folder + "/tensorboard")

        def scalars(i):
            for name, value in values.items():
                writer.add_scalar(name, value, i)

        rows["SummaryWriter add_scalar, 4 values"] = scalars
    except ImportError:
        print("no torch.utils.tensorboard: left out")
    try:
        import wandb

        run = wandb.init(mode="offline", dir=folder, project="bench")
        rows["wandb offline log, 4 values"] = lambda i: run.log(values, step=i)
    except ImportError:
        print("no wandb: left out")
    ours = None
    for name, call in rows.items():
        calls = options.calls if "trainbus" in name or "empty" in name else options.calls // 20
        median, least, most = cost_us(call, calls)
        ours = ours or ("log_batch, 4" in name and median) or None
        beside = "" if "trainbus" in name or "empty" in name else f"   {median / ours:.0f} times log_batch"
        print(f"{name:36} {median:8.2f} us   ({least:.2f} to {most:.2f}){beside}")
    print({name: count for name, count in bus.counters.items() if count})
    bus.close(10)


if __name__ == "__main__":
    main()
