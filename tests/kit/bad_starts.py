"""What keeps a broker from starting is one line and a code, and leaves nothing behind."""
import os
import random
import socket
import subprocess
import unittest

import support


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


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

    @unittest.skipUnless(may_mount(), "only root mounts a disk that is full")
    def test_its_disk_is_full(self):
        (self.folder / "full").mkdir()
        start = 'mount -t tmpfs -o size=16k none full && exec "$0" --listen "tcp://127.0.0.1:*" --state-dir full/state'
        done = subprocess.run(["unshare", "-m", "bash", "-c", start, support.BUILD / "bin/trainbus-broker"], text=True,
                              capture_output=True, timeout=support.PATIENCE, cwd=self.folder, env=support.environment())
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("full", done.stderr)


if __name__ == "__main__":
    support.main()
