#pragma once
// A whole training in a second, through the producer SDK: every kept kind of record, a command, an alert, and a second
// life that goes on from the checkpoint after epoch 2.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/eventually.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus::test {

inline constexpr int kShortBatches = 20;  // an epoch

struct ShortLife {
  int first_epoch = 1;
  int last_epoch = 3;
  bool completes = true;  // else it is stopped half-way through the last epoch
};

// One of each.
inline void log_media(Producer& bus) {
  bus.log_scalars({{"reward", 12}});
  bus.log_text("sample", "It was a dark and\nstormy night.");
  bus.log_histogram("weights", std::vector<double>{-1, 0, 1}, std::vector<double>{3, 4});
  bus.log_table("confusion", {.columns = {"circle", "square"}, .rows = {"circle", "square"}, .values = {5, 1, 2, 6}});
  const std::vector<std::uint8_t> grey(16 * 16, 128);
  const MediaImage image{.pixels = grey.data(), .width = 16, .height = 16, .channels = 1, .caption = "grey"};
  bus.log_images("generated/one", {&image, 1});
}

// Runs one life of mine/<trainer>; true when the broker has stored everything.
inline bool train_shortly(const std::string& broker, const std::string& trainer, ShortLife life) {
  Producer bus({.run = "mine", .trainer = trainer, .broker = broker, .spool_dir = ""});
  double learning_rate = 0.1;
  bus.on_learning_rate([&](double rate) { return Applied{std::exchange(learning_rate, rate), rate}; });
  bus.start({.total_epochs = life.last_epoch,
             .batches_per_epoch = kShortBatches,
             .batch_size = 2,
             .learning_rate = learning_rate,
             .model_name = "cnn",
             .dataset_name = "shapes",
             .class_names = {"circle", "square"},
             .parameters = {{"optimizer", "sgd"}, {"weight_decay", "0.01"}},
             .tags = {"short"},
             .notes = "as short as can be"});
  if (!eventually("the broker knows the trainer", [&] { return bus.connected(); })) return false;
  ControlClient control(broker);
  v1::ControlCommand command;
  command.set_type(v1::CHANGE_LEARNING_RATE);
  command.set_command_id(new_command_id());
  command.set_issuer("test");
  (*command.mutable_parameters())["value"] = "0.05";
  if (!control.issue("mine/" + trainer, command, std::chrono::seconds(60))) return false;
  const std::vector<std::int32_t> truth{0, 1};
  std::uint64_t step = 0;
  for (int epoch = life.first_epoch; epoch <= life.last_epoch; ++epoch) {
    for (int batch = 0; batch < kShortBatches; ++batch) {
      if (!life.completes && epoch == life.last_epoch && batch == kShortBatches / 2)
        return bus.close(std::chrono::seconds(60));
      bus.step();
      if (++step == 10 && !eventually("the command is applied", [&] { return bus.step() && learning_rate == 0.05; }))
        return false;
      const double progress = (epoch - 1) * kShortBatches + batch;
      const std::vector<Prediction> predictions{{.predicted_class = 0, .label = "circle", .confidence = 0.9F},
                                                {.predicted_class = batch % 2, .label = "?", .confidence = 0.6F}};
      bus.log_batch({.epoch = epoch,
                     .batch = batch,
                     .batch_size = 2,
                     .loss = step == 15 ? std::numeric_limits<double>::quiet_NaN() : std::exp(-progress / 30),
                     .accuracy = 0.5,
                     .learning_rate = learning_rate,
                     .predictions = predictions,
                     .ground_truth = truth,
                     .scalars = {{"gen_loss", progress},
                                 {"disc_loss", step == 15 ? std::numeric_limits<double>::quiet_NaN() : 0.5},
                                 {"grad_norm", 1.5}}});
      if (step % 5 == 0)
        bus.log_perf({.time_per_batch_ms = 10,
                      .current_fps = 100,
                      .average_fps = 100,
                      .resources = Resources{.cpu_percent = 50, .memory_mb = 64}});
    }
    bus.log_epoch({.epoch = epoch,
                   .average_loss = 1.0 / epoch,
                   .average_accuracy = 0.5,
                   .learning_rate = learning_rate,
                   .validation_loss = epoch < 3 ? 1.0 / epoch : 0.8,
                   .validation_accuracy = 0.5,
                   .scalars = {{"val/perplexity", 20.0 / epoch}}});
  }
  log_media(bus);
  v1::Alert alert;
  alert.set_alert_id(new_command_id());
  alert.set_rule("not_finite");
  alert.set_message("loss is nan at step 15");
  alert.set_active(true);
  return control.raise("mine/" + trainer, alert, std::chrono::seconds(60)) &&
         bus.finish(v1::COMPLETED, "done", std::chrono::seconds(60));
}

}  // namespace trainbus::test
