"""Options in a file and in the environment: what is in force, where it comes from, and what is said of what is wrong."""
import support


class Configuration(support.KitTest):
    def config(self, program, text, *arguments, **more):
        path = self.file(f"{program}.toml", text)
        return path, self.run_program(program, *arguments, "config", "--config", path, **more)

    def line(self, output, key):
        return next(line for line in output.splitlines() if line.startswith(f"{key} ="))

    def test_flag_before_environment_before_file_before_default(self):
        path, (code, output, errors) = self.config(
            "broker", 'listen = "tcp://127.0.0.1:17760"\nretain = "30d"\nio-threads = 2\ninsecure = true\n',
            "--retain", "12h", TRAINBUS_BROKER_IO_THREADS="3")
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(self.line(output, "listen"), rf'^listen = "tcp://127.0.0.1:17760" +# {path}:1:1$')
        self.assertRegex(self.line(output, "retain"), r'^retain = "12h" +# flag$')
        self.assertRegex(self.line(output, "io-threads"), r'^io-threads = "3" +# \$TRAINBUS_BROKER_IO_THREADS$')
        self.assertRegex(self.line(output, "insecure"), rf'^insecure = true +# {path}:4:1$')
        self.assertRegex(self.line(output, "state-dir"), r'^state-dir = "trainbus-state" +# default$')

    def test_the_address_of_the_broker_in_the_environment_is_before_the_file(self):
        for program in ["ctl", "log", "watch", "dashboard", "loadgen"]:
            _, (code, output, errors) = self.config(program, 'broker = "tcp://a:1000"\n', TRAINBUS_BROKER="tcp://b:2000")
            self.assertEqual((code, errors), (0, ""), program)
            self.assertRegex(self.line(output, "broker"), r'^broker = \[?"tcp://b:2000"\]? +# \$TRAINBUS_BROKER$')

    def test_what_it_prints_is_a_file_that_says_the_same(self):
        def values(output):
            return [line.split("  #")[0].rstrip() for line in output.splitlines() if not line.startswith("#")]

        _, (_, first, _) = self.config("log", 'sink = ["jsonl:a b.jsonl", "csv:\\"t\\""]\nkind = ["epoch"]\n',
                                       "--log-level", "debug", TRAINBUS_LOG_BLOCKED_AFTER="2.5")
        _, (code, second, errors) = self.config("log", first)
        self.assertEqual((code, errors), (0, ""))
        self.assertIn('sink = ["jsonl:a b.jsonl", "csv:\\"t\\""]', values(first))
        self.assertEqual(values(first), values(second))

    def test_options_of_a_verb_are_in_its_table(self):
        _, (code, output, errors) = self.config("ctl", '[tail]\nkind = ["epoch", "status"]\nonce = true\n')
        self.assertEqual((code, errors), (0, ""))
        self.assertIn('[tail]\nkind = ["epoch", "status"]', output)

    def test_passwords_in_addresses_are_not_printed(self):
        _, (code, output, _) = self.config("log", 'sink = ["postgres:postgres://me:secret@db/x"]\n')
        self.assertEqual(code, 0)
        self.assertIn("postgres://me:***@db/x", output)
        self.assertNotIn("secret", output)

    def test_what_is_wrong_is_named_with_line_and_column(self):
        wrong = [
            ("broker", 'listen = "tcp://127.0.0.1:*"\n  lissten = 1\n', ":2:3: trainbus-broker has no option 'lissten'"),
            ("broker", "[chekc]\nx = 1\n", ":1:2: trainbus-broker has no verb 'chekc'"),
            ("broker", "listen = [\n", ":1:"),
            ("broker", 'listen = ["tcp://a:1", "tcp://b:1"]\n', ":1:10: listen takes one value, not a list"),
            ("broker", 'insecure = "yes"\n', ":1:12: insecure must be true or false"),
            ("broker", "retain = 1979-05-27\n", ":1:10: retain must be a text, a number, true or false"),
            ("broker", '# c\ndurability = "paper"\n', ":2:1: --durability: "),
            ("broker", 'help = true\n', ":1:1: trainbus-broker has no option 'help'"),
            ("watch", 'rules = "x"\nrules = "y"\n', ":2:"),
            ("ctl", '[tail]\nkind = ["epochs"]\n', ":2:1: --kind: "),
        ]
        for program, text, expected in wrong:
            path, (code, output, errors) = self.config(program, text)
            self.assertEqual((code, output), (2, ""), text)
            self.assertTrue(errors.startswith(f"trainbus-{program}: {path}{expected}"), errors)
            self.assertEqual(errors.count("\n"), 1, errors)

    def test_a_wrong_value_of_the_environment_is_named_with_its_variable(self):
        code, _, errors = self.run_program("broker", TRAINBUS_BROKER_RETAIN="soon")
        self.assertEqual(code, 2)
        self.assertTrue(errors.startswith("trainbus-broker: $TRAINBUS_BROKER_RETAIN: --retain: "), errors)

    def test_a_file_that_is_not_there_or_is_a_folder_is_one_line(self):
        for path in ["/nowhere/broker.toml", str(self.folder)]:
            for code, _, errors in [self.run_program("broker", "--config", path),
                                    self.run_program("broker", TRAINBUS_CONFIG=path)]:
                self.assertEqual((code, errors.count("\n")), (2, 1), errors)
                self.assertIn(path, errors)

    def test_the_file_satisfies_what_is_required(self):
        code, _, errors = self.run_program("log", "--once", "--config", self.file("l.toml", 'sink = ["nosuch:x"]\n'))
        self.assertEqual(code, 2)
        self.assertIn("nosuch", errors)

    def test_help_is_shown_whatever_the_file_says(self):
        code, output, _ = self.run_program("broker", "--help", "--config", self.file("b.toml", "x = 1\n"))
        self.assertEqual(code, 0)
        self.assertIn("--config", output)
        self.assertNotIn("Env:", output)

    def test_every_program_prints_its_configuration(self):
        for program in support.built_programs():
            code, output, errors = self.run_program(program.removeprefix("trainbus-"), "config")
            self.assertEqual((code, errors), (0, ""), program)
            self.assertIn("log-level = \"info\"", output)


if __name__ == "__main__":
    support.main()
