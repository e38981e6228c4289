// The real trainer as a process, with a real broker: what it publishes, how it obeys and how it ends.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <regex>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/tile_feed.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string data_folder(const std::string& name) {
  const char* elsewhere = std::getenv("TRAINBUS_TEST_DATA");
  return (elsewhere ? std::string(elsewhere) : std::string(TRAINBUS_SOURCE) + "/../shared/data") + '/' + name;
}

// Runs to the end and gives the whole output; the exit code is -1 when it does not end.
std::pair<int, std::string> run_trainer(const std::vector<std::string>& arguments) {
  Process trainer("trainbus-train", arguments);
  const int code = trainer.wait(100s).value_or(-1);
  return {code, trainer.output()};
}

// The largest validation accuracy that the lines of the epochs say.
double best_accuracy(const std::string& output) {
  static const std::regex pattern("validation loss [0-9.]+ accuracy ([0-9.]+)");
  double best = 0;
  for (std::sregex_iterator at(output.begin(), output.end(), pattern), end; at != end; ++at)
    best = std::max(best, std::stod((*at)[1]));
  return best;
}

class TrainerOnTheBus : public ::testing::Test {
 protected:
  TrainerOnTheBus() { setenv("XDG_STATE_HOME", state_.path().c_str(), 1); }
  ~TrainerOnTheBus() override { unsetenv("XDG_STATE_HOME"); }

  // A small training on shapes: 320 samples, 10 batches an epoch.
  void start(std::vector<std::string> more) {
    if (std::ranges::find(more, "--batch-size") == more.end()) more.insert(more.end(), {"--batch-size", "32"});
    more.insert(more.begin(), {"--broker", broker_.address(), "--run", "r", "--name", "t", "--limit-samples", "320"});
    trainer_ = std::make_unique<Process>("trainbus-train", std::move(more));
  }
  // Takes a record into seen_; nullptr when none came in a while.
  const v1::MetricsRequest* take_one(Kind* kind = nullptr) {
    const auto* record = consumer_.next(50ms);
    if (record == nullptr) return nullptr;
    if (kind != nullptr) *kind = record->topic.kind;
    return &seen_[record->topic.kind].emplace_back(record->message);
  }
  // The next record of the kind for which the condition holds; empty after 20 s.
  std::optional<v1::MetricsRequest> next(Kind wanted_kind,
                                         const std::function<bool(const v1::MetricsRequest&)>& wanted) {
    Kind kind = v1::KIND_UNKNOWN;
    for (const test::Patience patience(20s); !patience.over();)
      if (const auto* record = take_one(&kind); record && kind == wanted_kind && wanted(*record)) return *record;
    return std::nullopt;
  }
  std::optional<v1::MetricsRequest> next_step(std::uint64_t step) {
    return next(v1::KIND_BATCH, [&](const auto& record) { return record.batch_data().step() >= step; });
  }
  std::optional<v1::MetricsRequest> next_status(v1::TrainingStatus status) {
    return next(v1::KIND_STATUS, [&](const auto& record) { return record.status_update().status() == status; });
  }
  // Issues a command, waits for its end and gives it.
  v1::ControlCommand command(v1::CommandType type, const std::string& value = {}) {
    v1::ControlCommand wanted;
    wanted.set_type(type);
    if (!value.empty()) (*wanted.mutable_parameters())["value"] = value;
    return end_of(wanted);
  }
  v1::ControlCommand set(const std::string& knob, const std::string& value = {}) {
    v1::ControlCommand wanted;
    wanted.set_type(v1::SET_KNOB);
    (*wanted.mutable_parameters())["name"] = knob;
    if (!value.empty()) (*wanted.mutable_parameters())["value"] = value;
    return end_of(wanted);
  }
  v1::ControlCommand end_of(const v1::ControlCommand& wanted) {
    const auto issued = control_.issue("r/t", wanted, 30s);
    if (!issued || issued->commands.empty()) {
      ADD_FAILURE() << "the command was not taken";
      return {};
    }
    const auto id = issued->commands.front().command().command_id();
    v1::ControlCommand last;
    EXPECT_TRUE(eventually("the command has ended", [&] {
      const auto found = control_.find(id, 1s);
      if (found && !found->commands.empty()) last = found->commands.front().command();
      return command_ended(last.state());
    }));
    return last;
  }

  test::TempDir state_;
  test::RunningBroker broker_;
  Consumer consumer_{{.broker = broker_.address()}};
  ControlClient control_{broker_.address()};
  std::map<Kind, std::vector<v1::MetricsRequest>> seen_;
  std::unique_ptr<Process> trainer_;
};

