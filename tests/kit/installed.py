"""What an installation puts beside the programs: manual pages, completion, units, configuration files."""
import re
import shutil
import subprocess
import unittest

import support

COMPONENTS = ["broker", "dashboard", "tools", "train", "producer", "dev"]  # each is a Debian package


def options_and_verbs(help_text):
    """The long names in a --help, and its verbs."""
    verbs = help_text.partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    options = re.findall(r"^  (?:-\w,)*--([a-z-]+)", help_text, re.M)
    return set(options), re.findall(r"^  ([a-z-]+)", verbs, re.M)


class Installed(support.KitTest):
    @classmethod
    def setUpClass(cls):
        cls.tree = support.tempfile.TemporaryDirectory(prefix="trainbus-kit-")
        cls.root = support.pathlib.Path(cls.tree.name)
        subprocess.run(["cmake", "--install", support.BUILD, "--prefix", cls.root], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.tree.cleanup()

    def help_of(self, program, *verb):
        return self.run_program(program.removeprefix("trainbus-"), *verb, "--help")[1]

    def test_every_option_and_verb_of_every_program_is_in_its_manual_and_its_completion(self):
        for program in support.built_programs():
            page = (self.root / f"share/man/man1/{program}.1").read_text().replace("\\-", "-")
            completion = (self.root / f"share/bash-completion/completions/{program}").read_text()
            options, verbs = options_and_verbs(self.help_of(program))
            self.assertIn("config", options)
            self.assertIn("config", verbs)
            for verb in verbs:
                self.assertIn(f"\n.SS {verb}", page, program)
                options |= options_and_verbs(self.help_of(program, verb))[0]
            for option in options - {"help"}:
                self.assertRegex(page, rf"\n\\fB(-\w,)*--{option}\\fR", f"{program}: {option}")
                self.assertRegex(completion, rf"--{option}\b", f"{program}: {option}")

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_the_pages_are_good_roff(self):
        for program in support.built_programs():
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", self.root / f"share/man/man1/{program}.1"],
                                  text=True, capture_output=True)
            said = [line for line in done.stderr.splitlines() if "break" not in line and "adjust" not in line]
            self.assertEqual((done.returncode, said), (0, []), program)

    def complete(self, program, *words):
        """What bash offers for the last of the words."""
        line = " ".join(f"'{word}'" for word in [program, *words])
        function = "_" + program.replace("-", "_")
        script = (f"source {self.root}/share/bash-completion/completions/{program}; COMP_WORDS=({line}); "
                  f"COMP_CWORD={len(words)}; {function}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "-uc", script], text=True, capture_output=True, check=True, cwd=self.folder)
        return done.stdout.split()

    def test_completion_offers_verbs_options_of_the_verb_and_the_words_an_option_takes(self):
        self.assertEqual(self.complete("trainbus-broker", "rep"), ["repair"])
        self.assertEqual(self.complete("trainbus-broker", "--retain-"), ["--retain-bytes", "--retain-until-archived"])
        self.assertEqual(self.complete("trainbus-broker", "--durability", "p"), ["process", "power"])
        self.assertEqual(self.complete("trainbus-broker", "--log-format", ""), ["text", "json"])
        self.assertIn("--history", self.complete("trainbus-ctl", "tail", "--h"))
        self.assertNotIn("--history", self.complete("trainbus-ctl", "--h"))
        self.file("here.toml", "")
        self.assertEqual(self.complete("trainbus-log", "--config", "he"), ["here.toml"])

    def test_each_component_alone_is_what_its_package_holds(self):
        wanted = {
            "broker": ["bin/trainbus-broker", "lib/systemd/system/trainbus-broker.service", "share/trainbus/etc/broker.toml"],
            "dashboard": ["bin/trainbus-dashboard", "lib/systemd/system/trainbus-dashboard.service"],
            "tools": ["bin/trainbus-ctl", "bin/trainbus-log", "lib/systemd/system/trainbus-log@.service",
                      "lib/sysusers.d/trainbus.conf", "share/man/man1/trainbus-watch.1"],
        }
        for component, files in wanted.items():
            root = self.folder / component
            subprocess.run(["cmake", "--install", support.BUILD, "--prefix", root, "--component", component], check=True,
                           stdout=subprocess.DEVNULL)
            for file in files:
                self.assertTrue((root / file).exists(), f"{component}: {file}")
            conffiles = support.SOURCE / "packaging/debian" / component / "conffiles"
            for path in conffiles.read_text().split():
                self.assertTrue((root / path.replace("/etc/trainbus/", "share/trainbus/etc/")).exists(), path)
        every = {path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file()}
        parts = self.folder / "parts"
        for component in COMPONENTS:
            subprocess.run(["cmake", "--install", support.BUILD, "--prefix", parts, "--component", component], check=True,
                           stdout=subprocess.DEVNULL)
        self.assertEqual(every, {path.relative_to(parts) for path in parts.rglob("*") if path.is_file()})


if __name__ == "__main__":
    support.main()
