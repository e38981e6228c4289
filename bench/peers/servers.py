"""The servers that bench-peers compares: how each is started, and what it keeps of a message.

Every server is a process of its own on free ports of 127.0.0.1, with its files in a folder that is removed, and is
ended by its process id."""

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 20
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """One line: what did not work."""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def end_with_parent():
    LIBC.prctl(1, signal.SIGKILL)


def end(process):
    """Kindly, so that a server closes its files; then by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


class Server:
    """A running server: `into` and `out` are where publishers and subscribers connect."""

    def __init__(self, peer, tools, folder, subscribers, tiles):
        self.peer, self.tools, self.folder, self.subscribers = peer, tools, Path(folder), subscribers
        self.queue = 256 if tiles else 100_000
        self.port = free_port()
        self.into = self.out = f"127.0.0.1:{self.port}"
        self.log = open(self.folder / "server.log", "w")
        self.process = None
        getattr(self, "start_" + peer.server)()

    def run(self, *command, first_line=False):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stderr=self.log,
                                        stdout=subprocess.PIPE if first_line else self.log, text=True,
                                        preexec_fn=end_with_parent)
        if first_line:
            line = self.process.stdout.readline()
            if not line:
                raise Failed(f"{self.peer.name} did not start: {self.last_words()}")
            return line
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                return ""
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise Failed(f"{self.peer.name} did not start: {self.last_words()}") from None
                time.sleep(0.03)

    def last_words(self):
        return (self.folder / "server.log").read_text(errors="replace").strip()[-200:]

    def end(self):
        end(self.process)
        self.log.close()

    # --- how each is started

    def start_trainbus(self):
        line = self.run(self.tools / "trainbus-broker", "--listen", "tcp://127.0.0.1:*", "--state-dir",
                        self.folder / "state", "--durability", self.peer.mode, first_line=True)
        base = int(re.search(r":(\d+)\s*$", line)[1])
        self.into, self.out = f"127.0.0.1:{base}", f"127.0.0.1:{base + 1}"
        self.address = f"tcp://127.0.0.1:{base}"

    def start_relay(self):
        self.out = f"127.0.0.1:{free_port()}"
        self.run(self.tools / "trainbus-peerrelay", self.peer.mode, "--in", self.into, "--out", self.out, "--queue",
                 self.queue, "--subscribers", self.subscribers, first_line=True)

    def start_nats(self):
        self.monitor = free_port()
        config = self.folder / "nats.conf"
        stream = f'jetstream {{ store_dir: "{self.folder}/js" }}\n' if self.peer.mode == "jetstream" else ""
        config.write_text(f'listen: "{self.into}"\nhttp: "127.0.0.1:{self.monitor}"\nmax_payload: 8388608\n'
                          f'max_pending: 268435456\nwrite_deadline: "10s"\n{stream}')
        self.run("nats-server", "-c", config)

    def start_redis(self):
        keeps = ["--appendonly", "no"]
        if self.peer.mode != "pubsub":
            keeps = ["--appendonly", "yes", "--appendfsync", self.peer.mode]
        self.run("redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", self.folder,
                 "--client-output-buffer-limit", "pubsub 512mb 0 0", *keeps)

    def start_mosquitto(self):
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                          "set_tcp_nodelay true\nsys_interval 0\nlog_type error\nmax_queued_messages 1000000\n"
                          + ("user root\n" if os.geteuid() == 0 else ""))
        self.run("mosquitto", "-c", config)

    # --- what it used, and what it has

    def cpu_seconds(self):
        """User and system time so far, to the nanosecond: the CPU clock of a process."""
        return time.clock_gettime(((~self.process.pid) << 3) | 2)

    def memory_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def stored(self):
        """Messages it keeps so far; None where it keeps none."""
        if self.peer.server == "trainbus":
            answer = subprocess.run([self.tools / "trainbus-ctl", "--json", "--broker", self.address, "stats"],
                                    capture_output=True, text=True, timeout=30)
            return json.loads(answer.stdout)["counters"]["journal_records_total"]
        if self.peer.mode == "jetstream":
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/jsz", timeout=10) as answer:
                return json.load(answer)["messages"]
        if self.peer.transport == "redis-streams":
            return int(self.ask_redis("XLEN bench")[1:])
        return None

    def ask_redis(self, command):
        with socket.create_connection(("127.0.0.1", self.port), 10) as link:
            link.sendall(command.encode() + b"\r\n")
            return link.recv(100).decode().strip()


@dataclass(frozen=True)
class Peer:
    name: str
    server: str     # see Server.start_*
    mode: str       # of that server
    transport: str  # of trainbus-peerload
    keeps: str      # for people
    needs: str = ""  # a program of Debian
    most_publishers: int = 1000
    color: str = "#888"


PEERS = [
    Peer("trainbus", "trainbus", "process", "zmq", "all, survives kill -9", color="#d62728"),
    Peer("trainbus-power", "trainbus", "power", "zmq", "all, fsync before it is acknowledged", color="#ff9896"),
    Peer("bare-loop", "relay", "loop", "zmq", "nothing", color="#7f7f7f"),
    Peer("raw-relay", "relay", "tcp", "tcp", "nothing, knows no messages", most_publishers=1, color="#bcbd22"),
    Peer("nats", "nats", "core", "nats", "nothing", "nats-server", color="#1f77b4"),
    Peer("jetstream", "nats", "jetstream", "jetstream", "all, survives kill -9, fsync every 2 min", "nats-server",
         color="#17becf"),
    Peer("redis", "redis", "pubsub", "redis", "nothing", "redis-server", color="#2ca02c"),
    Peer("redis-streams", "redis", "everysec", "redis-streams", "all, survives kill -9, fsync every second, held in memory",
         "redis-server", color="#98df8a"),
    Peer("redis-streams-always", "redis", "always", "redis-streams", "all, fsync before it is acknowledged, held in memory",
         "redis-server", color="#8c564b"),
    Peer("mosquitto", "mosquitto", "", "mqtt", "nothing (QoS 0)", "mosquitto", color="#9467bd"),
]
