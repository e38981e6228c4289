"""The Grafana dashboard over PostgreSQL: every query of it, asked of a real server that trainbus-log has filled."""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import unittest

import support

DASHBOARD = support.SOURCE / "packaging/grafana/history.json"
PROGRAMS = next(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), None)
EMPTY = {"Alerts"}  # a load that goes well raises none


def asked(query):
    """A query as Grafana sends it, for all runs, trainers and times, and the value named scalar_0."""
    query = re.sub(r"\$__timeGroupAlias\((.*?\)), \$__interval\)", r'floor(extract(epoch FROM \1) / 10) * 10 AS "time"', query)
    query = re.sub(r"\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)", r"\1 BETWEEN now() - interval '1 day' AND now()", query)
    query = re.sub(r"(run|trainer) IN \(\$\1\)", r"\1 IN (SELECT \1 FROM trainbus.lives)", query)
    return query.replace("'$name'", "(SELECT min(name) FROM trainbus.scalars)")


@unittest.skipUnless(PROGRAMS and shutil.which("psql"), "no PostgreSQL: scripts/install-packages installs it")
class History(support.KitTest):
    def start_server(self):
        """On a socket in the test's folder, for whoever can reach that."""
        as_user = []
        if os.geteuid() == 0:  # whom the server refuses
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = self.folder / "data"
        subprocess.run([*as_user, PROGRAMS / "initdb", "-D", data, "-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8",
                        "--locale", "C.UTF-8"], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        log = open(self.folder / "postgres.log", "w")
        self.addCleanup(log.close)
        server = subprocess.Popen([*as_user, PROGRAMS / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses=",
                                   "-c", "fsync=off"], stdout=log, stderr=log, cwd=self.folder)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.eventually("PostgreSQL serves", lambda: self.psql("SELECT 1").returncode == 0)

    def psql(self, query):
        return subprocess.run(["psql", "-XAtq", "-h", self.folder, "-U", "owner", "-d", "postgres", "-c", query], text=True,
                              capture_output=True, timeout=support.PATIENCE)

    def test_every_query_is_understood_and_answered(self):
        self.start_server()
        broker, address = self.start_broker()
        done = self.run_program("loadgen", "--broker", address, "--run", "r", "--trainers", "2", "--seconds", "1", "--batch-rate",
                                "50", "--epoch-every", "5", "--scalars", "2")
        self.assertEqual(done[0], 0, done)
        self.run_program("ctl", "--broker", address, "pause", "--no-wait", "r/t0")  # a command for the table
        done = self.run_program("log", "--broker", address, "--once", "--state-dir", "log", "--sink",
                                f"postgres:to=host={self.folder} user=owner dbname=postgres")
        self.assertEqual(done[0], 0, done)
        dashboard = json.loads(DASHBOARD.read_text())
        queries = [(variable["name"], variable["query"]) for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
        for panel in dashboard["panels"]:
            queries += [(panel["title"], target["rawSql"]) for target in panel["targets"]]
        self.assertGreater(len(queries), 15)
        for title, query in queries:
            self.assertNotIn("$", asked(query), title)
            rows = self.psql(asked(query))
            self.assertEqual((rows.returncode, rows.stderr), (0, ""), f"{title}: {asked(query)}")
            self.assertTrue(rows.stdout.strip() or title in EMPTY, f"nothing for {title}: {asked(query)}")


if __name__ == "__main__":
    support.main()
