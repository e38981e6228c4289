#include "trainbus/topic.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

TEST(Topic, EveryKindReadsBackWhatItWrote) {
  for (const Kind kind : kAllKinds) {
    const Topic topic{kind, {"run-1", "a.b_c"}};
    EXPECT_EQ(parse_topic(topic.text()), topic) << topic.text();
  }
}

TEST(Topic, RefusesWhatIsOutsideTheGrammar) {
  const std::string long_name(kMaxNameBytes + 1, 'x');
  for (const std::string& bytes :
       {std::string{}, std::string("batch"), std::string("batch/"), std::string("batch/r/t"), std::string("batch/r/"),
        std::string("batch//t/"), std::string("batch/r//"), std::string("batch/r/t/u/"), std::string("Batch/r/t/"),
        std::string("loss/r/t/"), std::string("batch/r r/t/"), std::string("batch/r/\xc3\xa9/"),
        std::string("batch/r/t\0/", 11), "batch/" + long_name + "/t/", "batch/r/" + long_name + "/",
        std::string("/r/t/")})
    EXPECT_FALSE(parse_topic(bytes)) << bytes;
}

TEST(Topic, LongestNamesFitBelowTheLengthThatLibzmqCorrupts) {
  const std::string name(kMaxNameBytes, 'x');
  const std::string text = topic_text(v1::KIND_HEARTBEAT, name, name);
  EXPECT_TRUE(parse_topic(text));
  EXPECT_LE(text.size(), kMaxTopicBytes);
  EXPECT_LT(text.size(), 200u);
}

TEST(Topic, PrefixNarrowsLevelByLevelAndAlwaysEndsInASlash) {
  EXPECT_EQ(topic_prefix(v1::KIND_BATCH), "batch/");
  EXPECT_EQ(topic_prefix(v1::KIND_BATCH, "run1"), "batch/run1/");
  EXPECT_EQ(topic_prefix(v1::KIND_BATCH, "run1", "t0"), "batch/run1/t0/");
}

TEST(Topic, SessionIdsHaveExactlyTwoNames) {
  EXPECT_EQ(parse_session_id("r/t"), (SessionName{"r", "t"}));
  for (const char* id : {"", "r", "/", "r/", "/t", "r/t/", "r/t/u", "r/*"})
    EXPECT_FALSE(parse_session_id(id)) << id;
}

}  // namespace
}  // namespace trainbus
