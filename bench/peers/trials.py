"""One trial: a server, its publishers and subscribers, and a rate for a while. And what is made of many."""

import contextlib
import json
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from peers.servers import Failed, Server, end, end_with_parent

LAG_LIMIT_MS = 50  # the last message arrives within this time of when it was due
STANDSTILL_SECONDS = 0.4  # nothing arrives any more
DRAIN_SECONDS = 5
START_AHEAD_NS = 10_000_000
DISTURBED_CORES = 0.3  # what other processes may use during a trial that failed, before it is done again
PACED = {"small": [1_000, 5_000, 20_000, 50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000],
         "tiles": [20, 60, 200, 500, 1_000, 2_000, 4_000, 8_000]}
PACED["real"] = PACED["small"]
BYTES = {"small": 300, "real": 1200, "tiles": 480_000}


@dataclass(frozen=True)
class Load:
    shape: str  # small, real, tiles
    publishers: int
    subscribers: int

    @property
    def name(self):
        return f"{self.shape}-p{self.publishers}-s{self.subscribers}"

    @property
    def title(self):
        size = {"small": "300 B", "real": "1.2 kB", "tiles": "480 kB"}[self.shape]
        return (f"{size}, {self.publishers} publisher{'s' * (self.publishers > 1)}, "
                f"{self.subscribers} subscriber{'s' * (self.subscribers > 1)}")


