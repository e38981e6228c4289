"""What keeps a broker from starting is one line and a code, and leaves nothing behind."""
import os
import random
import socket
import subprocess
import unittest

import support


class BadStarts(support.KitTest):
    def refused(self, *arguments, folder="state"):
        code, output, errors = self.run_program("broker", "--state-dir", folder, *arguments)
        self.assertEqual((code, output, errors.count("\n")), (1, "", 1), errors)
        self.assertTrue(errors.startswith("trainbus-broker: "), errors)
        return errors

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

    def test_any_of_its_three_ports_is_taken(self):
        for offset in range(3):
            with socket.socket() as other:
                port = self.listen(other)
                said = self.refused("--listen", f"tcp://127.0.0.1:{port - offset}")
                self.assertRegex(said, r"cannot listen on tcp://127\.0\.0\.1:\d+: Address already in use")

    def test_another_broker_has_the_folder(self):
        self.start_broker()
        self.assertIn(str(self.folder / "state"), self.refused("--listen", "tcp://127.0.0.1:*"))

    @unittest.skipUnless(os.geteuid() == 0, "only root makes folders of others")
    def test_its_folder_belongs_to_somebody_else(self):
        (self.folder / "theirs").mkdir()
        os.chown(self.folder / "theirs", 12345, 12345)
        said = self.refused("--listen", "tcp://127.0.0.1:*", folder="theirs")
        self.assertIn("belongs to user 12345, and this broker runs as user 0", said)

    def test_its_folder_cannot_be_made(self):
        self.file("a file", "")
        for folder in ["/proc/nowhere", "a file", "a file/below"]:
            self.assertIn(folder, self.refused("--listen", "tcp://127.0.0.1:*", folder=folder))

    def on_small_disk(self, prepare, *command):
        """Runs the command where the folder `full` is a disk of 16 KiB, after `prepare`: (exit code, standard error)."""
        (self.folder / "full").mkdir(exist_ok=True)
        start = f'mount -t tmpfs -o size=16k none full && {prepare} && exec "$@"'
        program, *arguments = command
        done = subprocess.run(["unshare", "-m", "bash", "-c", start, "bash", support.BUILD / f"bin/trainbus-{program}", *arguments],
                              text=True, capture_output=True, timeout=support.PATIENCE, cwd=self.folder, env=support.environment())
        return done.returncode, done.stderr

    @unittest.skipUnless(support.may_mount(), "only root mounts a disk that is full")
    def test_its_disk_is_full(self):
        for prepare in ["true", "{ head -c 12k /dev/zero >full/x; }", "{ ! head -c 1M /dev/zero >full/x 2>&-; }"]:
            code, errors = self.on_small_disk(prepare, "broker", "--listen", "tcp://127.0.0.1:*", "--state-dir", "full/state")
            self.assertEqual((code, errors.count("\n")), (1, 1), errors)
            self.assertRegex(errors, "full/state.*(No space left on device|disk is full)")

    @unittest.skipUnless(support.may_mount(), "only root mounts a disk that is full")
    def test_the_disk_of_a_consumer_is_full(self):
        _, address = self.start_broker()
        for program, *arguments in [["dashboard", "--listen", "127.0.0.1:0", "--state-dir", "full/dashboard"],
                                    ["log", "--sink", "sqlite:full/runs.db"], ["log", "--sink", "csv:full/tables"]]:
            code, errors = self.on_small_disk("{ ! head -c 1M /dev/zero >full/x 2>&-; }", program, "--broker", address, *arguments)
            self.assertEqual((code, errors.count("\n")), (1, 1), errors)
            self.assertRegex(errors, "full/.*(No space left on device|disk is full)")

    def test_the_port_of_a_consumer_is_taken(self):
        _, address = self.start_broker()
        with socket.socket() as other:
            place = f"127.0.0.1:{self.listen(other)}"
            for program, *arguments in [["dashboard", "--no-login", "--listen", place], ["grpc", "--listen", place],
                                        ["log", "--sink", f"prometheus:{place}"], ["log", "--sink", "jsonl:x", "--metrics", place],
                                        ["broker", "--metrics", place, "--listen", "tcp://127.0.0.1:*", "--state-dir", "other"]]:
                if f"trainbus-{program}" not in support.built_programs():
                    continue
                where = [] if program == "broker" else ["--broker", address]
                code, output, errors = self.run_program(program, *where, *arguments)
                self.assertEqual((code, output, errors.count("\n")), (1, "", 1), errors)
                self.assertIn("Address already in use", errors)
                self.assertIn(place, errors)

    @unittest.skipUnless(os.geteuid() == 0, "only root makes folders of others")
    def test_the_folder_of_a_consumer_belongs_to_somebody_else(self):
        _, address = self.start_broker()
        self.folder.chmod(0o711)
        (self.folder / "theirs").mkdir(mode=0o700)
        os.chown(self.folder / "theirs", 12345, 12345)
        rules = str(support.SOURCE / "consumers/watch/rules.example.yaml")
        for program, *arguments in [["dashboard", "--listen", "127.0.0.1:0", "--state-dir", "theirs"],
                                    ["log", "--sink", "jsonl:theirs/x"], ["watch", "--rules", rules, "--state-dir", "theirs"]]:
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                   support.BUILD / f"bin/trainbus-{program}", "--broker", address, *arguments], text=True,
                                  capture_output=True, timeout=support.PATIENCE, cwd=self.folder, env=support.environment())
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertRegex(done.stderr, "theirs.*Permission denied")

    @unittest.skipUnless(os.geteuid() == 0, "only root makes folders of others")
    def test_root_leaves_nothing_in_a_folder_of_a_service_that_the_service_cannot_read(self):
        theirs = self.folder / "theirs"
        theirs.mkdir(mode=0o700)
        os.chown(theirs, 12345, 12345)
        for program, *arguments in [["keys", "--dir", "theirs", "init"],
                                    ["dashboard", "--listen", "127.0.0.1:0", "--state-dir", "theirs"],
                                    ["dashboard", "--state-dir", "theirs", "user", "remove", "alice"]]:
            code, _, errors = self.run_program(program, *arguments)
            self.assertEqual((code, errors.count("\n")), (1, 1), errors)
            self.assertIn("folder 'theirs' belongs to user 12345, and this is root", errors)
            self.assertEqual(list(theirs.iterdir()), [])


if __name__ == "__main__":
    support.main()
