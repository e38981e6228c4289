// The TensorBoard sink through its C functions, its files read by a reader of their own.
#include "consumers/log/tensorboard/tensorboard_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>

#include "support/event_reader.hpp"
#include "support/sample_records.hpp"
#include "support/sink_under_test.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using test::failure_of;
using test::ReadEvent;
using test::sample_batch;
using test::sample_record;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes)
    for (const int half : {byte >> 4, byte & 15})
      text += "0123456789abcdef"[half];
  return text;
}

TEST(EventFrame, IsTensorFlowsToTheByte) {
  using namespace tensorboard;
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(masked(crc32c("123456789")), 0xC78AB0E5U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  Event event;
  event.set_wall_time(1700000000.5);
  event.set_file_version("brain.Event:2");
  std::string bytes;
  append_event(bytes, event);
  EXPECT_EQ(hex(bytes), "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110");
  event.set_step(7);
  auto& value = *event.mutable_summary()->add_value();
  value.set_tag("train/loss");
  value.set_simple_value(0.25F);
  bytes.clear();
  append_event(bytes, event);
  EXPECT_EQ(hex(bytes),
            "200000000000000029eda9500900002040fc54d94110072a130a110a0a747261696e2f6c6f7373150000803e27fcc89b");
  value.set_tag("tiles/0");
  value.mutable_image()->set_height(64);
  value.mutable_image()->set_width(64);
  value.mutable_image()->set_colorspace(3);
  value.mutable_image()->set_encoded_image_string("\xff\xd8\xff\xe0\0\x10JFIF", 10);
  bytes.clear();
  append_event(bytes, event);
  EXPECT_EQ(
      hex(bytes),
      "2c00000000000000f4aecc450900002040fc54d94110072a1f0a1d0a0774696c65732f302212084010401803220affd8ffe000104a46"
      "49463471ef67");
}

class TensorboardSinkTest : public testing::Test {
 protected:
  using Sink = test::SinkUnderTest<TensorboardSink>;
  std::unique_ptr<Sink> sink() { return std::make_unique<Sink>(test::OptionValues{{"folder", folder_}}); }
  StreamHeads fill(const std::vector<Record>& records) {
    auto filled = sink();
    auto heads = filled->open();
    for (const auto& record : records)
      filled->write(record);
    filled->flush();
    filled->sync();
    return heads;
  }
  std::vector<ReadEvent> events(const std::string& trainer = "t0") const {
    return test::read_event_folder(folder_ + "/r/" + trainer);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/r/t0"))
      paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  test::TempDir dir_;
  const std::string folder_ = dir_ / "tb";
};

constexpr std::uint64_t kLife = test::kSampleIncarnation;
constexpr std::uint64_t kLaterLife = kLife + (3'600'000ULL << 20);  // an hour later

Record in_life(Record record, std::uint64_t incarnation) {
  record.message.set_incarnation(incarnation);
  return record;
}

Record batch_at(std::uint64_t incarnation, std::uint64_t step, int epoch, int batch, double loss) {
  auto record = in_life(sample_batch(step), incarnation);
  auto& data = *record.message.mutable_batch_data();
  data.set_epoch(epoch);
  data.set_batch_idx(batch);
  data.set_batch_loss(loss);
  return record;
}

Record plan_of(std::uint64_t incarnation, int batches_per_epoch) {
  auto record = in_life(test::sample_status(1, "go"), incarnation);
  auto& config = *record.message.mutable_status_update()->mutable_config();
  config.set_batches_per_epoch(batches_per_epoch);
  config.set_model_name("a|b");
  return record;
}

Record epoch_at(std::uint64_t step) {
  auto record = sample_record(v1::KIND_EPOCH, 1);
  record.message.mutable_epoch_data()->set_step(step);
  record.message.mutable_epoch_data()->set_validation_loss(0.5);
  return record;
}

TEST_F(TensorboardSinkTest, ShowsEveryKindUnderItsTag) {
  auto batch = sample_batch(1);
  batch.message.mutable_batch_data()->set_learning_rate(0.5);
  auto perf = sample_record(v1::KIND_PERF, 1);
  perf.message.mutable_performance_data()->set_step(1);
  perf.message.mutable_performance_data()->set_current_fps(60);
  auto command = sample_record(v1::KIND_COMMAND, 1);
  command.message.mutable_command()->set_type(v1::CHANGE_LEARNING_RATE);
  command.message.mutable_command()->set_state(v1::COMMAND_APPLIED);
  command.message.mutable_command()->set_applied_step(1);
  (*command.message.mutable_command()->mutable_parameters())["value"] = "0.25";
  auto delivered = sample_record(v1::KIND_COMMAND, 2);
  delivered.message.mutable_command()->set_state(v1::COMMAND_DELIVERED);
  auto alert = sample_record(v1::KIND_ALERT, 1);
  alert.message.mutable_alert()->set_rule("not_finite");
  alert.message.mutable_alert()->set_active(true);
  alert.message.mutable_alert()->set_message("loss is nan");
  fill({plan_of(kLife, 10), batch, perf, command, delivered, alert, epoch_at(2)});
  const auto all = events();
  ASSERT_EQ(all.size(), 9U);
  EXPECT_EQ(all[0].file_version, "brain.Event:2");
  EXPECT_TRUE(all[1].session_start);
  EXPECT_EQ(all[1].step, 1);
  EXPECT_EQ(all[2].texts.at("status"), "RUNNING: go");
  EXPECT_THAT(all[2].texts.at("hyperparameters"), HasSubstr("| model | a\\|b |\n"));
  EXPECT_THAT(all[3].scalars,
              ElementsAre(Pair("learning_rate", 0.5F), Pair("train/accuracy", 0.5F), Pair("train/loss", 0.25F)));
  EXPECT_EQ(all[3].step, 1);
  EXPECT_DOUBLE_EQ(all[3].wall_time, 1763900000.001);
  EXPECT_EQ(all[4].scalars.at("perf/current_fps"), 60);
  EXPECT_EQ(all[5].texts.at("commands"), "**CHANGE_LEARNING_RATE** 0.25 APPLIED at the trainer's step 1");
  EXPECT_TRUE(all[6].texts.empty()) << "only its end is shown, but it is there";
  EXPECT_EQ(all[6].sequence, 2U);
  EXPECT_EQ(all[7].texts.at("alerts"), "**not\\_finite**: loss is nan");
  EXPECT_EQ(all[8].step, 2);
  EXPECT_EQ(all[8].scalars.at("epoch/validation_loss"), 0.5F);
  EXPECT_FALSE(all[8].scalars.contains("epoch/validation_accuracy"));
  EXPECT_THAT(std::filesystem::path(files().at(0)).filename().string(),
              testing::MatchesRegex("events.out.tfevents.1763900000.*\\.[0-9]+\\.[0-9]{20}-000"));
}

TEST_F(TensorboardSinkTest, KnowsWhatItHasAndKeepsNothingTwice) {
  EXPECT_TRUE(fill({plan_of(kLife, 10), sample_batch(1), sample_batch(2), sample_batch(1, "t1")}).empty());
  EXPECT_EQ(fill({sample_batch(2), sample_batch(3)}), (StreamHeads{{test::stream_of(plan_of(kLife, 10)), 1},
                                                                   {test::stream_of(sample_batch(1)), 2},
                                                                   {test::stream_of(sample_batch(1, "t1")), 1}}));
  EXPECT_EQ(test::shown_curve(events(), "train/loss").size(), 3U);
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(events().size(), 6U);
}

TEST_F(TensorboardSinkTest, ResumedTrainingGoesOnAtItsStepAndPurgesWhatItDoesAgain) {
  std::vector<Record> records{plan_of(kLife, 10)};
  for (int step = 1; step <= 25; ++step)
    records.push_back(batch_at(kLife, step, (step - 1) / 10 + 1, (step - 1) % 10, 1));
  records.push_back(plan_of(kLaterLife, 10));
  for (int step = 1; step <= 10; ++step)  // from the checkpoint after epoch 2
    records.push_back(batch_at(kLaterLife, step, 3, step - 1, 2));
  fill(records);
  const auto curve = test::shown_curve(events(), "train/loss");
  ASSERT_EQ(curve.size(), 30U);
  for (const auto& [step, loss] : curve)
    EXPECT_EQ(loss, step <= 20 ? 1 : 2) << step;
  EXPECT_EQ(files().size(), 2U);
  fill({batch_at(kLife, 26, 3, 5, 3), batch_at(kLaterLife, 11, 4, 0, 2)});  // a late one, delivered from a spool
  EXPECT_EQ(test::shown_curve(events(), "train/loss").size(), 31U);
  EXPECT_EQ(test::shown_curve(events(), "train/loss").at(26), 2) << "superseded";
  for (const auto& event : test::read_event_file(files().at(0)))
    EXPECT_TRUE(event.sequence != 26 || event.scalars.empty()) << "a TensorBoard that has read on would purge";
}

TEST_F(TensorboardSinkTest, AnotherBatchSizeGoesOnWhereTheEpochsEndedAlsoAfterARestartOfTheSink) {
  std::vector<Record> records{plan_of(kLife, 40)};
  for (int step = 1; step <= 330; ++step)
    records.push_back(batch_at(kLife, step, (step - 1) / 40 + 1, (step - 1) % 40, 1));
  fill(records);
  fill({plan_of(kLaterLife, 20), batch_at(kLaterLife, 1, 9, 0, 2), batch_at(kLaterLife, 2, 9, 1, 2)});
  const auto curve = test::shown_curve(events(), "train/loss");
  ASSERT_EQ(curve.size(), 322U);
  for (const auto& [step, loss] : curve)
    EXPECT_EQ(loss, step <= 320 ? 1 : 2) << step;
}

TEST_F(TensorboardSinkTest, ALaterTrainingWhoseClockIsBehindIsReadLater) {
  fill({batch_at(kLaterLife, 1, 1, 0, 1), batch_at(kLaterLife, 2, 1, 1, 1), batch_at(kLaterLife, 3, 1, 2, 1)});
  fill({batch_at(kLife, 1, 1, 1, 2)});
  EXPECT_THAT(files().at(1), HasSubstr(std::to_string(kLife))) << "its name sorts after the other's";
  fill({batch_at(kLaterLife, 4, 1, 3, 1)});
  EXPECT_THAT(test::shown_curve(events(), "train/loss"), ElementsAre(Pair(1, 1.0F), Pair(2, 2.0F)));
}

TEST_F(TensorboardSinkTest, BelievesTheFirstStepOfThePlan) {
  auto plan = plan_of(kLaterLife, 40);
  plan.message.mutable_status_update()->mutable_config()->set_first_step(1);
  fill({batch_at(kLife, 1, 1, 0, 1), batch_at(kLife, 2, 1, 1, 1), plan, batch_at(kLaterLife, 1, 9, 0, 2)});
  EXPECT_THAT(test::shown_curve(events(), "train/loss"), ElementsAre(Pair(1, 1.0F), Pair(2, 2.0F)));
}

TEST_F(TensorboardSinkTest, WhatNobodySaidHasNoPointAndWhatIsNotFiniteHasOne) {
  auto batch = sample_batch(1);
  batch.message.mutable_batch_data()->clear_batch_accuracy();
  batch.message.mutable_batch_data()->set_batch_loss(std::numeric_limits<double>::quiet_NaN());
  auto epoch = sample_record(v1::KIND_EPOCH, 1);
  epoch.message.mutable_epoch_data()->set_epoch(1);
  epoch.message.mutable_epoch_data()->set_validation_loss(-std::numeric_limits<double>::infinity());
  auto perf = sample_record(v1::KIND_PERF, 1);
  perf.message.mutable_performance_data()->mutable_resource_usage()->set_cpu_percent(0);
  fill({batch, epoch, perf});
  const auto all = events();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_THAT(all[2].scalars, ElementsAre(Pair("train/loss", testing::IsNan())));
  EXPECT_THAT(all[3].scalars, ElementsAre(Pair("epoch/number", 1),
                                          Pair("epoch/validation_loss", -std::numeric_limits<float>::infinity())));
  EXPECT_THAT(all[4].scalars, ElementsAre(Pair("perf/cpu_percent", 0))) << "0 is a value";
}

Record values_at(std::uint64_t sequence, std::uint64_t step, const std::map<std::string, double>& values) {
  auto record = sample_record(v1::KIND_SCALARS, sequence);
  record.message.mutable_scalar_data()->set_step(step);
  record.message.mutable_scalar_data()->mutable_values()->insert(values.begin(), values.end());
  return record;
}

Record media_of(std::uint64_t sequence, const std::string& name) {
  auto record = sample_record(v1::KIND_MEDIA, sequence);
  record.message.mutable_media_data()->set_step(1);
  record.message.mutable_media_data()->set_name(name);
  return record;
}

Record text_of(std::uint64_t sequence, const std::string& name, const std::string& text) {
  auto record = media_of(sequence, name);
  record.message.mutable_media_data()->set_text(text);
  return record;
}

TEST_F(TensorboardSinkTest, NamedValuesAreTagsAsTheyAre) {
  auto batch = sample_batch(1);
  auto& named = *batch.message.mutable_batch_data()->mutable_scalars();
  named["gen_loss"] = 1.5;
  named["val/iou"] = std::numeric_limits<double>::quiet_NaN();
  named["huge"] = 1e308;
  auto epoch = epoch_at(1);
  (*epoch.message.mutable_epoch_data()->mutable_scalars())["perplexity"] = 20;
  fill({batch, epoch, values_at(1, 7, {{"reward", -3}, {"gen_loss", 2}})});
  const auto all = events();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[2].scalars.at("gen_loss"), 1.5F);
  EXPECT_TRUE(std::isnan(all[2].scalars.at("val/iou")));
  EXPECT_EQ(all[2].scalars.at("huge"), std::numeric_limits<float>::max()) << "not infinite";
  EXPECT_EQ(all[3].scalars.at("perplexity"), 20);
  EXPECT_THAT(all[4].scalars, ElementsAre(Pair("gen_loss", 2), Pair("reward", -3)));
  EXPECT_EQ(all[4].step, 7);
}

TEST_F(TensorboardSinkTest, ANameThatHasAnotherContentGetsATagOfItsOwnAlsoAfterARestart) {
  fill({sample_batch(1), values_at(1, 1, {{"train/loss", 7}, {"perf/x", 8}, {"samples", 9}}),
        text_of(1, "samples", "once"), text_of(2, "status", "mine")});
  fill({text_of(3, "samples", "again"), values_at(2, 2, {{"samples", 10}, {"train/loss", 11}, {"samples/text", 12}})});
  std::map<std::string, std::vector<double>> scalars;
  std::map<std::string, std::vector<std::string>> texts;
  for (const auto& event : events()) {
    for (const auto& [tag, value] : event.scalars)
      scalars[tag].push_back(value);
    for (const auto& [tag, text] : event.texts)
      texts[tag].push_back(text);
  }
  EXPECT_THAT(scalars["train/loss"], ElementsAre(0.25)) << "the batch's own";
  EXPECT_THAT(scalars["train/loss/scalars"], ElementsAre(7, 11));
  EXPECT_THAT(scalars["perf/x/scalars"], ElementsAre(8));
  EXPECT_THAT(scalars["samples"], ElementsAre(9, 10));
  EXPECT_THAT(scalars["samples/text/scalars"], ElementsAre(12));
  EXPECT_THAT(texts["samples/text"], ElementsAre("once", "again"));
  EXPECT_THAT(texts["status/text"], ElementsAre("mine"));
}

TEST_F(TensorboardSinkTest, LeavesOutNamesPastTheirBound) {
  std::vector<Record> records{sample_batch(1)};
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    std::map<std::string, double> values;
    for (std::uint64_t i = 0; i < 1000; ++i)
      values["v" + std::to_string(1000 * sequence + i)] = 1;
    records.push_back(values_at(sequence, sequence, values));
  }
  auto filled = sink();
  filled->open();
  for (const auto& record : records)
    filled->write(record);
  filled->flush();
  EXPECT_THAT(filled->warnings(), ElementsAre("'r/t0': more than 4000 names of values and media; the values of further "
                                              "ones are left out"));
  EXPECT_EQ(filled->limits().at("tag_names"), 1) << "a record";
  const auto all = events();
  ASSERT_EQ(all.size(), 8U);
  EXPECT_EQ(all[6].scalars.size(), 1000U);
  EXPECT_TRUE(all[7].scalars.empty());
  EXPECT_EQ(all[7].sequence, 5U) << "the record is there";
}

