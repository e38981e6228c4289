#include "summaries.hpp"

#include <spdlog/fmt/fmt.h>

#include "trainbus/wire.hpp"

namespace trainbus::tensorboard {
namespace {

constexpr int kStringType = 7;
constexpr int kTensorClass = 2;

void add_scalar(Summary& summary, std::string_view tag, double value) {
  auto& added = *summary.add_value();
  added.mutable_tag()->assign(tag);
  added.set_simple_value(static_cast<float>(value));
}

// As tf.summary.text writes it: a string tensor of one element, for the plugin "text".
void add_text(Summary& summary, std::string_view tag, std::string text) {
  auto& added = *summary.add_value();
  added.mutable_tag()->assign(tag);
  added.mutable_tensor()->set_dtype(kStringType);
  added.mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(1);
  added.mutable_tensor()->add_string_val(std::move(text));
  added.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  added.mutable_metadata()->set_data_class(kTensorClass);
}

// Text of a trainer within Markdown: as it is, on one line.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]<>()#+!|~-").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::string config_table(const v1::TrainingConfig& config) {
  std::string names;
  for (const auto& name : config.class_names())
    names.append(names.empty() ? "" : ", ").append(plain(name));
  return fmt::format(
      "| hyperparameter | value |\n|---|---|\n| model | {} |\n| data set | {} |\n| classes | {} |\n| epochs | {} |\n"
      "| batches per epoch | {} |\n| batch size | {} |\n| learning rate | {:g} |\n",
      plain(config.model_name()), plain(config.dataset_name()), names, config.total_epochs(),
      config.batches_per_epoch(), config.batch_size(), config.learning_rate());
}

}  // namespace

void add_values(Summary& summary, const v1::BatchData& batch) {
  add_scalar(summary, "train/loss", batch.batch_loss());
  add_scalar(summary, "train/accuracy", batch.batch_accuracy());
  if (batch.learning_rate() != 0) add_scalar(summary, "learning_rate", batch.learning_rate());
}

void add_values(Summary& summary, const v1::EpochData& epoch) {
  add_scalar(summary, "epoch/number", epoch.epoch());
  add_scalar(summary, "epoch/train_loss", epoch.average_loss());
  add_scalar(summary, "epoch/train_accuracy", epoch.average_accuracy());
  if (epoch.learning_rate() != 0) add_scalar(summary, "epoch/learning_rate", epoch.learning_rate());
  if (epoch.has_validation_loss()) add_scalar(summary, "epoch/validation_loss", epoch.validation_loss());
  if (epoch.has_validation_accuracy()) add_scalar(summary, "epoch/validation_accuracy", epoch.validation_accuracy());
}

void add_values(Summary& summary, const v1::PerformanceData& perf) {
  add_scalar(summary, "perf/time_per_batch_ms", perf.time_per_batch_ms());
  add_scalar(summary, "perf/total_time_for_epoch_sec", perf.total_time_for_epoch_sec());
  add_scalar(summary, "perf/estimated_time_remaining_sec", perf.estimated_time_remaining_sec());
  add_scalar(summary, "perf/current_fps", perf.current_fps());
  add_scalar(summary, "perf/average_fps", perf.average_fps());
  if (!perf.has_resource_usage()) return;
  add_scalar(summary, "perf/cpu_percent", perf.resource_usage().cpu_percent());
  add_scalar(summary, "perf/memory_mb", perf.resource_usage().memory_mb());
  add_scalar(summary, "perf/gpu_percent", perf.resource_usage().gpu_percent());
  add_scalar(summary, "perf/gpu_memory_mb", perf.resource_usage().gpu_memory_mb());
}

void add_values(Summary& summary, const v1::StatusUpdate& status) {
  const auto& name = v1::TrainingStatus_Name(status.status());
  add_text(summary, "status", status.message().empty() ? name : fmt::format("{}: {}", name, plain(status.message())));
  if (status.has_config()) add_text(summary, "hyperparameters", config_table(status.config()));
}

void add_values(Summary& summary, const v1::ControlCommand& command) {
  if (!command_ended(command.state())) return;
  const auto value = command.parameters().find("value");
  auto text = fmt::format("**{}**", command_verb(command.type()));
  if (value != command.parameters().end()) text += ' ' + plain(value->second);
  text += fmt::format(" {}", command_state_name(command.state()));
  if (command.state() == v1::COMMAND_APPLIED) text += fmt::format(" at the trainer's step {}", command.applied_step());
  if (!command.old_value().empty())
    text += fmt::format(" ({} → {})", plain(command.old_value()), plain(command.new_value()));
  if (!command.reason().empty()) text += ": " + plain(command.reason());
  if (!command.issuer().empty()) text += ", issued by " + plain(command.issuer());
  add_text(summary, "commands", std::move(text));
}

void add_values(Summary& summary, const v1::Alert& alert) {
  add_text(summary, "alerts",
           fmt::format("**{}**{}: {}", plain(alert.rule()), alert.active() ? "" : " ended", plain(alert.message())));
}

void add_tiles(Summary& summary, const v1::BatchData& tiles) {
  std::string table = "| tile | truth | predicted | confidence |\n|---|---|---|---|\n";
  for (int i = 0; i < tiles.images_size(); ++i) {
    const auto& image = tiles.images(i);
    auto& added = *summary.add_value();
    added.set_tag(fmt::format("tiles/{:02}", i));
    added.mutable_image()->set_height(image.height());
    added.mutable_image()->set_width(image.width());
    added.mutable_image()->set_colorspace(image.channels());
    added.mutable_image()->set_encoded_image_string(image.image_bytes());
    if (i >= tiles.predictions_size()) continue;
    const auto& predicted = tiles.predictions(i);
    table +=
        fmt::format("| {} | {} | {} {} | {:.3f} |\n", i, i < tiles.ground_truth_size() ? tiles.ground_truth(i) : -1,
                    predicted.predicted_class(), plain(predicted.predicted_label()), predicted.confidence());
  }
  if (tiles.predictions_size() > 0) add_text(summary, "tiles/predictions", std::move(table));
}

}  // namespace trainbus::tensorboard
