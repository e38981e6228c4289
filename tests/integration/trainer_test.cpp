// The real trainer as a process, with a real broker: what it publishes, how it obeys and how it ends.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
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
    more.insert(more.begin(), {"--broker", broker_.address(), "--run", "r", "--name", "t", "--limit-samples", "320",
                               "--batch-size", "32"});
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
    const auto until = std::chrono::steady_clock::now() + 20s;
    Kind kind = v1::KIND_UNKNOWN;
    while (std::chrono::steady_clock::now() < until)
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
    const auto issued = control_.issue("r/t", wanted, 5s);
    if (!issued || issued->commands.empty()) return {};
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
  EXPECT_NEAR(perf.current_fps() * perf.time_per_batch_ms(), 1000, 1e-6);
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
  const auto completed = next_status(v1::COMPLETED);
  ASSERT_TRUE(completed);
  EXPECT_EQ(completed->status_update().message(), "stopped by command at step " + std::to_string(stop.applied_step()));
  EXPECT_EQ(trainer_->wait(5s), 0);
}

TEST_F(TrainerOnTheBus, EndsOnASignalWithinTwoSecondsAndSaysSo) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(5)) << trainer_->output();
  trainer_->signal(SIGTERM);
  EXPECT_EQ(trainer_->wait(2s), 0) << trainer_->output();
  const auto failed = next_status(v1::FAILED);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->status_update().message(), HasSubstr("stopped by SIGTERM at step "));
}

TEST_F(TrainerOnTheBus, EndsOnASignalOutOfAPause) {
  start({"--epochs", "100000"});
  ASSERT_TRUE(next_step(1)) << trainer_->output();
  ASSERT_EQ(command(v1::PAUSE_TRAINING).state(), v1::COMMAND_APPLIED);
  trainer_->signal(SIGINT);
  EXPECT_EQ(trainer_->wait(2s), 0) << trainer_->output();
  const auto failed = next_status(v1::FAILED);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->status_update().message(), HasSubstr("stopped by SIGINT at step "));
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
  EXPECT_EQ(frames.front().sequence, 1u) << "tiles were sent before anybody watched";
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
    const std::regex end("completed: stopped by [a-z]+ at step ([0-9]+)");
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
