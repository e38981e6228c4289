// A broker with keys, and who comes to it: real sockets, real programs.

#include <gmock/gmock.h>

#include <mutex>
#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::KeySite;
using test::PlainPeer;
using test::Process;
using test::RunningBroker;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Keys : public testing::Test {
 protected:
  PlainPeer peer(const std::string& file) { return PlainPeer(broker_.endpoints(), read_secret_key(file)); }
  std::string with(const std::string& file, const std::string& port) {
    const auto& ports = broker_.endpoints();
    const auto as = port == ports.data_in()    ? zmq::socket_type::pub
                    : port == ports.data_out() ? zmq::socket_type::sub
                                               : zmq::socket_type::dealer;
    return port_problem(port, 10s, read_secret_key(file), as).text;
  }
  // A key that was just added is known within a second, and a handshake on a busy machine may need another try.
  bool is_taken(const std::string& file, const std::string& port) {
    return eventually("the key is taken", [&] { return with(file, port).empty(); });
  }
  std::uint64_t counter(const std::string& name) {
    PlainPeer owner(broker_.endpoints(), read_secret_key(site_.own()));
    v1::MetricsRequest request;
    request.mutable_stats();
    const auto stats = owner.ask(request).stats();
    const auto found = stats.counters().find(name);
    return found == stats.counters().end() ? 0 : found->second;
  }
  static v1::MetricsRequest record_of(const std::string& session, std::uint64_t sequence) {
    auto record = PlainPeer::record(sequence);
    record.set_session_id(session);
    return record;
  }

  KeySite site_;
  RunningBroker broker_{{}, "tcp://127.0.0.1:*", Durability::kProcess, site_.folder()};
};

TEST_F(Keys, LetNobodyInWithoutOne) {
  const auto& ports = broker_.endpoints();
  for (const auto& port : {ports.data_in(), ports.data_out(), ports.control()}) {
    EXPECT_THAT(port_problem(port, 10s, std::nullopt).text, HasSubstr("wants a key")) << port;
    EXPECT_THAT(with(site_.stranger(), port), HasSubstr("does not take key 'stranger'")) << port;
    EXPECT_TRUE(is_taken(site_.own(), port)) << port;
  }
  KeySite other;
  EXPECT_THAT(with(other.own(), ports.control()), HasSubstr("is for another broker"));
}

TEST_F(Keys, OpenThePortsOfTheirRoles) {
  const auto& ports = broker_.endpoints();
  const auto trainer = site_.add("alice", "trainer"), viewer = site_.add("bob", "viewer");
  EXPECT_TRUE(is_taken(trainer, ports.data_in()));
  EXPECT_THAT(with(trainer, ports.data_out()), HasSubstr("its role may not use this port"));
  EXPECT_THAT(with(viewer, ports.data_in()), HasSubstr("its role may not use this port"));
  EXPECT_TRUE(is_taken(viewer, ports.data_out()));
}

// A key that is added while the broker runs comes in by itself, with the sockets that wait.
TEST_F(Keys, ComeInWhenTheyAreAdded) {
  const auto file = site_.add("alice", "trainer");
  auto alice = peer(file);
  EXPECT_TRUE(alice.hello().has_welcome());
}

TEST_F(Keys, LetATrainerPublishOnlyAsItsOwnRuns) {
  auto alice = peer(site_.add("alice", "trainer", "alice-*"));
  auto bob = peer(site_.add("bob", "viewer"));
  bob.subscribe("batch/");
  ASSERT_TRUE(alice.wait_until_heard());
  for (const std::string session : {"bob-1/t", "alice/t", "r/alice-1"})
    alice.publish("batch/" + session + "/", record_of(session, 1).SerializeAsString());
  alice.publish("batch/alice-1/t/", record_of("alice-1/t", 1).SerializeAsString());
  EXPECT_EQ(bob.receive().first, "batch/alice-1/t/");
  EXPECT_EQ(counter("forbidden_total{key=\"alice\",act=\"train\"}"), 3U);

  // The same over the control port, where the refusal is told.
  alice.resend_as("batch/bob-1/t/", record_of("bob-1/t", 1));
  EXPECT_THAT(alice.next_of(v1::MetricsResponse::kError).error().message(), HasSubstr("its runs are 'alice-*'"));
  v1::MetricsRequest heartbeat;
  heartbeat.set_session_id("bob-1/t");
  heartbeat.set_incarnation(PlainPeer::kIncarnation);
  heartbeat.mutable_heartbeat();
  alice.resend_as("heartbeat/bob-1/t/", heartbeat);
  EXPECT_THAT(alice.next_of(v1::MetricsResponse::kError).error().message(), HasSubstr("its runs are 'alice-*'"));
  EXPECT_FALSE(alice.hello().has_welcome());  // of r/t
}

