// A broker with keys, attacked by who has no key, and by who has one.

#include <sys/stat.h>

#include <filesystem>

#include "tests/support/eventually.hpp"
#include "tests/support/hostile_bytes.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "trainbus/port_probe.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::HostileBytes;
using test::KeySite;
using test::PlainPeer;
using test::Process;

class KeyedBroker : public testing::Test {
 protected:
  KeyedBroker()
      : broker_("trainbus-broker",
                {"--listen", "tcp://127.0.0.1:*", "--state-dir", dir_ / "state", "--keys", site_.folder()}) {
    const auto address = broker_.wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + broker_.output());
    endpoints_ = parse_endpoints(*address);
  }
  std::vector<std::string> ports() const { return {endpoints_.data_in(), endpoints_.data_out(), endpoints_.control()}; }
  PlainPeer owner() { return PlainPeer(endpoints_, read_secret_key(site_.own())); }
  // The way of a record works from one end to the other.
  void expect_in_order(const std::string& run) {
    auto peer = owner();
    peer.subscribe("batch/" + run + '/');
    ASSERT_TRUE(peer.wait_until_heard());
    auto record = PlainPeer::record(1);
    record.set_session_id(run + "/t");
    peer.publish("batch/" + run + "/t/", record.SerializeAsString());
    EXPECT_EQ(peer.receive().first, "batch/" + run + "/t/");
  }

  test::TempDir dir_;
  KeySite site_;
  Process broker_;
  Endpoints endpoints_;
};

TEST_F(KeyedBroker, OutlivesWhoHasNoKeyAndSaysWhatHappened) {
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i)
    for (const auto& port : ports()) {
      const auto stranger = i % 2 == 0 ? std::optional(read_secret_key(site_.stranger())) : std::nullopt;
      EXPECT_TRUE(port_problem(port, 10s, stranger).about_key);
    }
  auto peer = owner();
  v1::MetricsRequest request;
  request.mutable_stats();
  const auto stats = peer.ask(request).stats();
  EXPECT_GE(stats.counters().at("turned_away_total{key=\"\",reason=\"unknown\"}"), 12U);
  EXPECT_GE(stats.counters().at("handshakes_failed_total"), 12U);
  // However many keys somebody makes, that is a line a minute for each port and address.
  int lines = 0;
  for (std::size_t at = 0; (at = broker_.output().find("turned away from control", at)) != std::string::npos; ++at)
    ++lines;
  EXPECT_GE(lines, 1);
  EXPECT_LE(lines, 1 + (std::chrono::steady_clock::now() - began) / 1min) << broker_.output();
  expect_in_order("after");
}

// Two thousand hostile messages to each port, from somebody who has a key.
TEST_F(KeyedBroker, OutlivesWhatATrainersKeySends) {
  const auto seed = test::hostile_seed();
  std::cout << "TRAINBUS_HOSTILE_SEED=" << seed << std::endl;
  HostileBytes hostile(seed);
  {
    PlainPeer eve(endpoints_, read_secret_key(site_.add("eve", "trainer,viewer", "eve-*")));
    ASSERT_TRUE(eve.wait_until_heard());
    const std::string good = PlainPeer::record(1).SerializeAsString();
    for (int i = 0; i < 2'000; ++i) {
      eve.publish(hostile.one_in(2) ? hostile.topic() : "batch/victim/t/", hostile.damaged(good));
      eve.publish("batch/victim/t/", good);
      eve.send_raw(hostile.one_in(2) ? hostile.damaged(good) : hostile.bytes(hostile.below(300)));
      if (i % 20 == 0) eve.subscribe(hostile.topic());
    }
  }
  EXPECT_FALSE(broker_.wait(0ms)) << broker_.output();
  expect_in_order("after");
  auto peer = owner();
  v1::FetchRequest wanted;
  wanted.set_run("victim");
  EXPECT_EQ(peer.fetch(wanted).records_size(), 0);
}

// The broker is killed and started again, and everybody with a key is back by itself.
TEST_F(KeyedBroker, IsFoundAgainAfterAKill) {
  auto peer = owner();
  EXPECT_TRUE(peer.hello().has_welcome());
  const std::string address = endpoints_.base();
  broker_.signal(SIGKILL);
  broker_.wait(5s);
  Process next("trainbus-broker", {"--listen", address, "--state-dir", dir_ / "state", "--keys", site_.folder()});
  ASSERT_TRUE(next.wait_for("listening on ")) << next.output();
  EXPECT_TRUE(eventually("the same sockets speak again", [&] { return peer.hello().has_welcome(); }));
}

// A broker does not start on keys that others can read, or that are none, and says which.
TEST(BrokerKeys, ThatCannotBeTrustedStopTheStart) {
  const auto said = [](const std::string& keys) {
    const test::TempDir dir;
    Process broker("trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", dir / "state", "--keys", keys});
    EXPECT_EQ(broker.wait(10s), 1);
    return broker.output();
  };
  KeySite site;
  const std::string secret = site.folder() + "/broker.key_secret";
  chmod(secret.c_str(), 0640);
  EXPECT_NE(said(site.folder()).find("chmod 600 " + secret), std::string::npos);
  chmod(secret.c_str(), 0600);
  std::filesystem::rename(secret, site.path("elsewhere"));
  std::filesystem::create_symlink(site.path("elsewhere"), secret);
  EXPECT_NE(said(site.folder()).find("is a symbolic link"), std::string::npos);
  EXPECT_NE(said(site.path("nowhere")).find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace trainbus
