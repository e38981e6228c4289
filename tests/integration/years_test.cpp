// A site for years: what many starts leave in the journal costs the broker neither its start nor its memory, and none
// of it is out of reach. TRAINBUS_YEARS_STARTS sets the number of starts; 365,000 are a year of 1,000 a day.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "broker/journal.hpp"
#include "broker/state_folder.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/process_meter.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::PlainPeer;
using test::Process;

constexpr Kind kKinds[] = {v1::KIND_STATUS, v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_PERF};

class Years : public testing::Test {
 protected:
  static std::uint64_t starts() {
    const char* said = std::getenv("TRAINBUS_YEARS_STARTS");
    return said == nullptr ? 20'000 : std::strtoull(said, nullptr, 10);
  }
  static SessionName session_of(std::uint64_t start) {
    return {"day" + std::to_string(start / 1000), "t" + std::to_string(start % 1000)};
  }
  static std::uint64_t incarnation_of(std::uint64_t start) { return (1'700'000'000'000ull + start * 86'400) << 20 | 7; }

  static v1::MetricsRequest record_of(std::uint64_t start, Kind kind, std::uint64_t sequence = 1) {
    v1::MetricsRequest record;
    record.set_session_id(session_of(start).id());
    record.set_incarnation(incarnation_of(start));
    record.set_sequence(sequence);
    record.set_timestamp_ms(incarnation_of(start) >> 20);
    switch (kind) {
      case v1::KIND_STATUS: record.mutable_status_update()->set_status(v1::COMPLETED); break;
      case v1::KIND_BATCH: record.mutable_batch_data()->set_batch_loss(0.5); break;
      case v1::KIND_EPOCH: record.mutable_epoch_data()->set_epoch(1); break;
      default: record.mutable_performance_data()->set_average_fps(20);
    }
    return record;
  }

  // What so many starts of a year leave: four streams of a record each.
  void write_the_years() {
    const StateFolder folder(state_);
    JournalWriter writer(folder.journal_path(), Durability::kProcess);
    StoreBatch batch;
    for (std::uint64_t start = 0, stream = 0; start < starts(); ++start) {
      const auto taken_in_ms = static_cast<std::int64_t>(incarnation_of(start) >> 20);
      batch.incarnations.push_back({session_of(start), incarnation_of(start), 1, taken_in_ms, {}});
      for (const Kind kind : kKinds) {
        batch.new_streams.push_back({++stream, session_of(start), incarnation_of(start), kind, 0});
        batch.add(stream, 1, taken_in_ms, taken_in_ms, record_of(start, kind).SerializeAsString());
      }
      if (start % 2000 != 1999 && start + 1 != starts()) continue;
      writer.append(batch);
      batch = {};
    }
  }
  std::uint64_t stored(PlainPeer& peer, std::uint64_t start) {
    v1::MetricsRequest hello;
    hello.set_session_id(session_of(start).id());
    hello.set_incarnation(incarnation_of(start));
    hello.mutable_hello()->mutable_session()->set_client_name("years");
    const auto welcome = peer.ask(hello).welcome();
    for (const auto& position : welcome.stored())
      if (position.kind() == v1::KIND_BATCH) return position.sequence();
    return 0;
  }
  void resend(PlainPeer& peer, std::uint64_t start, std::uint64_t sequence) {
    peer.resend_as("batch/" + session_of(start).id() + '/', record_of(start, v1::KIND_BATCH, sequence));
  }
  void say(const char* when) {
    std::cout << starts() << " starts, " << when << ": broker " << test::memory_mib(broker_->pid(), "VmRSS")
              << " MiB, journal " << (std::filesystem::file_size(state_ + "/journal.sqlite") >> 20) << " MiB"
              << std::endl;
  }

  const test::TempDir temp_;
  const std::string state_ = temp_ / "state";
  std::unique_ptr<Process> broker_;
};

TEST_F(Years, OfStartsCostNeitherTheStartNorTheMemoryAndStayInReach) {
  write_the_years();
  const auto began = std::chrono::steady_clock::now();
  const test::Patience patience(3s);
  broker_ = std::make_unique<Process>("trainbus-broker",
                                      std::vector<std::string>{"--listen", "tcp://127.0.0.1:*", "--state-dir", state_});
  const auto address = broker_->wait_for("listening on ", 30s);
  ASSERT_TRUE(address) << broker_->output();
  EXPECT_FALSE(patience.over()) << "it took longer to start";
  std::cout << "started in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count()
            << " ms" << std::endl;
  say("started");
  PlainPeer peer(parse_endpoints(*address));

  // The oldest comes back: nothing of it is taken twice, and it goes on where it was.
  EXPECT_EQ(stored(peer, 0), 1u);
  resend(peer, 0, 1);
  resend(peer, 0, 2);
  EXPECT_TRUE(eventually("the oldest goes on", [&] { return stored(peer, 0) == 2; }));
  // A new one is a new one.
  EXPECT_EQ(stored(peer, starts()), 0u);
  resend(peer, starts(), 1);
  EXPECT_TRUE(eventually("the new one is stored", [&] { return stored(peer, starts()) == 1; }));

  v1::FetchRequest by_name;
  by_name.set_run(session_of(0).run);
  by_name.set_trainer(session_of(0).trainer);
  std::vector<std::uint64_t> batches;
  for (bool at_end = false; !at_end;) {
    const auto reply = peer.fetch(by_name);
    for (const auto& record : reply.records()) {
      v1::MetricsRequest message;
      ASSERT_TRUE(message.ParseFromString(record.message()));
      if (message.has_batch_data()) batches.push_back(message.sequence());
    }
    by_name.set_after_position(reply.next_position());
    at_end = reply.at_end() || reply.next_position() == 0;
  }
  EXPECT_EQ(batches, (std::vector<std::uint64_t>{1, 2}));

  v1::MetricsRequest list;
  list.mutable_list()->set_archived(true);
  const auto page = peer.ask(list).trainers();
  ASSERT_GT(page.trainers_size(), 100);
  EXPECT_EQ(page.trainers(0).session_id(), session_of(0).id());
  EXPECT_EQ(page.trainers(0).last_size(), 4);
  EXPECT_NE(page.next(), "") << "more follow, and it says so";
  EXPECT_EQ(peer.counter("refused_total{reason=\"too_many_streams\"}"), 0u);
  EXPECT_EQ(peer.counter("refused_total{reason=\"too_many_sessions\"}"), 0u);
  say("after a fetch and a list");
  EXPECT_LT(test::memory_mib(broker_->pid(), "VmRSS"), 300);
}

}  // namespace
}  // namespace trainbus
