// What trainbus-ctl doctor makes of what it saw.
#include "doctor_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainbus {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

v1::BrokerStats stats_with(std::initializer_list<std::pair<const char*, double>> gauges) {
  v1::BrokerStats stats;
  for (const auto& [name, value] : gauges)
    (*stats.mutable_gauges())[name] = value;
  return stats;
}

TEST(Doctor, SaysOfAPortWhatIsWrongAndWhatToDo) {
  const auto of = [](const char* text, bool about_key = false) {
    return port_finding("control", "tcp://head:7762", {text, about_key});
  };
  EXPECT_EQ(of("").verdict, Verdict::kGood);
  EXPECT_EQ(of("").about, "port 7762 (control)");
  for (const auto& [problem, remedy] : {std::pair{"connection refused", "start trainbus-broker"},
                                        {"no answer", "firewall"},
                                        {"takes connections, but is no ZeroMQ port", "something else listens"},
                                        {"no host is known by that name", "getent"}}) {
    EXPECT_EQ(of(problem).verdict, Verdict::kBad) << problem;
    EXPECT_THAT(of(problem).found, HasSubstr(problem));
    EXPECT_THAT(of(problem).remedy, HasSubstr(remedy)) << problem;
  }
  EXPECT_THAT(of("wants a key: connection refused", true).remedy, HasSubstr("--key"));
}

