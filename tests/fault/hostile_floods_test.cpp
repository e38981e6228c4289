// Hostile by their number: subscriptions by the hundred thousand, answers that nobody reads, names nobody knew.

#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;
namespace zmtp = test::zmtp;

class HostileFloods : public test::Siege {
 protected:
  // A real SUB socket, with a bit of patience for what it sends.
  zmq::socket_t subscriber() {
    zmq::socket_t socket(context_, zmq::socket_type::sub);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.connect(endpoints_.data_out());
    return socket;
  }
  void wait_for_subscriptions(std::uint64_t count) {
    EXPECT_TRUE(eventually(
        "the broker saw them all", [&] { return counters()["subscription_events_total"] >= count; }, 30s));
  }
  // Stored records of a session nobody looks after.
  void fill_journal(std::size_t bytes) {
    constexpr std::size_t kRecordBytes = 100'000;
    ZmtpPeer peer(port(0));
    ASSERT_TRUE(peer.shake_hands("PUB"));
    v1::MetricsRequest record;
    record.set_session_id("hostile/h0");
    record.mutable_status_update()->set_message(std::string(kRecordBytes, 'x'));
    const auto before = counters().at("journal_records_total");
    for (std::size_t i = 0; i < bytes / kRecordBytes; ++i)
      ASSERT_TRUE(peer.send(zmtp::message(std::vector<std::string>{"status/hostile/h0/", record.SerializeAsString()})));
    EXPECT_TRUE(eventually("they are stored",
                           [&] { return counters().at("journal_records_total") >= before + bytes / kRecordBytes; }));
  }

  zmq::context_t context_;
};

TEST_F(HostileFloods, SubscriptionsByTheHundredThousandAreTakenAndForgotten) {
  constexpr int kTopics = 100'000, kSubscribers = 4;
  const auto before = counters()["subscription_events_total"];
  std::vector<zmq::socket_t> subscribers;
  for (int i = 0; i < kSubscribers; ++i)
    subscribers.push_back(subscriber());
  for (int i = 0; i < kTopics; ++i) {
    const auto name = std::to_string(i);
    subscribers[0].set(zmq::sockopt::subscribe, "batch/hostile/h" + name + '/');
    if (i % 4 == 0) subscribers[1].set(zmq::sockopt::subscribe, "tiles/hostile/h" + name + '/');
    if (i % 4 == 1) subscribers[2].set(zmq::sockopt::subscribe, "fence/" + name + '/');
    if (i % 4 == 2) subscribers[3].set(zmq::sockopt::subscribe, hostile_.topic());
  }
  wait_for_subscriptions(before + kTopics * 3 / 2);
  subscribers.clear();
  expect_unharmed();
}

TEST_F(HostileFloods, SubscriptionsByHandAreTakenWhateverTheySay) {
  constexpr int kInputs = 10'000;
  ZmtpPeer peer(port(1));
  ASSERT_TRUE(peer.shake_hands("SUB"));
  for (int i = 0; i < kInputs && !HasFailure(); ++i) {
    const std::string topic = hostile_.one_in(3) ? hostile_.bytes(hostile_.below(1000)) : hostile_.topic();
    const char first = hostile_.one_in(2) ? '\0' : hostile_.one_in(4) ? static_cast<char>(hostile_.below(256)) : '\1';
    std::vector<std::string> frames(hostile_.one_in(4) ? 1 + hostile_.below(6) : 1, first + topic);
    ASSERT_TRUE(peer.send(zmtp::message(frames)));
  }
  ASSERT_TRUE(peer.send(zmtp::message(std::vector<std::string>{"\1fence/last/"})));
  EXPECT_TRUE(peer.hears("fence/last/")) << "the broker does not answer";
  peer.reset();
  expect_unharmed();
}

