// The ledger of a trainer: what it makes of a list entry, and which sums it calls open.

#include "trainbus/ledger.hpp"

#include <gmock/gmock.h>

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class Positions>
void add(Positions& positions, Kind kind, std::uint64_t sequence) {
  auto& position = *positions.Add();
  position.set_kind(kind);
  position.set_sequence(sequence);
}

v1::TrainerEntry entry_of(std::uint64_t stored, std::uint64_t lost) {
  v1::TrainerEntry entry;
  entry.set_session_id("r/t");
  add(*entry.mutable_stored(), v1::KIND_BATCH, stored);
  add(*entry.mutable_lost(), v1::KIND_BATCH, lost);
  add(*entry.mutable_stored(), v1::KIND_COMMAND, 3);  // the broker's own
  return entry;
}

void say_heartbeat(v1::TrainerEntry& entry, std::uint64_t batches, const std::vector<std::uint64_t>& tiles) {
  v1::MetricsRequest message;
  auto& heartbeat = *message.mutable_heartbeat();
  add(*heartbeat.mutable_highest(), v1::KIND_BATCH, batches);
  heartbeat.mutable_tiles()->set_produced(tiles[0]);
  heartbeat.mutable_tiles()->set_skipped_no_demand(tiles[1]);
  heartbeat.mutable_tiles()->set_dropped_at_source(tiles[2]);
  heartbeat.mutable_tiles()->set_sent(tiles[3]);
  auto& last = *entry.add_last();
  last.set_kind(v1::KIND_HEARTBEAT);
  last.set_message(message.SerializeAsString());
}

TEST(Ledger, ClosesWhenEverythingIsStoredOrLost) {
  auto entry = entry_of(10, 2);
  say_heartbeat(entry, 10, {9, 4, 1, 4});
  entry.set_tiles_in(2);
  entry.set_tiles_lost_on_link(1);
  const auto ledger = ledger_of(entry);
  ASSERT_EQ(ledger.records.size(), 1u) << "what the broker numbers itself is not the trainer's";
  EXPECT_EQ(ledger.records[0].stored, 8u);
  EXPECT_EQ(ledger.records[0].lost, 2u);
  EXPECT_EQ(ledger.tiles.lost_on_link(), 2u) << "one in a gap, one that never arrived";
  EXPECT_THAT(ledger.open_sums(), IsEmpty());
}

TEST(Ledger, CountsEveryKindThatATrainerNumbers) {
  v1::TrainerEntry entry;
  for (const Kind kind : kTrainerKinds)
    add(*entry.mutable_stored(), kind, 5);
  const auto ledger = ledger_of(entry);
  ASSERT_EQ(ledger.records.size(), std::size(kTrainerKinds));
  for (std::size_t i = 0; i < ledger.records.size(); ++i)
    EXPECT_EQ(ledger.records[i].kind, kTrainerKinds[i]);
}

TEST(Ledger, NamesEachSumThatDoesNotClose) {
  auto entry = entry_of(10, 2);
  say_heartbeat(entry, 12, {9, 4, 1, 3});
  entry.set_tiles_in(3);
  entry.set_tiles_lost_on_link(1);
  EXPECT_THAT(ledger_of(entry).open_sums(),
              ElementsAre("r/t batch: 12 produced, 8 stored, 2 lost, 2 in the outbox",
                          "r/t tiles: 9 produced, 4 skipped without demand, 1 dropped at the source, 3 sent",
                          "r/t tiles: 3 sent by the last heartbeat, 3 taken in, 1 missing between them"));
}

TEST(Ledger, WithoutAHeartbeatOrWithAnOlderOneWhatIsStoredWasProduced) {
  auto entry = entry_of(10, 0);
  entry.set_tiles_in(5);
  EXPECT_FALSE(ledger_of(entry).heard);
  EXPECT_EQ(ledger_of(entry).records[0].produced, 10u);
  EXPECT_THAT(ledger_of(entry).open_sums(), IsEmpty());
  say_heartbeat(entry, 7, {5, 0, 0, 5});
  EXPECT_EQ(ledger_of(entry).records[0].produced, 10u);
  EXPECT_THAT(ledger_of(entry).open_sums(), IsEmpty());
}

}  // namespace
}  // namespace trainbus
