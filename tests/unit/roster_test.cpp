#include "broker/roster.hpp"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "trainbus/incarnation.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;

class RosterTest : public testing::Test {
 protected:
  void hear(Kind kind, v1::MetricsRequest message) {
    message.set_session_id("r/t");
    message.set_incarnation(7);
    const std::string bytes = message.SerializeAsString();
    roster_.heard({kind, {"r", "t"}}, message, zmq::message_t(bytes.data(), bytes.size()), 1000);
  }

  void offer(const std::string& name, v1::Knob::Type type) {
    v1::MetricsRequest message;
    auto& knob = *message.mutable_status_update()->mutable_config()->add_knobs();
    knob.set_name(name);
    knob.set_type(type);
    knob.set_min(0);
    knob.set_max(1);
    hear(v1::KIND_STATUS, message);
  }

  std::string refusal(v1::CommandType type, const std::string& name, const char* value = nullptr) const {
    v1::ControlCommand command;
    command.set_type(type);
    if (!name.empty()) (*command.mutable_parameters())["name"] = name;
    if (value != nullptr) (*command.mutable_parameters())["value"] = value;
    return roster_.refusal("r/t", 7, command);
  }

  Roster roster_;
};

TEST_F(RosterTest, SaysNothingAboutTheKnobsOfNobody) {
  EXPECT_EQ(refusal(v1::SET_KNOB, "dropout", "0.5"), "") << "of nobody: the command is refused for that already";
}

TEST_F(RosterTest, RefusesByThePlanOfTheTrainer) {
  offer("weight_decay", v1::Knob::NUMBER);
  EXPECT_EQ(refusal(v1::SET_KNOB, "weight_decay", "0.5"), "");
  EXPECT_EQ(refusal(v1::SET_KNOB, "weight_decay", "2"), "weight_decay must be a number from 0 to 1, got '2'");
  EXPECT_THAT(refusal(v1::SET_KNOB, "weight_decay"), HasSubstr("needs a value"));
  EXPECT_EQ(refusal(v1::SET_KNOB, "dropout", "0.5"), "no knob 'dropout'; this trainer offers weight_decay");
}

TEST_F(RosterTest, AStatusWithoutAPlanKeepsTheKnobs) {
  offer("weight_decay", v1::Knob::NUMBER);
  v1::MetricsRequest paused;
  paused.mutable_status_update()->set_status(v1::PAUSED);
  hear(v1::KIND_STATUS, paused);
  EXPECT_EQ(refusal(v1::SET_KNOB, "weight_decay", "0.5"), "");
}

TEST_F(RosterTest, WhoDeclaresNothingMayStillTakeTheTwoBuiltInOnes) {
  hear(v1::KIND_STATUS, [] {
    v1::MetricsRequest message;
    message.mutable_status_update()->set_status(v1::RUNNING);
    return message;
  }());
  EXPECT_EQ(refusal(v1::CHANGE_LEARNING_RATE, "", "0.1"), "");
  EXPECT_EQ(refusal(v1::PAUSE_TRAINING, ""), "");
  EXPECT_THAT(refusal(v1::SET_KNOB, "dropout", "0.5"), HasSubstr("offers none"));
}