TEST_F(Keys, KeepATrainerFromWhatIsNotItsOwn) {
  auto alice = peer(site_.add("alice", "trainer", "alice-*"));
  auto owner = peer(site_.own());
  ASSERT_TRUE(owner.hello().has_welcome());
  ASSERT_TRUE(owner.wait_until_heard());

  // A hello that says what of another's session is stored, or that delivers its spool.
  for (const bool from_spool : {false, true}) {
    v1::MetricsRequest hello;
    hello.set_session_id("r/t");
    hello.set_incarnation(PlainPeer::kIncarnation);
    hello.mutable_hello()->mutable_session();
    hello.mutable_hello()->set_from_spool(from_spool);
    auto* stored = hello.mutable_hello()->add_stored();
    stored->set_kind(v1::KIND_BATCH);
    stored->set_sequence(1'000);
    EXPECT_THAT(alice.ask(hello).error().message(), HasSubstr("may not publish as 'r/t'"));
  }
  // What watches, commands, raises, erases and answers.
  const auto refusal = [&](const std::function<void(v1::MetricsRequest&)>& fill) {
    v1::MetricsRequest request;
    request.set_session_id("r/t");
    fill(request);
    return alice.ask(request).error().message();
  };
  EXPECT_THAT(refusal([](auto& request) { request.mutable_list(); }), HasSubstr("may not watch"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_fetch(); }), HasSubstr("may not watch"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_stats(); }), HasSubstr("may not watch"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_demand(); }), HasSubstr("may not watch"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_find_command(); }), HasSubstr("may not watch"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_consumer_report(); }), HasSubstr("may not watch"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_backup(); }), HasSubstr("may not command"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_issue_command(); }), HasSubstr("may not command"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_alert(); }), HasSubstr("may not raise alerts"));
  EXPECT_THAT(refusal([](auto& request) { request.mutable_command_report(); }), HasSubstr("may not publish as 'r/t'"));

  // All is as it was: the owner's first record is the first.
  owner.publish(PlainPeer::record(1));
  EXPECT_TRUE(eventually("stored", [&] { return owner.fetch().records_size() == 1; }));
}

TEST_F(Keys, KeepAViewerFromCommandingAndAnOperatorFromErasing) {
  auto owner = peer(site_.own());
  ASSERT_TRUE(owner.hello().has_welcome());
  auto viewer = peer(site_.add("bob", "viewer"));
  EXPECT_THAT(viewer.issue(v1::PAUSE_TRAINING).error().message(), HasSubstr("key 'bob' (viewer) may not command"));
  EXPECT_THAT(viewer.hello().error().message(), HasSubstr("may not publish"));
  auto carol = peer(site_.add("carol", "operator"));
  EXPECT_THAT(carol.issue(v1::DELETE_HISTORY).error().message(), HasSubstr("may not archive, restore or delete"));
  v1::MetricsRequest request;
  request.set_session_id("r/t");
  auto* command = request.mutable_issue_command();
  command->set_type(v1::PAUSE_TRAINING);
  command->set_command_id(new_command_id());
  command->set_issuer("ctl:root@elsewhere");
  const auto issued = carol.ask(request).command_state();
  ASSERT_EQ(issued.commands_size(), 1);
  EXPECT_EQ(issued.commands(0).command().issuer(), "carol");
  EXPECT_EQ(counter("forbidden_total{key=\"bob\",act=\"command\"}"), 1U);
}

TEST_F(Keys, LetATrainerSayWhichLimitOfItsOwnWasMetAndRaiseNoOtherAlert) {
  auto alice = peer(site_.add("alice", "trainer", "r"));
  ASSERT_TRUE(alice.hello().has_welcome());
  const auto raise = [&](const std::string& session, const std::string& rule) {
    v1::MetricsRequest request;
    request.set_session_id(session);
    request.mutable_alert()->set_alert_id(session + rule);
    request.mutable_alert()->set_rule(rule);
    request.mutable_alert()->set_trainer_incarnation(7);
    return alice.ask(request);
  };
  EXPECT_TRUE(raise("r/t", "limit").ack().success());
  EXPECT_THAT(raise("r/t", "dead").error().message(), HasSubstr("may not raise alerts"));
  EXPECT_THAT(raise("other/t", "limit").error().message(), HasSubstr("may not raise alerts"));
  EXPECT_THAT(raise("trainbus/broker", "limit").error().message(), HasSubstr("may not raise alerts"));
}

