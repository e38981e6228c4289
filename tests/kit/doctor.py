"""trainbus-ctl doctor: what it finds between here and a broker, and what it says to do."""
import json
import random
import shutil
import socket
import subprocess
import unittest

import support


class Doctor(support.KitTest):
    def examine(self, address, *arguments, **more):
        """(exit code, findings by what they are about)."""
        code, output, errors = self.run_program("ctl", "--broker", address, "--json", "doctor", *arguments, **more)
        self.assertEqual(errors, "")
        said = json.loads(output)
        self.assertEqual(code, 0 if said["good"] else 1)
        for finding in said["findings"]:
            self.assertEqual(finding["verdict"] == "good", not finding["remedy"], finding)
        return code, {finding["about"]: finding for finding in said["findings"]}

    def ports(self, address):
        base = int(address.rpartition(":")[2])
        return [f"port {base} (data in)", f"port {base + 1} (data out)", f"port {base + 2} (control)"]

    def test_a_good_broker_is_good(self):
        _, address = self.start_broker()
        code, found = self.examine(address)
        self.assertEqual(code, 0, found)
        for about in [*self.ports(address), "key", "version", "journal", "clock", "limits", "files", "trainers"]:
            self.assertEqual(found[about]["verdict"], "good", found[about])
        self.assertIn("disk of the broker", found)

    def test_a_broker_that_is_away_and_a_host_that_is_not_known(self):
        broker, gone = self.start_broker()
        broker.terminate()
        broker.wait(support.PATIENCE)
        for address, remedy in [(gone, "start trainbus-broker"),
                                ("tcp://nowhere.invalid:7760", "getent hosts")]:
            code, found = self.examine(address)
            self.assertEqual(code, 1)
            for about in self.ports(address):
                self.assertEqual(found[about]["verdict"], "bad")
                self.assertIn(remedy, found[about]["remedy"])
            self.assertIn("files", found)  # what can be looked at is

    def listen(self, other):
        """On a port that a broker may have: those that the kernel chooses are higher."""
        for port in random.sample(range(20000, 32000), 100):
            try:
                other.bind(("127.0.0.1", port))
                other.listen()
                return port
            except OSError:
                continue
        self.fail("no port is free")

    def test_somebody_else_on_the_port(self):
        with socket.socket() as other:
            port = self.listen(other)
            code, found = self.examine(f"tcp://127.0.0.1:{port}")
            self.assertEqual(code, 1)
            self.assertIn("something else listens", found[f"port {port} (data in)"]["remedy"])

    def test_a_key_that_is_wanted_wrong_or_not_readable(self):
        keys = str(self.folder / "keys")
        self.assertEqual(self.run_program("keys", "--dir", keys, "init")[0], 0)
        _, address = self.start_broker("--keys", keys)
        code, found = self.examine(address)
        self.assertEqual(code, 1)
        self.assertIn("--key FILE", found[self.ports(address)[2]]["remedy"])
        self.assertEqual(self.run_program("keys", "--dir", keys, "add", "eve", "--role", "viewer", "--broker", address)[0], 0)
        key = next(path for path in self.folder.rglob("eve*_secret"))
        code, found = self.examine(address, "--key", str(key))
        self.assertEqual(code, 0, found)
        self.assertIn("'eve' (viewer)", found["key"]["found"])
        key.chmod(0o644)
        code, found = self.examine(address, "--key", str(key))
        self.assertEqual((code, found["key"]["verdict"]), (1, "bad"))
        self.assertIn(str(key), found["key"]["found"])

    @unittest.skipUnless(support.may_mount(), "only root mounts a disk that is full")
    def test_a_disk_that_is_full(self):
        for disk in ["its_disk", "our_disk"]:
            (self.folder / disk).mkdir()
        start = """mount -t tmpfs -o size=4m none its_disk && mount -t tmpfs -o size=4m none our_disk || exit 9
            "$0"/trainbus-broker --listen "tcp://127.0.0.1:*" --state-dir its_disk/state >said 2>&1 & broker=$!
            until grep -q "listening on" said; do sleep 0.05; done
            head -c 8M /dev/zero 2>/dev/null >its_disk/x
            head -c 8M /dev/zero 2>/dev/null >our_disk/x
            "$0"/trainbus-ctl --broker "$(sed -n "s/.*listening on //p" said)" --json doctor; code=$?
            kill $broker; wait $broker; exit $code"""
        done = subprocess.run(["unshare", "-m", "bash", "-c", start, support.BUILD / "bin"], text=True, capture_output=True,
                              timeout=support.PATIENCE, cwd=self.folder,
                              env=support.environment(TRAINBUS_SPOOL_DIR=str(self.folder / "our_disk")))
        self.assertEqual(done.returncode, 1, done)
        found = {finding["about"]: finding for finding in json.loads(done.stdout)["findings"]}
        for about, remedy in [("disk of the broker", "--retain"), (f"disk of the spools ({self.folder}/our_disk)", "trainbus-spool")]:
            self.assertEqual((found[about]["verdict"], found[about]["found"]), ("bad", "0 bytes free (0 %)"))
            self.assertIn(remedy, found[about]["remedy"])

    def test_a_limit_of_files_that_is_low(self):
        _, address = self.start_broker()
        done = subprocess.run(["bash", "-c", 'ulimit -Sn 200; ulimit -Hn 200; exec "$@"', "bash", support.BUILD / "bin/trainbus-ctl",
                               "--broker", address, "doctor"], env=support.environment(), text=True, capture_output=True,
                              timeout=support.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)  # of a program here, not of the broker
        self.assertRegex(done.stdout, r"(?m)^care  files: a program here may open 200$")
        self.assertIn("LimitNOFILE=", done.stdout)

    @unittest.skipUnless(shutil.which("faketime"), "no faketime")
    def test_a_clock_that_is_off(self):
        _, address = self.start_broker()
        done = subprocess.run(["faketime", "-f", "+90s", support.BUILD / "bin/trainbus-ctl", "--broker", address, "doctor"],
                              env=support.environment(), text=True, capture_output=True, timeout=support.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)  # care, not bad: nothing is decided by clocks
        self.assertRegex(done.stdout, r"(?m)^care  clock: the broker's is 90 s behind this machine's")
        self.assertIn("do: let NTP", done.stdout)


if __name__ == "__main__":
    support.main()
