#include "consumers/dashboard/server/media_store.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

v1::MetricsRequest text(const std::string& name, std::uint64_t sequence, std::size_t bytes = 10) {
  v1::MetricsRequest message;
  message.set_incarnation(7);
  message.set_sequence(sequence);
  message.mutable_media_data()->set_name(name);
  message.mutable_media_data()->set_step(sequence * 10);
  message.mutable_media_data()->set_text(std::string(bytes, 'x'));
  return message;
}

TEST(MediaStore, KeepsTheNewestOfEachNameAndCountsTheRest) {
  MediaStore store;
  for (std::uint64_t sequence = 1; sequence <= MediaStore::kMaxRecords + 3; ++sequence)
    store.take(text("sample", sequence));
  const auto& named = store.all().at("sample");
  EXPECT_EQ(named.records.size(), MediaStore::kMaxRecords);
  EXPECT_EQ(named.records.front().sequence, 4U);
  EXPECT_EQ(named.left_out, 3U);
  EXPECT_EQ(store.find("7-3"), nullptr);
  ASSERT_NE(store.find("7-4"), nullptr);
  EXPECT_EQ(store.find("7-4")->step, 40);
}

TEST(MediaStore, ALateRecordGoesToItsPlace) {
  MediaStore store;
  for (const std::uint64_t sequence : {1U, 3U, 2U})
    store.take(text("sample", sequence));
  EXPECT_EQ(store.all().at("sample").records[1].sequence, 2U);
}

TEST(MediaStore, KeepsWithinItsBytesAndTheNewestOfEveryName) {
  MediaStore store;
  store.set_budget(10'000);
  store.take(text("rare", 1, 500));
  for (std::uint64_t sequence = 2; sequence <= 30; ++sequence)
    store.take(text("often", sequence, 1000));
  EXPECT_EQ(store.all().at("rare").records.size(), 1U);
  EXPECT_GE(store.all().at("often").left_out, 20U);
  EXPECT_LE(store.all().at("often").records.size(), 9U);
  store.take(text("large", 31, 50'000));
  EXPECT_EQ(store.all().at("large").records.size(), 1U);
  EXPECT_EQ(store.all().at("often").records.size(), 1U);
  EXPECT_EQ(store.all().at("often").records.back().sequence, 30U);
}

TEST(MediaStore, CountsTheRecordsOfNamesPastItsBound) {
  MediaStore store;
  for (std::size_t name = 0; name < MediaStore::kMaxNames + 2; ++name)
    store.take(text("n" + std::to_string(name), name + 1));
  EXPECT_EQ(store.all().size(), MediaStore::kMaxNames);
  EXPECT_EQ(store.records_of_left_out_names(), 2U);
}

}  // namespace
}  // namespace trainbus
