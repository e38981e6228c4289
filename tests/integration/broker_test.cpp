// The broker on real sockets.

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"

namespace trainbus {
namespace {

using test::eventually;
using test::PlainPeer;
using test::RunningBroker;

constexpr auto kIncarnation = PlainPeer::kIncarnation;

TEST(Broker, ForwardsAndStoresWhatAPlainPublisherSends) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.subscribe("batch/");
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence)
    peer.publish(PlainPeer::record(sequence));
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence)
    EXPECT_EQ(peer.receive_sequence(), sequence);
  const auto reply = peer.fetch();
  EXPECT_TRUE(reply.at_end());
  ASSERT_EQ(reply.records_size(), 100);
  v1::MetricsRequest last;
  ASSERT_TRUE(last.ParseFromString(reply.records(99).message()));
  EXPECT_EQ(last.sequence(), 100u);
}

TEST(Broker, NumbersWhatComesWithoutNumbers) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.subscribe("batch/");
  for (int i = 0; i < 3; ++i)
    peer.publish(PlainPeer::record(0, 0));
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    const auto received = peer.receive().second;
    EXPECT_EQ(received.sequence(), sequence);
    EXPECT_NE(received.incarnation(), 0u);
  }
}

TEST(Broker, PutsAStreamInOrderAndDropsDuplicates) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.subscribe("batch/");
  EXPECT_TRUE(peer.hello().has_welcome());
  for (const std::uint64_t sequence : {1, 3, 4, 1})
    peer.publish(PlainPeer::record(sequence));
  EXPECT_EQ(peer.receive_sequence(), 1u);
  peer.resend(PlainPeer::record(2));
  for (const std::uint64_t sequence : {2u, 3u, 4u})
    EXPECT_EQ(peer.receive_sequence(), sequence);
  // It came by the other port, so it may come last.
  EXPECT_TRUE(eventually("the duplicate is counted", [&] { return peer.counter("records_duplicate_total") == 1; }));
  EXPECT_EQ(peer.fetch().records_size(), 4);
}

TEST(Broker, AcknowledgesWhatIsStoredAndSaysItAgainAfterARestart) {
  RunningBroker broker;
  {
    PlainPeer peer(broker.endpoints());
    ASSERT_TRUE(peer.wait_until_heard());
    peer.hello();
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence)
      peer.publish(PlainPeer::record(sequence));
    for (std::uint64_t stored = 0; stored < 5;) {
      const auto response = peer.next_of(v1::MetricsResponse::kAck);
      ASSERT_EQ(response.ack().stored_size(), 1) << response.ShortDebugString();
      EXPECT_EQ(response.ack().incarnation(), kIncarnation);
      stored = response.ack().stored(0).sequence();
    }
  }
  broker.stop();
  broker.start();
  PlainPeer peer(broker.endpoints());
  const auto welcome = peer.hello().welcome();
  std::map<int, std::uint64_t> stored;
  for (const auto& position : welcome.stored())
    stored[position.kind()] = position.sequence();
  EXPECT_EQ(stored[v1::KIND_BATCH], 5u);
  EXPECT_EQ(peer.fetch().records_size(), 5);
}

v1::MetricsResponse hello_of_wire(PlainPeer& peer, std::uint32_t version) {
  v1::MetricsRequest request;
  request.set_session_id("r/t");
  request.set_incarnation(kIncarnation);
  request.mutable_hello()->mutable_session();
  request.mutable_hello()->set_wire_version(version);
  return peer.ask(request);
}

TEST(Broker, RefusesATrainerOfAnotherWireInOneLine) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  for (const auto version : {kWireVersion + 1, std::numeric_limits<std::uint32_t>::max()}) {
    const auto answer = hello_of_wire(peer, version);
    EXPECT_EQ(answer.error().code(), v1::INVALID_DATA);
    EXPECT_EQ(answer.error().message(), "'r/t' speaks version " + std::to_string(version) +
                                            " of the wire, this broker " + std::to_string(kWireVersion));
  }
}

