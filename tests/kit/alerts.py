"""Alert rules and dashboards of Prometheus and Grafana: they are understood, fire when they should, and every series that
they name is one that a real trainbus-log or broker serves."""
import json
import re
import shutil
import subprocess
import unittest
import urllib.request

import support

RULES = support.SOURCE / "packaging/prometheus/trainbus.rules.yml"
DASHBOARDS = [support.SOURCE / "consumers/log/prometheus/grafana.json", support.SOURCE / "packaging/grafana/bus.json"]


class Alerts(support.KitTest):
    @unittest.skipUnless(shutil.which("promtool"), "no promtool")
    def test_each_rule_fires_when_it_should(self):
        shutil.copy(RULES, self.folder)
        shutil.copy(support.SOURCE / "tests/kit/alert_rules.yml", self.folder)
        for arguments in [["check", "rules", RULES.name], ["test", "rules", "alert_rules.yml"]]:
            done = subprocess.run(["promtool", *arguments], text=True, capture_output=True, cwd=self.folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def scrape(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=support.PATIENCE) as answer:
            return set(re.findall(r"^(trainbus_\w+)", answer.read().decode(), re.M))

    def ports(self):
        text = "".join((self.folder / name).read_text() for name in ["broker.err", "log.err", "log.out"])
        return re.findall(r"http://127\.0\.0\.1:(\d+)", text)

    def test_every_series_that_they_name_is_served(self):
        _, address = self.start_broker("--metrics", "127.0.0.1:0")
        loadgen = self.start("loadgen", "--broker", address, "--seconds", "60", "--batch-rate", "20", "--tile-rate", "5",
                             "--scalars", "2", "--epoch-every", "5")
        with open(self.folder / "log.out", "w") as output:
            self.start("log", "--broker", address, "--sink", "prometheus:127.0.0.1:0", "--sink", "jsonl:r.jsonl",
                       "--metrics", "127.0.0.1:0", "--state-dir", "log", output=output)
            self.eventually("all serve", lambda: len(self.ports()) == 3)
        named = set(re.findall(r"trainbus_\w+", "".join(re.findall(r"expr: .*", RULES.read_text()))))
        for panel in [panel for dashboard in DASHBOARDS for panel in json.loads(dashboard.read_text())["panels"]]:
            for target in panel["targets"]:
                named |= set(re.findall(r"trainbus_\w+", target["expr"]))
        self.assertGreater(len(named), 10)
        missing = named

        def all_served():
            nonlocal missing
            missing = named - set().union(*(self.scrape(port) for port in self.ports()))
            return not missing or loadgen.poll() is not None

        self.eventually("every series is served", all_served)
        self.assertEqual(missing, set())


if __name__ == "__main__":
    support.main()
