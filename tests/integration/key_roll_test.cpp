// Another key for the broker itself: who has the one before goes on until the overlap ends.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "broker/gatekeeper.hpp"
#include "broker/key_roll.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::KeySite;
using test::PlainPeer;
using test::Process;
using testing::HasSubstr;

class KeyRoll : public testing::Test {
 protected:
  std::string earlier() const { return site_.folder() + "/broker~1.key_secret"; }
  std::string public_half() const { return site_.folder() + "/broker.key"; }
  void roll() { roll_broker_key(KeyFolder(site_.folder()), 1h, unix_ms() / 1000); }
  // As if the overlap had passed.
  void end_overlap() {
    auto key = read_secret_key(earlier());
    key.metadata["until"] = "1";
    write_key_file(earlier(), key, "", true);
  }
  // On the ports that it had.
  void restart() {
    broker_.reset();
    broker_ = std::make_unique<Process>(
        "trainbus-broker",
        std::vector<std::string>{"--listen", listen_, "--state-dir", dir_ / "state", "--keys", site_.folder()});
    const auto address = broker_->wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + broker_->output());
    listen_ = *address;
  }
  Endpoints endpoints() const { return parse_endpoints(listen_); }
  PlainPeer peer(const std::string& file) { return PlainPeer(endpoints(), read_secret_key(file)); }
  std::string problem(const std::string& file, const std::string& port) {
    const auto as = port == endpoints().data_in()    ? zmq::socket_type::pub
                    : port == endpoints().data_out() ? zmq::socket_type::sub
                                                     : zmq::socket_type::dealer;
    return port_problem(port, 10s, read_secret_key(file), as).text;
  }
  void expect_in(const std::string& file) {
    for (const auto& port : {endpoints().data_in(), endpoints().data_out(), endpoints().control()})
      EXPECT_TRUE(eventually(file + " is taken", [&] { return problem(file, port).empty(); })) << port;
  }

  test::TempDir dir_;
  KeySite site_;
  std::string listen_ = "tcp://127.0.0.1:*";
  std::unique_ptr<Process> broker_;
};

// Nobody with the key before notices; the end of the overlap ends connections, which come again by themselves.
TEST_F(KeyRoll, ARunningBrokerTakesTheNewKeyAndLetsGoOfTheOneBefore) {
  const auto alice = site_.add("alice", "trainer,viewer"), bob = site_.add("bob", "trainer,viewer");
  restart();
  auto trainer = peer(alice);
  trainer.subscribe("batch/");
  ASSERT_TRUE(trainer.hello().has_welcome());
  ASSERT_TRUE(trainer.wait_until_heard());
  roll();
  ASSERT_TRUE(broker_->wait_for("served by the broker's new key")) << broker_->output();
  expect_in(bob);
  expect_in(site_.own());
  trainer.publish(PlainPeer::record(1));
  EXPECT_EQ(trainer.receive_sequence(), 1U) << "by the connections it has";

  adopt_broker_key(alice, public_half());
  auto owner = peer(site_.own());
  ASSERT_TRUE(owner.hello(43).has_welcome());
  end_overlap();
  broker_->signal(SIGHUP);
  ASSERT_TRUE(broker_->wait_for("served by the broker's key in force alone")) << broker_->output();
  expect_in(alice);
  EXPECT_THAT(problem(bob, endpoints().control()), HasSubstr("is for another broker"));
  EXPECT_TRUE(eventually("the same sockets speak again", [&] { return owner.hello(44).has_welcome(); }));
  v1::MetricsRequest request;
  request.mutable_stats();
  EXPECT_TRUE(eventually("connections that ended are not counted", [&] {
    const auto stats = owner.ask(request).stats();
    double open = 0;
    for (const auto* port : {"data_in", "data_out", "control"})
      open += stats.gauges().at(std::string("connections{port=\"") + port + "\"}");
    return open > 0 && open <= 3;
  }));
}

TEST_F(KeyRoll, TheOverlapEndsByItsTime) {
  restart();
  roll_broker_key(KeyFolder(site_.folder()), 2s, unix_ms() / 1000);
  ASSERT_TRUE(broker_->wait_for("served by the broker's key in force alone", 30s)) << broker_->output();
  expect_in(site_.own());
}

// What cannot be read changes nothing, and is said.
TEST_F(KeyRoll, AKeyThatCannotBeReadLeavesTheBrokerAsItWas) {
  restart();
  const auto secret = site_.folder() + "/broker.key_secret";
  ASSERT_EQ(chmod(secret.c_str(), 0640), 0);
  ASSERT_TRUE(broker_->wait_for("own key stays as it was: key file '" + secret + '\'')) << broker_->output();
  expect_in(site_.own());
  ASSERT_EQ(chmod(secret.c_str(), 0600), 0);
  expect_in(site_.own());
}

