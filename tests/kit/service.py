"""A program under a service manager: what it tells, how its log looks, and what SIGHUP does."""
import json
import os
import signal
import socket
import subprocess
import urllib.request

import support


class Service(support.KitTest):
    def manager(self):
        """A socket as systemd's, and the variable that names it."""
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notices.close)
        notices.settimeout(support.PATIENCE)
        path = str(self.folder / f"notify-{notices.fileno()}")
        notices.bind(path)
        return notices, {"NOTIFY_SOCKET": path}

    def log(self, name):
        return (self.folder / f"{name}.err").read_text()

    def services(self, address):
        """Starts every program that goes on until it is told to end, with a manager of its own."""
        flags = {
            "dashboard": ["--listen", "127.0.0.1:0", "--state-dir", "dashboard"],
            "log": ["--sink", "jsonl:records.jsonl", "--state-dir", "log"],
            "watch": ["--no-alerts"],
            "grpc": ["--listen", "127.0.0.1:0", "--spool-dir", ""],
        }
        for name, arguments in flags.items():
            if f"trainbus-{name}" in support.built_programs():
                notices, variable = self.manager()
                yield name, self.start(name, "--broker", address, *arguments, **variable), notices

    def test_every_service_says_when_it_is_ready_reloads_on_sighup_and_says_when_it_ends(self):
        notices, variable = self.manager()
        broker, address = self.start_broker(**variable)
        services = [("broker", broker, notices), *self.services(address)]
        for name, process, heard in services:
            self.assertEqual(heard.recv(100), b"READY=1", name)
            for _ in range(3):
                process.send_signal(signal.SIGHUP)
                self.assertRegex(heard.recv(100), rb"^RELOADING=1\nMONOTONIC_USEC=\d+$", name)
                self.assertEqual(heard.recv(100), b"READY=1", name)
            self.assertIn("SIGHUP: the configuration is read again", self.log(name))
        for name, process, heard in reversed(services):
            process.send_signal(signal.SIGTERM)
            self.assertEqual(heard.recv(100), b"STOPPING=1", name)
            self.assertEqual(process.wait(support.PATIENCE), 0, name)

    def test_sighup_ends_no_program(self):
        _, address = self.start_broker()
        loadgen = self.start("loadgen", "--broker", address, "--seconds", "2", "--batch-rate", "50", "--json")
        tail = self.start("ctl", "--broker", address, "--json", "tail", "--run", "load", "--kind", "batch", "--history",
                          "-n", "20")
        self.assertTrue(tail.stdout.readline())
        for process in [loadgen, tail]:
            process.send_signal(signal.SIGHUP)
        self.assertEqual(len(tail.stdout.readlines()), 19)
        self.assertEqual(tail.wait(support.PATIENCE), 0)
        self.assertTrue(loadgen.stdout.readlines())
        self.assertEqual(loadgen.wait(support.PATIENCE), 0)

    def test_sighup_changes_the_log_level_and_names_what_waits_for_the_next_start(self):
        path = self.file("broker.toml", 'log-level = "error"\n')
        broker, _ = self.start_broker("--config", path)

        def reload(text):
            self.file("broker.toml", text)
            broker.send_signal(signal.SIGHUP)

        reload('log-level = "info"\nretain = "1d"\n')
        self.eventually("it says so", lambda: "next start on counts the change of retain\n" in self.log("broker"))
        self.assertNotIn("room for about", self.log("broker"))  # info, while errors alone were wanted
        reload("log-level = \n")
        self.eventually("it says what is wrong", lambda: f"SIGHUP: {path}:1:" in self.log("broker"))
        self.assertIn("nothing changes", self.log("broker"))
        os.remove(path)
        broker.send_signal(signal.SIGHUP)
        self.eventually("it says what is wrong", lambda: f"{path} cannot be read: No such file" in self.log("broker"))

    def test_a_flag_keeps_its_log_level_through_a_reload(self):
        path = self.file("broker.toml", 'log-level = "off"\n')
        broker, _ = self.start_broker("--config", path, "--log-level", "info")
        for times in [1, 2]:
            broker.send_signal(signal.SIGHUP)
            self.eventually("it goes on saying so", lambda: self.log("broker").count("read again") == times)

    def test_json_lines_are_one_object_each(self):
        broker, _ = self.start_broker("--log-format", "json", "--insecure")
        self.eventually("it has said something", lambda: "room for about" in self.log("broker"))
        broker.send_signal(signal.SIGTERM)
        broker.wait(support.PATIENCE)
        for line in self.log("broker").splitlines():
            said = json.loads(line)
            self.assertEqual(set(said), {"time", "level", "program", "message"})
            self.assertRegex(said["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual(said["program"], "trainbus-broker")

    def test_one_id_follows_a_command_through_the_programs(self):
        _, address = self.start_broker("--log-format", "json", "--log-level", "debug")
        self.start("loadgen", "--broker", address, "--run", "r")
        self.eventually("it trains", lambda: "t0" in self.run_program("ctl", "--broker", address, "list")[1])
        code, _, errors = self.run_program("ctl", "--broker", address, "--log-level", "debug", "--log-format", "json", "pause",
                                           "r/t0")
        self.assertEqual(code, 0, errors)
        asked = next(line for line in map(json.loads, errors.splitlines()) if "request" in line)
        self.assertIn("PAUSE_TRAINING of r/t0", asked["message"])
        lines = [json.loads(line) for line in self.log("broker").splitlines()]
        told = [line["message"] for line in lines if line.get("request") == asked["request"]]
        self.assertRegex(told[0], "asks PAUSE_TRAINING of r/t0$")
        self.eventually("and its end", lambda: "PAUSE_TRAINING of r/t0 APPLIED" in self.log("broker"))

        page = self.start("dashboard", "--broker", address, "--listen", "127.0.0.1:0", "--no-login")
        url = page.stdout.readline().split()[-1]
        self.eventually("it knows the trainer", lambda: b"t0" in urllib.request.urlopen(url + "api/trainers").read())
        request = urllib.request.Request(url + "api/trainers/r/t0/commands", b'{"type":"RESUME_TRAINING"}',
                                         {"Content-Type": "application/json"})
        command = json.load(urllib.request.urlopen(request))["command_id"]
        self.assertIn(f"asks RESUME_TRAINING of r/t0 [request {command}]", self.log("dashboard"))
        self.assertIn(f'"request":"{command}"', self.log("broker"))

    def test_an_error_is_json_too_whatever_is_in_it(self):
        name = 'tcp://"\\\n\t\x01:7760'
        code, _, errors = self.run_program("broker", "--log-format", "json", "--listen", name)
        self.assertEqual(code, 1)
        said = json.loads(errors)
        self.assertEqual(said["level"], "error")
        self.assertIn(name, said["message"])

    def test_the_journal_gets_priorities_and_nothing_else_does(self):
        for is_journal in [True, False]:
            with open(self.folder / "stderr", "w+") as errors:
                found = os.fstat(errors.fileno())
                stream = f"{found.st_dev}:{found.st_ino + (0 if is_journal else 1)}"
                done = subprocess.run([support.BUILD / "bin/trainbus-broker", "--listen", "tcp://nowhere.invalid:7760"],
                                      env=support.environment(JOURNAL_STREAM=stream), stderr=errors, cwd=self.folder)
                self.assertEqual(done.returncode, 1)
                errors.seek(0)
                self.assertRegex(errors.read(), "^<3>" if is_journal else "^trainbus-broker: ")

    def test_a_manager_that_is_not_there_is_no_error(self):
        for path in ["/nowhere/socket", "@trainbus-nobody", "relative", "/" + "x" * 200]:
            self.assertEqual(self.run_program("ctl", "config", NOTIFY_SOCKET=path)[0], 0)
            broker, _ = self.start_broker(NOTIFY_SOCKET=path)
            broker.send_signal(signal.SIGTERM)
            self.assertEqual(broker.wait(support.PATIENCE), 0)


if __name__ == "__main__":
    support.main()