TEST_F(TensorboardSinkTest, ShowsMedia) {
  auto pictures = media_of(1, "generated");
  auto& set = *pictures.message.mutable_media_data()->mutable_images();
  for (const std::string bytes : {"one", "two"}) {
    auto& image = *set.add_images();
    image.set_image_bytes(bytes);
    image.set_width(8);
    image.set_height(6);
  }
  set.add_captions("a cat");
  set.add_captions("a|dog");
  auto histogram = media_of(2, "weights/fc1");
  for (const double edge : {-2.0, -1.0, 0.0, 1.0, 3.0})
    histogram.message.mutable_media_data()->mutable_histogram()->add_edges(edge);
  for (const double count : {0.0, 4.0, 2.0, 0.0})
    histogram.message.mutable_media_data()->mutable_histogram()->add_counts(count);
  auto matrix = media_of(3, "confusion");
  auto& table = *matrix.message.mutable_media_data()->mutable_table();
  for (const std::string name : {"cat", "dog"}) {
    table.add_columns(name);
    table.add_rows(name);
  }
  for (const double value : {5.0, 1.0, std::numeric_limits<double>::quiet_NaN(), 2.5})
    table.add_values(value);
  fill({sample_batch(1), pictures, histogram, matrix, text_of(4, "val/text", "**bold** as it is")});
  const auto all = events();
  ASSERT_EQ(all.size(), 7U);
  EXPECT_THAT(all[3].samples.at("generated"), ElementsAre("8", "6", "one", "two"));
  EXPECT_EQ(all[3].texts.at("generated/captions"), "| sample | caption |\n|---|---|\n| 1 | a cat |\n| 2 | a\\|dog |\n");
  const auto& shown = all[4].histograms.at("weights/fc1");
  EXPECT_THAT(shown.limits, ElementsAre(0, 1)) << "without what is empty at both ends";
  EXPECT_THAT(shown.counts, ElementsAre(4, 2));
  EXPECT_EQ(shown.min, -1);
  EXPECT_EQ(shown.max, 1);
  EXPECT_EQ(shown.number, 6);
  EXPECT_EQ(shown.sum, 4 * -0.5 + 2 * 0.5);
  EXPECT_EQ(all[5].texts.at("confusion"),
            "| | cat | dog |\n|---|---:|---:|\n| **cat** | 5 | 1 |\n| **dog** | NaN | 2.5 |\n");
  EXPECT_EQ(all[6].texts.at("val/text"), "**bold** as it is");
}