TEST_F(TrainerOnTheBus, PublishesEveryBatchEpochPerfAndStatus) {
  start({"--epochs", "2"});
  const auto completed = next_status(v1::COMPLETED);
  ASSERT_TRUE(completed) << trainer_->output();
  EXPECT_EQ(completed->status_update().message(), "2 epochs, 20 steps");
  EXPECT_EQ(trainer_->wait(5s), 0);
  // Kinds are streams of their own: the others may follow the last status.
  EXPECT_TRUE(eventually("everything came", [&] {
    take_one();
    return seen_[v1::KIND_BATCH].size() == 20 && seen_[v1::KIND_EPOCH].size() == 2 && seen_[v1::KIND_PERF].size() == 4;
  }));

  std::vector<v1::TrainingStatus> statuses;
  for (const auto& record : seen_[v1::KIND_STATUS])
    statuses.push_back(record.status_update().status());
  EXPECT_THAT(statuses, ElementsAre(v1::INITIALIZING, v1::RUNNING, v1::COMPLETED));
  const auto& plan = seen_[v1::KIND_STATUS].at(1).status_update().config();
  EXPECT_EQ(plan.batches_per_epoch(), 10);
  EXPECT_EQ(plan.dataset_name(), "shapes");
  EXPECT_EQ(plan.class_names_size(), 10);

  const auto& batch = seen_[v1::KIND_BATCH].back().batch_data();
  EXPECT_EQ(batch.epoch(), 2);
  EXPECT_EQ(batch.batch_idx(), 9);
  EXPECT_EQ(batch.step(), 20u);
  EXPECT_EQ(batch.images_size(), 0);
  EXPECT_GT(batch.batch_loss(), 0);
  EXPECT_DOUBLE_EQ(batch.learning_rate(), 0.01);
  ASSERT_EQ(batch.predictions_size(), 16);
  EXPECT_EQ(batch.ground_truth_size(), 16);
  const auto& prediction = batch.predictions(0);
  ASSERT_EQ(prediction.top_k_scores_size(), 3);
  EXPECT_EQ(prediction.predicted_label(), plan.class_names(prediction.predicted_class()));
  EXPECT_FLOAT_EQ(prediction.confidence(), prediction.top_k_scores(0).score());
  EXPECT_GE(prediction.top_k_scores(0).score(), prediction.top_k_scores(1).score());

  // The epoch's averages are those of its batches, all being of one size here.
  double loss = 0;
  for (int index = 0; index < 10; ++index)
    loss += seen_[v1::KIND_BATCH].at(index).batch_data().batch_loss() / 10;
  const auto& epoch = seen_[v1::KIND_EPOCH].front().epoch_data();
  EXPECT_NEAR(epoch.average_loss(), loss, 1e-9);
  EXPECT_GT(epoch.validation_loss(), 0);
  EXPECT_TRUE(epoch.has_validation_accuracy());
  EXPECT_FALSE(epoch.is_converged());

  const auto& perf = seen_[v1::KIND_PERF].back().performance_data();
  EXPECT_NEAR(perf.current_fps() * perf.time_per_batch_ms(), 1000, 1e-3);  // rates are float
  EXPECT_GT(perf.average_fps(), 0);
  EXPECT_GT(perf.resource_usage().memory_mb(), 10);
}

