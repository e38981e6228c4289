"""Two brokers behind one trainbus-ctl and one trainbus-log."""
import json

import support

ROW = "COMPLETED +{} +t0 "


class ManyBrokers(support.KitTest):
    def setUp(self):
        super().setUp()
        self.near, near = self.start_broker(state="near")
        self.far, far = self.start_broker(state="far")
        for address, run in [(near, "one"), (far, "two")]:
            code, _, errors = self.run_program("loadgen", "--broker", address, "--run", run, "--seconds", "0.5",
                                               "--batch-rate", "50")
            self.assertEqual(code, 0, errors)
        self.both = ["--broker", f"near={near}", "--broker", f"far={far}"]

    def ctl(self, *arguments):
        return self.run_program("ctl", *self.both, *arguments)

    def test_what_only_looks_looks_at_both(self):
        code, output, errors = self.ctl("list")
        self.assertEqual((code, errors), (0, ""))
        near, far = output.split("== far  ")
        self.assertTrue(near.startswith("== near  tcp://"))
        self.assertRegex(near, ROW.format("one"))
        self.assertRegex(far, ROW.format("two"))
        code, output, _ = self.ctl("--json", "list")
        sites = json.loads(output)["sites"]
        self.assertEqual([(site["site"], site["answer"]["trainers"][0]["run"]) for site in sites],
                         [("near", "one"), ("far", "two")])
        for verb in [["stats"], ["ledger"], ["doctor"]]:
            code, output, errors = self.ctl(*verb)
            self.assertEqual((code, errors), (0, ""), verb)
            self.assertEqual(output.count("== "), 2, verb)

    def test_one_of_them_by_its_name(self):
        code, output, _ = self.ctl("--site", "far", "list")
        self.assertEqual(code, 0)
        self.assertRegex(output, ROW.format("two"))
        self.assertNotRegex(output, ROW.format("one"))
        self.assertNotIn("==", output)
        code, _, errors = self.ctl("--site", "nobody", "list")
        self.assertEqual(code, 2)
        self.assertIn("--site 'nobody'", errors)

    def test_what_changes_something_wants_one(self):
        for verb in [["pause", "one/*"], ["tail", "--once"], ["delete", "one", "--yes"], ["backup", "x"]]:
            code, output, errors = self.ctl(*verb)
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), verb)
            self.assertIn("--site NAME (near, far)", errors)
        self.assertEqual(self.ctl("--site", "near", "archive", "one")[0], 0)

    def test_one_that_is_away_is_named_and_the_other_is_shown(self):
        self.near.terminate()
        self.near.wait(support.PATIENCE)
        code, output, errors = self.ctl("list")
        self.assertEqual(code, 1)
        self.assertRegex(output, ROW.format("two"))
        self.assertRegex(errors, r"^trainbus-ctl: near: no broker answers at tcp://")
        code, output, _ = self.ctl("--json", "list")
        sites = json.loads(output)["sites"]
        self.assertEqual(code, 1)
        self.assertIn("no broker answers", sites[0]["error"])
        self.assertEqual(sites[1]["answer"]["trainers"][0]["run"], "two")

    def test_names_that_are_missing_or_equal_are_one_line(self):
        for brokers, expected in [(["tcp://127.0.0.1:1", "b=tcp://127.0.0.1:2"], "needs a name"),
                                  (["b=tcp://127.0.0.1:1", "b=tcp://127.0.0.1:2"], "another one has this name"),
                                  (["a b=tcp://127.0.0.1:1", "c=tcp://127.0.0.1:2"], "needs a name"),
                                  (["a=http://127.0.0.1:1", "c=tcp://127.0.0.1:2"], "tcp://")]:
            flags = [flag for broker in brokers for flag in ["--broker", broker]]
            for program in [["ctl", *flags, "list"], ["log", *flags, "--sink", "jsonl:{site}", "--once"]]:
                code, _, errors = self.run_program(*program)
                self.assertIn(code, [1, 2], errors)
                self.assertEqual(errors.count("\n"), 1, errors)
                self.assertIn(expected, errors)

    def test_a_sink_has_the_records_of_each_apart(self):
        code, _, errors = self.run_program("log", *self.both, "--once", "--sink", "jsonl:{site}.jsonl",
                                           "--sink", "csv:tables-{site},kinds=epoch+status")
        self.assertEqual(code, 0, errors)
        for site, run in [("near", "one"), ("far", "two")]:
            lines = (self.folder / f"{site}.jsonl").read_text().splitlines()
            self.assertGreater(len(lines), 10)
            self.assertEqual({json.loads(line)["run"] for line in lines}, {run})
            self.assertIn(run, (self.folder / f"tables-{site}" / "status.csv").read_text())

    def test_a_watcher_names_the_site_of_each_line(self):
        code, output, errors = self.run_program("watch", *self.both, "--once")
        self.assertEqual((code, errors), (0, ""))
        for site, run in [("near", "one"), ("far", "two")]:
            self.assertRegex(output, rf"(?m)^{site}  COMPLETED +{run} +t0 ")
        code, output, _ = self.run_program("watch", *self.both, "--once", "--json")
        self.assertEqual([(found["site"], found["trainers"][0]["run"]) for found in map(json.loads, output.splitlines())],
                         [("near", "one"), ("far", "two")])
        watcher = self.start("watch", *self.both, "--json")
        found = {json.loads(watcher.stdout.readline())["site"] for _ in range(2)}
        self.assertEqual(found, {"near", "far"})
        self.far.terminate()
        self.far.wait(support.PATIENCE)
        self.assertEqual(self.run_program("watch", *self.both, "--once")[0], 1)
        watcher.terminate()
        self.assertEqual(watcher.wait(support.PATIENCE), 0)

    def test_a_sink_that_would_mix_them_is_refused(self):
        for sink in ["jsonl:all.jsonl", "sqlite:runs.db", "prometheus:127.0.0.1:0"]:
            code, _, errors = self.run_program("log", *self.both, "--once", "--sink", sink)
            self.assertEqual((code, errors.count("\n")), (2, 1), errors)
            self.assertIn("{site}", errors)


if __name__ == "__main__":
    support.main()
