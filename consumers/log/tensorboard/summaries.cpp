#include "summaries.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus::tensorboard {
namespace {

// Events have 32 bits: what is too large for them is the largest, so that only infinity is shown as infinite.
float shown(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::isfinite(value) ? std::clamp(value, -kLargest, kLargest) : value);
}

void add_scalar(Summary& summary, std::string_view tag, double value) {
  auto& added = *summary.add_value();
  added.mutable_tag()->assign(tag);
  added.set_simple_value(shown(value));
}

void add_named(Event& event, const google::protobuf::Map<std::string, double>& values, TagNames& tags) {
  for (const auto& [name, value] : values)
    if (const auto* tag = tags.tag_of(name, Dashboard::kScalars, event))
      add_scalar(*event.mutable_summary(), *tag, value);
}

// One line of a table of settings; nothing for what was not said.
void add_setting(std::string& table, std::string_view name, std::string_view value) {
  if (!value.empty()) table += fmt::format("| {} | {} |\n", plain(name), plain(value));
}
void add_setting(std::string& table, std::string_view name, std::int32_t value) {
  if (value != 0) table += fmt::format("| {} | {} |\n", name, value);
}

std::string joined(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::string all;
  for (const auto& text : texts)
    all.append(all.empty() ? "" : ", ").append(text);
  return all;
}

std::string config_table(const v1::TrainingConfig& config) {
  std::string table = "| hyperparameter | value |\n|---|---|\n";
  add_setting(table, "model", config.model_name());
  add_setting(table, "data set", config.dataset_name());
  add_setting(table, "classes", joined(config.class_names()));
  add_setting(table, "epochs", config.total_epochs());
  add_setting(table, "batches per epoch", config.batches_per_epoch());
  add_setting(table, "batch size", config.batch_size());
  if (config.has_learning_rate()) add_setting(table, "learning rate", number_text(config.learning_rate()));
  const std::map<std::string, std::string> sorted(config.parameters().begin(), config.parameters().end());
  for (const auto& [name, value] : sorted)
    table += fmt::format("| {} | {} |\n", plain(name), plain(value));
  add_setting(table, "tags", joined(config.tags()));
  if (!config.notes().empty()) table.append("\n").append(config.notes()).append("\n");
  return table;
}

}  // namespace

void add_text(Summary& summary, std::string_view tag, std::string markdown) {
  auto& added = *summary.add_value();
  added.mutable_tag()->assign(tag);
  added.mutable_tensor()->set_dtype(kStringType);
  added.mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(1);
  added.mutable_tensor()->add_string_val(std::move(markdown));
  added.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  added.mutable_metadata()->set_data_class(kTensorClass);
}

std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]<>()#+!|~-").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

void add_values(Event& event, const v1::BatchData& batch, TagNames& tags) {
  auto& summary = *event.mutable_summary();
  if (batch.has_batch_loss()) add_scalar(summary, "train/loss", batch.batch_loss());
  if (batch.has_batch_accuracy()) add_scalar(summary, "train/accuracy", batch.batch_accuracy());
  if (batch.has_learning_rate()) add_scalar(summary, "learning_rate", batch.learning_rate());
  add_named(event, batch.scalars(), tags);
}

void add_values(Event& event, const v1::EpochData& epoch, TagNames& tags) {
  auto& summary = *event.mutable_summary();
  add_scalar(summary, "epoch/number", epoch.epoch());
  if (epoch.has_average_loss()) add_scalar(summary, "epoch/train_loss", epoch.average_loss());
  if (epoch.has_average_accuracy()) add_scalar(summary, "epoch/train_accuracy", epoch.average_accuracy());
  if (epoch.has_learning_rate()) add_scalar(summary, "epoch/learning_rate", epoch.learning_rate());
  if (epoch.has_validation_loss()) add_scalar(summary, "epoch/validation_loss", epoch.validation_loss());
  if (epoch.has_validation_accuracy()) add_scalar(summary, "epoch/validation_accuracy", epoch.validation_accuracy());
  add_named(event, epoch.scalars(), tags);
}

void add_values(Event& event, const v1::ScalarData& scalars, TagNames& tags) {
  add_named(event, scalars.values(), tags);
}

void add_values(Summary& summary, const v1::PerformanceData& perf) {
#define ADD_SAID(record, field) \
  if ((record).has_##field()) add_scalar(summary, "perf/" #field, (record).field())
  ADD_SAID(perf, time_per_batch_ms);
  ADD_SAID(perf, total_time_for_epoch_sec);
  ADD_SAID(perf, estimated_time_remaining_sec);
  ADD_SAID(perf, current_fps);
  ADD_SAID(perf, average_fps);
  const auto& usage = perf.resource_usage();
  ADD_SAID(usage, cpu_percent);
  ADD_SAID(usage, memory_mb);
  ADD_SAID(usage, gpu_percent);
  ADD_SAID(usage, gpu_memory_mb);
#undef ADD_SAID
}

void add_values(Summary& summary, const v1::StatusUpdate& status) {
  const auto& name = v1::TrainingStatus_Name(status.status());
  add_text(summary, "status", status.message().empty() ? name : fmt::format("{}: {}", name, plain(status.message())));
  if (status.has_config()) add_text(summary, "hyperparameters", config_table(status.config()));
}

void add_values(Summary& summary, const v1::ControlCommand& command) {
  if (!command_ended(command.state())) return;
  auto text = fmt::format("**{}**", v1::CommandType_Name(command.type()));
  if (command.type() == v1::SET_KNOB) text += ' ' + plain(command_knob(command));
  if (const auto* value = command_value_text(command)) text += ' ' + plain(*value);
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
    added.mutable_image()->set_height(static_cast<std::int32_t>(image.height()));
    added.mutable_image()->set_width(static_cast<std::int32_t>(image.width()));
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