TEST_F(TrainerOnTheBus, ObeysEveryCommandAtAStepBoundary) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(1)) << trainer_->output();

  const auto rate = command(v1::CHANGE_LEARNING_RATE, "0.002");
  ASSERT_EQ(rate.state(), v1::COMMAND_APPLIED) << rate.reason();
  EXPECT_EQ(rate.old_value(), "0.01");
  EXPECT_EQ(rate.new_value(), "0.002");
  EXPECT_TRUE(trainer_->wait_for("applied set-lr 0.01 -> 0.002 at step " + std::to_string(rate.applied_step())));
  for (const auto& record : seen_[v1::KIND_BATCH])
    EXPECT_EQ(record.batch_data().learning_rate(), record.batch_data().step() > rate.applied_step() ? 0.002 : 0.01);
  EXPECT_DOUBLE_EQ(next_step(rate.applied_step() + 1)->batch_data().learning_rate(), 0.002);

  const auto size = command(v1::ADJUST_BATCH_SIZE, "10");
  ASSERT_EQ(size.state(), v1::COMMAND_APPLIED) << size.reason();
  EXPECT_TRUE(trainer_->wait_for("applied set-batch-size 32 -> 10 at step"));
  const auto ten = next(v1::KIND_BATCH, [](const auto& record) { return record.batch_data().batch_size() == 10; });
  EXPECT_TRUE(ten);
  // Of the 320 samples the rest of this epoch comes in tens, and from the next epoch on all do.
  const auto says_plan = [&](const std::string& message, int batches) {
    return eventually("a status says the plan", [&] {
      take_one();
      return std::ranges::any_of(seen_[v1::KIND_STATUS], [&](const auto& record) {
        const auto& status = record.status_update();
        return status.status() == v1::RUNNING && status.message().starts_with(message) &&
               status.config().batch_size() == 10 && status.config().batches_per_epoch() >= batches;
      });
    });
  };
  EXPECT_TRUE(says_plan("applied set-batch-size 32 -> 10 at step ", 11));
  EXPECT_TRUE(says_plan("", 32));
  const auto refused = command(v1::ADJUST_BATCH_SIZE, "321");
  EXPECT_EQ(refused.state(), v1::COMMAND_REJECTED);
  EXPECT_EQ(refused.reason(), "batch size 321 is more than the 320 training samples");

  EXPECT_EQ(command(v1::PAUSE_TRAINING).state(), v1::COMMAND_APPLIED);
  EXPECT_TRUE(trainer_->wait_for("applied pause at step "));
  EXPECT_TRUE(next_status(v1::PAUSED));
  EXPECT_EQ(command(v1::RESUME_TRAINING).state(), v1::COMMAND_APPLIED);
  EXPECT_TRUE(trainer_->wait_for("applied resume at step "));

  const auto stop = command(v1::STOP_TRAINING);
  EXPECT_EQ(stop.state(), v1::COMMAND_APPLIED);
  const auto stopped = next_status(v1::STOPPED);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->status_update().message(), "stopped by command at step " + std::to_string(stop.applied_step()));
  EXPECT_EQ(trainer_->wait(5s), 0);
}

TEST_F(TrainerOnTheBus, EndsOnASignalWithinTwoSecondsAndSaysSo) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(5)) << trainer_->output();
  trainer_->signal(SIGTERM);
  EXPECT_EQ(trainer_->wait(2s), 0) << trainer_->output();
  const auto stopped = next_status(v1::STOPPED);
  ASSERT_TRUE(stopped);
  EXPECT_THAT(stopped->status_update().message(), HasSubstr("stopped by SIGTERM at step "));
}

TEST_F(TrainerOnTheBus, EndsOnASignalOutOfAPause) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(1)) << trainer_->output();
  ASSERT_EQ(command(v1::PAUSE_TRAINING).state(), v1::COMMAND_APPLIED);
  trainer_->signal(SIGINT);
  EXPECT_EQ(trainer_->wait(2s), 0) << trainer_->output();
  const auto stopped = next_status(v1::STOPPED);
  ASSERT_TRUE(stopped);
  EXPECT_THAT(stopped->status_update().message(), HasSubstr("stopped by SIGINT at step "));
}

TEST_F(TrainerOnTheBus, ShowsItsPicturesOnlyWhileWatched) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(5)) << trainer_->output();
  TileFeed feed(broker_.address());
  feed.watch({.run = "r", .trainer = "t"});
  std::vector<TileFrame> frames;
  ASSERT_TRUE(eventually("tiles came", [&] { return !(frames = feed.take()).empty(); }));
  v1::MetricsRequest message;
  ASSERT_TRUE(message.ParseFromString(*frames.front().bytes));
  const auto& batch = message.batch_data();
  EXPECT_LE(frames.front().sequence, feed.counters().received) << "tiles were sent before anybody watched";
  ASSERT_EQ(batch.images_size(), 16);
  ASSERT_EQ(batch.predictions_size(), 16);
  EXPECT_EQ(batch.ground_truth_size(), 16);
  EXPECT_EQ(batch.images(0).width(), 32);
  EXPECT_EQ(batch.images(0).height(), 32);
  EXPECT_EQ(batch.images(0).channels(), 3);
  EXPECT_EQ(batch.images(0).format(), "jpeg");
  EXPECT_FALSE(batch.predictions(0).predicted_label().empty());
}

TEST_F(TrainerOnTheBus, GoesOnWithALossThatIsNotFinite) {
  start({"--epochs", "1", "--lr", "1e30"});
  const auto completed = next_status(v1::COMPLETED);
  ASSERT_TRUE(completed) << trainer_->output();
  EXPECT_TRUE(eventually("all batches came", [&] {
    take_one();
    return seen_[v1::KIND_BATCH].size() == 10;
  }));
  EXPECT_TRUE(std::isnan(seen_[v1::KIND_BATCH].back().batch_data().batch_loss()));
  const auto& output = trainer_->output();
  const auto said = output.find("loss is not finite at step");
  EXPECT_NE(said, std::string::npos);
  EXPECT_EQ(output.find("loss is not finite at step", said + 1), std::string::npos);
}

