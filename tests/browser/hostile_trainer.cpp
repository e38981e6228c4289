// A trainer that says one text in every place where a text may stand, and somebody who commands it and raises an alert
// under that text: what a page shows of it must stay a text. For hostile_test.mjs.
//   trainbus-hostile-trainer BROKER RUN TEXT      until it is interrupted; "ready" when everything was said once
#include <chrono>
#include <cmath>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace {

using namespace trainbus;
using std::chrono::milliseconds;

constexpr int kSide = 32;
constexpr milliseconds kBatch{100};
constexpr milliseconds kPatience{10'000};
volatile std::sig_atomic_t interrupted = 0;

class HostileTrainer {
 public:
  HostileTrainer(const std::string& broker, const std::string& run, std::string text)
      : text_(std::move(text)), bus_(options(broker, run)), pixels_(std::size_t{kSide} * kSide * 3, 128) {
    bus_.on_choice({.name = "choice", .unit = text_, .help = text_}, {text_, "other"}, text_,
                   [this](const std::string&) {
                     return Applied{text_, text_};
                   });
    bus_.on_number({.name = "number", .unit = text_, .min = 0, .max = 1, .help = text_}, 0.5,
                   [this](double) { return Rejected{text_}; });
    bus_.on_action({.name = "action", .help = text_}, [this] { return Applied{text_}; });
    bus_.start(plan());
    bus_.status(v1::RUNNING, text_);
  }

  void say() {
    ++step_;
    const Prediction prediction{.predicted_class = 0, .label = text_, .confidence = 0.9F, .top_k = {{0, text_, 0.9F}}};
    const std::int32_t truth = step_ % 2;
    bus_.log_batch({.epoch = 1,
                    .batch = step_ - 1,
                    .batch_size = 1,
                    .loss = 1.0 / step_,
                    .predictions = {&prediction, 1},
                    .ground_truth = {&truth, 1},
                    .scalars = {{text_, std::nan("")}, {"group/" + text_, 1.0 * step_}}},
                   [&](TileBatch& tiles) { tiles.add(pixels_.data(), kSide, kSide, 3, 0, truth, prediction, text_); });
    if (step_ % 10 == 1) show();
    bus_.step();
  }

  bool finish() { return bus_.finish(v1::FAILED, text_, kPatience); }

 private:
  static ProducerOptions options(const std::string& broker, const std::string& run) {
    ProducerOptions options;
    options.run = run;
    options.trainer = "t0";
    options.broker = broker;
    options.spool_dir.clear();
    return options;
  }

  TrainingPlan plan() const {
    TrainingPlan plan;
    plan.total_epochs = 1;
    plan.batches_per_epoch = 1'000'000;
    plan.model_name = plan.dataset_name = plan.notes = text_;
    plan.class_names = {text_, text_ + "2"};
    plan.parameters = {{text_, text_}, {"plain", text_}};
    plan.tags = {text_};
    return plan;
  }

  void show() {
    // Names of records may hold no control characters; their content may.
    bus_.log_text(text_, text_ + "\x07\x1b[31m\x01");
    bus_.log_table("table " + text_, {{text_, "b"}, {text_, "b"}, {1, 2, 3, 4}});
    const MediaImage picture{.pixels = pixels_.data(), .width = kSide, .height = kSide, .caption = text_};
    bus_.log_images("picture " + text_, {&picture, 1});
    const std::vector<float> values{1, 2, 3};
    bus_.log_histogram("histogram " + text_, values, 3);
  }

  const std::string text_;
  Producer bus_;
  const std::vector<std::uint8_t> pixels_;
  int step_ = 0;
};

// As `text`: a command whose issuer and value it is, and an alert of which it is rule and message.
bool command_and_alert(const std::string& broker, const std::string& session, const std::string& text) {
  ControlClient client(broker);
  v1::ControlCommand command;
  command.set_type(v1::SET_KNOB);
  command.set_issuer(text);
  (*command.mutable_parameters())["name"] = "choice";
  (*command.mutable_parameters())["value"] = text;
  const auto answer = client.issue(session, command, kPatience);
  v1::Alert alert;
  alert.set_alert_id("hostile");
  alert.set_rule(text);
  alert.set_message(text);
  alert.set_active(true);
  return answer && answer->error.empty() && client.raise(session, alert, kPatience);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  for (const int signal : {SIGINT, SIGTERM})
    std::signal(signal, [](int) { interrupted = 1; });
  const std::string broker = argv[1], run = argv[2], text = argv[3];
  HostileTrainer trainer(broker, run, text);
  for (int step = 1; interrupted == 0; ++step) {
    trainer.say();
    if (step == 20) {
      if (!command_and_alert(broker, run + "/t0", text)) std::cerr << "the command or the alert was refused\n";
      std::cout << "ready" << std::endl;
    }
    std::this_thread::sleep_for(kBatch);
  }
  return trainer.finish() ? 0 : 1;
}
