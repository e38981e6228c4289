"""Journals that released brokers wrote, as tests/journals keeps them: today's broker opens each, with all that it had.

A folder is a version: journal.sqlite after a clean end of its broker, and records.jsonl as its trainbus-log wrote it with
--once --sink jsonl:records.jsonl."""
import gzip
import json
import sqlite3

import support

JOURNALS = sorted((support.SOURCE / "tests/journals").glob("*/journal.sqlite.gz"))


def unpacked(path):
    with gzip.open(path) as file:
        return file.read()


class OldJournals(support.KitTest):
    def state_folder(self, name, journal):
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        path = folder / "journal.sqlite"
        path.write_bytes(unpacked(journal))
        path.chmod(0o600)
        return path

    def records(self, address, name):
        code, _, errors = self.run_program("log", "--broker", address, "--once", "--sink", f"jsonl:{name}")
        self.assertEqual(code, 0, errors)
        return sorted((self.folder / name).read_text().splitlines())

    def test_each_has_all_that_it_had_and_takes_more(self):
        self.assertTrue(JOURNALS)
        for journal in JOURNALS:
            version = journal.parent.name
            self.state_folder(version, journal)
            self.assertEqual(self.run_program("broker", "check", version)[0], 0, version)
            _, address = self.start_broker(state=version)
            had = sorted(unpacked(journal.parent / "records.jsonl.gz").decode().splitlines())
            self.assertGreater(len(had), 10)
            self.assertEqual(self.records(address, f"{version}.jsonl"), had, version)
            run = json.loads(had[0])["run"]
            code, _, errors = self.run_program("loadgen", "--broker", address, "--run", run, "--seconds", "0.5")
            self.assertEqual(code, 0, errors)
            now = self.records(address, f"{version}-more.jsonl")
            self.assertGreater(len(now), len(had))
            self.assertLess(set(had), set(now))

    def test_one_of_a_later_version_is_refused_in_one_line_and_left_as_it_is(self):
        path = self.state_folder("later", JOURNALS[-1])
        journal = sqlite3.connect(path)
        journal.execute("PRAGMA user_version = 99")
        journal.commit()
        journal.close()
        before = path.read_bytes()
        start = ["--listen", "tcp://127.0.0.1:*", "--state-dir", "later"]
        for arguments in [start, ["check", "later"], ["repair", "later"]]:
            code, _, errors = self.run_program("broker", *arguments)
            self.assertEqual((code, errors.count("\n")), (1, 1), errors)
            self.assertIn("has version 99, this broker reads version", errors)
            self.assertEqual(path.read_bytes(), before)


if __name__ == "__main__":
    support.main()