TEST_F(TrainerOnTheBus, SaysOnTheBusWhyItCouldNotStart) {
  test::TempDir folder;
  std::ofstream(folder / "data_batch_1.bin") << "short";
  start({"--dataset", "cifar10:" + folder.path().string()});
  const auto failed = next_status(v1::FAILED);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->status_update().message(), HasSubstr("data_batch_1.bin: 5 bytes are not a multiple of 3073"));
  EXPECT_EQ(trainer_->wait(5s), 1);
}

TEST_F(TrainerOnTheBus, SaysItsSettingsNamedValuesAndWhatAValidationShows) {
  start({"--epochs", "2", "--tag", "first", "--tag", "second", "--notes", "why it was started", "--weight-decay",
         "0.001"});
  ASSERT_TRUE(next_status(v1::COMPLETED)) << trainer_->output();
  EXPECT_TRUE(eventually("everything came", [&] {
    take_one();
    return seen_[v1::KIND_BATCH].size() == 20 && seen_[v1::KIND_SCALARS].size() == 2 &&
           seen_[v1::KIND_MEDIA].size() == 10;
  }));
  const auto& plan = seen_[v1::KIND_STATUS].at(1).status_update().config();
  EXPECT_EQ(plan.parameters().at("optimizer"), "sgd");
  EXPECT_EQ(plan.parameters().at("learning_rate"), "0.01");
  EXPECT_EQ(plan.parameters().at("weight_decay"), "0.001");
  EXPECT_EQ(plan.parameters().at("momentum"), "0.9");
  EXPECT_EQ(plan.parameters().at("seed"), "1");
  EXPECT_EQ(plan.parameters().at("data/source"), "shapes");
  EXPECT_EQ(plan.parameters().count("resumed_from"), 0u);
  EXPECT_THAT(std::vector<std::string>(plan.tags().begin(), plan.tags().end()), ElementsAre("first", "second"));
  EXPECT_EQ(plan.notes(), "why it was started");
  EXPECT_EQ(plan.first_step(), 0u);
  std::map<std::string, std::string> knobs;
  for (const auto& knob : plan.knobs())
    knobs[knob.name()] = knob.value();
  EXPECT_EQ(knobs.at("weight_decay"), "0.001");
  EXPECT_EQ(knobs.at("momentum"), "0.9");
  EXPECT_EQ(knobs.count("save_checkpoint") + knobs.count("validate") + knobs.count("batch_size"), 3u);

  for (const auto& record : seen_[v1::KIND_BATCH])
    EXPECT_GT(record.batch_data().scalars().at("grad_norm"), 0);
  const auto& values = seen_[v1::KIND_SCALARS].back().scalar_data();
  const auto& epoch = seen_[v1::KIND_EPOCH].back().epoch_data();
  EXPECT_EQ(values.step(), 20u);
  EXPECT_EQ(values.values().at("val/loss"), epoch.validation_loss());
  EXPECT_EQ(values.values().at("val/accuracy"), epoch.validation_accuracy());
  EXPECT_GE(values.values().at("val/top3_accuracy"), epoch.validation_accuracy());
  EXPECT_LE(values.values().at("val/worst_class_accuracy"), epoch.validation_accuracy());

  std::map<std::string, v1::MediaData> media;
  for (const auto& record : seen_[v1::KIND_MEDIA])
    media[record.media_data().name()] = record.media_data();
  const auto& confusion = media.at("val/confusion").table();
  ASSERT_EQ(confusion.columns_size(), 10);
  ASSERT_EQ(confusion.values_size(), 100);
  double samples = 0;
  double hits = 0;
  for (int cell = 0; cell < 100; ++cell) {
    samples += confusion.values(cell);
    if (cell % 11 == 0) hits += confusion.values(cell);
  }
  EXPECT_DOUBLE_EQ(hits / samples, epoch.validation_accuracy());
  const auto& weights = media.at("weights/conv1").histogram();
  EXPECT_EQ(std::accumulate(weights.counts().begin(), weights.counts().end(), 0.0), 3 * 8 * 3 * 3);
  EXPECT_EQ(media.count("weights/head"), 1u);
}