// An alert is a record too: who may not raise one may not publish one.
TEST_F(Keys, KeepAlertsOnTheDataPortForOperators) {
  auto alice = peer(site_.add("alice", "trainer"));
  auto bob = peer(site_.add("bob", "viewer"));
  bob.subscribe("alert/");
  bob.subscribe("batch/");
  ASSERT_TRUE(alice.wait_until_heard());
  v1::MetricsRequest alert;
  alert.set_session_id("r/t");
  alert.mutable_alert()->set_alert_id("x");
  alice.publish("alert/r/t/", alert.SerializeAsString());
  alice.publish(PlainPeer::record(1));
  EXPECT_EQ(bob.receive().first, "batch/r/t/");
  EXPECT_EQ(counter("forbidden_total{key=\"alice\",act=\"alert\"}"), 1U);
}

TEST_F(Keys, AreRefusedAtOnceWhenRevoked) {
  const auto alice_file = site_.add("alice", "trainer"), bob_file = site_.add("bob", "viewer");
  auto alice = peer(alice_file);
  auto bob = peer(bob_file);
  auto carol = peer(site_.add("carol", "viewer"));
  bob.subscribe("batch/");
  carol.subscribe("batch/");
  ASSERT_TRUE(alice.wait_until_heard());
  alice.publish(PlainPeer::record(1));
  EXPECT_EQ(bob.receive_sequence(), 1U);
  EXPECT_EQ(carol.receive_sequence(), 1U);
  site_.desk().revoke("bob");
  EXPECT_TRUE(eventually("bob is told that it is over", [&] {
    return with(bob_file, broker_.endpoints().data_out()).find("was revoked") != std::string::npos;
  }));
  // Others are not cut, and bob hears nothing more: what carol has was sent to whoever was there.
  alice.publish(PlainPeer::record(2));
  EXPECT_EQ(carol.receive_sequence(), 2U);
  EXPECT_EQ(bob.receive_within(200ms), "");
  site_.desk().revoke("alice");
  EXPECT_TRUE(eventually("alice is told that it is over", [&] {
    return with(alice_file, broker_.endpoints().control()).find("was revoked") != std::string::npos;
  }));
}

TEST_F(Keys, AreRenewedWithBothGoodForAWhile) {
  const auto old = site_.add("alice", "trainer");
  auto before = peer(old);
  EXPECT_TRUE(before.hello().has_welcome());
  const std::string fresh = site_.path("fresh");
  site_.desk().rotate("alice", fresh, std::chrono::hours(1));
  auto after = peer(fresh);
  EXPECT_TRUE(after.hello(43).has_welcome());
  EXPECT_TRUE(before.hello().has_welcome());
  EXPECT_TRUE(is_taken(old, broker_.endpoints().control()));
}

// --- the SDK and the tools

TEST_F(Keys, AreTheProducersToo) {
  Producer bus({.run = "alice-1",
                .trainer = "t",
                .broker = broker_.address(),
                .key = site_.add("alice", "trainer", "alice-*"),
                .spool_dir = {},
                .describe_environment = false});
  bus.start({.total_epochs = 1});
  bus.log_batch({.epoch = 1, .batch = 0, .batch_size = 1, .loss = 1.0});
  EXPECT_TRUE(bus.finish(v1::COMPLETED, "", 60s));
}

TEST_F(Keys, AProducerSaysWhyItsKeyIsNotTaken) {
  const auto line_of = [&](const std::string& key) {
    std::mutex mutex;
    std::string said;
    Producer bus({.run = "r",
                  .trainer = "t",
                  .broker = broker_.address(),
                  .key = key,
                  .spool_dir = {},
                  .on_problem = [&](const std::string& line) {
                    const std::lock_guard lock(mutex);
                    said += line + '\n';
                  }});
    const auto text = [&] {
      const std::lock_guard lock(mutex);
      return said;
    };
    eventually("a line", [&] { return !text().empty(); });
    return text();
  };
  EXPECT_THAT(line_of("off"), HasSubstr("wants a key"));
  EXPECT_THAT(line_of(site_.stranger()), HasSubstr("does not take key 'stranger'"));
  EXPECT_THAT(line_of(site_.add("bob", "viewer")), HasSubstr("key 'bob' (viewer) may not publish as a trainer"));
  try {
    Producer bus({.run = "r", .trainer = "t", .broker = broker_.address(), .key = site_.path("missing")});
    ADD_FAILURE() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("No such file"));
  }
}

