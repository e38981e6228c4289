"""What many repetitions say: medians and ranges, as tables and plots."""

from statistics import median

from peers.servers import PEERS
from plot import line_plot

COLORS = {peer.name: peer.color for peer in PEERS}
KEEPS = {peer.name: peer.keeps for peer in PEERS}


def number(value, digits=3):
    """Three digits that count: 1234567 -> 1,230k, 0.01234 -> 0.0123."""
    if value is None:
        return "-"
    if value >= 10_000:
        return f"{float(f'{value:.{digits}g}') / 1000:,.0f}k"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def spread(values):
    """Median and range."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    if len(values) == 1:
        return number(values[0])
    return f"{number(median(values))} ({number(min(values))} to {number(max(values))})"


class Figures:
    """The results of a run: {"machine", "results": [{"load", "peer", "kind", ...}]}."""

    def __init__(self, run):
        self.run = run
        self.results = run["results"]

    def loads(self, kind):
        return list(dict.fromkeys(one["load"] for one in self.results if one["kind"] == kind))

    def peers(self, load, kind):
        there = {one["peer"] for one in self.results if one["load"] == load and one["kind"] == kind}
        return [peer.name for peer in PEERS if peer.name in there]

    def all(self, load, peer, kind="ceiling"):
        return [one for one in self.results if (one["load"], one["peer"], one["kind"]) == (load, peer, kind)]

    def at_ceiling(self, load, peer, what):
        return [one["ceiling"][what] for one in self.all(load, peer) if one.get("ceiling")]

    def ceiling(self, load, peer):
        """The median; None when it was not measured, or nothing was good."""
        rates = self.at_ceiling(load, peer, "rate")
        return median(rates) if rates else None

    def ratio(self, load, peer, to):
        mine, theirs = self.ceiling(load, peer), self.ceiling(load, to)
        return mine / theirs if mine and theirs else None

    # --- tables: a head and rows of text

    def ceiling_table(self, load):
        head = ["", "ceiling, messages/s", "of the bare loop", "server CPU µs a message", "server MB",
                "stored of sent", "p50 / p99 µs at 1/4 of it"]
        rows = []
        for peer in self.peers(load, "ceiling"):
            ratio = self.ratio(load, peer, "bare-loop")
            rows.append([peer, spread(self.at_ceiling(load, peer, "rate")), "-" if ratio is None else f"{ratio:.2f}",
                         spread(self.at_ceiling(load, peer, "server_cpu_us")),
                         spread(self.at_ceiling(load, peer, "server_mb")), self.stored_share(load, peer),
                         " / ".join(number(self.quiet_latency(load, peer, what)) for what in ("p50_us", "p99_us"))])
        return head, rows

    def stored_share(self, load, peer):
        shares = [one["ceiling"]["stored"] / max(1, one["ceiling"]["sent"]) for one in self.all(load, peer)
                  if one.get("ceiling") and one["ceiling"]["stored"] is not None]
        return f"{100 * median(shares):.0f} %" if shares else "none"

    def quiet_latency(self, load, peer, what):
        """At the highest paced rate that is at most a quarter of the ceiling."""
        found = []
        for one in self.all(load, peer):
            calm = [trial for trial in one["trials"]
                    if one["ceiling"] and trial["good"] and trial["rate"] <= one["ceiling"]["rate"] / 4]
            if calm:
                found.append(calm[-1][what])
        return median(found) if found else None

    def plain_table(self, kind, columns):
        """columns: (head, key) each, of results that are one trial."""
        head = ["", *(name for name, _ in columns)]
        rows = []
        for load in self.loads(kind):
            for peer in self.peers(load, kind):
                found = self.all(load, peer, kind)
                rows.append([peer, *(spread([one.get(key) for one in found]) for _, key in columns)])
        return head, rows

    # --- plots

    def latency_plot(self, load, title):
        """p99 from due to received, over the rate; each peer's line ends at its ceiling."""
        series = []
        for peer in self.peers(load, "ceiling"):
            by_rate = {}
            for one in self.all(load, peer):
                for trial in one["trials"]:
                    if trial["good"] and trial["p99_us"] > 0:
                        by_rate.setdefault(trial["rate"], []).append(trial["p99_us"] / 1000)
            series.append((peer, COLORS[peer], sorted((rate, median(values)) for rate, values in by_rate.items())))
        return line_plot(title, "messages/s offered, without a loss", "p99 from due to received, ms", series)


def as_text(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in [head, *rows])


def as_markdown(head, rows):
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