TEST_F(TrainerOnTheBus, LetsPeopleTurnItsKnobsAndAskForAValidation) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(1)) << trainer_->output();
  const auto decay = set("weight_decay", "0.01");
  ASSERT_EQ(decay.state(), v1::COMMAND_APPLIED) << decay.reason();
  EXPECT_EQ(std::stod(decay.old_value()), 0.0005);
  EXPECT_EQ(decay.new_value(), "0.01");
  EXPECT_TRUE(
      trainer_->wait_for("applied weight_decay 0.0005 -> 0.01 at step " + std::to_string(decay.applied_step())));
  const auto momentum = set("momentum", "0");
  ASSERT_EQ(momentum.state(), v1::COMMAND_APPLIED) << momentum.reason();
  EXPECT_TRUE(trainer_->wait_for("applied momentum 0.9 -> 0 at step "));
  for (const auto& [knob, value] : {std::pair{"weight_decay", "1.5"},
                                    {"weight_decay", "-0.1"},
                                    {"weight_decay", "nan"},
                                    {"momentum", "1"},
                                    {"momentum", "fast"}}) {
    const auto refused = set(knob, value);
    EXPECT_EQ(refused.state(), v1::COMMAND_REJECTED) << knob << ' ' << value;
    EXPECT_THAT(refused.reason(), HasSubstr(value));
  }

  const auto validated = set("validate");
  ASSERT_EQ(validated.state(), v1::COMMAND_APPLIED) << validated.reason();
  EXPECT_THAT(validated.new_value(), ::testing::MatchesRegex("loss [0-9.]+ accuracy [0-9.]+"));
  EXPECT_TRUE(next(v1::KIND_SCALARS, [&](const auto& record) {
    return record.scalar_data().step() == validated.applied_step() &&
           record.scalar_data().values().count("val/loss") == 1;
  }));
  trainer_->signal(SIGTERM);
  EXPECT_EQ(trainer_->wait(5s), 0);
}

// Of the batches that were seen: step over the whole training, epoch, batch, its size, loss.
using BatchRow = std::tuple<std::uint64_t, int, int, int, double>;
BatchRow row_of(const v1::BatchData& batch, std::uint64_t first_step) {
  return {first_step + batch.step(), batch.epoch(), batch.batch_idx(), batch.batch_size(), batch.batch_loss()};
}

TEST_F(TrainerOnTheBus, GoesOnFromACheckpointAsIfItHadNotStopped) {
  test::TempDir folder;
  const auto file = folder / "c.safetensors";
  start({"--epochs", "100000", "--batch-delay-ms", "5", "--checkpoint", file});
  ASSERT_TRUE(next_step(13)) << trainer_->output();
  ASSERT_EQ(command(v1::CHANGE_LEARNING_RATE, "0.02").state(), v1::COMMAND_APPLIED);
  ASSERT_EQ(set("momentum", "0.8").state(), v1::COMMAND_APPLIED);
  const auto saved = set("save_checkpoint");
  ASSERT_EQ(saved.state(), v1::COMMAND_APPLIED) << saved.reason();
  EXPECT_EQ(saved.new_value(), file);
  ASSERT_TRUE(next_step(saved.applied_step() + 25));
  ASSERT_EQ(command(v1::STOP_TRAINING).state(), v1::COMMAND_APPLIED);
  ASSERT_TRUE(next_status(v1::STOPPED));
  std::map<std::uint64_t, BatchRow> expected;
  for (const auto& record : std::exchange(seen_[v1::KIND_BATCH], {}))
    expected[record.batch_data().step()] = row_of(record.batch_data(), 0);
  EXPECT_EQ(trainer_->wait(5s), 0);

  const auto epoch = std::get<1>(expected.at(saved.applied_step())) + 2;
  start({"--epochs", std::to_string(epoch), "--resume", file});
  ASSERT_TRUE(next(v1::KIND_STATUS, [](const auto& record) {
    return record.status_update().config().first_step() > 0;
  })) << trainer_->output();
  const auto plan = seen_[v1::KIND_STATUS].back().status_update().config();
  EXPECT_EQ(plan.first_step(), saved.applied_step());
  EXPECT_EQ(plan.learning_rate(), 0.02);
  EXPECT_EQ(plan.parameters().at("resumed_from"), file);
  ASSERT_TRUE(next_status(v1::COMPLETED)) << trainer_->output();
  EXPECT_THAT(trainer_->output(), HasSubstr("resumed from " + file + " at step " + std::to_string(plan.first_step())));
  EXPECT_TRUE(eventually("the batches came", [&] {
    take_one();
    return seen_[v1::KIND_BATCH].size() >= 20;
  }));
  std::size_t compared = 0;
  for (const auto& record : seen_[v1::KIND_BATCH]) {
    const auto row = row_of(record.batch_data(), plan.first_step());
    if (const auto same = expected.find(std::get<0>(row)); same != expected.end()) {
      EXPECT_EQ(row, same->second) << "step, epoch, batch, size and loss to the last digit";
      ++compared;
    }
  }
  EXPECT_GE(compared, 20u);
}

