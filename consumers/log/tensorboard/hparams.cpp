// The dashboard HParams: what TensorBoard calls a session is a trainer here. It finds the metrics by itself, which are
// all scalars of the trainer, and the columns, which are the settings that any trainer said; so no experiment is
// written.
#include <charconv>
#include <cmath>

#include "summaries.hpp"

namespace trainbus::tensorboard {
namespace {

constexpr int kFloatType = 1;
constexpr int kSuccess = 1, kFailure = 2;

// Numbers and truth values can be filtered and drawn as such.
HparamValue value_of(const std::string& text) {
  HparamValue value;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text == "true" || text == "false")
    value.set_bool_value(text == "true");
  else if (error == std::errc() && end == text.data() + text.size() && std::isfinite(number))
    value.set_number_value(number);
  else
    value.set_string_value(text);
  return value;
}

void add(Summary& summary, const char* tag, const HparamsData& data) {
  auto& added = *summary.add_value();
  added.set_tag(tag);
  added.mutable_tensor()->set_dtype(kFloatType);  // empty: what counts is in the metadata
  added.mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(0);
  added.mutable_metadata()->mutable_plugin_data()->set_plugin_name("hparams");
  data.SerializeToString(added.mutable_metadata()->mutable_plugin_data()->mutable_content());
  added.mutable_metadata()->set_data_class(kTensorClass);
}

}  // namespace

void add_session_start(Summary& summary, const v1::TrainingConfig& config, double seconds) {
  HparamsData data;
  auto& start = *data.mutable_session_start_info();
  start.set_start_time_secs(seconds);
  auto& hparams = *start.mutable_hparams();
  const auto add_number = [&](const char* name, double number) { hparams[name].set_number_value(number); };
  if (config.total_epochs() != 0) add_number("total_epochs", config.total_epochs());
  if (config.batches_per_epoch() != 0) add_number("batches_per_epoch", config.batches_per_epoch());
  if (config.batch_size() != 0) add_number("batch_size", config.batch_size());
  if (config.has_learning_rate()) add_number("learning_rate", config.learning_rate());
  if (!config.model_name().empty()) hparams["model_name"].set_string_value(config.model_name());
  if (!config.dataset_name().empty()) hparams["dataset_name"].set_string_value(config.dataset_name());
  for (const auto& [name, value] : config.parameters())
    if (!name.starts_with("env/")) hparams[name] = value_of(value);
  add(summary, "_hparams_/session_start_info", data);
}

void add_session_end(Summary& summary, v1::TrainingStatus status, double seconds) {
  HparamsData data;
  data.mutable_session_end_info()->set_status(status == v1::FAILED ? kFailure : kSuccess);
  data.mutable_session_end_info()->set_end_time_secs(seconds);
  add(summary, "_hparams_/session_end_info", data);
}

}  // namespace trainbus::tensorboard
