// Real programs: a broker that retires only what its archives have, and a trainbus-log that is one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/key_site.hpp"
#include "support/plain_peer.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {
namespace {

using std::chrono::seconds;
using test::eventually;
using test::PlainPeer;
using test::Process;
using testing::HasSubstr;

class ArchiveTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kRecords = 300;  // of 10 kB: three times what is retained

  void start(std::vector<std::string> more = {"--retain-until-archived", "lab"}) {
    std::vector<std::string> flags{"--listen",       address_.empty() ? "tcp://127.0.0.1:*" : address_,
                                   "--state-dir",    dir_ / "state",
                                   "--retain-bytes", "1M"};
    flags.insert(flags.end(), more.begin(), more.end());
    broker_ = std::make_unique<Process>("trainbus-broker", flags);
    const auto address = broker_->wait_for("listening on ");
    ASSERT_TRUE(address) << broker_->output();
    address_ = *address;
  }
  // Over the control port, so that each is acknowledged when it is stored.
  void publish(std::uint64_t first, std::uint64_t last) {
    PlainPeer peer(parse_endpoints(address_));
    peer.hello();
    for (auto sequence = first; sequence <= last; ++sequence) {
      auto record = PlainPeer::record(sequence);
      record.clear_batch_data();
      record.mutable_status_update()->set_message(std::string(10'000, 'x') + std::to_string(sequence));
      peer.resend_as("status/r/t/", record);
    }
    EXPECT_TRUE(eventually("all are stored", [&] { return stats().counters().at("journal_records_total") >= last; }));
  }
  v1::BrokerStats stats() const {
    const auto stats = ControlClient(address_).stats(seconds(10));
    return stats ? *stats : v1::BrokerStats{};
  }
  std::uint64_t retired() const { return stats().counters().at("journal_retired_total"); }
  std::string archive(const std::string& sink) const {
    Process log("trainbus-log", {"--broker", address_, "--once", "--sink", sink});
    const auto code = log.wait(seconds(30));
    return (code == 0 ? "" : "failed: ") + log.output();
  }

  test::TempDir dir_;
  std::unique_ptr<Process> broker_;
  std::string address_;
};

const auto kTaken = testing::Not(testing::AnyOf(HasSubstr("failed"), HasSubstr("warning"), HasSubstr("error")));

TEST_F(ArchiveTest, NothingIsRetiredBeforeTheArchiveHasIt) {
  start();
  publish(1, kRecords);
  EXPECT_EQ(retired(), 0u);
  const auto held = stats();
  EXPECT_GT(held.counters().at("journal_retiring_held_up_total"), 0u);
  EXPECT_EQ(held.gauges().at("archive_position{archive=\"lab\"}"), 0);
  EXPECT_TRUE(broker_->wait_for("held_for_archives")) << "a line says so: " << broker_->output();

  EXPECT_THAT(archive("jsonl:" + (dir_ / "all.jsonl") + ",archive=lab"), kTaken);
  EXPECT_GE(stats().gauges().at("archive_position{archive=\"lab\"}"), static_cast<double>(kRecords));
  publish(kRecords + 1, kRecords + 1);  // a commit retires
  EXPECT_TRUE(eventually("the oldest are retired", [&] { return retired() > 0; }));
  EXPECT_LE(retired(), kRecords);
}

TEST_F(ArchiveTest, TheBrokerKeepsOnDiskHowFarTheArchiveIs) {
  start();
  publish(1, kRecords);
  EXPECT_THAT(archive("jsonl:" + (dir_ / "all.jsonl") + ",archive=lab"), kTaken);
  const auto position = stats().gauges().at("archive_position{archive=\"lab\"}");
  broker_.reset();
  start();
  const auto now = stats();
  EXPECT_EQ(now.gauges().at("archive_position{archive=\"lab\"}"), position);
  EXPECT_EQ(now.gauges().count("archive_quiet_seconds{archive=\"lab\"}"), 0u) << "it has not come since the start";
}

TEST_F(ArchiveTest, WhoseNameTheBrokerDoesNotKnowIsToldSo) {
  start({"--retain-until-archived", "lab", "--retain-until-archived", "far"});
  publish(1, kRecords);
  EXPECT_THAT(archive("jsonl:" + (dir_ / "a.jsonl") + ",archive=lap"),
              HasSubstr("does not take it as archive 'lap': this broker keeps nothing for an archive 'lap'"));
  EXPECT_THAT(archive("jsonl:" + (dir_ / "b.jsonl") + ",archive=lab"), kTaken);
  publish(kRecords + 1, kRecords + 1);
  EXPECT_EQ(retired(), 0u) << "the other archive has nothing yet";
  EXPECT_THAT(archive("jsonl:" + (dir_ / "c.jsonl") + ",archive=far"), kTaken);
  publish(kRecords + 2, kRecords + 2);
  EXPECT_TRUE(eventually("the oldest are retired", [&] { return retired() > 0; }));
}

TEST_F(ArchiveTest, WithKeysOnlyTheKeyOfThatNameSpeaksForIt) {
  test::KeySite site;
  const auto lab = read_secret_key(site.add("lab", "viewer"));
  const auto other = read_secret_key(site.add("bob", "admin"));
  const auto trainer = read_secret_key(site.add("far", "trainer"));
  start({"--retain-until-archived", "lab", "--retain-until-archived", "far", "--keys", site.folder()});
  const auto say = [&](const KeyFile& key, const std::string& archive) {
    PlainPeer peer(parse_endpoints(address_), key);
    v1::MetricsRequest request;
    request.mutable_fetch()->set_archived_by(archive);
    return peer.ask(request);
  };
  EXPECT_TRUE(say(lab, "lab").has_fetch_reply());
  EXPECT_EQ(say(other, "lab").error().message(),
            "key 'bob' may not speak for archive 'lab': only the key of that name may");
  EXPECT_THAT(say(lab, "far").error().message(), HasSubstr("key 'lab' may not speak"));
  EXPECT_THAT(say(trainer, "far").error().message(), HasSubstr("may not watch")) << "an archive reads the records";
}

TEST_F(ArchiveTest, WithoutAnyRetentionThereIsNothingToWaitFor) {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--retain-until-archived", "lab"},
                                                {"--retain", "1d", "--retain-until-archived", "a/b"}}) {
    auto all = flags;
    all.insert(all.end(), {"--state-dir", dir_ / "state", "--listen", "tcp://127.0.0.1:*"});
    Process broker("trainbus-broker", all);
    const auto code = broker.wait(seconds(10));
    EXPECT_TRUE(code == 1 || code == 2) << broker.output();
    EXPECT_EQ(std::ranges::count(broker.output(), '\n'), 1) << broker.output();
  }
}

}  // namespace
}  // namespace trainbus