TEST_F(TrainerOnTheBus, GoesOnWithAnotherBatchSizeWhereItLeftItsEpoch) {
  test::TempDir folder;
  const auto file = folder / "c.safetensors";
  start({"--epochs", "100000", "--batch-delay-ms", "5", "--checkpoint", file});
  // In the middle of the second epoch of ten batches.
  ASSERT_TRUE(next(v1::KIND_BATCH, [](const auto& record) { return record.batch_data().step() >= 13; }));
  const auto saved = set("save_checkpoint");
  ASSERT_EQ(saved.state(), v1::COMMAND_APPLIED) << saved.reason();
  trainer_->signal(SIGINT);
  ASSERT_EQ(trainer_->wait(5s), 0);
  seen_.clear();
  const auto done = static_cast<int>(saved.applied_step() % 10);
  const auto epoch = static_cast<int>(saved.applied_step() / 10) + 1;
  start({"--epochs", std::to_string(epoch), "--resume", file, "--batch-size", "16"});
  ASSERT_TRUE(next(v1::KIND_STATUS, [&](const auto& record) {
    return record.status_update().status() == v1::COMPLETED && record.status_update().config().batch_size() == 16;
  })) << trainer_->output();
  // What the epoch still has of its 320 samples, in sixteens.
  const auto left = static_cast<std::size_t>(320 - 32 * done) / 16;
  EXPECT_TRUE(eventually("the batches came", [&] {
    take_one();
    return std::ranges::count_if(seen_[v1::KIND_BATCH], [](const auto& record) {
             return record.batch_data().batch_size() == 16;
           }) == static_cast<std::ptrdiff_t>(left);
  }));
  const auto& last = seen_[v1::KIND_BATCH].back().batch_data();
  EXPECT_EQ(last.epoch(), epoch);
  EXPECT_EQ(last.batch_idx(), done + static_cast<int>(left) - 1);
  EXPECT_EQ(last.step(), left);
}

TEST_F(TrainerOnTheBus, GoesOnWhenACheckpointCannotBeWrittenAndSaysWhy) {
  start({"--epochs", "100000", "--checkpoint", "/nowhere/at/all/c.safetensors"});
  ASSERT_TRUE(next_step(1)) << trainer_->output();
  const auto saved = set("save_checkpoint");
  EXPECT_EQ(saved.state(), v1::COMMAND_REJECTED);
  EXPECT_EQ(saved.reason(), "/nowhere/at/all/c.safetensors: cannot be written: No such file or directory");
  EXPECT_TRUE(next_step(seen_[v1::KIND_BATCH].back().batch_data().step() + 5));
  trainer_->signal(SIGTERM);
  EXPECT_EQ(trainer_->wait(5s), 0);
}

TEST_F(TrainerOnTheBus, RefusesACheckpointThatIsDamagedOrOfAnotherTraining) {
  test::TempDir folder;
  const auto file = folder / "c.safetensors";
  start({"--epochs", "100000", "--checkpoint", file});
  ASSERT_TRUE(next_step(12)) << trainer_->output();
  ASSERT_EQ(set("save_checkpoint").state(), v1::COMMAND_APPLIED);
  trainer_->signal(SIGTERM);
  ASSERT_EQ(trainer_->wait(5s), 0);
  const auto damaged = folder / "damaged";
  std::filesystem::copy_file(file, damaged);
  std::fstream(damaged, std::ios::binary | std::ios::in | std::ios::out).seekp(-9, std::ios::end).put('!');
  std::ofstream(folder / "foreign") << "PK, a zip archive of another program";
  for (const auto& [arguments, expected] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--resume", damaged}, damaged + ": damaged: its checksum is not that of its content"},
           {{"--resume", folder / "foreign"}, "foreign: is no safetensors file"},
           {{"--resume", folder / "absent"}, "absent: cannot be read: No such file or directory"},
           {{"--resume", file, "--epochs", "1"}, "beyond --epochs 1"},
           {{"--resume", file, "--seed", "2"}, "was saved of seed 1, not 2"},
           {{"--resume", file, "--limit-samples", "100"}, "(--limit-samples, --validation)"}}) {
    std::vector<std::string> all = {"--no-bus"};
    if (std::ranges::find(arguments, "--limit-samples") == arguments.end())
      all.insert(all.end(), {"--limit-samples", "320"});
    if (std::ranges::find(arguments, "--epochs") == arguments.end()) all.insert(all.end(), {"--epochs", "1000"});
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto [code, output] = run_trainer(all);
    EXPECT_EQ(code, 1);
    EXPECT_THAT(output, HasSubstr(expected));
    EXPECT_EQ(std::ranges::count(output, '\n'), 1) << output;
  }
}

