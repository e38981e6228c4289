"""Containerfiles, compose file and manifests: what they tell a program is something that it understands."""
import copy
import json
import os
import re
import socket
import subprocess
import unittest

import support

try:
    import jsonschema
    import yaml
except ImportError:  # scripts/install-packages has them for Debian's Python
    jsonschema = None

PACKAGING = support.SOURCE / "packaging"
COMPOSE = PACKAGING / "containers/compose.yaml"
# Of https://github.com/compose-spec/compose-spec at 170098ba, unchanged, with its licence.
COMPOSE_SCHEMA = support.SOURCE / "tests/kit/compose_spec/compose-spec.json"
VARIABLE = r"TRAINBUS_({})_[A-Z_]+"
OF_SEVERAL = {"TRAINBUS_SPOOL_DIR": "grpc"}  # not an option of trainbus-spool: one of the programs that have it
VALUE = r'(?:=|, value: |: )("[^"]*"|[^\s,}]+)'


def variables(text):
    """The options of programs in a text: {(program, variable): value}."""
    programs = "|".join(name.upper() for name in support.PROGRAMS)
    found = re.finditer(rf"\b({VARIABLE.format(programs)}){VALUE}", text)
    return {(OF_SEVERAL.get(match[1], match[2].lower()), match[1]): match[3].strip('"') for match in found}