// Up to 1 MiB each, and nothing that a list shows.
TEST_F(RosterTest, AListHasNoMedia) {
  v1::MetricsRequest text;
  text.mutable_media_data()->set_name("sample");
  text.mutable_media_data()->set_text(std::string(100'000, 'x'));
  hear(v1::KIND_MEDIA, text);
  v1::MetricsRequest values;
  (*values.mutable_scalar_data()->mutable_values())["a"] = 1;
  hear(v1::KIND_SCALARS, values);
  const auto list = roster_.list({}, 1000);
  ASSERT_EQ(list.trainers_size(), 1);
  ASSERT_EQ(list.trainers(0).last_size(), 1);
  EXPECT_EQ(list.trainers(0).last(0).kind(), v1::KIND_SCALARS);
}

// A thousand class names each, as ImageNet has them.
class RosterListTest : public testing::Test {
 protected:
  static constexpr int kClasses = 1'000;

  void hear(const std::string& run, const std::string& trainer, const std::string& first_class = "class 0") {
    v1::MetricsRequest message;
    message.set_session_id(run + '/' + trainer);
    message.set_incarnation(7);
    auto& plan = *message.mutable_status_update()->mutable_config();
    plan.set_total_epochs(90);
    plan.add_class_names(first_class);
    while (plan.class_names_size() < kClasses)
      plan.add_class_names("class " + std::to_string(plan.class_names_size()));
    const std::string bytes = message.SerializeAsString();
    roster_.heard({v1::KIND_STATUS, {run, trainer}}, message, zmq::message_t(bytes.data(), bytes.size()), 1000);
  }
  // Every page, each of which says how many there are.
  std::vector<std::string> names_of(v1::ListRequest request, std::uint64_t total, int& pages) const {
    std::vector<std::string> names;
    for (pages = 0; pages == 0 || !request.after().empty(); ++pages) {
      const auto page = roster_.list(request, 1000);
      EXPECT_EQ(page.total(), total);
      for (const auto& entry : page.trainers())
        names.push_back(entry.session_id());
      request.set_after(page.next());
    }
    return names;
  }
  static v1::TrainingConfig plan_of(const v1::TrainerEntry& entry) {
    v1::MetricsRequest message;
    EXPECT_TRUE(message.ParseFromString(entry.last(0).message()));
    return message.status_update().config();
  }

  Roster roster_;
};

TEST_F(RosterListTest, EveryTrainerIsOnOnePageWhateverItsSize) {
  std::vector<std::string> all;
  for (int i = 0; i < 3'000; ++i) {
    const auto trainer = "t" + std::to_string(10'000 + i);
    hear("r", trainer);
    all.push_back("r/" + trainer);
  }
  int pages = 0;
  EXPECT_EQ(names_of({}, 3'000, pages), all);
  v1::ListRequest small;
  small.set_max_bytes(2'000);
  EXPECT_EQ(names_of(small, 3'000, pages), all);
  EXPECT_GT(pages, 100);
  small.set_max_bytes(1);
  EXPECT_EQ(names_of(small, 3'000, pages), all);
  EXPECT_EQ(pages, 3'000) << "one comes at least";
}

TEST_F(RosterListTest, APageKeepsToItsBytes) {
  for (int i = 0; i < 1'000; ++i)
    hear("r", "t" + std::to_string(i));
  v1::ListRequest request;
  request.set_max_bytes(20'000);
  EXPECT_LE(roster_.list(request, 1000).ByteSizeLong(), 21'000u);
  request.set_max_bytes(UINT32_MAX);
  request.set_whole(true);
  EXPECT_LE(roster_.list(request, 1000).ByteSizeLong(), Roster::kMaxPageBytes + 1'000)
      << "what is asked for is bounded";
}

TEST_F(RosterListTest, ARunIsNotThoseWhoseNamesBeginAlike) {
  for (const auto* run : {"a", "a-b", "a.", "aa", "b"})
    hear(run, "t");
  hear("a", "u");
  int pages = 0;
  v1::ListRequest request;
  request.set_run("a");
  request.set_max_bytes(1);
  EXPECT_EQ(names_of(request, 2, pages), (std::vector<std::string>{"a/t", "a/u"}));
  request.set_trainer("t");
  EXPECT_EQ(names_of(request, 1, pages), std::vector<std::string>{"a/t"});
  request.set_after("z");
  EXPECT_EQ(names_of(request, 1, pages), std::vector<std::string>{}) << "after the last there is none";
}

TEST_F(RosterListTest, ClassNamesAreLeftOutAndCountedUnlessTheWholeIsAskedFor) {
  hear("r", "t");
  v1::ListRequest request;
  const auto entry = roster_.list(request, 1000).trainers(0);
  EXPECT_EQ(entry.class_names_left_out(), static_cast<std::uint32_t>(kClasses));
  EXPECT_EQ(plan_of(entry).class_names_size(), 0);
  EXPECT_EQ(plan_of(entry).total_epochs(), 90);
  request.set_whole(true);
  const auto whole = roster_.list(request, 1000).trainers(0);
  EXPECT_EQ(whole.class_names_left_out(), 0u);
  ASSERT_EQ(plan_of(whole).class_names_size(), kClasses);
  EXPECT_EQ(plan_of(whole).class_names(999), "class 999");
  EXPECT_EQ(plan_of(whole).total_epochs(), 90);
}

TEST_F(RosterListTest, EachTrainerHasItsOwnClassNames) {
  hear("r", "cats", "cat");
  hear("r", "dogs", "dog");
  hear("r", "cats too", "cat");
  v1::ListRequest request;
  request.set_whole(true);
  std::vector<std::string> first;
  const auto list = roster_.list(request, 1000);
  for (const auto& entry : list.trainers())
    first.push_back(plan_of(entry).class_names(0));
  EXPECT_EQ(first, (std::vector<std::string>{"cat", "cat", "dog"}));
}

// Two processes of one name, and the broker's steady clock in the test's hand.
class RosterNamesTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kOlder = 9'000, kNewer = 5;  // the newer one's clock is behind

  void hello(std::uint64_t incarnation, std::int64_t now_ms, std::uint64_t said_ms = 0) {
    v1::MetricsRequest message;
    message.set_session_id("r/t");
    message.set_incarnation(incarnation);
    message.set_timestamp_ms(said_ms);
    message.mutable_hello()->mutable_session();
    ASSERT_TRUE(roster_.hello(message, "peer " + std::to_string(incarnation), now_ms));
  }
  void say(Kind kind, v1::MetricsRequest message, std::uint64_t incarnation, std::int64_t now_ms) {
    message.set_session_id("r/t");
    message.set_incarnation(incarnation);
    const std::string bytes = message.SerializeAsString();
    roster_.heard({kind, {"r", "t"}}, message, zmq::message_t(bytes.data(), bytes.size()), now_ms);
  }
  void beat(std::uint64_t incarnation, std::int64_t now_ms) {
    v1::MetricsRequest message;
    message.mutable_heartbeat();
    say(v1::KIND_HEARTBEAT, message, incarnation, now_ms);
  }
  void say_status(v1::TrainingStatus status, std::uint64_t incarnation, std::int64_t now_ms) {
    v1::MetricsRequest message;
    message.mutable_status_update()->set_status(status);
    say(v1::KIND_STATUS, message, incarnation, now_ms);
  }
  std::vector<std::uint64_t> live(std::int64_t now_ms) const {
    std::vector<std::uint64_t> numbers;
    for (const auto* one : roster_.live("r/t", now_ms))
      numbers.push_back(one->number);
    return numbers;
  }

  Roster roster_;
};

TEST_F(RosterNamesTest, ALaterStartIsTheNewerWhateverItsNumberAndTheOlderChangesNothing) {
  say_status(v1::COMPLETED, kOlder, 1'000);
  say_status(v1::RUNNING, kNewer, 2'000);
  say_status(v1::FAILED, kOlder, 3'000);
  EXPECT_EQ(roster_.newest("r/t"), kNewer);
  const auto list = roster_.list({}, 3'000);
  ASSERT_EQ(list.trainers_size(), 1);
  EXPECT_EQ(list.trainers(0).incarnation(), kNewer);
  v1::MetricsRequest last;
  ASSERT_TRUE(last.ParseFromString(list.trainers(0).last(0).message()));
  EXPECT_EQ(last.status_update().status(), v1::RUNNING);
}

TEST_F(RosterNamesTest, TwoThatAreConnectedAreBothListedAndACommandMustNameOne) {
  hello(kOlder, 1'000);
  hello(kNewer, 2'000);
  EXPECT_EQ(live(2'000), (std::vector<std::uint64_t>{kOlder, kNewer}));
  const auto list = roster_.list({}, 2'000);
  ASSERT_EQ(list.trainers_size(), 2);
  EXPECT_EQ(list.total(), 1u) << "one name";
  EXPECT_TRUE(list.trainers(0).live() && list.trainers(1).live());
  EXPECT_FALSE(list.trainers(0).newest());
  EXPECT_TRUE(list.trainers(1).newest());
  EXPECT_LT(list.trainers(0).order(), list.trainers(1).order());
  const auto unnamed = roster_.target_facts("r/t", 0, 2'000);
  EXPECT_THAT(unnamed.refusal, HasSubstr("r/t@02328"));
  EXPECT_THAT(unnamed.refusal, HasSubstr("r/t@00005"));
  for (const auto named : {kOlder, kNewer}) {
    EXPECT_EQ(roster_.target_facts("r/t", named, 2'000).refusal, "");
    EXPECT_EQ(roster_.target_facts("r/t", named, 2'000).incarnation, named);
  }
}

TEST_F(RosterNamesTest, ARestartAfterAKillIsNoConflict) {
  hello(kOlder, 1'000);
  beat(kOlder, 1'900);
  roster_.disconnected("r/t", kOlder);  // as the next hello finds out
  hello(kNewer, 2'000);
  EXPECT_EQ(live(2'100), std::vector<std::uint64_t>{kNewer});
  beat(kOlder, 2'200);  // was under way
  EXPECT_EQ(live(2'300), std::vector<std::uint64_t>{kNewer});
  EXPECT_EQ(roster_.target_facts("r/t", 0, 2'300).refusal, "");
  for (const auto& crowd : roster_.crowds(2'300))
    EXPECT_FALSE(crowd.overlap);
}

TEST_F(RosterNamesTest, OneWithoutAConnectionIsAliveBesideAnotherWhenItGoesOn) {
  beat(kOlder, 1'000);
  beat(kNewer, 2'000);
  EXPECT_EQ(live(2'000), std::vector<std::uint64_t>{kNewer});
  beat(kOlder, 2'000 + Roster::kInFlightMs);
  beat(kNewer, 2'000 + Roster::kInFlightMs);
  EXPECT_EQ(live(5'000), (std::vector<std::uint64_t>{kOlder, kNewer}));
  EXPECT_TRUE(roster_.crowds(5'000).at(0).overlap);
}

TEST_F(RosterNamesTest, WhenOneEndsACommandNeedsNoNameAndMeetsTheOther) {
  hello(kOlder, 1'000);
  hello(kNewer, 2'000);
  say_status(v1::COMPLETED, kNewer, 3'000);
  const auto facts = roster_.target_facts("r/t", 0, 3'000);
  EXPECT_EQ(facts.refusal, "");
  EXPECT_EQ(facts.incarnation, kOlder);
  EXPECT_FALSE(facts.ended);
  say_status(v1::COMPLETED, kOlder, 3'000);
  EXPECT_TRUE(roster_.target_facts("r/t", 0, 3'000).ended);
}

TEST_F(RosterNamesTest, ASilentOneIsNotAliveAndIsForgottenButItsPlaceStays) {
  hello(kOlder, 1'000);
  hello(kNewer, 2'000);
  beat(kNewer, 100'000);
  EXPECT_EQ(live(100'000), std::vector<std::uint64_t>{kNewer});
  (void)roster_.crowds(100'000);
  EXPECT_EQ(roster_.find("r/t", kOlder), nullptr);
  beat(kOlder, 101'000);
  EXPECT_EQ(roster_.newest("r/t"), kNewer);
}

TEST_F(RosterNamesTest, WhatIsDeliveredFromASpoolIsNoSignOfLife) {
  hello(kNewer, 1'000);
  roster_.deliver("r/t", kOlder, kNewer, 2'000);
  say_status(v1::RUNNING, kOlder, 2'000);
  EXPECT_EQ(live(10'000), std::vector<std::uint64_t>{kNewer});
  EXPECT_EQ(roster_.newest("r/t"), kNewer);
  v1::ListRequest older;
  older.set_older(true);
  const auto list = roster_.list(older, 2'000);
  ASSERT_EQ(list.trainers_size(), 2);
  EXPECT_EQ(list.trainers(0).incarnation(), kOlder);
}

TEST_F(RosterNamesTest, AfterARestartTheOrderIsTheJournals) {
  for (const auto number : {kOlder, kNewer})
    say_status(v1::RUNNING, number, 1'000);
  std::vector<IncarnationRow> rows;
  for (const auto number : {kOlder, kNewer})
    rows.push_back(*roster_.to_store("r/t", number));
  EXPECT_FALSE(roster_.to_store("r/t", kNewer)) << "once";
  const Roster nothing_kept;
  EXPECT_EQ(nothing_kept.newest("r/t"), 0u);
  Roster restarted(
      [&](const std::string& session_id) { return session_id == "r/t" ? rows : std::vector<IncarnationRow>{}; });
  v1::MetricsRequest record;
  record.set_session_id("r/t");
  record.set_incarnation(kOlder);
  record.mutable_status_update();
  restarted.heard({v1::KIND_STATUS, {"r", "t"}}, record, {}, 2'000);
  EXPECT_EQ(restarted.newest("r/t"), kNewer);
  EXPECT_FALSE(restarted.to_store("r/t", kNewer)) << "the journal has it";
}

TEST_F(RosterNamesTest, TheSkewOfAClockIsListed) {
  hello(kOlder, 1'000, static_cast<std::uint64_t>(unix_ms() + 60'000));
  hello(kNewer, 1'000);
  const auto list = roster_.list({}, 1'000);
  ASSERT_EQ(list.trainers_size(), 2);
  EXPECT_NEAR(static_cast<double>(list.trainers(0).clock_skew_ms()), 60'000, 5'000);
  EXPECT_FALSE(list.trainers(1).has_clock_skew_ms()) << "it says no time";
}

TEST_F(RosterNamesTest, StartsThatNumberNothingAreIncarnationsOfTheirOwn) {
  std::set<std::uint64_t> numbers;
  for (int run = 0; run < 3; ++run)
    for (const auto status : {v1::RUNNING, v1::COMPLETED}) {
      v1::MetricsRequest message;
      message.set_session_id("r/t");
      message.mutable_status_update()->set_status(status);
      roster_.identify({v1::KIND_STATUS, {"r", "t"}}, message, 1'000);
      EXPECT_LE(message.incarnation(), kMaxIncarnation);
      numbers.insert(message.incarnation());
      const std::string bytes = message.SerializeAsString();
      roster_.heard({v1::KIND_STATUS, {"r", "t"}}, message, zmq::message_t(bytes.data(), bytes.size()), 1'000);
    }
  EXPECT_EQ(numbers.size(), 3u);
  EXPECT_EQ(roster_.list({}, 1'000).trainers(0).unnumbered(), 2u);
}

}  // namespace
}  // namespace trainbus
