#include "consumers/log/sink_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainbus {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(SinkMetrics, SayHowEachSinkDoes) {
  SinkReport well{.label = "jsonl", .written = 12, .caught_up = true, .progress = {12, 90}};
  SinkReport away{
      .label = "pg", .written = 5, .failures = 3, .failure = "refused", .progress = {5, 90}, .behind = 1500ms};
  SinkReport hangs{.label = "pipe", .blocked = "write() has not returned for 12 s"};
  const auto text = sink_metrics_text({well, away, hangs});
  EXPECT_THAT(text, HasSubstr("# TYPE trainbus_log_sink_records_written_total counter\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_records_written_total{sink=\"jsonl\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_failures_total{sink=\"pg\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_up{sink=\"jsonl\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_up{sink=\"pg\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_up{sink=\"pipe\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_behind_records{sink=\"jsonl\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_behind_records{sink=\"pg\"} 85\n"));
  EXPECT_THAT(text, HasSubstr("trainbus_log_sink_behind_seconds{sink=\"pg\"} 1.5\n"));
}

TEST(SinkMetrics, AreServedOnLoopbackOnly) {
  const auto none = [] { return std::vector<SinkReport>{}; };
  EXPECT_THROW(serve_sink_metrics({.listen = "0.0.0.0:9465"}, none), std::invalid_argument);
  EXPECT_THROW(serve_sink_metrics({.listen = "9465"}, none), std::invalid_argument);
}

}  // namespace
}  // namespace trainbus
