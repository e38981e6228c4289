"""Containerfiles, compose file and manifests: what they tell a program is something that it understands."""
import copy
import json
import re
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
