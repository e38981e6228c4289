#include "trainbus/trainer_json.hpp"

#include <vector>

#include "json_members.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/knobs.hpp"

namespace trainbus {
namespace {

template <class Integer>
std::optional<Integer> positive(Integer value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> age(std::int64_t age_ms) { return age_ms >= 0 ? std::optional(age_ms) : std::nullopt; }

void append_knob(std::string& out, const v1::Knob& knob) {
  out += '{';
  JsonMembers json(out);
  json.add("name", knob.name()).add("type", knob_type_name(knob.type())).add("value", knob.value());
  json.add("unit", knob.unit());
  json.add("min", knob.has_min() ? std::optional(knob.min()) : std::nullopt);
  json.add("max", knob.has_max() ? std::optional(knob.max()) : std::nullopt);
  json.add_array("choices", knob.choices(), append_json_string);
  json.add("range", knob_range_text(knob)).add("help", knob.help());
  out += '}';
}

void add_standing(JsonMembers& json, const TrainerStanding& standing, std::int64_t order) {
  json.add("order", std::to_string(order)).add("newest", standing.newest).add("live", standing.live);
  json.add("first_heard_ms", positive(standing.first_heard_ms)).add("clock_skew_ms", standing.clock_skew_ms);
}

void add_position(JsonMembers& json, const TrainerFigures& figures, const v1::TrainingConfig& plan) {
  json.add("epoch", figures.epoch).add("epoch_base", figures.epoch_base);
  json.add("total_epochs", positive(plan.total_epochs())).add("batch", figures.batch);
  json.add("batches_per_epoch", positive(plan.batches_per_epoch())).add("epoch_progress", figures.epoch_progress);
  json.add("step", figures.step).add("first_step", figures.first_step());
}

void add_values(JsonMembers& json, const TrainerFigures& figures, TrainerDetail detail) {
  json.add("loss", figures.loss).add("accuracy", figures.accuracy);
  json.add("epoch_loss", figures.epoch_loss).add("epoch_accuracy", figures.epoch_accuracy);
  json.add("validation_loss", figures.validation_loss).add("validation_accuracy", figures.validation_accuracy);
  json.add("learning_rate", figures.learning_rate).add("batch_size", figures.batch_size);
  if (detail != TrainerDetail::kOverview)
    json.add_object("scalars", figures.scalars).add("scalars_left_out", figures.scalars_left_out);
  std::string& out = json.key("not_finite");
  if (!figures.not_finite) {
    out += "null";
    return;
  }
  out += '{';
  JsonMembers(out)
      .add("name", figures.not_finite->name)
      .add("step", figures.not_finite->step)
      .add("value", figures.not_finite->value);
  out += '}';
}

void add_rates(JsonMembers& json, const TrainerFigures& figures) {
  json.add("fps", figures.fps).add("average_fps", figures.average_fps);
  json.add("time_per_batch_ms", figures.time_per_batch_ms).add("eta_sec", figures.eta_sec);
  std::vector<std::string_view> derived;
  if (figures.derived.fps) derived.push_back("fps");
  if (figures.derived.time_per_batch_ms) derived.push_back("time_per_batch_ms");
  if (figures.derived.eta_sec) derived.push_back("eta_sec");
  json.add_array("derived", derived, append_json_string);
}

void add_resources(JsonMembers& json, const std::optional<v1::ResourceUsage>& used) {
  const auto said = [&](bool (v1::ResourceUsage::*has)() const, double (v1::ResourceUsage::*get)() const) {
    return used && (*used.*has)() ? std::optional((*used.*get)()) : std::nullopt;
  };
  using Usage = v1::ResourceUsage;
  json.add("cpu_percent", said(&Usage::has_cpu_percent, &Usage::cpu_percent));
  json.add("memory_mb", said(&Usage::has_memory_mb, &Usage::memory_mb));
  json.add("gpu_percent", said(&Usage::has_gpu_percent, &Usage::gpu_percent));
  json.add("gpu_memory_mb", said(&Usage::has_gpu_memory_mb, &Usage::gpu_memory_mb));
}

void add_settings(JsonMembers& json, const TrainerFigures& figures, const v1::TrainingConfig& plan) {
  // A map's order is not fixed; sorted, two answers differ in their values only.
  json.add_object("parameters",
                  std::map<std::string_view, std::string_view>(plan.parameters().begin(), plan.parameters().end()));
  json.add_array("tags", plan.tags(), append_json_string).add("notes", plan.notes());
  json.add_array("class_names", plan.class_names(), append_json_string);
  json.add("class_names_left_out", figures.class_names_left_out);
}

}  // namespace

void append_trainer_members(std::string& out, const TrainerView& view, Liveness state, std::int64_t now_ms,
                            TrainerDetail detail) {
  static const v1::TrainingConfig kNoPlan;
  const auto& figures = view.figures();
  const auto& plan = figures.plan ? *figures.plan : kNoPlan;
  JsonMembers json(out);
  json.add("run", view.session().run).add("trainer", view.session().trainer).add("state", liveness_name(state));
  json.add("incarnation", std::to_string(figures.incarnation));
  json.add("address", incarnation_address(view.session().id(), figures.incarnation));
  add_standing(json, view.standing(), figures.order);
  json.add("status", v1::TrainingStatus_Name(figures.status)).add("status_message", figures.status_message);
  add_position(json, figures, plan);
  add_values(json, figures, detail);
  add_rates(json, figures);
  add_resources(json, figures.resources);
  json.add("heartbeat_age_ms", age(view.heartbeat_age_ms(now_ms)));
  json.add("last_record_age_ms", age(view.last_record_age_ms(now_ms)));
  json.add("model", plan.model_name()).add("dataset", plan.dataset_name());
  if (detail != TrainerDetail::kOverview) json.key("knobs") += knobs_json(plan);
  if (detail == TrainerDetail::kAll) add_settings(json, figures, plan);
}

std::string trainer_json(const TrainerView& view, Liveness state, std::int64_t now_ms, TrainerDetail detail) {
  std::string json = "{";
  append_trainer_members(json, view, state, now_ms, detail);
  return json += '}';
}

std::string knobs_json(const v1::TrainingConfig& plan) {
  std::string json = "[";
  for (const auto& knob : plan.knobs()) {
    if (json.size() > 1) json += ',';
    append_knob(json, knob);
  }
  return json += ']';
}

void append_command_members(std::string& out, const v1::ControlCommand& command) {
  const auto knob = command_knob(command);
  const auto* value = command_value_text(command);
  JsonMembers json(out);
  json.add("command_id", command.command_id()).add("type", v1::CommandType_Name(command.type()));
  json.add("name", knob.empty() ? std::nullopt : std::optional(knob));
  json.add("value", value == nullptr ? std::nullopt : std::optional(*value));
  json.add("state", command_state_name(command.state())).add("issuer", command.issuer());
  json.add("applied_step", command.applied_step()).add("old_value", command.old_value());
  json.add("new_value", command.new_value()).add("reason", command.reason());
}

std::string command_json(std::string_view session_id, const v1::ControlCommand& command, std::int64_t timestamp_ms) {
  const auto slash = session_id.find('/');
  std::string json = "{";
  JsonMembers(json)
      .add("run", session_id.substr(0, slash))
      .add("trainer", slash == session_id.npos ? std::string_view{} : session_id.substr(slash + 1));
  json += ',';
  append_command_members(json, command);
  json += ",\"timestamp_ms\":";
  append_json_value(json, positive(timestamp_ms));
  return json += '}';
}

}  // namespace trainbus