TEST(Doctor, ToleratesAClockAsFarOffAsTheRoundTripHides) {
  EXPECT_EQ(clock_finding(1'900, 10).verdict, Verdict::kGood);
  EXPECT_EQ(clock_finding(-2'100, 10).verdict, Verdict::kCare);
  EXPECT_EQ(clock_finding(2'100, 400).verdict, Verdict::kGood);
  EXPECT_THAT(clock_finding(-90'000, 10).found, HasSubstr("90 s behind"));
  EXPECT_THAT(clock_finding(90'000, 10).found, HasSubstr("90 s ahead of"));
}

TEST(Doctor, KnowsADiskThatIsScarceFromOneThatIsFull) {
  EXPECT_EQ(disk_finding("d", 11, 100).verdict, Verdict::kGood);
  EXPECT_EQ(disk_finding("d", 9, 100).verdict, Verdict::kCare);
  EXPECT_EQ(disk_finding("d", 1, 100).verdict, Verdict::kBad);
  EXPECT_EQ(disk_finding("d", 0, 100).verdict, Verdict::kBad);
  EXPECT_TRUE(broker_disk_findings({}).empty()) << "a broker that does not say it";
  EXPECT_EQ(broker_disk_findings(stats_with({{"disk_bytes", 100}, {"disk_free_bytes", 1}})).at(0).verdict,
            Verdict::kBad);
}

TEST(Doctor, SaysOfAnArchiveThatRetentionWaitsForIt) {
  EXPECT_TRUE(archive_findings({}).empty());
  const auto of = [](std::initializer_list<std::pair<const char*, double>> gauges) {
    return archive_findings(stats_with(gauges)).at(0);
  };
  const auto good = of({{"archive_position{archive=\"lab\"}", 7},
                        {"archive_behind_records{archive=\"lab\"}", 3},
                        {"archive_quiet_seconds{archive=\"lab\"}", 60}});
  EXPECT_EQ(good.verdict, Verdict::kGood);
  EXPECT_EQ(good.about, "archive lab");
  EXPECT_EQ(good.found, "lacks 3 records");
  const auto never = of({{"archive_position{archive=\"lab\"}", 0}, {"archive_behind_records{archive=\"lab\"}", 9}});
  EXPECT_EQ(never.verdict, Verdict::kCare);
  EXPECT_THAT(never.found, HasSubstr("never came: nothing is retired"));
  EXPECT_THAT(never.remedy, HasSubstr("archive=lab"));
  EXPECT_THAT(of({{"archive_position{archive=\"lab\"}", 7}, {"archive_behind_records{archive=\"lab\"}", 2}}).found,
              HasSubstr("has not come since the broker started"));
  EXPECT_THAT(of({{"archive_position{archive=\"lab\"}", 7},
                  {"archive_behind_records{archive=\"lab\"}", 2},
                  {"archive_quiet_seconds{archive=\"lab\"}", 600}})
                  .found,
              HasSubstr("was not heard for"));
}

TEST(Doctor, ComparesVersions) {
  EXPECT_EQ(version_finding("0.2.0", stats_with({{"info{id=\"ab\",version=\"0.2.0\"}", 1}})).verdict, Verdict::kGood);
  EXPECT_EQ(version_finding("0.2.0", stats_with({{"info{id=\"ab\",version=\"0.1.9\"}", 1}})).verdict, Verdict::kCare);
  EXPECT_THAT(version_finding("0.2.0", {}).found, HasSubstr("does not say"));
}

TEST(Doctor, SaysWhyAJournalTakesNothing) {
  EXPECT_EQ(journal_finding({}).verdict, Verdict::kGood);
  EXPECT_EQ(journal_finding(stats_with({{"journal_failing", 1}})).verdict, Verdict::kBad);
  EXPECT_EQ(journal_finding(stats_with({{"state_folder_missing", 1}})).verdict, Verdict::kBad);
  v1::BrokerStats damaged;
  (*damaged.mutable_counters())["journal_damaged_total"] = 2;
  EXPECT_THAT(journal_finding(damaged).remedy, HasSubstr("repair"));
}

TEST(Doctor, NamesLimitsThatAreMetOrNear) {
  v1::BrokerStats stats;
  const auto add = [&](const char* name, double value, double bound, bool biting) {
    auto* limit = stats.add_limits();
    limit->set_name(name);
    limit->set_value(value);
    limit->set_bound(bound);
    limit->set_unit("things");
    limit->set_policy("further ones are refused");
    limit->set_biting(biting);
  };
  add("far", 5, 10, false);
  EXPECT_EQ(limit_findings(stats).at(0).verdict, Verdict::kGood);
  add("near", 9, 10, false);
  add("met", 1, 10, true);
  add("unbounded", 1, 0, false);
  const auto findings = limit_findings(stats);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].about, "limit near");
  EXPECT_EQ(findings[0].verdict, Verdict::kCare);
  EXPECT_EQ(findings[1].about, "limit met");
  EXPECT_EQ(findings[1].verdict, Verdict::kBad);
  EXPECT_THAT(findings[1].remedy, HasSubstr("further ones are refused"));
}

TEST(Doctor, NamesTrainersThatAreAliveTwiceOrOffInTime) {
  v1::TrainerList list;
  const auto add = [&](const char* session, bool live) {
    auto* trainer = list.add_trainers();
    trainer->set_session_id(session);
    trainer->set_live(live);
    return trainer;
  };
  add("r/ended", false)->set_clock_skew_ms(-90'000);
  add("r/good", true)->set_clock_skew_ms(1'000);
  EXPECT_EQ(trainer_findings(list).at(0).found, "1 alive");
  add("r/twice", true);
  add("r/twice", true);
  add("r/twice", true);
  add("r/late", true)->set_clock_skew_ms(-90'000);
  add("r/shut", true)->set_by_control_only(true);
  const auto findings = trainer_findings(list);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].about, "trainer r/twice");
  EXPECT_THAT(findings[1].found, HasSubstr("90 s behind"));
  EXPECT_EQ(findings[2].about, "trainer r/shut");
}

TEST(Doctor, IsGoodUnlessSomethingIsBad) {
  const Finding care{Verdict::kCare, "a", "b", "c"};
  EXPECT_TRUE(all_good({care}));
  EXPECT_FALSE(all_good({care, {Verdict::kBad, "a", "b", "c"}}));
  EXPECT_EQ(finding_text(care), "care  a: b\n      do: c");
  EXPECT_EQ(finding_text({Verdict::kGood, "a", "b", ""}), "good  a: b");
  EXPECT_THAT(findings_json({care}), StartsWith("{\n  \"findings\": ["));
}

}  // namespace
}  // namespace trainbus
