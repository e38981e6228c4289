"""What a broker tells Prometheus and the probes of a cluster, on a port of its own."""
import os
import re
import signal
import urllib.error
import urllib.request

import support


class Probes(support.KitTest):
    def broker(self, *arguments):
        broker, _ = self.start_broker("--metrics", "127.0.0.1:0", *arguments)
        said = lambda: re.search(r"metrics at http://127\.0\.0\.1:(\d+)/metrics", (self.folder / "broker.err").read_text())
        self.eventually("it says where", said)
        port = said()[1]
        self.eventually("it is ready", lambda: self.get(port, "/readyz") == (200, "ok\n"))
        return broker, port

    def get(self, port, path, **headers):
        """(status, body)."""
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=support.PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_a_broker_serves_its_figures_and_is_ready(self):
        _, port = self.broker()
        self.assertEqual(self.get(port, "/healthz"), (200, "ok\n"))
        status, text = self.get(port, "/metrics")
        self.assertEqual(status, 200)
        self.assertRegex(text, r'(?m)^trainbus_broker_info\{id="[0-9a-f]{32}",version="[\d.]+"\} 1$')
        for name in ["disk_free_bytes", "disk_bytes", "journal_bytes"]:
            self.assertRegex(text, rf"(?m)^trainbus_broker_{name} [1-9]")
        self.assertRegex(text, r'(?m)^trainbus_limit_bound\{program="broker",limit="streams"\} \d+$')

    def test_other_hosts_are_refused_but_those_that_are_named(self):
        _, port = self.broker("--metrics-host", "head.lab")
        self.assertEqual(self.get(port, "/healthz", Host="evil.example")[0], 403)
        self.assertEqual(self.get(port, "/healthz", Host="head.lab:9463")[0], 200)
        self.assertEqual(self.get(port, "/", Host="localhost")[0], 404)

    def test_a_broker_whose_folder_was_taken_away_is_healthy_but_not_ready(self):
        _, port = self.broker()
        os.rename(self.folder / "state", self.folder / "elsewhere")
        self.eventually("it says so", lambda: "was taken away" in self.get(port, "/readyz")[1])
        self.assertEqual(self.get(port, "/readyz")[0], 503)
        self.assertEqual(self.get(port, "/healthz")[0], 200)
        os.rename(self.folder / "elsewhere", self.folder / "state")
        self.eventually("it is ready again", lambda: self.get(port, "/readyz")[0] == 200)

    def test_what_cannot_be_listened_on_is_one_line_and_a_code(self):
        _, port = self.broker()
        wrong = {"9463": "does not look like HOST:PORT", "0.0.0.0:0": "not a loopback address",
                 f"127.0.0.1:{port}": "in use", "nowhere.invalid:1": "no host is known by that name"}
        for place, expected in wrong.items():
            code, _, errors = self.run_program("broker", "--listen", "tcp://127.0.0.1:*", "--state-dir", "other",
                                               "--metrics", place)
            self.assertEqual((code, errors.count("\n")), (1, 1), errors)
            self.assertIn("--metrics", errors)
            self.assertIn(expected, errors)

    def test_it_ends_as_quickly_with_the_port(self):
        broker, port = self.broker()
        self.assertEqual(self.get(port, "/metrics")[0], 200)
        broker.send_signal(signal.SIGTERM)
        self.assertEqual(broker.wait(support.PATIENCE), 0)


if __name__ == "__main__":
    support.main()