TEST_F(TensorboardSinkTest, TellsHparamsWhatTheSettingsWereAndHowItEnded) {
  for (const auto& [status, shown] :
       std::map<v1::TrainingStatus, std::uint64_t>{{v1::COMPLETED, 1}, {v1::STOPPED, 1}, {v1::FAILED, 2}}) {
    const auto incarnation = kLife + static_cast<std::uint64_t>(status);
    auto plan = plan_of(incarnation, 10);
    auto& config = *plan.message.mutable_status_update()->mutable_config();
    config.set_learning_rate(0.5);
    auto& parameters = *config.mutable_parameters();
    parameters["weight_decay"] = "1e-4";
    parameters["optimizer"] = "adam";
    parameters["nesterov"] = "true";
    parameters["odd"] = "inf";
    parameters["env/host"] = "node7";
    auto end = in_life(test::sample_status(2, ""), incarnation);
    end.message.mutable_status_update()->set_status(status);
    fill({plan, batch_at(incarnation, 1, 1, 0, 1), end});
    const auto all = test::read_event_file(files().back());
    ASSERT_EQ(all.size(), 5U);
    EXPECT_THAT(all[2].hparams,
                ElementsAre(Pair("batches_per_epoch", "number 10.000000"), Pair("learning_rate", "number 0.500000"),
                            Pair("model_name", "text a|b"), Pair("nesterov", "bool true"), Pair("odd", "text inf"),
                            Pair("optimizer", "text adam"), Pair("weight_decay", "number 0.000100")));
    EXPECT_THAT(all[2].texts.at("hyperparameters"), HasSubstr("| env/host | node7 |"));
    EXPECT_EQ(all[4].session_end, shown) << v1::TrainingStatus_Name(status);
  }
}

