// The folder of a broker's keys is slow, gone, or hangs with its file server: the bus goes on, and says so.

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/eventually.hpp"
#include "tests/support/hanging_mount.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "trainbus/port_probe.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::PlainPeer;
using test::Process;
using testing::HasSubstr;

class KeysFolder : public testing::Test {
 protected:
  std::string clients() const { return site_.folder() + "/clients"; }
  std::unique_ptr<Process> broker() const {
    return std::make_unique<Process>(
        "trainbus-broker", std::vector<std::string>{"--listen", "tcp://127.0.0.1:*", "--state-dir", dir_ / "state",
                                                    "--keys", site_.folder()});
  }
  void start() {
    broker_ = broker();
    const auto address = broker_->wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + broker_->output());
    endpoints_ = parse_endpoints(*address);
    owner_ = std::make_unique<PlainPeer>(endpoints_, read_secret_key(site_.own()));
    owner_->subscribe("batch/");
    ASSERT_TRUE(owner_->hello().has_welcome());
    ASSERT_TRUE(owner_->wait_until_heard());
  }
  // A record passes, who is new comes in, and a stranger is told.
  void expect_goes_on() {
    owner_->publish(PlainPeer::record(++sequence_));
    EXPECT_EQ(owner_->receive_sequence(), sequence_);
    EXPECT_TRUE(PlainPeer(endpoints_, read_secret_key(site_.own())).hello(100 + sequence_).has_welcome());
    const auto stranger = read_secret_key(site_.stranger());
    EXPECT_THAT(port_problem(endpoints_.control(), 10s, stranger).text, HasSubstr("does not take key 'stranger'"));
  }
  double stale_seconds() {
    v1::MetricsRequest request;
    request.mutable_stats();
    return owner_->ask(request).stats().gauges().at("keys_stale_seconds");
  }
  // Whether the broker's alert about its keys is active, as the journal has it.
  bool is_raised() {
    v1::FetchRequest wanted;
    wanted.set_run("trainbus");
    bool active = false;
    v1::MetricsRequest message;
    const auto reply = owner_->fetch(wanted);
    for (const auto& stored : reply.records())
      if (message.ParseFromString(stored.message()) && message.alert().rule() == "keys_unreadable")
        active = message.alert().active();
    return active;
  }
  void expect_said(const std::string& why) {
    ASSERT_TRUE(broker_->wait_for(why, 30s)) << broker_->output();
    EXPECT_TRUE(eventually("the alert", [&] { return is_raised(); }));
    EXPECT_GT(stale_seconds(), 0);
  }
  void expect_read_again() {
    EXPECT_TRUE(broker_->wait_for("the keys can be read again", 30s)) << broker_->output();
    EXPECT_TRUE(eventually("the alert ends", [&] { return !is_raised(); }));
    EXPECT_EQ(stale_seconds(), 0);
    const auto bob = site_.add("bob", "viewer");
    const auto problem = [&] { return port_problem(endpoints_.control(), 10s, read_secret_key(bob)).text; };
    EXPECT_TRUE(eventually("who is added comes in", [&] { return problem().empty(); }));
    site_.desk().revoke("bob");
    EXPECT_TRUE(eventually("and goes", [&] { return problem().find("was revoked") != std::string::npos; }));
  }

  test::TempDir dir_;
  test::KeySite site_;
  std::unique_ptr<Process> broker_;
  Endpoints endpoints_;
  std::unique_ptr<PlainPeer> owner_;
  std::uint64_t sequence_ = 0;
};

TEST_F(KeysFolder, ThatHangsStopsNoMessage) {
  test::HangingMount hanging;
  if (!hanging.problem().empty()) GTEST_SKIP() << hanging.problem();
  start();
  ASSERT_TRUE(hanging.begin(clients()));
  expect_goes_on();
  expect_said("keys stay as they were: the folder of " + clients() + " does not answer");
  expect_goes_on();
  broker_->signal(SIGHUP);
  expect_goes_on();
  hanging.end();
  expect_read_again();
}

TEST_F(KeysFolder, ThatHangsKeepsNoBrokerFromItsEnd) {
  test::HangingMount hanging;
  if (!hanging.problem().empty()) GTEST_SKIP() << hanging.problem();
  start();
  ASSERT_TRUE(hanging.begin(clients()));
  expect_said("does not answer");
  broker_->signal(SIGTERM);
  EXPECT_EQ(broker_->wait(20s), 0) << broker_->output();
}

TEST_F(KeysFolder, ThatHangsAtTheStartIsOneLine) {
  test::HangingMount hanging;
  if (!hanging.problem().empty()) GTEST_SKIP() << hanging.problem();
  ASSERT_TRUE(hanging.begin(clients()));
  broker_ = broker();
  EXPECT_EQ(broker_->wait(30s), 1);
  EXPECT_THAT(broker_->output(), HasSubstr("the folder of keys '" + site_.folder() + "' does not answer"));
  EXPECT_EQ(std::ranges::count(broker_->output(), '\n'), 1) << broker_->output();
}

TEST_F(KeysFolder, ThatIsTakenAwayLeavesTheKeysAsTheyWere) {
  start();
  std::filesystem::rename(clients(), site_.path("elsewhere"));
  expect_said("keys stay as they were: ");
  expect_goes_on();
  std::filesystem::rename(site_.path("elsewhere"), clients());
  expect_read_again();
}

// The same where a file has its place.
TEST_F(KeysFolder, ThatIsNoneLeavesTheKeysAsTheyWere) {
  start();
  std::filesystem::rename(clients(), site_.path("elsewhere"));
  write_key_file(clients(), new_key_pair(), "no folder");
  expect_said("keys stay as they were: ");
  expect_goes_on();
  std::filesystem::remove(clients());
  std::filesystem::rename(site_.path("elsewhere"), clients());
  expect_read_again();
}

}  // namespace
}  // namespace trainbus
