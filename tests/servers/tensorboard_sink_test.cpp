// The event files of the sink, read by an installed TensorBoard: its Python loader, its data server, its HParams.
// `python3 -m venv V && V/bin/pip install tensorboard`, then TRAINBUS_TENSORBOARD_PYTHON=V/bin/python.
#include "consumers/log/tensorboard/tensorboard_sink.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/sample_records.hpp"
#include "tests/support/sink_under_test.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using nlohmann::json;

constexpr std::uint64_t kFirst = test::kSampleIncarnation + 7;  // the resumed one has the smaller number
constexpr std::uint64_t kResumed = test::kSampleIncarnation;

// An interpreter that has TensorBoard; empty when there is none.
std::string tensorboard_python() {
  const char* given = std::getenv("TRAINBUS_TENSORBOARD_PYTHON");
  const std::string python = given != nullptr ? given : "python3";
  return std::system((python + " -c 'import tensorboard' 2>/dev/null").c_str()) == 0 ? python : "";
}

json shown(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return static_cast<double>(static_cast<float>(value));
}

// A training that is written through the sink, and what TensorBoard must show of it.
class Training {
 public:
  explicit Training(const std::string& folder) : sink_(test::OptionValues{{"folder", folder}}) { sink_.open(); }

  void begin(std::uint64_t incarnation, int batches_per_epoch) {
    incarnation_ = incarnation;
    own_ = 0;
    sequences_ = {};
    auto& config = *next(v1::KIND_STATUS).message.mutable_status_update()->mutable_config();
    auto& status = *record_.message.mutable_status_update();
    status.set_status(v1::RUNNING);
    config.set_batches_per_epoch(batches_per_epoch);
    config.set_learning_rate(0.5);
    config.set_model_name("gan");
    (*config.mutable_parameters())["optimizer"] = "adam";
    (*config.mutable_parameters())["ema"] = "true";
    (*config.mutable_parameters())["beta1"] = "0.25";
    write();
  }
  void batch(int epoch, int index, std::int64_t x, double loss, const std::map<std::string, double>& named) {
    auto& batch = *next(v1::KIND_BATCH).message.mutable_batch_data();
    batch.set_epoch(epoch);
    batch.set_batch_idx(index);
    batch.set_step(++own_);
    batch.set_batch_loss(loss);
    batch.mutable_scalars()->insert(named.begin(), named.end());
    write();
    point("train/loss", x, loss);
    for (const auto& [name, value] : named)
      point(name, x, value);
  }
  void epoch(int epoch, std::int64_t x, double validation_loss) {
    auto& data = *next(v1::KIND_EPOCH).message.mutable_epoch_data();
    data.set_epoch(epoch);
    data.set_step(own_);
    data.set_validation_loss(validation_loss);
    (*data.mutable_scalars())["val/iou"] = 0.75;
    write();
    point("epoch/number", x, epoch);
    point("epoch/validation_loss", x, validation_loss);
    point("val/iou", x, 0.75);
  }
  v1::MediaData& media(const std::string& name) {
    auto& media = *next(v1::KIND_MEDIA).message.mutable_media_data();
    media.set_name(name);
    media.set_step(own_);
    return media;
  }
  void end(v1::TrainingStatus status) {
    next(v1::KIND_STATUS).message.mutable_status_update()->set_status(status);
    write();
    sink_.flush();
    sink_.sync();
  }
  void write() { sink_.write(record_); }
  void forget_after(std::int64_t x) {
    for (auto& [tag, points] : expected_["scalars"].items())
      for (auto point = points.begin(); point != points.end();)
        point = std::stoll(point.key()) > x ? points.erase(point) : std::next(point);
  }
  json& expected(const char* part, const std::string& tag, std::int64_t x) {
    return expected_[part][tag][std::to_string(x)];
  }
  json& expected() { return expected_; }

 private:
  Record& next(Kind kind) {
    record_ = test::sample_record(kind, ++sequences_[kind]);
    record_.message.set_incarnation(incarnation_);
    return record_;
  }
  void point(const std::string& tag, std::int64_t x, double value) { expected("scalars", tag, x) = shown(value); }

  test::SinkUnderTest<TensorboardSink> sink_;
  Record record_;
  std::uint64_t incarnation_ = 0, own_ = 0;
  std::map<Kind, std::uint64_t> sequences_;
  json expected_ = {{"scalars", json::object()},
                    {"texts", json::object()},
                    {"images", json::object()},
                    {"histograms", json::object()},
                    {"hparams", json::object()}};
};