class End:
    """A trainbus-peerload: one line of command, one line of answer."""

    def __init__(self, command, log):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log, text=True, bufsize=1, preexec_fn=end_with_parent)

    def read(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise Failed(f"trainbus-peerload did not answer within {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failed("trainbus-peerload ended")
        return json.loads(line)

    def ask(self, command, seconds=20.0):
        try:
            self.process.stdin.write(command + "\n")
        except BrokenPipeError:
            raise Failed("trainbus-peerload ended") from None
        return self.read(seconds)


def busy_seconds():
    """User, system and interrupt time of the whole machine since it started."""
    fields = [int(field) / 100 for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[0] + fields[1] + fields[2] + fields[5] + fields[6]


def cpu_of(pid):
    return time.clock_gettime(((~pid) << 3) | 2)


class Session:
    """A server with its ends, warmed up; for trials one after the other."""

    def __init__(self, peer, load, tools, prompt=False):
        self.peer, self.load = peer, load
        self.rounds = 0
        self.incarnation = int(time.time() * 1000) << 20
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="trainbus-peers-",
                                                                     ignore_cleanup_errors=True))
            tiles = load.shape == "tiles"
            self.server = Server(peer, tools, folder, load.subscribers, tiles)
            stack.callback(self.server.end)
            log = stack.enter_context(open(Path(folder) / "ends.log", "w"))
            self.log = Path(folder) / "ends.log"

            def start(side):
                one = End([tools / "trainbus-peerload", side, "--transport", peer.transport, "--in", self.server.into,
                           "--out", self.server.out, "--shape", load.shape, "--publishers", load.publishers, "--queue",
                           self.server.queue] + ["--prompt"] * prompt, log)
                stack.callback(end, one.process)
                return one

            self.subscribers = [start("subscribe") for _ in range(load.subscribers)]
            for one in self.subscribers:
                one.read(20)
            self.publisher = start("publish")
            self.publisher.read(60)
            self.warm_up()
            self.stack = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def warm_up(self):
        rate = 60 if self.load.shape == "tiles" else max(1000, 2 * self.load.publishers)
        for _ in range(40):
            one = self.trial(rate, 0.25, ask_stored=False)
            if one["lost"] == 0 and one["sent"] > 0:
                return
        raise Failed(f"{self.peer.name}: not every message arrives at {rate}/s: {one['lost']} of {one['sent']} lost"
                     f" {self.log.read_text()[-200:]}")

    def trial(self, rate, seconds, ask_stored=True):
        """Offers so many messages a second for so long; what came of it."""
        self.rounds += 1
        if self.peer.transport == "redis-streams":
            self.server.ask_redis("DEL bench")  # it holds all in memory
        before = self.server.stored() if ask_stored else None
        pids = [self.server.process.pid, self.publisher.process.pid] + [one.process.pid for one in self.subscribers]
        run = f"{self.incarnation + self.rounds} {{}} {rate} {seconds}"
        start = run.format(time.monotonic_ns() + START_AHEAD_NS * (1 + len(self.subscribers)))
        for one in self.subscribers:
            one.ask("expect " + start)
        machine, ours, own, began = busy_seconds(), [cpu_of(pid) for pid in pids], time.process_time(), time.monotonic()
        sent = self.publisher.ask("go " + start, seconds + 30)
        self.drain(sent["sent"])
        cpu = [cpu_of(pid) - earlier for pid, earlier in zip(pids, ours)]
        wall = time.monotonic() - began
        foreign = (busy_seconds() - machine - sum(cpu) - (time.process_time() - own)) / wall
        reports = [one.ask("report") for one in self.subscribers]
        after = self.stored_when_still(before, sent["sent"]) if before is not None else None
        received = sum(report["received"] for report in reports)
        result = {"rate": rate, "seconds": seconds, "offered": sent["offered"], "sent": sent["sent"],
                  "offered_per_s": sent["offered"] / seconds, "received": received, "lost": sent["sent"] * len(reports) - received,
                  "delivered_per_s": sum(report["in_time"] for report in reports) / len(reports) / seconds,
                  "lag_ms": max(report["lag_ms"] for report in reports),
                  "stored": None if after is None else after - before,
                  "server_cpu_us": 1e6 * cpu[0] / max(1, received / len(reports)), "server_cpu": cpu[0] / wall,
                  "server_mb": self.server.memory_mb(), "foreign_cores": max(0.0, foreign)}
        for name in ("p50_us", "p99_us", "p999_us"):
            result[name] = max(report.get(name, 0) for report in reports)
        result["good"] = (result["lost"] == 0 and result["lag_ms"] <= LAG_LIMIT_MS
                          and sent["sent"] >= 0.97 * rate * seconds)
        return result

    def drain(self, sent):
        last, moved, until = None, time.monotonic(), time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < until:
            counts = [one.ask("count")["received"] for one in self.subscribers]
            if all(count >= sent for count in counts):
                return
            if counts != last:
                last, moved = counts, time.monotonic()
            if time.monotonic() - moved > STANDSTILL_SECONDS:
                return
            time.sleep(0.01)

    def stored_when_still(self, before, sent):
        """What the server has when all is there, or nothing is added any more."""
        count, moved, until = before, time.monotonic(), time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < until and count < before + sent:
            now = self.server.stored()
            if now != count:
                count, moved = now, time.monotonic()
            if time.monotonic() - moved > STANDSTILL_SECONDS:
                break
            time.sleep(0.02)
        return count

    def fair_trial(self, rate, seconds):
        """A trial; one that failed while others used the machine is done again, twice at most."""
        for _ in range(3):
            one = self.trial(rate, seconds)
            if one["good"] or one["foreign_cores"] < DISTURBED_CORES:
                break
        return one


def find_ceiling(session, seconds, refinements):
    """Rates from low to high until one fails, then between the last that was good and the first that was not."""
    trials, good, bad = [], None, None
    for rate in PACED[session.load.shape]:
        trials.append(session.fair_trial(rate, seconds))
        if not trials[-1]["good"]:
            bad = rate
            break
        good = trials[-1]
    for _ in range(refinements if good and bad else 0):
        trials.append(session.fair_trial(round((good["rate"] * bad) ** 0.5), seconds))
        if trials[-1]["good"]:
            good = trials[-1]
        else:
            bad = trials[-1]["rate"]
    return {"trials": sorted(trials, key=lambda one: one["rate"]), "ceiling": good}


def overload(session, ceiling, seconds):
    """Ten times the ceiling: what is delivered meanwhile, lost and stored."""
    one = session.trial(10 * ceiling, seconds)
    one["of_ceiling"] = one["delivered_per_s"] / ceiling
    return one


def stored_for_long(session, rate, seconds):
    """What is stored of a rate within the time it lasts, not of a short burst."""
    one = session.trial(rate, seconds)
    one["stored_per_s"] = one["stored"] / seconds if one["stored"] is not None else None
    return one