TEST_F(TensorboardSinkTest, ValuesOfAResumedTrainingWaitForItsFirstBatch) {
  fill({plan_of(kLife, 2), batch_at(kLife, 1, 1, 0, 1), batch_at(kLife, 2, 1, 1, 1),
        in_life(values_at(1, 0, {{"val/loss", 9}}), kLaterLife),
        in_life(values_at(2, 1, {{"val/loss", 8}}), kLaterLife)});
  EXPECT_EQ(test::shown_curve(events(), "train/loss").size(), 2U);
  EXPECT_TRUE(test::shown_curve(events(), "val/loss").empty());
  fill({in_life(values_at(1, 0, {{"val/loss", 9}}), kLaterLife), batch_at(kLaterLife, 1, 2, 0, 2),
        in_life(values_at(2, 1, {{"val/loss", 8}}), kLaterLife)});
  EXPECT_THAT(test::shown_curve(events(), "train/loss"), ElementsAre(Pair(1, 1.0F), Pair(2, 1.0F), Pair(3, 2.0F)));
  EXPECT_THAT(test::shown_curve(events(), "val/loss"), ElementsAre(Pair(2, 9.0F), Pair(3, 8.0F)));
}

TEST_F(TensorboardSinkTest, TrainingFromTheBeginningReplacesTheOneBefore) {
  fill({batch_at(kLife, 1, 1, 0, 1), batch_at(kLife, 2, 1, 1, 1), batch_at(kLaterLife, 1, 1, 0, 2)});
  EXPECT_THAT(test::shown_curve(events(), "train/loss"), ElementsAre(Pair(1, 2.0F)));
}

