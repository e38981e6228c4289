"""What the tests of the kit share: programs of the build as child processes, and folders that go with the test."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TRAINBUS_BUILD", SOURCE / "build"))
PROGRAMS = ["broker", "keys", "loadgen", "spool", "dashboard", "log", "watch", "ctl", "train", "grpc"]
PATIENCE = 60  # seconds; only a failing test waits so long


def built_programs():
    """Names of the programs of this build; trainbus-train and trainbus-grpc are optional."""
    return [f"trainbus-{name}" for name in PROGRAMS if (BUILD / "bin" / f"trainbus-{name}").exists()]


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINBUS_")}
    return {**kept, "TRAINBUS_KEY": "off", "TRAINBUS_CONFIG": "off", **more}


class KitTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trainbus-kit-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def run_program(self, name, *arguments, **more):
        """Until its end: (exit code, standard output, standard error)."""
        done = subprocess.run([BUILD / "bin" / f"trainbus-{name}", *arguments], env=environment(**more), text=True,
                              capture_output=True, timeout=PATIENCE, cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def start(self, name, *arguments, output=subprocess.PIPE, **more):
        """Its standard error is the file NAME.err in the folder, its output a pipe, or the file `output`."""
        errors = open(self.folder / f"{name}.err", "w")
        self.addCleanup(errors.close)
        process = subprocess.Popen([BUILD / "bin" / f"trainbus-{name}", *arguments], env=environment(**more), text=True,
                                   stdout=output, stderr=errors, cwd=self.folder)
        if process.stdout:
            self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start_broker(self, *arguments, state="state", **more):
        """A broker on a free port: (process, its address)."""
        broker = self.start("broker", "--listen", "tcp://127.0.0.1:*", "--state-dir", state, *arguments, **more)
        return broker, broker.stdout.readline().split()[-1]

    def eventually(self, what, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), until, f"not within {PATIENCE} s: {what}")
            time.sleep(0.02)


def main():
    """Runs the tests of the calling script, or those that are named, and says how many passed as scripts/test counts them."""
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed or not result.testsRun else 0)