TEST(Trainer, TrainsTheSameWithoutABroker) {
  test::TempDir state;
  setenv("XDG_STATE_HOME", state.path().c_str(), 1);
  const auto [code, output] =
      run_trainer({"--broker", "tcp://127.0.0.1:9", "--limit-samples", "320", "--epochs", "2", "--batch-size", "32"});
  unsetenv("XDG_STATE_HOME");
  EXPECT_EQ(code, 0) << output;
  EXPECT_THAT(output, HasSubstr("completed: 2 epochs, 20 steps"));
}

TEST(Trainer, LearnsTheSameFromTheSameSeed) {
  const auto accuracies = [](const std::string& seed) {
    const auto output =
        run_trainer({"--no-bus", "--limit-samples", "160", "--epochs", "2", "--batch-size", "32", "--seed", seed})
            .second;
    // Losses and accuracies, without what depends on the time.
    static const std::regex pattern("train loss .* lr");
    std::string text;
    for (std::sregex_iterator at(output.begin(), output.end(), pattern), end; at != end; ++at)
      text += at->str() + '\n';
    return text;
  };
  const auto first = accuracies("5");
  EXPECT_EQ(std::ranges::count(first, '\n'), 2);
  EXPECT_EQ(accuracies("5"), first);
  EXPECT_NE(accuracies("6"), first);
}

TEST(Trainer, LearnsMnist) {
  const auto folder = data_folder("mnist");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no MNIST at " << folder << " (TRAINBUS_TEST_DATA says where)";
  const auto [code, output] =
      run_trainer({"--no-bus", "--dataset", "mnist:" + folder, "--epochs", "4", "--target-accuracy", "0.96"});
  EXPECT_EQ(code, 0) << output;
  EXPECT_GT(best_accuracy(output), 0.95) << output;
}

TEST(Trainer, ReadsRealFoldersAndCifar10) {
  const auto folder = data_folder("cifar10-folder");
  const auto cifar = data_folder("cifar10");
  if (!std::filesystem::exists(folder) || !std::filesystem::exists(cifar))
    GTEST_SKIP() << "no data at " << folder << " (TRAINBUS_TEST_DATA says where)";
  for (const auto& [spec, expected] :
       {std::pair{"folder:" + folder, "540 training and 60 validation samples of 32x32x3, 10 classes"},
        {"cifar10:" + cifar, "5000 training and 1000 validation samples of 32x32x3, 10 classes"}}) {
    const auto [code, output] =
        run_trainer({"--no-bus", "--dataset", spec, "--epochs", "1", "--batches-per-epoch", "3"});
    EXPECT_EQ(code, 0) << output;
    EXPECT_THAT(output, AllOf(HasSubstr(expected), HasSubstr("completed: 1 epochs, 3 steps")));
  }
}