TEST_F(TensorboardSinkTest, GoesOnAfterTheLastStepWhenNobodySaysHowLongAnEpochIs) {
  fill({batch_at(kLife, 1, 1, 0, 1), batch_at(kLife, 2, 1, 1, 1), batch_at(kLaterLife, 1, 2, 0, 2)});
  EXPECT_THAT(test::shown_curve(events(), "train/loss"), ElementsAre(Pair(1, 1.0F), Pair(2, 1.0F), Pair(3, 2.0F)));
}

TEST_F(TensorboardSinkTest, GivesTextsStepsThatGrow) {
  auto second = test::sample_status(2, "two\n# lines");
  auto last = test::sample_status(3, "done");
  last.message.mutable_status_update()->set_status(v1::COMPLETED);
  fill({plan_of(kLife, 10), sample_batch(1), second, last});
  std::map<std::int64_t, std::string> texts;
  for (const auto& event : events())
    if (event.texts.contains("status")) texts[event.step] = event.texts.at("status");
  EXPECT_THAT(texts,
              ElementsAre(Pair(1, "RUNNING: go"), Pair(2, "RUNNING: two \\# lines"), Pair(3, "COMPLETED: done")));
}

TEST_F(TensorboardSinkTest, HoldsAStatusUntilTheFirstStepIsKnownOrTheTrainingEnds) {
  EXPECT_TRUE(fill({plan_of(kLife, 10)}).empty());
  EXPECT_TRUE(fill({}).empty()) << "not written, and it will be given again";
  auto failed = test::sample_status(2, "no data");
  failed.message.mutable_status_update()->set_status(v1::FAILED);
  fill({plan_of(kLife, 10), failed});
  EXPECT_EQ(events().size(), 4U);
  EXPECT_EQ(fill({}).begin()->second, 2U);
}

