// Named values, plans and problems of the producer SDK, against the real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <mutex>

#include "tests/support/eventually.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/value_name.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::RunningBroker;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What a producer told a person.
class Heard {
 public:
  std::function<void(const std::string&)> listener() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

ProducerOptions options(const std::string& broker, Heard& heard) {
  return {.run = "r", .trainer = "t", .broker = broker, .spool_dir = {}, .on_problem = heard.listener()};
}

std::vector<v1::MetricsRequest> records_of(const RunningBroker& broker, Kind kind) {
  v1::FetchRequest request;
  request.add_kinds(kind);
  return test::journal_content(broker.endpoints(), request).records;
}

TEST(ProducerValues, ReachTheJournalBitForBitInAllThreeKinds) {
  RunningBroker broker;
  Heard heard;
  Producer bus(options(broker.address(), heard));
  const double odd_nan = std::bit_cast<double>(std::uint64_t{0x7ff8'0000'0000'beef});
  const std::map<std::string, double> given{{"nan", odd_nan},
                                            {"minus nothing", -0.0},
                                            {"large", 1e308},
                                            {"inf", -std::numeric_limits<double>::infinity()},
                                            {"val/größe", 0.1}};
  ASSERT_TRUE(bus.start({.first_step = 100}));
  ASSERT_TRUE(bus.log_batch({.epoch = 2, .batch = 0, .loss = std::nan(""), .scalars = given}));
  ASSERT_TRUE(bus.log_epoch({.epoch = 2, .average_loss = 0.5, .scalars = given}));
  ASSERT_TRUE(bus.log_scalars(given));
  ASSERT_TRUE(bus.log_scalars(107, {{"later", 1}}));
  ASSERT_TRUE(bus.log_scalars(50, {{"before this life", 1}}));
  ASSERT_TRUE(bus.close(seconds(5)));

  const auto same = [&](const google::protobuf::Map<std::string, double>& read) {
    EXPECT_EQ(read.size(), given.size());
    for (const auto& [name, value] : given)
      EXPECT_EQ(std::bit_cast<std::uint64_t>(read.at(name)), std::bit_cast<std::uint64_t>(value)) << name;
  };
  const auto batch = records_of(broker, v1::KIND_BATCH).at(0).batch_data();
  same(batch.scalars());
  EXPECT_TRUE(std::isnan(batch.batch_loss()));
  EXPECT_FALSE(batch.has_batch_accuracy());
  const auto epoch = records_of(broker, v1::KIND_EPOCH).at(0).epoch_data();
  same(epoch.scalars());
  EXPECT_EQ(epoch.average_loss(), 0.5);
  EXPECT_FALSE(epoch.has_validation_loss());
  const auto scalars = records_of(broker, v1::KIND_SCALARS);
  ASSERT_EQ(scalars.size(), 3u);
  same(scalars[0].scalar_data().values());
  EXPECT_EQ(scalars[0].scalar_data().step(), 1u) << "the step that was finished last";
  EXPECT_EQ(scalars[0].scalar_data().epoch(), 2);
  EXPECT_EQ(scalars[1].scalar_data().step(), 7u) << "107 of the training is 7 of this incarnation";
  EXPECT_EQ(scalars[2].scalar_data().step(), 0u);
  const auto config = records_of(broker, v1::KIND_STATUS).at(0).status_update().config();
  EXPECT_EQ(config.first_step(), 100u);
  EXPECT_THAT(heard.lines(), IsEmpty());
}

TEST(ProducerValues, TenThousandNamesCostTheirOwnerTheRestAndNobodyElseAnything) {
  RunningBroker broker;
  Heard heard;
  Producer bus(options(broker.address(), heard));
  ASSERT_TRUE(bus.start({}));
  for (int name = 0; name < 10'000; ++name)
    ASSERT_TRUE(bus.log_batch({.batch = name, .loss = 0.5, .scalars = {{"n" + std::to_string(name), name}}}));
  ASSERT_TRUE(bus.log_batch({.batch = 10'000, .scalars = {{"n5", 5}, {"new", 6}}}));
  ASSERT_TRUE(eventually("somebody is told", [&] { return !heard.lines().empty(); }));
  EXPECT_THAT(heard.lines(), ElementsAre(HasSubstr("there are 2000 names of values already")));
  ASSERT_TRUE(bus.close(seconds(20)));
  EXPECT_EQ(bus.counters().values_refused, 8'001u);
  EXPECT_EQ(bus.counters().refused, 0u);
  const auto batches = records_of(broker, v1::KIND_BATCH);
  ASSERT_EQ(batches.size(), 10'001u);
  for (int name = 0; name < 10'000; ++name) {
    ASSERT_EQ(batches[name].batch_data().batch_loss(), 0.5);
    ASSERT_EQ(batches[name].batch_data().scalars_size(), name < 2'000 ? 1 : 0) << name;
  }
  EXPECT_EQ(batches.back().batch_data().scalars().at("n5"), 5);
  EXPECT_EQ(batches.back().batch_data().scalars_size(), 1);
}

TEST(ProducerValues, ABadNameIsToldOnceWithItsCount) {
  RunningBroker broker;
  Heard heard;
  Producer bus(options(broker.address(), heard));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(bus.log_scalars({{"good", i}, {"bad\n", i}}));
  ASSERT_TRUE(eventually("somebody is told", [&] { return !heard.lines().empty(); }));
  ASSERT_TRUE(bus.log_scalars({{"bad\n", 0}}));
  ASSERT_TRUE(bus.close(seconds(5)));
  ASSERT_EQ(heard.lines().size(), 2u) << "one a minute, and what that held back at the end";
  EXPECT_THAT(heard.lines()[0], HasSubstr("name 'bad?' of 4 bytes"));
  EXPECT_THAT(heard.lines()[1], HasSubstr("(101 values left out so far)"));
  EXPECT_EQ(records_of(broker, v1::KIND_SCALARS).size(), 101u);
}

TEST(ProducerPlan, CarriesSettingsTagsNotesAndWhereItRuns) {
  RunningBroker broker;
  Heard heard;
  Producer bus(options(broker.address(), heard));
  ASSERT_TRUE(bus.start({.parameters = {{"optimizer/name", "adam"}, {"env/user", "somebody"}, {"bad\n", "x"}},
                         .tags = {"baseline", "night \xff"},
                         .notes = "what changed:\nnothing"}));
  ASSERT_TRUE(bus.close(seconds(5)));
  const auto config = records_of(broker, v1::KIND_STATUS).at(0).status_update().config();
  EXPECT_EQ(config.parameters().at("optimizer/name"), "adam");
  EXPECT_EQ(config.parameters().at("env/user"), "somebody");
  EXPECT_THAT(config.parameters().at("env/command_line"), HasSubstr("_integration_tests"));
  EXPECT_EQ(config.parameters().at("env/pid"), std::to_string(getpid()));
  EXPECT_FALSE(config.parameters().contains("bad\n"));
  EXPECT_THAT(config.tags(), ElementsAre("baseline", "night ?"));
  EXPECT_EQ(config.notes(), "what changed:\nnothing");
  EXPECT_FALSE(config.has_first_step());
  EXPECT_THAT(heard.lines(), ElementsAre(HasSubstr("1 parameters left out")));
}

TEST(ProducerPlan, SaysNothingOfTheMachineWhenAskedNotTo) {
  RunningBroker broker;
  Heard heard;
  ProducerOptions silent = options(broker.address(), heard);
  silent.describe_environment = false;
  for (const bool own_threads : {true, false}) {
    silent.own_threads = own_threads;
    silent.trainer = own_threads ? "threads" : "stepped";
    Producer bus(silent);
    ASSERT_TRUE(bus.start({.parameters = {{"lr", "1"}}}));
    ASSERT_TRUE(bus.close(seconds(5)));
  }
  const auto records = records_of(broker, v1::KIND_STATUS);
  ASSERT_EQ(records.size(), 2u);
  for (const auto& record : records)
    EXPECT_EQ(record.status_update().config().parameters_size(), 1);
}

TEST(ProducerPerf, ComesByItselfFromTheSteps) {
  RunningBroker broker;
  Heard heard;
  Producer bus(options(broker.address(), heard));
  ASSERT_TRUE(bus.start({.total_epochs = 1, .batches_per_epoch = 1'000'000}));
  std::vector<v1::MetricsRequest> found;
  int batch = 0;
  ASSERT_TRUE(eventually(
      "a perf record",
      [&] {
        bus.log_batch({.epoch = 1, .batch = batch++});
        if (batch % 200 == 0) found = records_of(broker, v1::KIND_PERF);
        return !found.empty();
      },
      seconds(30)));
  const auto perf = found[0].performance_data();
  EXPECT_GT(perf.current_fps(), 0);
  EXPECT_NEAR(perf.time_per_batch_ms() * perf.current_fps(), 1000, 1);
  EXPECT_NEAR(perf.estimated_time_remaining_sec() * perf.average_fps(), 1'000'000 - static_cast<double>(perf.step()),
              2'000);
  EXPECT_GT(perf.resource_usage().memory_mb(), 1);
  EXPECT_TRUE(perf.resource_usage().has_cpu_percent());
  EXPECT_FALSE(perf.resource_usage().has_gpu_percent());
}

TEST(ProducerPerf, OfTheTrainingsOwnGetsTheResourcesThatItDoesNotName) {
  RunningBroker broker;
  Heard heard;
  Producer bus(options(broker.address(), heard));
  ASSERT_TRUE(bus.log_perf({.current_fps = 3, .resources = Resources{.cpu_percent = 12}}));
  v1::PerformanceData perf;
  ASSERT_TRUE(eventually(
      "measured",
      [&] {
        bus.log_batch({});
        bus.log_perf({.current_fps = 4});
        const auto records = records_of(broker, v1::KIND_PERF);
        if (!records.empty()) perf = records.back().performance_data();
        return perf.resource_usage().has_memory_mb();
      },
      seconds(10), milliseconds(100)));
  EXPECT_EQ(perf.current_fps(), 4);
  EXPECT_FALSE(perf.has_time_per_batch_ms());
  const auto own = records_of(broker, v1::KIND_PERF).at(0).performance_data().resource_usage();
  EXPECT_EQ(own.cpu_percent(), 12);
  EXPECT_FALSE(own.has_memory_mb()) << "what the training says of itself is left as it is";
}

TEST(ProducerPerf, IsLeftToTheTrainingWhenMeteringIsOff) {
  RunningBroker broker;
  Heard heard;
  ProducerOptions off = options(broker.address(), heard);
  off.meter_resources = false;
  off.own_threads = false;
  Producer bus(off);
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < seconds(6)) {
    bus.log_batch({});
    bus.poll_once(milliseconds(20));
  }
  bus.log_perf({.current_fps = 4});
  ASSERT_TRUE(bus.close(seconds(5)));
  const auto records = records_of(broker, v1::KIND_PERF);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_FALSE(records[0].performance_data().has_resource_usage());
}

// Neither is refused, also after a restart of the broker: who came later is told.
TEST(ProducerProblems, AnotherTrainerOfTheNameIsToldToTheLater) {
  RunningBroker broker;
  Heard heard;
  Heard of_newer;
  Producer older(options(broker.address(), heard));
  ASSERT_TRUE(eventually("the older is there", [&] { return older.connected(); }));
  Producer newer(options(broker.address(), of_newer));
  ASSERT_TRUE(eventually("the newer is told", [&] { return !of_newer.lines().empty(); }));
  EXPECT_THAT(of_newer.lines()[0], HasSubstr("another trainer named r/t is alive"));
  EXPECT_THAT(newer.broker_problem(), IsEmpty());
  EXPECT_THAT(older.broker_problem(), IsEmpty());
}

TEST(ProducerProblems, ASpoolThatCannotBeUsedIsTold) {
  RunningBroker broker;
  Heard heard;
  ProducerOptions unusable = options(broker.address(), heard);
  unusable.spool_dir = "/proc/trainbus";
  Producer bus(unusable);
  ASSERT_TRUE(bus.log_batch({}));
  EXPECT_TRUE(eventually("somebody is told", [&] { return !heard.lines().empty(); }));
  EXPECT_THAT(heard.lines()[0], HasSubstr("the spool has a problem: "));
  EXPECT_TRUE(bus.close(seconds(5)));
}

TEST(ProducerOff, TakesEveryCall) {
  Heard heard;
  Producer bus(options("", heard));
  const auto applied = [](auto...) { return Applied{}; };
  const std::uint8_t pixel[3] = {};
  const MediaImage image{.pixels = pixel, .width = 1, .height = 1};
  const std::vector<float> values{1};
  const std::vector<double> edges{0, 1};
  bus.on_learning_rate(applied);
  bus.on_batch_size(applied);
  EXPECT_TRUE(bus.on_number({.name = "a"}, 1, applied));
  EXPECT_TRUE(bus.on_integer({.name = "b"}, 1, applied));
  EXPECT_TRUE(bus.on_choice({.name = "c"}, {"x"}, "x", applied));
  EXPECT_TRUE(bus.on_switch({.name = "d"}, true, applied));
  EXPECT_TRUE(bus.on_action({.name = "e"}, applied));
  EXPECT_TRUE(bus.start({}));
  EXPECT_TRUE(bus.change_plan({}, "x"));
  EXPECT_TRUE(bus.status(v1::RUNNING));
  EXPECT_TRUE(bus.step());
  EXPECT_TRUE(bus.log_batch({.scalars = {{"x", 1}}}, [](TileBatch&) { FAIL(); }));
  EXPECT_TRUE(bus.log_epoch({}));
  EXPECT_TRUE(bus.log_perf({}));
  EXPECT_TRUE(bus.log_scalars({{"x", 1}}));
  EXPECT_TRUE(bus.log_scalars(3, {{"x", 1}}));
  EXPECT_TRUE(bus.log_text("x", "y"));
  EXPECT_TRUE(bus.log_images("x", std::span(&image, 1)));
  EXPECT_TRUE(bus.log_histogram("x", edges, std::span(edges).first(1)));
  EXPECT_TRUE(bus.log_histogram("x", values));
  EXPECT_TRUE(bus.log_table("x", {{"c"}, {"r"}, {1}}));
  bus.expect_next_step_within(seconds(1));
  bus.interrupt();
  EXPECT_FALSE(bus.step()) << "an interruption counts";
  EXPECT_TRUE(bus.finish(v1::STOPPED));
  EXPECT_EQ(bus.counters().accepted, 0u);
  EXPECT_THAT(heard.lines(), IsEmpty());
}

}  // namespace
}  // namespace trainbus