void add_media(Training& training, std::int64_t x) {
  auto& set = *training.media("generated").mutable_images();
  for (const std::string bytes : {"\x89PNG one", "\x89PNG two", "\x89PNG three"}) {
    auto& image = *set.add_images();
    image.set_image_bytes(bytes);
    image.set_width(8);
    image.set_height(6);
    set.add_captions("a " + bytes.substr(5));
  }
  training.write();
  // Width and height are the first two, which the plug-in takes off.
  training.expected("images", "generated", x) = {"38", "36", "89504e47206f6e65", "89504e472074776f",
                                                 "89504e47207468726565"};
  training.expected("texts", "generated/captions", x) =
      "| sample | caption |\n|---|---|\n| 1 | a one |\n| 2 | a two |\n| 3 | a three |\n";

  training.media("samples/text").set_text("Once *upon* a time\nthere was");
  training.write();
  training.expected("texts", "samples/text", x) = "Once *upon* a time\nthere was";

  auto& histogram = *training.media("weights").mutable_histogram();
  for (const double edge : {-2.0, -1.0, 0.0, 1.0, 3.0})
    histogram.add_edges(edge);
  for (const double count : {0.0, 4.0, 0.0, 2.0})
    histogram.add_counts(count);
  training.write();
  training.expected("histograms", "weights", x) = {{-1, 0, 4}, {0, 1, 0}, {1, 3, 2}};

  auto& table = *training.media("confusion").mutable_table();
  for (const std::string name : {"cat", "dog"}) {
    table.add_columns(name);
    table.add_rows(name);
  }
  for (const double value : {5.0, 1.0, 0.0, 2.5})
    table.add_values(value);
  training.write();
  training.expected("texts", "confusion", x) =
      "| | cat | dog |\n|---|---:|---:|\n| **cat** | 5 | 1 |\n| **dog** | 0 | 2.5 |\n";
}

TEST(TensorboardLoaders, ShowATrainingValueByValueAlsoWhenItWasResumedWithAnotherBatchSize) {
  const auto python = tensorboard_python();
  if (python.empty()) GTEST_SKIP() << "no tensorboard: pip install tensorboard, see TRAINBUS_TENSORBOARD_PYTHON";
  const test::TempDir dir;
  Training training(dir / "tb");
  training.begin(kFirst, 40);
  for (int step = 1; step <= 330; ++step) {
    const double odd = step == 7    ? std::numeric_limits<double>::quiet_NaN()
                       : step == 9  ? std::numeric_limits<double>::infinity()
                       : step == 11 ? 1.0 / 3
                                    : -step;
    training.batch((step - 1) / 40 + 1, (step - 1) % 40, step, 1.0 / step, {{"gen_loss", odd}, {"grad/norm", 2}});
    if (step % 40 == 0) training.epoch(step / 40, step, 0.5);
  }
  training.forget_after(320);
  training.begin(kResumed, 20);
  for (int step = 1; step <= 40; ++step) {
    training.batch(8 + (step - 1) / 20 + 1, (step - 1) % 20, 320 + step, 100.0 + step,
                   {{"gen_loss", 3}, {"grad/norm", 4}});
    if (step % 20 == 0) training.epoch(8 + step / 20, 320 + step, 0.25);
  }
  add_media(training, 360);
  training.end(v1::STOPPED);
  training.expected()["hparams"] = {{"hparams",
                                     {{"batches_per_epoch", 40},
                                      {"learning_rate", 0.5},
                                      {"model_name", "gan"},
                                      {"optimizer", "adam"},
                                      {"ema", true},
                                      {"beta1", 0.25}}},
                                    {"status", "STATUS_SUCCESS"}};
  std::ofstream(dir / "expected.json") << training.expected();
  const std::string command = python + " " TRAINBUS_SOURCE "/tests/servers/tensorboard_loaders.py " + (dir / "tb") +
                              " r/t0 " + (dir / "expected.json") + " >" + (dir / "said") + " 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream said(dir / "said");
  EXPECT_EQ(status, 0) << std::string{std::istreambuf_iterator<char>(said), {}};
}

}  // namespace
}  // namespace trainbus
