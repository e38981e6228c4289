#include "trainbus/incarnation.hpp"

#include <gtest/gtest.h>

#include "broker/clock_skew.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

TEST(Incarnation, IsWrittenByItsRandomPart) {
  EXPECT_EQ(short_incarnation((std::uint64_t{1'763'900'000'000} << 20) | 0x3f2a1), "3f2a1");
  EXPECT_EQ(short_incarnation(5), "00005");
  EXPECT_EQ(incarnation_address("mnist/t0", 0x12345), "mnist/t0@12345");
}

TEST(Incarnation, AnAddressIsReadBack) {
  EXPECT_EQ(parse_trainer_address("r/t")->incarnation, "");
  EXPECT_EQ(parse_trainer_address("r/*")->session_id, "r/*");
  EXPECT_EQ(parse_trainer_address("r/t@3f2a1")->session_id, "r/t");
  EXPECT_EQ(parse_trainer_address("r/t@3f2a1")->incarnation, "3f2a1");
  for (const auto* bad : {"", "r", "r/", "r/t@", "r/*@3f2a1", "r/t@xyz", "r/t@3F2A1", "r/t@1@2", "*/*", "r/t@-1"})
    EXPECT_FALSE(parse_trainer_address(bad)) << bad;
}

TEST(Incarnation, IsMeantByItsShortFormOrTheWholeNumber) {
  const std::uint64_t number = (std::uint64_t{77} << 20) | 0xabcde;
  EXPECT_TRUE(means_incarnation("abcde", number));
  EXPECT_TRUE(means_incarnation(std::to_string(number), number));
  EXPECT_FALSE(means_incarnation("abcd", number));
  EXPECT_FALSE(means_incarnation("", number));
  EXPECT_EQ(read_incarnation("9223372036854775807"), kMaxIncarnation);
  EXPECT_FALSE(read_incarnation("9223372036854775808"));
  EXPECT_FALSE(read_incarnation("1x"));
}

TEST(Incarnation, ANumberOfTwoToThe63OrMoreIsRefusedWhereverItStands) {
  constexpr std::uint64_t kTooLarge = std::uint64_t{1} << 63;
  v1::MetricsRequest record;
  record.set_session_id("r/t");
  record.mutable_batch_data();
  record.set_incarnation(kTooLarge);
  record.set_sequence(1);
  Topic topic;
  v1::MetricsRequest read;
  const auto wire = [&] { return decode_record("batch/r/t/", record.SerializeAsString(), topic, read); };
  EXPECT_EQ(wire(), WireError::kNumberTooLarge);
  record.set_incarnation(kTooLarge - 1);
  EXPECT_EQ(wire(), WireError::kNone);
  record.set_sequence(UINT64_MAX);
  EXPECT_EQ(wire(), WireError::kNumberTooLarge);
  record.set_sequence(1);
  const auto control = [&](const v1::MetricsRequest& request) {
    return decode_control(request.SerializeAsString(), read);
  };
  v1::MetricsRequest request;
  request.set_session_id("r/t");
  request.mutable_hello()->add_stored()->set_sequence(kTooLarge);
  EXPECT_EQ(control(request), WireError::kNumberTooLarge);
  request.mutable_hello()->Clear();
  request.mutable_hello()->set_delivered_by(kTooLarge);
  EXPECT_EQ(control(request), WireError::kNumberTooLarge);
  request.mutable_issue_command()->set_expected_incarnation(UINT64_MAX);
  EXPECT_EQ(control(request), WireError::kNumberTooLarge);
  request.mutable_fetch()->add_heads()->set_incarnation(kTooLarge);
  EXPECT_EQ(control(request), WireError::kNumberTooLarge);
  request.clear_session_id();
  EXPECT_EQ(control(request), WireError::kNumberTooLarge) << "without a session too";
}

TEST(ClockSkew, IsWhatTheQuickestOfTheLastMessagesSays) {
  ClockSkew skew;
  EXPECT_FALSE(skew.value());
  skew.take(0, 1'000'000);
  EXPECT_FALSE(skew.value()) << "it says no time";
  skew.take(1'000'000 + 60'000, 1'000'000);
  EXPECT_EQ(skew.value(), 60'000);
  skew.take(1'010'000 + 60'000, 1'015'000);
  EXPECT_EQ(skew.value(), 60'000) << "that one was 5 s on its way";
  for (int i = 0; i < 4; ++i)
    skew.take(2'000'000 - 30'000, 2'000'000);
  EXPECT_EQ(skew.value(), -30'000) << "it was set right and too far";
  skew.take(UINT64_MAX, 1);
  EXPECT_GT(*skew.value(), 0);
}

}  // namespace
}  // namespace trainbus