TEST_F(TrainerOnTheBus, AScheduleThatWasExportedFromARunRepeatsItExactly) {
  // Takes batch records up to the end of the training that runs.
  const auto batches = [&] {
    EXPECT_EQ(trainer_->wait(20s), 0) << trainer_->output();
    const std::regex end("stopped by [a-z]+ at step ([0-9]+)");
    std::smatch found;
    const std::string output = trainer_->output();
    EXPECT_TRUE(std::regex_search(output, found, end)) << output;
    const std::size_t count = found.size() == 2 ? std::stoul(found[1]) : 0;
    EXPECT_TRUE(eventually("every batch", [&] {
      take_one();
      return seen_[v1::KIND_BATCH].size() >= count;
    }));
    std::vector<std::tuple<std::uint64_t, int, int, int, double, double>> all;
    for (const auto& record : std::exchange(seen_[v1::KIND_BATCH], {})) {
      const auto& batch = record.batch_data();
      all.emplace_back(batch.step(), batch.epoch(), batch.batch_idx(), batch.batch_size(), batch.learning_rate(),
                       batch.batch_loss());
    }
    return all;
  };
  start({"--epochs", "1000", "--batch-delay-ms", "2"});
  ASSERT_TRUE(next_step(3)) << trainer_->output();
  for (const auto& [type, value] :
       std::vector<std::pair<v1::CommandType, std::string>>{{v1::CHANGE_LEARNING_RATE, "0.0123456789"},
                                                            {v1::ADJUST_BATCH_SIZE, "20"},
                                                            {v1::PAUSE_TRAINING, ""},
                                                            {v1::CHANGE_LEARNING_RATE, "0.002"},
                                                            {v1::RESUME_TRAINING, ""},
                                                            {v1::STOP_TRAINING, ""}}) {
    ASSERT_EQ(command(type, value).state(), v1::COMMAND_APPLIED);
    if (type != v1::ADJUST_BATCH_SIZE) continue;  // the last batch of an epoch may be smaller, so one is awaited
    ASSERT_TRUE(next(v1::KIND_BATCH, [](const auto& record) { return record.batch_data().batch_size() == 20; }));
  }
  const auto live = batches();
  Process ctl("trainbus-ctl", {"commands", "r", "--export", state_ / "edits", "--broker", broker_.address()});
  ASSERT_EQ(ctl.wait(5s), 0) << ctl.output();

  start({"--epochs", "1000", "--schedule", state_ / "edits"});
  const auto replayed = batches();
  EXPECT_EQ(replayed, live) << "step, epoch, batch, size, learning rate and loss";
  EXPECT_TRUE(std::ranges::any_of(live, [](const auto& batch) { return std::get<3>(batch) == 20; }));
  EXPECT_EQ(std::get<4>(live.back()), 0.002);
}

TEST(Trainer, RefusesABadScheduleBeforeItTrains) {
  test::TempDir dir;
  std::ofstream(dir / "edits") << "5 set-lr 0.1\n9 set-batch-size 0\n";
  const auto [code, output] = run_trainer({"--no-bus", "--schedule", dir / "edits"});
  EXPECT_EQ(code, 1);
  EXPECT_EQ(output, "trainbus-train: schedule " + (dir / "edits") +
                        " line 2: batch size must be a whole number from 1 to "
                        "1048576, got '0'\n");
}

TEST(Trainer, SaysInOneLineWhatIsWrongWithItsFlags) {
  for (const auto& [arguments, code, expected] : std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
           {{"--dataset", "mnist:/nowhere"}, 1, "--dataset mnist:/nowhere: there is no folder '/nowhere'"},
           {{"--dataset", "imagenet"}, 1, "--dataset 'imagenet' is none of"},
           {{"--device", "cuda"}, 1, "--device cuda: this libtorch sees no CUDA device"},
           {{"--broker", "localhost"}, 1, "localhost"},
           {{"--momentum", "1"}, 2, "--momentum"},
           {{"--weight-decay", "-1"}, 2, "--weight-decay"},
           {{"--lr", "nan"}, 2, "--lr: 'nan' is not a finite number above 0"},
           {{"--batch-size", "0"}, 2, "--batch-size"},
           {{"--run", "a/b"}, 2, "--run: 'a/b' is not 1 to 64 of the characters"}}) {
    auto quick = arguments;
    if (arguments.front() != "--broker") quick.push_back("--no-bus");
    quick.insert(quick.end(), {"--limit-samples", "100"});
    const auto [exit_code, output] = run_trainer(quick);
    EXPECT_EQ(exit_code, code) << output;
    EXPECT_THAT(output, HasSubstr("trainbus-train: "));
    EXPECT_THAT(output, HasSubstr(expected));
    EXPECT_EQ(std::ranges::count(output, '\n'), 1) << output;
  }
}

TEST(Overhead, ComparesPairsOfTheSameTraining) {
  test::TempDir folder;
  Process script(TRAINBUS_SOURCE "/scripts/overhead", {"--bin", TRAINBUS_BIN, "--pairs", "1", "--batches", "5",
                                                       "--batch-size", "8", "--json", folder / "figures.json"});
  ASSERT_EQ(script.wait(60s), 0) << script.output();
  const auto figures = nlohmann::json::parse(std::ifstream(folder / "figures.json"));
  const auto& pair = figures.at("pairs").at(0);
  EXPECT_NEAR(figures.at("time_ratio").at("median").get<double>(),
              pair.at("with").at("ms_per_batch").get<double>() / pair.at("without").at("ms_per_batch").get<double>(),
              1e-9);
  EXPECT_GT(pair.at("with").at("cpu_ms_per_batch"), 0);
}

}  // namespace
}  // namespace trainbus
