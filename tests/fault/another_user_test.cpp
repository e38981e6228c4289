// Another user of the host, on every file and port of the programs that run with keys and logins.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/another_user.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/web_client.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::as_nobody;
using test::can_be_another_user;
using test::eventually;
using test::get;
using test::open_to_nobody;
using test::Process;
using testing::IsEmpty;
namespace fs = std::filesystem;

// All that this user has running: broker, dashboard, log writer, and what a trainer left.
class AnotherUser : public testing::Test {
 protected:
  AnotherUser() {
    fs::permissions(dir_.path(), fs::perms(0755));  // not this one is what keeps others out
    site_.init();
    std::ofstream(token()) << "token of a test that is long enough to be one\n";
    fs::permissions(token(), fs::perms(0600));
    broker_ = run("trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--keys", dir_ / "keys", "--metrics",
                                      "127.0.0.1:0", "--metrics-token", token(), "--state-dir", dir_ / "broker"});
    address_ = said(*broker_, "listening on ");
    metrics_.push_back(port_of(said(*broker_, "metrics at http://127.0.0.1:")));
    dashboard_ = run("trainbus-dashboard", with_key({"--listen", "127.0.0.1:0", "--state-dir", dir_ / "dashboard"}));
    dashboard_port_ = port_of(said(*dashboard_, "open http://127.0.0.1:"));
    log_ = run("trainbus-log", with_key({"--sink", "jsonl:" + (dir_ / "records.jsonl"), "--sink",
                                         "prometheus:127.0.0.1:0,token=" + token(), "--metrics", "127.0.0.1:0",
                                         "--metrics-token", token(), "--state-dir", dir_ / "log"}));
    for (const int port : metrics_of_log())
      metrics_.push_back(static_cast<std::uint16_t>(port));
    leave_a_spool();
  }

  std::string token() const { return dir_ / "token"; }
  std::vector<std::string> with_key(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--broker", address_, "--key", dir_ / "keys/own.key_secret"});
    return arguments;
  }
  static std::unique_ptr<Process> run(const std::string& program, std::vector<std::string> arguments) {
    return std::make_unique<Process>(program, std::move(arguments));
  }
  static std::string said(Process& program, const std::string& marker) {
    const auto rest = program.wait_for(marker);
    if (!rest) throw std::runtime_error("it did not say '" + marker + "': " + program.output());
    return *rest;
  }
  static std::uint16_t port_of(const std::string& text) { return static_cast<std::uint16_t>(std::stoi(text)); }
  // Its own, and that of its sink.
  std::vector<int> metrics_of_log() {
    const std::string marker = "metrics at http://127.0.0.1:";
    std::vector<int> ports;
    eventually("two ports", [&] {
      ports.clear();
      const auto& output = log_->output();
      for (auto at = output.find(marker); at != std::string::npos; at = output.find(marker, at + 1))
        if (output.find('\n', at) != std::string::npos) ports.push_back(std::stoi(output.substr(at + marker.size())));
      return ports.size() == 2;
    });
    return ports;
  }
  void leave_a_spool() {
    Producer bus(
        {.run = "r", .trainer = "t", .broker = "tcp://127.0.0.1:1", .key = "off", .spool_dir = dir_ / "spool"});
    bus.log_batch({.epoch = 1, .batch = 0, .batch_size = 1, .loss = 1.0});
    bus.finish(v1::COMPLETED, "", 0s);
  }
  std::vector<std::string> folders() const {
    return {dir_ / "keys", dir_ / "broker", dir_ / "dashboard", dir_ / "spool", token()};
  }

  test::TempDir dir_;
  KeyDesk site_{dir_ / "keys"};
  std::string address_;
  std::unique_ptr<Process> broker_, dashboard_, log_;
  std::uint16_t dashboard_port_ = 0;
  std::vector<std::uint16_t> metrics_;
};

TEST_F(AnotherUser, OpensNoFile) {
  if (!can_be_another_user()) GTEST_SKIP() << "only root can be somebody else";
  std::ofstream(dir_ / "open") << "to all";
  fs::permissions(dir_ / "open", fs::perms(0644));
  EXPECT_EQ(open_to_nobody({dir_ / "open"}).size(), 1U) << "it is looked for";
  const auto kept = [&] {
    return fs::exists(dir_ / "dashboard/token") && fs::exists(dir_ / "broker/journal.sqlite-wal");
  };
  ASSERT_TRUE(eventually("the files are there", kept));
  EXPECT_THAT(open_to_nobody(folders()), IsEmpty());
  // Nor where somebody opened the folders.
  int files = 0;
  for (const auto& folder : folders()) {
    if (!fs::is_directory(folder)) continue;
    fs::permissions(folder, fs::perms(0711));
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_directory()) fs::permissions(entry.path(), fs::perms(0711));
      if (!entry.is_regular_file()) continue;
      EXPECT_THAT(open_to_nobody({entry.path().string()}), IsEmpty());
      ++files;
    }
  }
  EXPECT_GE(files, 10);
}

TEST_F(AnotherUser, GetsNothingFromAnyPort) {
  if (!can_be_another_user()) GTEST_SKIP() << "only root can be somebody else";
  EXPECT_EQ(as_nobody([&] { return get(dashboard_port_, "/healthz").status == 200 ? 7 : 0; }), 7) << "it may ask";
  EXPECT_EQ(as_nobody([&] {
              int answered = 0;
              for (const auto* path : {"/", "/api/trainers", "/api/session", "/metrics", "/api/alerts"})
                answered += get(dashboard_port_, path).status != 401 ? 1 : 0;
              answered += test::WebSocketClient(dashboard_port_).status() != 401 ? 1 : 0;
              return answered;
            }),
            0);
  ASSERT_EQ(metrics_.size(), 3U);
  EXPECT_EQ(as_nobody([&] {
              int answered = 0;
              for (const auto port : metrics_)
                answered += get(port, "/metrics").status != 401 ? 1 : 0;
              return answered;
            }),
            0);
  const auto ports = parse_endpoints(address_);
  EXPECT_EQ(as_nobody([&] {
              int refused = 0;
              for (const auto& port : {ports.data_in(), ports.data_out(), ports.control()})
                refused += port_problem(port, 10s, std::nullopt).about_key ? 1 : 0;
              return refused;
            }),
            3);
}

// What /proc shows of the programs.
TEST_F(AnotherUser, SeesNoSecretOnACommandLine) {
  if (!can_be_another_user()) GTEST_SKIP() << "only root can be somebody else";
  const auto secret = read_secret_key(dir_ / "keys/own.key_secret").secret_key;
  for (const auto* program : {broker_.get(), dashboard_.get(), log_.get()}) {
    const auto folder = "/proc/" + std::to_string(program->pid());
    std::ifstream file(folder + "/cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(line.empty());
    EXPECT_EQ(line.find(secret), std::string::npos);
    EXPECT_EQ(line.find("token of a test"), std::string::npos);
    EXPECT_THAT(open_to_nobody({folder + "/environ", folder + "/mem", folder + "/fd"}), IsEmpty());
  }
}

}  // namespace
}  // namespace trainbus