class Deployment(support.KitTest):
    def files(self):
        return [*PACKAGING.glob("containers/*"), *PACKAGING.glob("kubernetes/*.yaml")]

    def test_every_variable_they_set_is_an_option_and_takes_its_value(self):
        tried = 0
        for file in self.files():
            for (program, variable), value in variables(file.read_text()).items():
                if f"trainbus-{program}" not in support.built_programs():
                    continue
                code, output, errors = self.run_program(program, "config", **{variable: value})
                self.assertEqual((code, errors), (0, ""), f"{file.name}: {variable}={value}")
                self.assertIn(f"# ${variable}\n", output, f"{file.name}: {variable}={value}")
                tried += 1
        self.assertGreater(tried, 12)

    def test_the_configuration_of_the_manifests_is_understood(self):
        for file in PACKAGING.glob("kubernetes/*.toml"):
            proposal = re.sub(r"^# (?=[a-z-]+ = )", "", file.read_text(), flags=re.M)
            for text in [file.read_text(), proposal]:
                code, _, errors = self.run_program(file.stem, "config", "--config", self.file(file.name, text))
                self.assertEqual((code, errors), (0, ""), file.name)

    def test_each_image_is_of_a_program_not_root_and_has_a_health_check_and_a_volume(self):
        images = list(PACKAGING.glob("containers/Containerfile.*"))
        self.assertGreaterEqual(len(images), 5)
        for file in images:
            name = file.suffix[1:]
            text = file.read_text()
            self.assertIn(name, support.PROGRAMS)
            for line in ["USER 10001:10001", f"VOLUME /var/lib/trainbus/{name}", f'ENTRYPOINT ["/usr/bin/trainbus-{name}"]',
                         "STOPSIGNAL SIGTERM"]:
                self.assertIn(f"\n{line}\n", text, file.name)
            self.assertRegex(text, r"\nHEALTHCHECK .* CMD \[", file.name)

    def environment_of(self, name):
        """What image and manifest of a program say, with the paths and ports of this test."""
        image = re.search(r"^ENV (.*?[^\\\\])$", (PACKAGING / f"containers/Containerfile.{name}").read_text(), re.M | re.S)[1]
        said = dict(word.split("=", 1) for word in image.replace("\\\n", " ").split())
        for manifest in yaml.safe_load_all((PACKAGING / f"kubernetes/{name}.yaml").read_text()):
            if manifest["kind"] == "StatefulSet":
                container = manifest["spec"]["template"]["spec"]["containers"][0]
                said.update((entry["name"], entry["value"]) for entry in container["env"])
        for variable, value in said.items():
            value = re.sub(r"^/var/lib(?=$|/trainbus)", str(self.folder / "lib"), value)
            value = value.replace("/etc/trainbus/keys", str(self.folder / "keys"))
            said[variable] = re.sub(r"(\*|0\.0\.0\.0|127\.0\.0\.1):\d+$", "127.0.0.1:" + "*0"["tcp" not in value], value)
        said.pop("TRAINBUS_CONFIG", None)  # its sinks have paths and ports of their own
        return said

    @unittest.skipUnless(jsonschema and os.geteuid() == 0, "only root makes a volume as Kubernetes does; or no python3-yaml")
    def test_every_pod_of_the_manifests_starts_on_a_volume_that_belongs_to_root(self):
        self.folder.chmod(0o711)
        self.assertEqual(self.run_program("keys", "--dir", "keys", "init")[0], 0)
        subprocess.run(["chown", "-R", "10001:10001", self.folder / "keys"], check=True)
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notices.close)
        notices.settimeout(support.PATIENCE)
        notices.bind(str(self.folder / "notify"))
        (self.folder / "notify").chmod(0o777)
        address = None
        for name in ["broker", "dashboard", "log", "watch"]:
            volume = self.folder / "lib/trainbus" / name
            volume.mkdir(parents=True)
            os.chown(volume, 0, 10001)
            volume.chmod(0o2770)  # fsGroup
            variables = support.environment(**self.environment_of(name), NOTIFY_SOCKET=str(self.folder / "notify"))
            if address:
                variables["TRAINBUS_BROKER"] = address
            arguments = ["--sink", f"jsonl:{volume}/records.jsonl"] if name == "log" else []
            pod = subprocess.Popen(["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups",
                                    support.BUILD / f"bin/trainbus-{name}", *arguments], env=variables, text=True,
                                   cwd=volume, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for end in [pod.stdout.close, pod.wait, pod.terminate]:
                self.addCleanup(end)
            if notices.recv(100) != b"READY=1":
                self.fail(f"{name} does not start: {pod.stdout.read()}")
            if not address:
                address = next(line for line in pod.stdout if "listening on tcp" in line).split()[-1]

    def compose_problems(self, text):
        schema = jsonschema.Draft7Validator(json.loads(COMPOSE_SCHEMA.read_text()))
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in schema.iter_errors(text)]

    @unittest.skipUnless(jsonschema, "no python3-jsonschema or python3-yaml")
    def test_the_compose_file_is_valid_by_the_schema_of_compose(self):
        text = yaml.safe_load(COMPOSE.read_text())
        self.assertEqual(self.compose_problems(text), [])
        for place, value in {"services.broker.helthcheck": {}, "services.log.read_only": 7, "volums": {}, "services.a b": {},
                             "services.watch.depends_on": "broker"}.items():
            wrong = copy.deepcopy(text)
            *parents, last = place.split(".")
            at = wrong
            for parent in parents:
                at = at[parent]
            at[last] = value
            self.assertTrue(self.compose_problems(wrong), place)

    @unittest.skipUnless(jsonschema, "no python3-jsonschema or python3-yaml")
    def test_whatever_the_compose_file_names_is_there(self):
        text = yaml.safe_load(COMPOSE.read_text())
        for name, service in text["services"].items():
            image = COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]
            self.assertEqual(image.resolve(), PACKAGING / f"containers/Containerfile.{name}")
            for other in service.get("depends_on", []):
                self.assertIn(other, text["services"], name)
            mounted = dict(volume.split(":")[:2] for volume in service["volumes"])
            self.assertEqual(mounted.get(name), f"/var/lib/trainbus/{name}")
            for volume in mounted:
                self.assertTrue(volume.startswith("../") or volume in text["volumes"], f"{name}: {volume}")
            exposed = set(re.search(r"^EXPOSE (.*)$", image.resolve().read_text() + "EXPOSE \n", re.M)[1].split())
            for ports in service.get("ports", []):
                first, _, last = ports.rpartition(":")[2].partition("-")
                for port in range(int(first), int(last or first) + 1):
                    self.assertIn(str(port), exposed, f"{name}: {ports}")

    def test_the_apptainer_definition_takes_the_packages_of_this_version(self):
        version = re.search(r"^project\(trainbus VERSION (\S+)", (support.SOURCE / "CMakeLists.txt").read_text(), re.M)[1]
        packages = re.findall(r"dist/(trainbus-\w+)_(.*)_amd64\.deb", (PACKAGING / "containers/trainbus.def").read_text())
        self.assertEqual(packages, [(f"trainbus-{name}", version) for name in ["tools", "broker", "dashboard"]])


if __name__ == "__main__":
    support.main()
