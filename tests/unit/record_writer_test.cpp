// What log_* is given, as the bytes of a record.
#include "record_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "record_encoder.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

class RecordBytes : public testing::Test {
 protected:
  // The record as a receiver reads it; the broker's own checks have passed.
  v1::MetricsRequest written(decltype(LoggedRecord::payload) payload) {
    const LoggedRecord record{.timestamp_ms = 1234, .step = 7, .payload = payload};
    std::string bytes(writer_.prepare(record, ++sequence_), '\0');
    writer_.write(reinterpret_cast<std::uint8_t*>(bytes.data()));
    v1::MetricsRequest read;
    Topic topic;
    EXPECT_EQ(decode_record(topic_text(kind_of(record), "r", "t"), bytes, topic, read), WireError::kNone);
    size_ = bytes.size();
    return read;
  }
  std::map<std::string, double> values(const NamedValues& given) {
    const BatchMetrics batch{.epoch = 1, .scalars = given};
    const auto read = written(&batch).batch_data().scalars();
    return {read.begin(), read.end()};
  }

  RecordWriter writer_{"r/t", 42};
  std::uint64_t sequence_ = 0;
  std::size_t size_ = 0;
};

// The hand-written form of a batch gives the bytes that the schema gives.
TEST_F(RecordBytes, OfABatchOfNumbersAreTheSchemas) {
  const std::optional<double> doubles[] = {std::nullopt, 0.0, -0.0, 0.25, std::nan(""), -INFINITY};
  const std::int32_t numbers[] = {0, 1, 127, 128, 1 << 20, INT32_MAX, -1, INT32_MIN};
  PlainBatch plain;
  std::size_t at = 0;
  for (const std::int32_t number : numbers)
    for (const auto& value : doubles)
      for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{300}, ~std::uint64_t{0}}) {
        const BatchMetrics batch{.epoch = number,
                                 .batch = numbers[++at % std::size(numbers)],
                                 .batch_size = numbers[(at + 3) % std::size(numbers)],
                                 .loss = value,
                                 .accuracy = doubles[at % std::size(doubles)],
                                 .learning_rate = doubles[(at + 2) % std::size(doubles)]};
        const std::int64_t timestamp_ms = at % 5 == 0 ? 0 : 1'790'000'000'000 + static_cast<std::int64_t>(at);
        v1::BatchData schema;
        write_batch(batch, timestamp_ms, step, schema);
        plain.set(batch, timestamp_ms, step);
        ASSERT_EQ(plain.bytes(), schema.SerializeAsString()) << schema.DebugString();
      }
}

