"""bench/RESULTS.md: written from the figures of the last runs, so that no number is typed by hand.

Beside it lie the figures: results/peers.json by scripts/bench-peers --results, results/bandwidth.json by
scripts/bandwidth --results, and instructions.json, the gate's."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from peers.figures import KEEPS, Figures, as_markdown, number
from peers.trials import Load

EXTRA_TABLES = {
    "overload": ("Ten times the ceiling offered, 300 B, 1 publisher, 2 s",
                 [("offered/s", "offered_per_s"), ("delivered/s meanwhile", "delivered_per_s"),
                  ("of its ceiling", "of_ceiling"), ("lost", "lost"), ("stored", "stored")]),
    "long": ("100,000 records/s of 300 B for a minute",
             [("delivered/s", "delivered_per_s"), ("stored/s", "stored_per_s"), ("lost", "lost"),
              ("p99 µs", "p99_us"), ("server cores", "server_cpu"), ("server MB", "server_mb")]),
    "fleet": ("1,000 publishers, 1,500 records/s of 300 B in all",
              [("server cores", "server_cpu"), ("server MB", "server_mb"), ("p50 µs", "p50_us"), ("p99 µs", "p99_us"),
               ("lost", "lost")]),
}


@dataclass(frozen=True)
class Limit:
    what: str
    wanted: float
    measure: object  # of the Figures; None: not measured
    at_most: bool = False

    def met(self, value):
        return value <= self.wanted if self.at_most else value >= self.wanted


def ratio(load, peer, to):
    return lambda figures: figures.ratio(load, peer, to)


def at_ceiling(load, peer, what):
    def measure(figures):
        values = figures.at_ceiling(load, peer, what)
        return median(values) if values else None
    return measure


def of_kind(kind, load, peer, what):
    def measure(figures):
        values = [one[what] for one in figures.all(load, peer, kind) if one.get(what) is not None]
        return median(values) if values else None
    return measure


def stored_against_process(figures):
    power, process = (of_kind("long", "small-p1-s1", peer, "stored_per_s")(figures)
                      for peer in ("trainbus-power", "trainbus"))
    return power / process if power and process else None


LIMITS = [
    Limit("300 B, 1 publisher, of the bare loop", 0.5, ratio("small-p1-s1", "trainbus", "bare-loop")),
    Limit("300 B, 1 publisher, of JetStream", 3, ratio("small-p1-s1", "trainbus", "jetstream")),
    Limit("1.2 kB as the reference trainer's, of the bare loop", 0.65, ratio("real-p1-s1", "trainbus", "bare-loop")),
    Limit("300 B, 100 publishers, of the bare loop", 0.8, ratio("small-p100-s1", "trainbus", "bare-loop")),
    Limit("480 kB tiles, of the bare loop", 0.97, ratio("tiles-p1-s1", "trainbus", "bare-loop")),
    Limit("broker CPU a record of 300 B at the ceiling, µs", 1.5,
          at_ceiling("small-p1-s1", "trainbus", "server_cpu_us"), True),
    Limit("broker CPU a record of 1.2 kB at the ceiling, µs", 3,
          at_ceiling("real-p1-s1", "trainbus", "server_cpu_us"), True),
    Limit("delivered of the ceiling while ten times as much is offered", 0.8,
          of_kind("overload", "small-p1-s1", "trainbus", "of_ceiling")),
    Limit("broker, 1,000 publishers, cores", 0.09, of_kind("fleet", "small-p1000-s1", "trainbus", "server_cpu"), True),
    Limit("stored in a minute, --durability power against process", 0.9, stored_against_process),
]


def limits_table(figures):
    rows = []
    for limit in LIMITS:
        value = limit.measure(figures)
        verdict = "not measured" if value is None else "met" if limit.met(value) else "**missed**"
        rows.append((["**missed**", "not measured", "met"].index(verdict),
                     [limit.what, f"{'≤' if limit.at_most else '≥'} {limit.wanted:g}", number(value), verdict]))
    return ["", "wanted", "measured", ""], [row for _, row in sorted(rows, key=lambda one: one[0])]


def loads_of(figures):
    for name in figures.loads("ceiling"):
        shape, publishers, subscribers = name.split("-")
        yield Load(shape, int(publishers[1:]), int(subscribers[1:]))


def write_plots(figures, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for load in loads_of(figures):
        (folder / f"{load.name}.svg").write_text(figures.latency_plot(load.name, load.title))


def keep(run, bench):
    folder = bench / "results"
    folder.mkdir(exist_ok=True)
    for one in run["results"]:
        for trial in [*one.get("trials", []), one.get("ceiling") or {}, one]:
            for key, value in trial.items():
                if isinstance(value, float):
                    trial[key] = float(f"{value:.4g}")
    (folder / "peers.json").write_text(json.dumps(run, separators=(",", ":")).replace('{"load"', '\n{"load"') + "\n")
    write_plots(Figures(run), bench / "plots")


def foreign_share(figures):
    used = [trial["foreign_cores"] for one in figures.results for trial in one.get("trials", [])]
    return f"{median(used):.2f} cores by the median, {max(used):.2f} at most" if used else "not known"


def peers_part(run):
    figures = Figures(run)
    machine = run["machine"]
    parts = [f"`{run['command'].strip()}` · {run['date']} · commit {run['commit']} · {machine['processor']}, "
             f"{machine['cores']} cores, {machine['memory_gb']} GB, Linux {machine['kernel']} · {run['minutes']} minutes. "
             f"Other processes used {foreign_share(figures)} during the trials: take the ratios within a table, not the "
             "figures.",
             "## What was wanted, misses first", as_markdown(*limits_table(figures)),
             "## Rates without a loss",
             "Open loop: a message is due at its time, and the last arrives within 50 ms of it. Medians and ranges over the "
             "repetitions; everything in one run, the peers in turn. A subscriber gets what is live; what each server keeps:",
             as_markdown(["", "keeps"], [[peer, KEEPS[peer]] for peer in measured(figures)])]
    for load in loads_of(figures):
        parts += [f"### {load.title}", as_markdown(*figures.ceiling_table(load.name)),
                  f"![rate against latency](plots/{load.name}.svg)"]
    for kind, (title, columns) in EXTRA_TABLES.items():
        if figures.loads(kind):
            parts += [f"## {title}", as_markdown(*figures.plain_table(kind, columns))]
    failed = [f"- {one['load']} {one['peer']} ({one['kind']}): {one['failed']}" for one in figures.results
              if "failed" in one]
    return parts + (["## Not measured", "\n".join(failed)] if failed else [])


def measured(figures):
    return list(dict.fromkeys(peer for load in figures.loads("ceiling") for peer in figures.peers(load, "ceiling")))


def bandwidth_part(run):
    head = ["batches/s", "tile, px", "MB/s", "of the estimate", "age p99, ms", "broker, % of a core", "kept records stored"]
    rows = [[row["batches_per_second"], row["tile_pixels"], f"{row['megabytes_per_second']:.1f}",
             f"{row['of_estimate']:.2f}", row["age_p99_ms"], f"{row['cpu_percent']['broker']:.1f}",
             f"{row['records_stored']} of {row['records_produced']}"] for row in run["rows"]]
    return [f"## Tiles: the design's estimate of {run['estimate_megabytes_per_second']:g} MB/s",
            f"`{run['command']}` · {run['date']}. 16 tiles a batch of a load generator through the broker. The estimate takes "
            "30 kB a tile of 256 px; the textured pictures here come out smaller at quality 85.",
            as_markdown(head, rows), "![megabytes a second](plots/bandwidth.svg)"]


def instructions_part(numbers):
    return ["## Instructions a record", "`scripts/bench-instructions`; `./scripts/test speed` fails at +10 %.",
            as_markdown(["step", "instructions"], [[step, f"{count:,}"] for step, count in numbers.items()])]


PARTS = [("results/peers.json", "scripts/bench-peers --results", peers_part),
         ("results/bandwidth.json", "scripts/bandwidth --results", bandwidth_part),
         ("instructions.json", "scripts/bench-instructions --update", instructions_part)]


def write(bench):
    """The page, from the figures that are there; it says which are not."""
    paragraphs = ["# Results", "Written by the commands below from the figures that they keep; do not edit."]
    for figures, command, part in PARTS:
        file = Path(bench) / figures
        paragraphs += part(json.loads(file.read_text())) if file.exists() else [f"Not measured yet: `{command}`."]
    (Path(bench) / "RESULTS.md").write_text("\n\n".join(paragraphs) + "\n")
