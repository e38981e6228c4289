#pragma once
// A fixture: the real broker process, a Witness on it, and what must hold after an attack.

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/eventually.hpp"
#include "tests/support/hostile_bytes.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/process_meter.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/witness.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus::test {

class Siege : public ::testing::Test {
 protected:
#ifdef __SANITIZE_ADDRESS__
  static constexpr long kMaxKeptMib = 1024;  // AddressSanitizer keeps freed memory for a while
#else
  static constexpr long kMaxKeptMib = 64;  // what the broker may have more after an attack than before
#endif
  static constexpr long kMaxPeakMib = kMaxKeptMib + 512;

  // In this process too, which decodes what it sends.
  const google::protobuf::LogSilencer quiet_;

  // `more`: further arguments of the broker. With keys this process has one that may everything (use_key).
  explicit Siege(std::vector<std::string> more = {})
      : seed_(hostile_seed()), hostile_(seed_), more_arguments_(std::move(more)) {
    std::cout << "TRAINBUS_HOSTILE_SEED=" << seed_ << std::endl;
    start("tcp://127.0.0.1:*");
    witness_ = std::make_unique<Witness>(address_);
  }
  void TearDown() override {
    if (!HasFailure()) return;
    const auto ended = broker_->wait(std::chrono::milliseconds(0));
    std::cout << (ended ? "the broker has ended with " + std::to_string(*ended) : "the broker lives")
              << ", and said: " << broker_->output().substr(0, 4000) << std::endl;
  }
  void SetUp() override {
    ASSERT_TRUE(eventually("the witness is heard", [&] { return witness_->arriving(); }));
    memory_before_ = memory_mib(broker_->pid(), "VmRSS");
    descriptors_before_ = open_descriptors(broker_->pid());
  }

  void start(const std::string& listen) {
    std::vector<std::string> arguments{"--listen", listen, "--state-dir", folder_ / "state"};
    arguments.insert(arguments.end(), more_arguments_.begin(), more_arguments_.end());
    broker_ = std::make_unique<Process>("trainbus-broker", std::move(arguments));
    const auto address = broker_->wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + broker_->output());
    address_ = *address;
    endpoints_ = parse_endpoints(address_);
    ctl_ = std::make_unique<ControlClient>(address_);
  }
  int port(int which) const { return endpoints_.base_port + which; }

  // The counters by name, as trainbus-ctl would ask.
  std::map<std::string, std::uint64_t> counters() {
    const auto stats = ctl_->stats(std::chrono::seconds(60));
    if (!stats) {
      ADD_FAILURE() << "the broker does not answer";
      return {};
    }
    return {stats->counters().begin(), stats->counters().end()};
  }
  static std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& counters, const std::string& prefix) {
    std::uint64_t sum = 0;
    for (const auto& [name, value] : counters)
      if (name.starts_with(prefix)) sum += value;
    return sum;
  }

  // Every attacker has gone.
  void expect_unharmed() {
    // A handshake that nobody ends has ten seconds.
    EXPECT_TRUE(eventually(
        "connections are closed", [&] { return open_descriptors(broker_->pid()) <= descriptors_before_ + 4; },
        std::chrono::seconds(30)));
    EXPECT_FALSE(broker_->wait(std::chrono::milliseconds(0))) << broker_->output();
    const auto witnessed = witness_->lost_nothing();
    EXPECT_TRUE(witnessed);
    // What was asked last may still be worked on.
    const auto kept = [&] { return memory_mib(broker_->pid(), "VmRSS") - memory_before_; };
    EXPECT_TRUE(eventually("it has given back what the attack took", [&] { return kept() <= kMaxKeptMib; }));
    const long peak = memory_mib(broker_->pid(), "VmHWM") - memory_before_;
    std::cout << "witness: " << witnessed.message() << "; broker: +" << kept() << " MiB kept, +" << peak
              << " MiB at most" << std::endl;
    EXPECT_LE(peak, kMaxPeakMib);
    expect_clean_journal();
    broker_->signal(SIGTERM);
    EXPECT_EQ(broker_->wait(std::chrono::seconds(5)), 0) << broker_->output();
  }
  // Only records, and only of the witness, of sessions named hostile/..., or of the broker.
  void expect_clean_journal() {
    PlainPeer peer(endpoints_, process_key());
    v1::FetchRequest request;
    for (bool at_end = false; !at_end;) {
      const auto reply = peer.fetch(request);
      ASSERT_NE(reply.broker_incarnation(), 0u) << "no answer to a fetch";
      Topic topic;
      v1::MetricsRequest message;
      for (const auto& stored : reply.records()) {
        ASSERT_TRUE(message.ParseFromString(stored.message()));
        const auto session = parse_session_id(message.session_id());
        ASSERT_TRUE(session) << message.session_id();
        EXPECT_TRUE(session->run == "witness" || session->run == "hostile" || session->run == kBusRun)
            << message.session_id();
        EXPECT_EQ(decode_record(Topic{stored.kind(), *session}.text(), stored.message(), topic, message),
                  WireError::kNone);
      }
      request.set_after_position(reply.next_position());
      at_end = reply.at_end();
    }
  }

  const std::uint64_t seed_;
  HostileBytes hostile_;
  const std::vector<std::string> more_arguments_;
  TempDir folder_;
  std::unique_ptr<Process> broker_;
  std::string address_;
  Endpoints endpoints_;
  std::unique_ptr<ControlClient> ctl_;
  std::unique_ptr<Witness> witness_;
  long memory_before_ = 0;
  long descriptors_before_ = 0;
};

}  // namespace trainbus::test