TEST_F(RecordBytes, CarryEveryValueBitForBit) {
  const double odd_nan = std::bit_cast<double>(std::uint64_t{0xfff8'dead'beef'0001});
  const std::vector<std::pair<std::string, double>> given{{"odd nan", odd_nan},
                                                          {"minus nothing", -0.0},
                                                          {"large", 1e308},
                                                          {"tiny", std::numeric_limits<double>::denorm_min()},
                                                          {"inf", std::numeric_limits<double>::infinity()},
                                                          {"minus inf", -std::numeric_limits<double>::infinity()},
                                                          {"val/iou", 0.1},
                                                          {"größe/μ", 3},
                                                          {std::string(128, 'n'), 9},
                                                          {"ten", 10}};
  const BatchMetrics batch{.epoch = 3, .batch = 5, .loss = 0.5, .scalars = given};
  const EpochMetrics epoch{.epoch = 3, .scalars = given};
  const NamedValues named = given;
  const LoggedScalars scalars{.epoch = 3, .values = &named};
  const auto of_batch = written(&batch);
  EXPECT_EQ(of_batch.session_id(), "r/t");
  EXPECT_EQ(of_batch.incarnation(), 42u);
  EXPECT_EQ(of_batch.sequence(), 1u);
  EXPECT_EQ(of_batch.batch_data().batch_loss(), 0.5);
  EXPECT_FALSE(of_batch.batch_data().has_batch_accuracy());
  EXPECT_FALSE(of_batch.batch_data().has_learning_rate());
  const auto of_scalars = written(&scalars);
  EXPECT_EQ(of_scalars.scalar_data().step(), 7u);
  EXPECT_EQ(of_scalars.scalar_data().epoch(), 3);
  for (const auto& read :
       {of_batch.batch_data().scalars(), written(&epoch).epoch_data().scalars(), of_scalars.scalar_data().values()}) {
    ASSERT_EQ(read.size(), given.size());
    for (const auto& [name, value] : given)
      EXPECT_EQ(std::bit_cast<std::uint64_t>(read.at(name)), std::bit_cast<std::uint64_t>(value)) << name;
  }
}

TEST_F(RecordBytes, NotSaidIsAbsentAndNotANumberIsAValue) {
  const BatchMetrics batch{.loss = std::nan(""), .accuracy = 0.0};
  const auto read = written(&batch).batch_data();
  EXPECT_TRUE(read.has_batch_loss());
  EXPECT_TRUE(std::isnan(read.batch_loss()));
  EXPECT_TRUE(read.has_batch_accuracy());
  EXPECT_FALSE(read.has_learning_rate());
  EXPECT_TRUE(read.scalars().empty());
}

TEST_F(RecordBytes, OfTwoValuesWithOneNameTheLaterCounts) {
  const NamedValues two{{"a", 1}, {"b", 2}, {"a", 3}};
  EXPECT_THAT(values(two), UnorderedElementsAre(Pair("a", 3), Pair("b", 2)));
  const std::size_t size = size_;
  EXPECT_THAT(values({{"b", 2}, {"a", 3}}), UnorderedElementsAre(Pair("a", 3), Pair("b", 2)));
  EXPECT_EQ(size_, size) << "a name stands in a record once";
  EXPECT_THAT(values(two), UnorderedElementsAre(Pair("a", 3), Pair("b", 2)));
}

TEST_F(RecordBytes, OneNameAMillionTimesIsOneValue) {
  NamedValues many;
  for (int i = 0; i < 1'000'000; ++i)
    many.add({"again", i});
  EXPECT_THAT(values(many), UnorderedElementsAre(Pair("again", 999'999)));
  EXPECT_LT(size_, 200u);
}

TEST_F(RecordBytes, BadNamesAreLeftOutAndTheRestGoesOut) {
  EXPECT_THAT(values({{"", 1},
                      {"good", 2},
                      {"line\nfeed", 3},
                      {"half \xc3", 4},
                      {std::string(129, 'n'), 5},
                      {"\x7f", 6},
                      {"c1 \xc2\x85", 7},
                      {"also good", 8}}),
              UnorderedElementsAre(Pair("good", 2), Pair("also good", 8)));
  EXPECT_EQ(writer_.refused_values().count, 6u);
  EXPECT_THAT(writer_.refused_values().problem, HasSubstr("'' of 0 bytes"));
  // Once more at the same places: what was refused at a place is refused there again.
  EXPECT_THAT(values({{"", 1}, {"good", 2}}), UnorderedElementsAre(Pair("good", 2)));
  EXPECT_EQ(writer_.refused_values().count, 7u);
}

TEST_F(RecordBytes, OfTenThousandNamesTwoThousandGoOutAndTheOthersAreCounted) {
  std::map<std::string, double> many;
  for (int i = 0; i < 10'000; ++i)
    many["name " + std::to_string(i)] = i;
  EXPECT_EQ(values(many).size(), kMaxValueNames);
  EXPECT_EQ(writer_.refused_values().count, 8'000u);
  EXPECT_THAT(writer_.refused_values().problem, HasSubstr("there are 2000 names of values already"));
  EXPECT_THAT(values({{"name 0", 5}, {"a new one", 6}}), UnorderedElementsAre(Pair("name 0", 5)));
}

TEST_F(RecordBytes, NamesMayChangeFromRecordToRecord) {
  EXPECT_THAT(values({{"a", 1}, {"b", 2}}), UnorderedElementsAre(Pair("a", 1), Pair("b", 2)));
  EXPECT_THAT(values({{"b", 3}}), UnorderedElementsAre(Pair("b", 3)));
  EXPECT_THAT(values({{"c", 4}, {"a", 5}, {"b", 6}}), UnorderedElementsAre(Pair("a", 5), Pair("b", 6), Pair("c", 4)));
  EXPECT_THAT(values({{"c", 4}, {"b", 5}, {"d", 6}}), UnorderedElementsAre(Pair("b", 5), Pair("c", 4), Pair("d", 6)))
      << "as many, and others";
  EXPECT_TRUE(values({}).empty());
  EXPECT_THAT(values({{"c", 7}, {"b", 8}, {"d", 9}}), UnorderedElementsAre(Pair("b", 8), Pair("c", 7), Pair("d", 9)));
}

TEST_F(RecordBytes, ARecordOverOneMebibyteLosesItsLargestPartsAndSaysSo) {
  const std::vector<std::int32_t> truth(400'000, 1'000'000);  // 3 bytes each
  const std::vector<Prediction> predictions(4, {.label = std::string(4000, 'l')});
  const BatchMetrics truth_only{.loss = 0.5, .ground_truth = truth};
  EXPECT_TRUE(written(&truth_only).batch_data().ground_truth().empty());
  EXPECT_THAT(writer_.cut_records().problem, HasSubstr("without its ground truth"));
  const BatchMetrics both{.predictions = predictions, .ground_truth = truth};
  EXPECT_TRUE(written(&both).batch_data().predictions().empty());
  EXPECT_EQ(writer_.cut_records().count, 2u);
  const std::vector<Prediction> many(2'000, {.label = std::string(4000, 'l')});
  const BatchMetrics predicted{.predictions = many, .ground_truth = std::span(truth).first(10)};
  EXPECT_EQ(written(&predicted).batch_data().ground_truth_size(), 10);
  EXPECT_EQ(writer_.cut_records().count, 3u);

  LoggedStatus status;
  SaidPlan said{{.batch_size = 64, .class_names = std::vector<std::string>(3'000, std::string(1000, 'c'))}, {}};
  said.plan.parameters["lr"] = "0.1";
  status.said = std::make_shared<const SaidPlan>(said);
  const auto config = written(&status).status_update().config();
  EXPECT_EQ(config.class_names_size(), 0);
  EXPECT_EQ(config.parameters().at("lr"), "0.1");
  EXPECT_EQ(config.batch_size(), 64);
}

TEST_F(RecordBytes, AUsersParameterReplacesTheOneOfTheSameName) {
  SaidPlan said{{}, {{"env/host", "node7"}, {"env/user", "ada"}}};
  said.plan.parameters = {{"env/user", "the cluster"}, {"lr", "0.1"}};
  LoggedStatus status;
  status.said = std::make_shared<const SaidPlan>(said);
  const auto parameters = written(&status).status_update().config().parameters();
  EXPECT_EQ(parameters.size(), 3u);
  EXPECT_EQ(parameters.at("env/user"), "the cluster");
  EXPECT_EQ(parameters.at("env/host"), "node7");
}

TEST(CleanPlan, LeavesOutBadParametersAndTooManyTags) {
  TrainingPlan plan;
  plan.parameters = {{"good", "1"}, {"", "2"}, {"bad\n", "3"}};
  plan.tags.assign(70, "tag");
  const std::string problem = clean_plan(plan);
  EXPECT_EQ(plan.parameters.size(), 1u);
  EXPECT_EQ(plan.tags.size(), kMaxTags);
  EXPECT_THAT(problem, HasSubstr("2 parameters left out"));
  EXPECT_THAT(problem, HasSubstr("70 tags"));
  EXPECT_EQ(clean_plan(plan), "");
  for (int i = 0; i < 3'000; ++i)
    plan.parameters["p" + std::to_string(i)] = "";
  EXPECT_THAT(clean_plan(plan), HasSubstr("more than 2000 parameters"));
  EXPECT_EQ(plan.parameters.size(), kMaxValueNames);
}

}  // namespace
}  // namespace trainbus
