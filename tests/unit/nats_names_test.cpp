// What a record is called on a JetStream, and what is known of a stream there.
#include <gtest/gtest.h>

#include "consumers/log/nats/stream_state.hpp"

namespace trainbus {
namespace {

const StreamKey kStream{"mnist/lr0.1", 1849583206400000000, v1::KIND_BATCH};

TEST(NatsNames, ADotInANameIsNoSeparator) {
  EXPECT_EQ(stream_subject("trainbus", "", kStream), "trainbus.batch.mnist.lr0%2E1.1849583206400000000");
}

TEST(NatsNames, AMessageIdIsReadBack) {
  const auto id = message_id("", kStream, 17);
  EXPECT_EQ(id, "mnist/lr0.1:1849583206400000000:batch:17");
  const auto name = parse_message_id(id);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->stream, kStream);
  EXPECT_EQ(name->sequence, 17u);
}

TEST(NatsNames, ASiteIsInBoth) {
  EXPECT_EQ(stream_subject("trainbus", "lab.2", kStream), "trainbus.batch.mnist.lr0%2E1.1849583206400000000.lab%2E2");
  const auto id = message_id("lab.2", kStream, 17);
  EXPECT_EQ(id, "lab.2:mnist/lr0.1:1849583206400000000:batch:17");
  const auto name = parse_message_id(id);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->site, "lab.2");
  EXPECT_EQ(name->stream, kStream);
  EXPECT_EQ(parse_message_id(message_id("", kStream, 17))->site, "");
}

TEST(NatsNames, AnythingElseIsNoRecord) {
  for (const char* id :
       {"", ":", ":::", "a/b:1:batch:", "a/b:1:batch:x", "a/b:1:batch:-1", "a/b:1:tile:1", "a/b::batch:1",
        "ab:1:batch:1", "a/b/c:1:batch:1", "1:batch:1", "a/b:1:batch:99999999999999999999", ":a/b:1:batch:1",
        "x y:a/b:1:batch:1", "x:y:a/b:1:batch:1"})
    EXPECT_FALSE(parse_message_id(id)) << id;
}

TEST(NatsNames, WhatWasStoredIsReadBack) {
  EXPECT_EQ(parse_stored(stored_text({12, 345})), (Stored{12, 345}));
  for (const char* text : {"", "@", "12", "12@", "@345", "12@3x"})
    EXPECT_EQ(parse_stored(text), Stored{}) << text;
}

TEST(NatsStreamState, TheHeadStopsAtTheFirstGap) {
  StreamState state("s", {4, 100});
  EXPECT_EQ(state.head(), 4u);
  for (const std::uint64_t sequence : {5, 6, 8})
    state.found(sequence);
  EXPECT_EQ(state.head(), 6u);
  EXPECT_TRUE(state.has(8));
  EXPECT_FALSE(state.has(7));
}

TEST(NatsStreamState, KeepsItsPositionWhileThereAreRecordsBeyondAGap) {
  StreamState state("s", {4, 100});
  state.found(6);
  state.found(8);
  state.written(5);
  state.acknowledged(200);
  EXPECT_EQ(state.stored(), (Stored{5, 100}));  // 6 and 8 lie before 200
  for (const std::uint64_t sequence : {6, 7, 8})
    state.written(sequence);
  state.acknowledged(300);
  EXPECT_EQ(state.stored(), (Stored{8, 300}));
}

}  // namespace
}  // namespace trainbus
