"""Containerfiles, compose file and manifests: what they tell a program is something that it understands."""
import re

import support

PACKAGING = support.SOURCE / "packaging"
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

    def test_the_apptainer_definition_takes_the_packages_of_this_version(self):
        version = re.search(r"^project\(trainbus VERSION (\S+)", (support.SOURCE / "CMakeLists.txt").read_text(), re.M)[1]
        packages = re.findall(r"dist/(trainbus-\w+)_(.*)_amd64\.deb", (PACKAGING / "containers/trainbus.def").read_text())
        self.assertEqual(packages, [(f"trainbus-{name}", version) for name in ["tools", "broker", "dashboard"]])


if __name__ == "__main__":
    support.main()
