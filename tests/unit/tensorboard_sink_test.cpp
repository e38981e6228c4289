// The TensorBoard sink through its C functions, its files read by a reader of their own.
#include "consumers/log/tensorboard/tensorboard_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

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
  EXPECT_EQ(all[5].texts.at("commands"), "**set-lr** 0.25 APPLIED at the trainer's step 1");
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
  EXPECT_EQ(fill({}).begin()->first.session_id, "../..");
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
