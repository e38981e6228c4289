#pragma once
// A PostgreSQL server of the test: a fresh cluster with one database and one user, who needs a password.

#include "tests/support/eventually.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus::test {

class PostgresServer {
 public:
  static constexpr char kPassword[] = "swordfish";

  // Where the server's programs are; empty when PostgreSQL is not installed.
  static std::string programs() {
    std::error_code none;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
      if (std::filesystem::exists(version.path() / "bin/postgres")) return version.path() / "bin";
    return {};
  }

  PostgresServer() {
    std::ofstream(dir_ / "password") << kPassword << '\n';
    if (const auto* user = getpwnam("postgres"); user != nullptr && geteuid() == 0)
      if (chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0 ||
          chown((dir_ / "password").c_str(), user->pw_uid, user->pw_gid) != 0)
        throw std::runtime_error("chown failed");
    run("initdb", {"-D", dir_ / "data", "-A", "scram-sha-256", "-U", "owner", "--pwfile", dir_ / "password", "-E",
                   "UTF8", "--locale", "C.UTF-8", "--no-sync"});
    start();
    query("CREATE DATABASE training", "postgres");
  }

  void start() {
    const auto serves = [this] { return query("SELECT 1", "postgres") == "1\n"; };
    // A killed server's children hold its memory for a moment, and it does not start.
    for (int attempt = 0; attempt < 20; ++attempt) {
      server_.emplace(programs() + "/postgres",
                      Arguments{"-D", dir_ / "data", "-k", dir_.path().string(), "-p", std::to_string(port_), "-c",
                                "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"},
                      dir_ / "log", "postgres");
      const auto is_up = eventually("PostgreSQL serves or has ended", [&] {
        return serves() || server_->wait(std::chrono::milliseconds(0)).has_value();
      });
      if (is_up && !server_->wait(std::chrono::milliseconds(0))) return;
    }
    throw std::runtime_error("PostgreSQL does not start:\n" + server_->log());
  }
  void kill() { server_->kill(); }
  // All of its processes: the connections stand, and nobody answers.
  void hang() { server_->signal(SIGSTOP); }
  void go_on() { server_->signal(SIGCONT); }

  std::string url(const std::string& user = "owner", const std::string& password = kPassword,
                  const std::string& database = "training") const {
    return "postgresql://" + user + ':' + password + "@127.0.0.1:" + std::to_string(port_) + '/' + database;
  }
  // What psql prints: a row a line, fields with | between; its complaint when it fails.
  std::string query(const std::string& sql, const std::string& database = "training") const {
    Process psql("/usr/bin/psql", {"-XAtqc", sql, url("owner", kPassword, database)});
    psql.wait(std::chrono::seconds(30));
    return psql.output();
  }
  int port() const { return port_; }
  std::string log() const { return server_->log(); }

 private:
  using Arguments = ServerProcess::Arguments;

  void run(const std::string& program, const Arguments& arguments) {
    ServerProcess process(programs() + '/' + program, arguments, dir_ / "log", "postgres");
    if (process.wait(std::chrono::seconds(60)) != 0) throw std::runtime_error(program + " failed:\n" + process.log());
  }

  TempDir dir_;
  int port_ = free_port();
  std::optional<ServerProcess> server_;
};

}  // namespace trainbus::test