TEST(Broker, TakesATrainerThatSaysNoVersionForOneOfTheFirst) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  for (const auto version : {std::uint32_t{0}, kWireVersion}) {
    const auto answer = hello_of_wire(peer, version);
    EXPECT_TRUE(answer.has_welcome());
    EXPECT_EQ(answer.welcome().wire_version(), kWireVersion);
  }
}

TEST(Broker, FetchGoesOnWhereTheHeadsEnd) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  for (std::uint64_t sequence = 1; sequence <= 10; ++sequence)
    peer.publish(PlainPeer::record(sequence));
  ASSERT_TRUE(eventually("ten records stored", [&] { return peer.counter("journal_records_total") == 10; }));
  v1::FetchRequest wanted;
  auto* head = wanted.add_heads();
  head->set_session_id("r/t");
  head->set_incarnation(kIncarnation);
  head->set_kind(v1::KIND_BATCH);
  head->set_sequence(7);
  EXPECT_EQ(peer.fetch(wanted).records_size(), 3);
  wanted.set_max_bytes(1);  // one record a page
  const auto page = peer.fetch(wanted);
  EXPECT_EQ(page.records_size(), 1);
  EXPECT_FALSE(page.at_end());
  wanted.set_after_position(page.next_position());
  EXPECT_EQ(peer.fetch(wanted).records_size(), 1);
  v1::FetchRequest other_run;
  other_run.set_run("other");
  EXPECT_EQ(peer.fetch(other_run).records_size(), 0);
}

TEST(Broker, TellsTrainersWhenSomebodyWatchesTilesAndWhenNobodyDoes) {
  RunningBroker broker;
  PlainPeer trainer(broker.endpoints());
  ASSERT_TRUE(trainer.wait_until_heard());
  {
    PlainPeer everything(broker.endpoints());
    everything.subscribe("");
    PlainPeer first(broker.endpoints());
    PlainPeer second(broker.endpoints());
    first.subscribe("tiles/r/t/");
    EXPECT_EQ(trainer.next_subscription(), "+tiles/r/t/");
    second.subscribe("tiles/r/t/");
  }
  EXPECT_EQ(trainer.next_subscription(), "-tiles/r/t/");
}

TEST(Broker, CarriesACommandToItsEnd) {
  RunningBroker broker;
  PlainPeer trainer(broker.endpoints());
  trainer.hello();
  PlainPeer viewer(broker.endpoints());
  viewer.subscribe("command/");
  const auto accepted = viewer.issue(v1::CHANGE_LEARNING_RATE, "0.01", "r/*");
  ASSERT_EQ(accepted.command_state().commands_size(), 1) << accepted.ShortDebugString();
  EXPECT_EQ(accepted.command_state().commands(0).command().state(), v1::COMMAND_ACCEPTED);
  const auto received = trainer.next_of(v1::MetricsResponse::kCommand).command();
  EXPECT_EQ(received.parameters().at("value"), "0.01");
  EXPECT_EQ(received.expected_incarnation(), kIncarnation);
  trainer.report(received, v1::COMMAND_DELIVERED);
  trainer.report(received, v1::COMMAND_APPLIED);
  trainer.report(received, v1::COMMAND_APPLIED);
  for (const auto state : {v1::COMMAND_ACCEPTED, v1::COMMAND_DELIVERED, v1::COMMAND_APPLIED})
    EXPECT_EQ(viewer.receive().second.command().state(), state);
  v1::MetricsRequest find;
  find.mutable_find_command()->set_command_id(received.command_id());
  const auto found = viewer.ask(find);
  ASSERT_EQ(found.command_state().commands_size(), 1);
  EXPECT_EQ(found.command_state().commands(0).command().applied_step(), 7u);
}

TEST(Broker, RefusesBadCommandsWithAReason) {
  RunningBroker broker;
  PlainPeer trainer(broker.endpoints());
  trainer.hello();
  EXPECT_NE(trainer.issue(v1::CHANGE_LEARNING_RATE, "nan").error().message().find("'nan'"), std::string::npos);
  EXPECT_NE(trainer.issue(v1::ADJUST_BATCH_SIZE, "0").error().message().find("'0'"), std::string::npos);
  EXPECT_EQ(trainer.issue(v1::PAUSE_TRAINING, "", "nobody/here").error().code(), v1::INVALID_SESSION);
  EXPECT_TRUE(trainer.hello(kIncarnation + 1).has_welcome());
  const auto late = trainer.issue(v1::STOP_TRAINING, "", "r/t", kIncarnation);
  EXPECT_EQ(late.command_state().commands(0).command().state(), v1::COMMAND_REJECTED);
  EXPECT_TRUE(trainer.hello(kIncarnation).has_welcome()) << "whose record is the newer no hello decides";
}