TEST_F(TensorboardSinkTest, CutsOffAHalfEventAndGoesOnInAnotherFile) {
  fill({sample_batch(1), sample_batch(2)});
  std::filesystem::resize_file(files().at(0), std::filesystem::file_size(files().at(0)) - 1);
  EXPECT_EQ(fill({sample_batch(2), sample_batch(3)}).begin()->second, 1U);
  EXPECT_EQ(files().size(), 2U);
  std::ofstream(files().back(), std::ios::app) << "\x20";
  EXPECT_EQ(fill({sample_batch(4)}).begin()->second, 3U);
  EXPECT_EQ(fill({}).begin()->second, 4U);
  EXPECT_EQ(test::shown_curve(events(), "train/loss").size(), 4U);
  int starts = 0;
  for (const auto& event : events())
    starts += event.session_start ? 1 : 0;
  EXPECT_EQ(starts, 1) << "the same life";
}

TEST_F(TensorboardSinkTest, WritesAgainWhatWasBehindDamage) {
  fill({sample_batch(1), sample_batch(2), sample_batch(3)});
  std::fstream file(files().at(0), std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(files().at(0)) / 2));
  file << "damage damage damage damage damage damage damage damage";
  file.close();
  const auto heads = fill({});
  const auto known = heads.empty() ? 0 : heads.begin()->second;
  EXPECT_LT(known, 3U);
  for (auto sequence = known + 1; sequence <= 4; ++sequence)
    fill({sample_batch(sequence)});
  EXPECT_EQ(fill({}).begin()->second, 4U);
}