TEST_F(Keys, AToolSaysInOneLineWhatIsWrongWithItsKey) {
  const auto list = [&](const std::string& key) {
    Process ctl("trainbus-ctl", {"list", "--broker", broker_.address(), "--key", key});
    const auto code = ctl.wait(10s);
    EXPECT_EQ(std::count(ctl.output().begin(), ctl.output().end(), '\n'), 1) << ctl.output();
    return std::to_string(code.value_or(-1)) + ' ' + ctl.output();
  };
  const auto viewer = site_.add("bob", "viewer"), trainer = site_.add("alice", "trainer");
  ASSERT_TRUE(is_taken(viewer, broker_.endpoints().control()) && is_taken(trainer, broker_.endpoints().control()));
  EXPECT_TRUE(eventually("a viewer's key lists", [&] { return list(viewer).starts_with("0 "); }));
  EXPECT_THAT(list("off"), AllOf(testing::StartsWith("1 "), HasSubstr("wants a key"), HasSubstr("TRAINBUS_KEY")));
  EXPECT_THAT(list(site_.stranger()), AllOf(testing::StartsWith("1 "), HasSubstr("does not take key 'stranger'")));
  EXPECT_THAT(list(trainer), HasSubstr("key 'alice' (trainer) may not watch"));
  EXPECT_THAT(list(site_.path("missing")), HasSubstr("No such file"));
  RunningBroker plain;
  Process ctl("trainbus-ctl", {"list", "--broker", plain.address(), "--key", site_.own()});
  EXPECT_EQ(ctl.wait(10s), 1);
  EXPECT_THAT(ctl.output(), HasSubstr("knows no keys"));
}

TEST(KeysProgram, MakesAKeyedBusOfOneUser) {
  const test::TempDir dir;
  const auto run = [&](const std::string& program, std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.begin(), {"-u", "TRAINBUS_KEY", "XDG_CONFIG_HOME=" + (dir / "config"),
                                         std::string(TRAINBUS_BIN) + '/' + program});
    Process process("/usr/bin/env", arguments);
    EXPECT_EQ(process.wait(20s), code) << program << ": " << process.output();
    return process.output();
  };
  EXPECT_THAT(run("trainbus-keys", {"init"}), HasSubstr("made keys in " + (dir / "config/trainbus")));
  EXPECT_THAT(run("trainbus-keys", {"init"}), HasSubstr("there already"));
  Process broker("/usr/bin/env", {"-u", "TRAINBUS_KEY", "XDG_CONFIG_HOME=" + (dir / "config"),
                                  std::string(TRAINBUS_BIN) + "/trainbus-broker", "--listen", "tcp://127.0.0.1:*",
                                  "--state-dir", dir / "state"});
  const auto address = broker.wait_for("listening on ");
  ASSERT_TRUE(address.has_value()) << broker.output();
  run("trainbus-loadgen", {"--broker", *address, "--seconds", "0.5", "--batch-rate", "20"});
  EXPECT_THAT(run("trainbus-ctl", {"--broker", *address, "list"}), HasSubstr("load"));
  EXPECT_THAT(run("trainbus-keys", {"add", "bob", "--role", "viewer", "--out", dir / "bob", "--broker", *address}),
              AllOf(HasSubstr("TRAINBUS_BROKER='" + *address), HasSubstr("TRAINBUS_KEY='" + (dir / "bob"))));
  EXPECT_THAT(run("trainbus-keys", {"list"}), AllOf(HasSubstr("bob"), HasSubstr("viewer"), HasSubstr("good")));
  ASSERT_TRUE(eventually("bob may watch", [&] {
    Process ctl("trainbus-ctl", {"list", "--broker", *address, "--key", dir / "bob"});
    return ctl.wait(10s) == 0;
  }));
  EXPECT_THAT(run("trainbus-ctl", {"--broker", *address, "--key", dir / "bob", "pause", "load/*"}, 1),
              HasSubstr("key 'bob' (viewer) may not command"));
  run("trainbus-keys", {"revoke", "bob"});
  broker.signal(SIGHUP);
  EXPECT_TRUE(eventually("bob may no longer", [&] {
    Process ctl("trainbus-ctl", {"list", "--broker", *address, "--key", dir / "bob"});
    return ctl.wait(10s) == 1 && ctl.output().find("was revoked") != std::string::npos;
  }));
  EXPECT_THAT(run("trainbus-keys", {"list"}), HasSubstr("revoked"));
  EXPECT_THAT(broker.output(), Not(HasSubstr(read_secret_key(dir / "bob").secret_key)));
}

}  // namespace
}  // namespace trainbus