TEST(Broker, ADeadIncarnationsCommandEndsUnknown) {
  RunningBroker broker;
  PlainPeer trainer(broker.endpoints());
  trainer.hello();
  PlainPeer viewer(broker.endpoints());
  viewer.subscribe("command/");
  viewer.issue(v1::PAUSE_TRAINING);
  trainer.report(trainer.next_of(v1::MetricsResponse::kCommand).command(), v1::COMMAND_DELIVERED);
  EXPECT_EQ(viewer.receive().second.command().state(), v1::COMMAND_ACCEPTED);
  EXPECT_EQ(viewer.receive().second.command().state(), v1::COMMAND_DELIVERED);
  trainer.hello(kIncarnation + 1);
  EXPECT_EQ(viewer.receive().second.command().state(), v1::COMMAND_UNKNOWN);
}

TEST(Broker, CountsHostileBytesByReasonAndGoesOn) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.subscribe("batch/");
  const auto good = PlainPeer::record(1).SerializeAsString();
  peer.publish("batch/r/t/", "\xff\xff\xff");
  peer.publish("batch/r/", good);
  peer.publish("epoch/r/t/", good);
  peer.publish("batch/r/other/", good);
  peer.send_raw("\xff\xff\xff");
  EXPECT_EQ(peer.next_response().error().code(), v1::INVALID_DATA);
  peer.publish("batch/r/t/", good);
  EXPECT_EQ(peer.receive_sequence(), 1u);
  EXPECT_EQ(peer.counter("data_rejected_total{reason=\"not_protobuf\"}"), 1u);
  EXPECT_EQ(peer.counter("data_rejected_total{reason=\"bad_topic\"}"), 1u);
  EXPECT_EQ(peer.counter("data_rejected_total{reason=\"kind_mismatch\"}"), 1u);
  EXPECT_EQ(peer.counter("data_rejected_total{reason=\"session_mismatch\"}"), 1u);
  EXPECT_EQ(peer.counter("control_rejected_total{reason=\"not_protobuf\"}"), 1u);
}

TEST(Broker, NobodyButTheBrokerPublishesCommands) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.subscribe("");
  v1::MetricsRequest forged;
  forged.set_session_id("r/t");
  forged.mutable_command()->set_state(v1::COMMAND_APPLIED);
  peer.publish("command/r/t/", forged.SerializeAsString());
  peer.publish(PlainPeer::record(1));
  EXPECT_EQ(peer.receive().first, "batch/r/t/");
  EXPECT_EQ(peer.counter("data_rejected_total{reason=\"forbidden_kind\"}"), 1u);
}

TEST(Broker, RefusesAStateFolderInUseAndAPortInUse) {
  RunningBroker broker;
  EXPECT_THROW(Broker(BrokerOptions{"tcp://127.0.0.1:*", broker.state_dir(), Durability::kProcess, 1}),
               std::runtime_error);
  test::TempDir other;
  try {
    Broker second(BrokerOptions{broker.address(), other / "state", Durability::kProcess, 1});
    FAIL() << "the port is in use";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(broker.address()), std::string::npos) << error.what();
  }
}

TEST(Broker, AnAlertRaisedTwiceIsOneRecord) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  peer.hello();
  peer.subscribe("alert/");
  v1::MetricsRequest request;
  request.set_session_id("r/t");
  request.mutable_alert()->set_alert_id("a");
  request.mutable_alert()->set_active(true);
  EXPECT_TRUE(peer.ask(request).ack().success());
  EXPECT_TRUE(peer.ask(request).ack().success());
  EXPECT_EQ(peer.receive_sequence(), 1u);
  EXPECT_EQ(peer.fetch().records_size(), 1);
}

}  // namespace
}  // namespace trainbus
