// The journal's file is held by somebody for a while: what waits for it takes little memory, and all of it is stored.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "broker/sqlite.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/process_meter.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
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

}  // namespace
}  // namespace trainbus