// Trainers that say hello once and are never heard again, with names as long as they like.
TEST_F(HostileFloods, HellosOfNobodyTakeNoMoreThanTheirShare) {
  constexpr int kHellos = 25'000;
  zmq::socket_t dealer(context_, zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::linger, 0);
  dealer.connect(endpoints_.control());
  v1::MetricsRequest hello;
  hello.mutable_hello()->mutable_session()->set_client_name(std::string(900'000, 'x'));
  const auto say = [&](int i) {
    hello.set_session_id("hostile/h" + std::to_string(i));
    hello.set_incarnation(static_cast<std::uint64_t>(i) + 1);
    ASSERT_TRUE(dealer.send(zmq::buffer(hello.SerializeAsString()), zmq::send_flags::none));
  };
  for (int i = 0; i < 1'000; ++i)
    say(i);
  hello.mutable_hello()->mutable_session()->clear_client_name();
  for (int i = 1'000; i < kHellos; ++i)
    say(i);
  EXPECT_TRUE(eventually(
      "all were heard", [&] { return counters()["control_hellos_total"] >= kHellos; }, 20s));
  dealer.close();
  expect_unharmed();
}

TEST_F(HostileFloods, AnswersThatNobodyReadsAreNotKeptForEver) {
  fill_journal(16 << 20);
  std::vector<zmq::socket_t> dealers;
  v1::MetricsRequest fetch;
  fetch.mutable_fetch()->set_max_bytes(UINT32_MAX);
  for (int i = 0; i < 4; ++i) {
    dealers.emplace_back(context_, zmq::socket_type::dealer);
    dealers.back().set(zmq::sockopt::linger, 0);
    dealers.back().set(zmq::sockopt::rcvhwm, 1);
    dealers.back().connect(endpoints_.control());
    for (int j = 0; j < 1'000; ++j)
      ASSERT_TRUE(dealers.back().send(zmq::buffer(fetch.SerializeAsString()), zmq::send_flags::none));
  }
  EXPECT_TRUE(eventually(
      "all were asked", [&] { return counters()["control_fetches_total"] >= 4'000; }, 20s));
  EXPECT_TRUE(ctl_->list("", 30s));
  dealers.clear();
  expect_unharmed();
}

// Streams that begin at 5: what is missing before is waited for, and given up.
TEST_F(HostileFloods, GapsByTheTenThousandAreGivenUpWithoutAPause) {
  constexpr int kStreams = 25'000;
  ZmtpPeer peer(port(0));
  ASSERT_TRUE(peer.shake_hands("PUB"));
  v1::MetricsRequest record;
  record.mutable_batch_data();
  record.set_incarnation(1);
  record.set_sequence(5);
  for (int i = 0; i < kStreams; ++i) {
    record.set_session_id("hostile/h" + std::to_string(i));
    ASSERT_TRUE(peer.send(
        zmtp::message(std::vector<std::string>{"batch/" + record.session_id() + '/', record.SerializeAsString()})));
  }
  EXPECT_TRUE(eventually(
      "all were given up", [&] { return counters()["records_lost_total"] >= 4 * kStreams; }, 30s));
  peer.reset();
  expect_unharmed();
}

TEST_F(HostileFloods, CommandsForEverAreRefused) {
  zmq::socket_t dealer(context_, zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::linger, 0);
  dealer.connect(endpoints_.control());
  v1::MetricsRequest issue;
  issue.set_session_id("witness/t0");
  auto& command = *issue.mutable_issue_command();
  command.set_type(v1::PAUSE_TRAINING);
  command.set_time_to_live_ms(INT64_MAX);
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) {
      command.set_command_id(new_command_id());
      ASSERT_TRUE(dealer.send(zmq::buffer(issue.SerializeAsString()), zmq::send_flags::none));
    }
  };
  send(20'000);
  (*command.mutable_parameters())["more"] = std::string(900'000, 'x');
  send(500);
  EXPECT_TRUE(eventually(
      "all were answered",
      [&] {
        const auto now = counters();
        return now.at("commands_issued_total") + now.at("commands_refused_total") >= 20'500;
      },
      30s));
  dealer.close();
  expect_unharmed();
}

}  // namespace
}  // namespace trainbus