TEST_F(KeyRoll, BothKeysAreGoodFromARestartOnAndThenTheNewOneAlone) {
  const auto alice = site_.add("alice", "trainer,viewer"), bob = site_.add("bob", "trainer,viewer");
  const auto before = read_secret_key(alice).said("broker-key");
  restart();
  auto trainer = peer(alice);
  ASSERT_TRUE(trainer.hello().has_welcome());
  roll();
  EXPECT_NE(read_secret_key(site_.own()).said("broker-key"), before);
  restart();
  expect_in(bob);
  expect_in(site_.own());
  EXPECT_TRUE(eventually("the same sockets speak again", [&] { return trainer.hello().has_welcome(); }));
  // A record of who has the key before, to who has the new one.
  auto owner = peer(site_.own()), again = peer(alice);
  owner.subscribe("batch/");
  ASSERT_TRUE(again.wait_until_heard());
  again.publish(PlainPeer::record(1));
  EXPECT_EQ(owner.receive_sequence(), 1U);

  adopt_broker_key(alice, public_half());
  EXPECT_EQ(read_secret_key(alice).said("broker-key"), read_secret_key(site_.own()).said("broker-key"));
  expect_in(alice);
  end_overlap();
  restart();
  expect_in(alice);
  EXPECT_THAT(problem(bob, endpoints().control()), HasSubstr("is for another broker"));
}

TEST_F(KeyRoll, KeepsOneKeyBeforeAtMost) {
  const KeyFolder folder(site_.folder());
  const auto first = folder.broker_key().secret_key;
  roll();
  const auto second = folder.broker_key().secret_key;
  EXPECT_NE(first, second);
  const auto keys = broker_keys(folder, unix_ms() / 1000);
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].secret_key, second);
  EXPECT_EQ(keys[1].secret_key, first);
  EXPECT_EQ(broker_keys(folder, unix_ms() / 1000 + 3600).size(), 1U) << "the overlap is an hour";
  try {
    roll();
    ADD_FAILURE() << "two before";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(earlier()));
  }
  end_overlap();
  roll();
  EXPECT_EQ(broker_keys(folder, unix_ms() / 1000)[1].secret_key, second);
  EXPECT_EQ(read_public_key(public_half()).public_key, folder.broker_key().public_key);
  EXPECT_EQ(read_public_key(public_half()).secret_key, "");
}

// Between the two files that a roll writes, both say the same key.
TEST_F(KeyRoll, HalfDoneIsOneKey) {
  const KeyFolder folder(site_.folder());
  auto before = folder.broker_key();
  before.metadata["until"] = std::to_string(unix_ms() / 1000 + 3600);
  write_key_file(earlier(), before, "", true);
  EXPECT_EQ(broker_keys(folder, unix_ms() / 1000).size(), 1U);
}

TEST_F(KeyRoll, TheKeyBeforeIsASecretToo) {
  roll();
  ASSERT_EQ(chmod(earlier().c_str(), 0640), 0);
  EXPECT_THROW(Gatekeeper(KeyFolder(site_.folder())), std::invalid_argument);
  ASSERT_EQ(chmod(earlier().c_str(), 0600), 0);
  auto key = read_secret_key(earlier());
  for (const auto* until : {"", "soon", "12h", "99999999999999999999"}) {
    key.metadata["until"] = until;
    write_key_file(earlier(), key, "", true);
    EXPECT_THROW(Gatekeeper(KeyFolder(site_.folder())), std::invalid_argument) << until;
  }
}

TEST(KeysProgram, RollsTheBrokersKeyAndLetsOthersAdoptIt) {
  const test::TempDir dir;
  const auto run = [&](std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.begin(), {"--dir", dir / "keys"});
    Process process("trainbus-keys", arguments);
    EXPECT_EQ(process.wait(20s), code) << process.output();
    return process.output();
  };
  run({"init"});
  const std::string alice = dir / "alice";
  run({"add", "alice", "--role", "trainer", "--out", alice});
  const auto before = read_secret_key(alice).said("broker-key");
  EXPECT_THAT(run({"roll", "--overlap", "7d"}), HasSubstr(dir / "keys/broker.key"));
  EXPECT_THAT(run({"roll"}, 1), HasSubstr("still good"));
  run({"adopt", alice, dir / "keys/broker.key"});
  EXPECT_NE(read_secret_key(alice).said("broker-key"), before);
  EXPECT_THAT(run({"adopt", alice, dir / "missing"}, 1), HasSubstr("No such file"));
}

}  // namespace
}  // namespace trainbus
