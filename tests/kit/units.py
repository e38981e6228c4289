"""The units of systemd: what systemd-analyze says of them, without a running systemd."""
import os
import re
import shutil
import subprocess
import unittest

import support

UNITS = support.SOURCE / "packaging" / "systemd"
MOST_EXPOSURE = 2.0


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
class Units(support.KitTest):
    def units(self):
        """Every unit as installed, but for the programs, which are those of the build."""
        for template in UNITS.glob("*.service.in"):
            text = template.read_text().replace("@CMAKE_INSTALL_FULL_BINDIR@", str(support.BUILD / "bin"))
            self.file(template.name.removesuffix(".in"), text)
        shutil.copy(UNITS / "trainbus.target", self.folder)
        # One of a template is checked as an instance.
        (self.folder / "trainbus-log@.service").rename(self.folder / "trainbus-log@files.service")
        return sorted(self.folder.glob("*.service"))

    def analyze(self, *arguments):
        done = subprocess.run(["systemd-analyze", *arguments], text=True, capture_output=True, timeout=support.PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def test_nothing_in_them_is_unknown_or_missing(self):
        units = self.units()
        self.assertEqual(len(units), 4)
        for unit in units:
            code, said = self.analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
            said = "\n".join(line for line in said.splitlines() if str(self.folder) in line)
            self.assertEqual((code, said), (0, ""), unit.name)

    def test_a_key_can_be_a_credential_as_the_readme_says(self):
        proposal = re.search(r"```ini\n(.*?)```", (support.SOURCE / "packaging/README.md").read_text(), re.S)[1]
        for unit in self.units():
            unit.write_text(unit.read_text() + proposal)
            code, said = self.analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
            said = "\n".join(line for line in said.splitlines() if str(self.folder) in line)
            self.assertEqual((code, said), (0, ""), unit.name)

    @unittest.skipUnless(os.geteuid() == 0, "only root hands over credentials")
    def test_a_program_takes_a_credential_as_systemd_lays_it(self):
        self.folder.chmod(0o711)
        self.assertEqual(self.run_program("keys", "--dir", "keys", "init")[0], 0)
        _, address = self.start_broker("--keys", "keys")
        credentials = self.folder / "credentials"
        credentials.mkdir()
        shutil.copy(self.folder / "keys/own.key_secret", credentials / "key")
        (credentials / "key").chmod(0o400)
        credentials.chmod(0o500)
        for path in [credentials, credentials / "key"]:
            os.chown(path, 65534, 65534)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", support.BUILD / "bin/trainbus-ctl",
                               "--broker", address, "list"], env=support.environment(TRAINBUS_KEY=str(credentials / "key")),
                              text=True, capture_output=True, timeout=support.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)

    def test_their_exposure_is_small(self):
        for unit in self.units():
            code, said = self.analyze("security", "--offline=true", "--no-pager", str(unit))
            exposure = re.search(r"exposure level for \S+: ([\d.]+)", said)
            self.assertTrue(exposure, said)
            self.assertLessEqual(float(exposure[1]), MOST_EXPOSURE, f"{unit.name}\n{said}")

    def test_each_waits_for_ready_reloads_and_has_files_enough(self):
        for unit in self.units():
            text = unit.read_text()
            for line in ["Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "LimitNOFILE=65536", "User=trainbus",
                         "WantedBy=trainbus.target", "PartOf=trainbus.target"]:
                self.assertIn(f"\n{line}\n", text, unit.name)

    def test_every_flag_they_give_is_one_of_the_program(self):
        for unit in self.units():
            program, *arguments = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M)[1].split()
            help_text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
            for flag in [argument for argument in arguments if argument.startswith("--")]:
                self.assertIn(f"  {flag} ", help_text, unit.name)

    def test_the_configuration_files_that_are_installed_are_understood_also_with_every_line_that_is_a_proposal(self):
        for file in (support.SOURCE / "packaging" / "config").glob("*.toml"):
            proposal = re.sub(r"^# (?=[a-z-]+ = )", "", file.read_text(), flags=re.M)
            for text in [file.read_text(), proposal]:
                program = "log" if file.name.startswith("log-") else file.stem
                code, output, errors = self.run_program(program, "config", "--config", self.file(file.name, text))
                self.assertEqual((code, errors), (0, ""), file.name)
            self.assertNotIn("no file", output)

    @unittest.skipUnless(os.geteuid() == 0, "only root makes folders of others")
    def test_users_and_folders_are_understood(self):
        for tool, kind in [("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")]:
            if shutil.which(tool):
                root = self.folder / kind
                (root / "etc").mkdir(parents=True)
                (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ntrainbus:x:990:990::/:/bin/sh\n")
                (root / "etc/group").write_text("root:x:0:\ntrainbus:x:990:\n")
                (root / "etc/machine-id").write_text("")
                arguments = [tool, f"--root={root}"] + (["--create"] if kind == "tmpfiles" else [])
                done = subprocess.run([*arguments, str(UNITS / f"trainbus.{kind}")], text=True, capture_output=True)
                self.assertEqual(done.returncode, 0, done.stderr)
        if shutil.which("systemd-tmpfiles"):
            self.assertEqual((self.folder / "tmpfiles/etc/trainbus/keys").stat().st_mode & 0o777, 0o700)


if __name__ == "__main__":
    support.main()