TEST_F(TensorboardSinkTest, DrawsAnyStepThatATrainerSends) {
  auto odd = batch_at(kLife, 1, -5, -7, 1);
  odd.message.mutable_batch_data()->set_step(~0ULL);
  auto far = batch_at(kLaterLife, 1, 1 << 30, 1 << 30, 1);
  fill({odd, plan_of(kLaterLife, 1 << 30), far, batch_at(kLaterLife, 2, 0, 0, 1)});
  for (const auto& event : events())
    EXPECT_GE(event.step, 0);
  EXPECT_EQ(fill({}).size(), 3U);
}

TEST_F(TensorboardSinkTest, KeepsDotNamesWithinItsFolder) {
  auto record = sample_batch(1, "..");
  record.topic.session.run = "..";
  record.message.set_session_id("../..");
  fill({record});
  EXPECT_EQ(test::read_event_folder(folder_ + "/%2E%2E/%2E%2E").size(), 3U);
}

TEST_F(TensorboardSinkTest, RefusesASecondWriterAndWrongOptions) {
  auto first = sink();
  first->open();
  EXPECT_EQ(failure_of([&] { sink()->open(); }), '\'' + folder_ + "': is being written by another trainbus-log");
  EXPECT_EQ(failure_of([&] {
              Sink(test::OptionValues{{"folder", dir_ / "no/tb"}}).open();
            }),
            '\'' + (dir_ / "no/tb") + "': No such file or directory");
  std::ofstream(dir_ / "file") << "text";
  EXPECT_EQ(failure_of([&] {
              Sink(test::OptionValues{{"folder", dir_ / "file"}}).open();
            }),
            '\'' + (dir_ / "file") + "': is not a folder");
  EXPECT_EQ(failure_of([&] {
              Sink none(test::OptionValues{{"folder", folder_}, {"images", "1ms"}});
            }),
            "images '1ms': must be at least 1s");
  EXPECT_EQ(failure_of([&] { Sink none(test::OptionValues{{"folder", ""}}); }), "folder '': must name a folder");
}

TEST_F(TensorboardSinkTest, WritesAgainIntoTheNextFileWhatSomebodyTruncated) {
  for (const bool to_nothing : {true, false}) {
    std::filesystem::remove_all(folder_);
    auto open = sink();
    open->open();
    const auto write = [&](std::uint64_t from, std::uint64_t to) {
      for (auto step = from; step <= to; ++step)
        open->write(batch_at(kLife, step, 1, static_cast<int>(step) - 1, static_cast<double>(step)));
    };
    write(1, 5);
    open->flush();
    const auto half = std::filesystem::file_size(files()[0]);
    write(6, 10);
    open->flush();
    std::filesystem::resize_file(files()[0], to_nothing ? 0 : half);
    write(11, 11);
    EXPECT_THAT(failure_of([&] { open->flush(); }), HasSubstr("was truncated"));
    const auto heads = open->open();
    const std::uint64_t known = heads.empty() ? 0 : heads.begin()->second;
    EXPECT_EQ(known, to_nothing ? 0U : 5U);
    write(known + 1, 11);
    open->flush();
    open->sync();
    EXPECT_EQ(files().size(), 2U) << "a reader may be beyond the end of the first";
    const auto curve = test::shown_curve(events(), "train/loss");
    ASSERT_EQ(curve.size(), 11U);
    EXPECT_EQ(curve.at(11), 11);
    EXPECT_EQ(open->open().begin()->second, 11U);
  }
}

TEST_F(TensorboardSinkTest, BeginsAnotherFileBesideOneThatWasEmptiedWhileNobodyWroteIt) {
  fill({batch_at(kLife, 1, 1, 0, 1)});
  std::filesystem::resize_file(files()[0], 0);
  EXPECT_TRUE(fill({batch_at(kLife, 1, 1, 0, 1)}).empty());
  EXPECT_EQ(files().size(), 2U);
  EXPECT_EQ(std::filesystem::file_size(files()[0]), 0U);
  EXPECT_EQ(test::shown_curve(events(), "train/loss").size(), 1U);
}

TEST_F(TensorboardSinkTest, NoticesThatAFileIsGone) {
  auto lost = sink();
  lost->open();
  lost->write(sample_batch(1));
  lost->flush();
  std::filesystem::remove(files().at(0));
  EXPECT_THAT(failure_of([&] { lost->sync(); }), HasSubstr("': was removed"));
  EXPECT_TRUE(lost->open().empty());
}

}  // namespace
}  // namespace trainbus
