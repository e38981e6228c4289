// The journal's file is held by somebody for a while: what waits for it takes little memory, and all of it is stored,
// or answered.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "broker/control_path.hpp"
#include "broker/sqlite.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/patient_receive.hpp"
#include "tests/support/process.hpp"
#include "tests/support/process_meter.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;

// libzmq receives into blocks of 8 KiB, and a message that came alone on its connection holds on to its block.
TEST(HeldJournal, MakesTheBrokerKeepTheRecordsAndNotTheBlocksTheyCameIn) {
  const test::TempDir folder;
  Process broker{"trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", folder / "state"}};
  const auto address = broker.wait_for("listening on ");
  ASSERT_TRUE(address) << broker.output();
  const auto load = [&](const char* run, const char* rate) {
    return Process{"trainbus-loadgen",
                   {"--broker", *address, "--run", run, "--trainers", "100", "--batch-rate", rate, "--perf-every", "0",
                    "--seconds", "1.5"}};
  };
  ASSERT_EQ(load("before", "20").wait(30s), 0);

  const SqliteDatabase journal = open_sqlite(folder / "state/journal.sqlite", SQLITE_OPEN_READWRITE);
  execute(journal.get(), "BEGIN IMMEDIATE");
  const long before = test::memory_mib(broker.pid(), "VmRSS");
  Process held = load("held", "100");
  std::this_thread::sleep_for(1700ms);  // what it sends, not what it gets
  const long more = test::memory_mib(broker.pid(), "VmRSS") - before;
  execute(journal.get(), "COMMIT");
  EXPECT_LT(more, 30) << "15,000 records in blocks of 8 KiB are 117 MiB";
  std::cout << "the broker grew by " << more << " MiB" << std::endl;
  EXPECT_EQ(held.wait(30s), 0) << "it exits 0 when all is stored: " << held.output();
}

// Of the largest requests there can be, from peers that each ask for as much as one may.
TEST(HeldJournal, LetsFetchesWaitInBoundedMemoryThatIsGivenBack) {
  constexpr int kPeers = 12;
  constexpr std::uint64_t kHeads = 120'000;  // nearly a megabyte on the wire, and twelve in memory
  const test::TempDir folder;
  Process broker{"trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", folder / "state"}};
  const auto address = broker.wait_for("listening on ");
  ASSERT_TRUE(address) << broker.output();
  Process load{"trainbus-loadgen", {"--broker", *address, "--batch-rate", "100"}};  // something to commit
  ControlClient control(*address);
  const auto counter = [&](const std::string& name) {
    const auto stats = control.stats(60s);
    return stats ? stats->counters().at(name) : 0;
  };
  ASSERT_TRUE(eventually("records come", [&] { return counter("journal_records_total") > 10; }));
  const long before = test::memory_mib(broker.pid(), "VmRSS");
  const auto more = [&](const char* field) { return test::memory_mib(broker.pid(), field) - before; };

  v1::MetricsRequest greedy;
  for (std::uint64_t sequence = 1; sequence <= kHeads; ++sequence) {
    auto* head = greedy.mutable_fetch()->add_heads();
    head->set_kind(v1::KIND_BATCH);
    head->set_sequence(sequence);
  }
  const std::string request = greedy.SerializeAsString();
  const SqliteDatabase journal = open_sqlite(folder / "state/journal.sqlite", SQLITE_OPEN_READWRITE);
  execute(journal.get(), "BEGIN IMMEDIATE");
  zmq::context_t context;
  std::vector<zmq::socket_t> peers;
  for (int i = 0; i < kPeers; ++i) {
    peers.emplace_back(context, zmq::socket_type::dealer);
    peers.back().set(zmq::sockopt::linger, 0);
    peers.back().connect(parse_endpoints(*address).control());
    for (int asked = 0; asked < ControlPath::kMaxFetchesOfAPeer; ++asked)
      peers.back().send(zmq::buffer(request), zmq::send_flags::none);
  }
  const auto asked = kPeers * static_cast<std::uint64_t>(ControlPath::kMaxFetchesOfAPeer);
  EXPECT_TRUE(eventually(
      "all were taken or refused", [&] { return counter("control_fetches_total") >= asked; }, 60s));
  EXPECT_GT(counter("control_fetches_refused_total"), 0u);
  execute(journal.get(), "COMMIT");
  for (auto& peer : peers)
    for (int answered = 0; answered < ControlPath::kMaxFetchesOfAPeer; ++answered) {
      zmq::message_t answer;
      ASSERT_TRUE(test::receive_patiently(peer, answer, 60s)) << broker.output();
    }
  constexpr auto kBoundMib = static_cast<long>(ControlPath::kMaxFetchingBytes >> 20);
  EXPECT_LT(more("VmHWM"), 2 * kBoundMib) << "with what the allocator and the sockets add; 96 of 12 MB are 1100";
  EXPECT_TRUE(eventually("the memory is given back", [&] { return more("VmRSS") < 50; })) << more("VmRSS") << " MiB";
  std::cout << "the broker grew by " << more("VmHWM") << " MiB and kept " << more("VmRSS") << std::endl;
}

}  // namespace
}  // namespace trainbus
