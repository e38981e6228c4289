// trainbus-log --sink tensorboard beside a real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/event_reader.hpp"
#include "support/process.hpp"
#include "support/running_broker.hpp"
#include "support/short_training.hpp"
#include "support/stop_training.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using test::ReadEvent;
using test::shown_curve;

class TensorboardBus : public testing::Test {
 protected:
  std::vector<std::string> flags(const std::string& more = {}) const {
    return {"--broker", broker_.address(), "--sink", "tensorboard:" + folder_ + more};
  }
  void log_all() {
    auto once = flags();
    once.emplace_back("--once");
    Process log("trainbus-log", once);
    EXPECT_EQ(log.wait(20s), 0) << log.output();
  }
  std::vector<ReadEvent> events(const std::string& trainer) const {
    return test::read_event_folder(folder_ + '/' + trainer);
  }

  test::TempDir dir_;
  const std::string folder_ = dir_ / "tb";
  test::RunningBroker broker_;
};

TEST_F(TensorboardBus, ShowsAResumedTrainingAsOneCurve) {
  ASSERT_TRUE(test::train_shortly(broker_.address(), "t0", {.first_epoch = 1, .last_epoch = 3, .completes = false}));
  ASSERT_TRUE(test::train_shortly(broker_.address(), "t0", {.first_epoch = 3, .last_epoch = 4}));
  log_all();
  const auto all = events("mine/t0");
  const auto losses = shown_curve(all, "train/loss");
  ASSERT_EQ(losses.size(), 80U);
  EXPECT_EQ(losses.begin()->first, 1);
  EXPECT_EQ(losses.rbegin()->first, 80);
  EXPECT_EQ(shown_curve(all, "learning_rate").at(50), 0.05F);
  std::vector<std::int64_t> epochs;
  for (const auto& [step, loss] : shown_curve(all, "epoch/validation_loss"))
    epochs.push_back(step);
  EXPECT_THAT(epochs, testing::ElementsAre(20, 40, 60, 80));
  std::map<std::string, std::string> texts;
  for (const auto& event : all)
    texts.insert(event.texts.begin(), event.texts.end());
  EXPECT_THAT(texts.at("commands"), testing::HasSubstr("**CHANGE_LEARNING_RATE** 0.05 APPLIED"));
  EXPECT_THAT(texts.at("hyperparameters"), testing::HasSubstr("| model | cnn |"));
  EXPECT_THAT(texts.at("alerts"), testing::HasSubstr("loss is nan at step 15"));
}

TEST_F(TensorboardBus, HasEveryRecordOnceThroughKillsAndHalfEvents) {
  Process load("trainbus-loadgen", {"--broker", broker_.address(), "--run", "r", "--trainers", "3", "--batch-rate",
                                    "300", "--epoch-every", "50"});  // until it is stopped
  const auto bytes = [&] {
    std::uintmax_t sum = 0;
    if (std::filesystem::exists(folder_))
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
        sum += entry.is_regular_file() ? entry.file_size() : 0;
    return sum;
  };
  for (int life = 0; life < 3; ++life) {
    const auto before = bytes();
    Process log("trainbus-log", flags());
    ASSERT_TRUE(eventually("some of it is written", [&] { return bytes() > before; })) << log.output();
    log.signal(SIGKILL);
    ASSERT_EQ(log.wait(20s), 128 + SIGKILL);
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/r/t0"))
      std::ofstream(entry.path(), std::ios::app | std::ios::binary) << std::string("\x40\0\0\0\0\0\0", 7);
  }
  ASSERT_TRUE(test::stop_training(broker_.address(), "r/*"));
  ASSERT_EQ(load.wait(20s), 0) << load.output();
  log_all();
  for (const std::string trainer : {"r/t0", "r/t1", "r/t2"}) {
    std::map<std::uint64_t, std::vector<std::uint64_t>> sequences;
    for (const auto& event : events(trainer))
      if (event.kind != 0) sequences[event.kind].push_back(event.sequence);
    EXPECT_EQ(sequences.size(), 5U) << "batch, epoch, perf, status, and the command that ended it";
    for (const auto& [kind, found] : sequences)
      for (std::size_t i = 0; i < found.size(); ++i)
        ASSERT_EQ(found[i], i + 1) << trainer << " kind " << kind;
    EXPECT_EQ(shown_curve(events(trainer), "train/loss").size(), sequences[v1::KIND_BATCH].size());
  }
}

TEST_F(TensorboardBus, LooksAtTheTilesOnceInAWhile) {
  Process load("trainbus-loadgen", {"--broker", broker_.address(), "--run", "r", "--trainers", "1", "--batch-rate",
                                    "50", "--tile-rate", "50", "--tile-size", "32"});
  const auto started = std::chrono::steady_clock::now();
  Process log("trainbus-log", flags(",images=1s"));
  std::vector<std::string> tags;
  EXPECT_TRUE(eventually("two looks are written", [&] {
    tags.clear();
    try {
      for (const auto& event : events("r/t0"))
        for (const auto& [tag, image] : event.images)
          if (image.starts_with("\xff\xd8\xff")) tags.push_back(tag);
    } catch (const std::runtime_error&) {
      return false;  // an event is being written
    }
    return tags.size() >= 32;
  })) << log.output();
  EXPECT_EQ(std::set<std::string>(tags.begin(), tags.end()).size(), 16U);
  const auto looks = 2 + (std::chrono::steady_clock::now() - started) / 1s;
  EXPECT_LE(tags.size(), 16U * static_cast<std::size_t>(looks)) << "of 50 batches with tiles a second";
}

}  // namespace
}  // namespace trainbus
