"""What the bus adds to a training: the same small network on pictures of 28 x 28, with and without, in turns.

    python python/bench/training_cost.py [--pairs 9]

CPU time of the whole process, the bus's threads included. Also what an import costs, and an end without a broker.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import trainbus


def train(bus, steps):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
                                torch.nn.Linear(16 * 13 * 13, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    pictures, classes = torch.rand(64, 1, 28, 28), torch.randint(10, (64,))
    began = time.process_time()
    for step in range(steps):
        if bus is not None and not bus.step():
            break
        optimizer.zero_grad()
        scores = model(pictures)
        loss = torch.nn.functional.cross_entropy(scores, classes)
        loss.backward()
        optimizer.step()
        if bus is not None:
            bus.log_pictures(pictures, truth=classes, predictions=scores, loss=loss, epoch=1, batch=step, batch_size=64)
    return time.process_time() - began


def pairs_of_trainings(count, steps, broker):
    """By how much the CPU time of the second of each pair is more, in percent."""
    train(None, steps)
    more = []
    for pair in range(count):
        with trainbus.Producer("bench", f"pair{pair}", broker, spool_dir=tempfile.mkdtemp(), on_problem=lambda line: None) as bus:
            bus.start()
            runs = {True: 0.0, False: 0.0}
            for turn in range(4):  # with, without, without, with: a drift of the machine counts for both
                on = turn in (0, 3)
                runs[on] += train(bus if on else None, steps)
        more.append((runs[True] / runs[False] - 1) * 100)
    return more


def seconds_of(code, repeat=7):
    """The median time of a new interpreter, less that of one that does nothing."""

    def median(script):
        took = []
        for _ in range(repeat):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    return median(code) - median("pass")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--broker", help="tcp://HOST:PORT; default: the environment's, else this host")
    options = parser.parse_args()
    torch.set_num_threads(1)
    more = pairs_of_trainings(options.pairs, options.steps, options.broker)
    quartiles = statistics.quantiles(more, n=4)
    print(f"CPU time of a training with the bus: median {statistics.median(more):+.2f} %, "
          f"quartiles {quartiles[0]:+.2f} to {quartiles[2]:+.2f} % of that without")
    print(f"import trainbus: {seconds_of('import trainbus') * 1000:.0f} ms")
    alone = f"import trainbus; b = trainbus.Producer('r', 't', 'tcp://127.0.0.1:1', spool_dir={tempfile.mkdtemp()!r}); b.log({{'x': 1.0}})"
    print(f"a script that logs and ends without a broker: {seconds_of(alone) * 1000:.0f} ms, import included")


if __name__ == "__main__":
    main()
