#include "trainer_json.hpp"

#include "json_text.hpp"
#include "trainer_model.hpp"

namespace trainbus {
namespace {

// Integers that are -1 while not known.
template <class Integer>
void add_known(JsonObject& object, std::string_view name, Integer value) {
  if (value < 0) {
    object.add_null(name);
  } else {
    object.add(name, value);
  }
}

std::pair<std::string_view, std::string_view> split_session(std::string_view id) {
  const auto slash = id.find('/');
  return {id.substr(0, slash), slash == id.npos ? std::string_view{} : id.substr(slash + 1)};
}

void add_session(JsonObject& object, std::string_view id) {
  const auto [run, trainer] = split_session(id);
  object.add("run", run).add("trainer", trainer);
}

void add_plan(JsonObject& object, const TrainerFigures& figures) {
  if (!figures.plan) {
    for (const auto* name : {"total_epochs", "batches_per_epoch", "model", "dataset"})
      object.add_null(name);
    object.key("class_names") += "[]";
    return;
  }
  const auto& plan = *figures.plan;
  object.add("total_epochs", plan.total_epochs()).add("batches_per_epoch", plan.batches_per_epoch());
  object.add("model", plan.model_name()).add("dataset", plan.dataset_name());
  std::string& out = object.key("class_names");
  append_json_array(out, plan.class_names(), [&](const std::string& name) { append_json_string(out, name); });
}

void add_figures(JsonObject& object, const TrainerFigures& figures) {
  add_known(object, "epoch", figures.epoch);
  add_known(object, "batch", figures.batch);
  object.add("step", figures.step);
  object.add("loss", figures.loss).add("accuracy", figures.accuracy);
  object.add("epoch_loss", figures.epoch_loss).add("epoch_accuracy", figures.epoch_accuracy);
  object.add("validation_loss", figures.validation_loss).add("validation_accuracy", figures.validation_accuracy);
  object.add("learning_rate", figures.learning_rate);
  add_known(object, "batch_size", figures.batch_size);
  object.add("fps", figures.fps).add("average_fps", figures.average_fps);
  object.add("time_per_batch_ms", figures.time_per_batch_ms).add("eta_sec", figures.eta_sec);
  const auto& used = figures.resources;
  constexpr double kUnknown = TrainerFigures::kUnknown;
  object.add("cpu_percent", used ? used->cpu_percent() : kUnknown);
  object.add("memory_mb", used ? used->memory_mb() : kUnknown);
  object.add("gpu_percent", used ? used->gpu_percent() : kUnknown);
  object.add("gpu_memory_mb", used ? used->gpu_memory_mb() : kUnknown);
}

// COMMAND's members, but those that an EVENT has already.
void add_command(JsonObject& object, const v1::ControlCommand& command) {
  const auto value = command.parameters().find("value");
  object.add("command_id", command.command_id()).add("type", v1::CommandType_Name(command.type()));
  object.add("value", value == command.parameters().end() ? std::string_view{} : std::string_view(value->second));
  object.add("state", command_state_name(command.state())).add("issuer", command.issuer());
  object.add("applied_step", command.applied_step());
  object.add("old_value", command.old_value()).add("new_value", command.new_value()).add("reason", command.reason());
}

// {"x":[…],"y":[…]}
void append_columns(std::string& out, std::span<const Point> points) {
  JsonObject object(out);
  std::string& x = object.key("x");
  append_json_array(x, points, [&](const Point& point) { append_json_number(x, point.x); });
  std::string& y = object.key("y");
  append_json_array(y, points, [&](const Point& point) { append_json_number(y, point.y); });
}

}  // namespace

void append_trainer(std::string& out, const TrainerModel& trainer, const Moment& moment, bool watched, bool sparkline) {
  const TrainerView& view = trainer.view();
  const TrainerFigures& figures = view.figures();
  JsonObject object(out);
  object.add("run", view.session().run).add("trainer", view.session().trainer);
  object.add("state", liveness_name(view.liveness(moment.now_ms, moment.broker_connected)));
  object.add("incarnation", std::to_string(figures.incarnation));  // more than a JavaScript number holds
  object.add("status_message", figures.status_message);
  add_figures(object, figures);
  add_plan(object, figures);
  add_known(object, "heartbeat_age_ms", view.heartbeat_age_ms(moment.now_ms));
  add_known(object, "last_record_age_ms", view.last_record_age_ms(moment.now_ms));
  object.add("watched_tiles", watched);
  if (!sparkline) return;
  std::string& losses = object.key("sparkline");
  append_json_array(losses, trainer.newest_losses(kSparklinePoints),
                    [&](const Point& point) { append_json_number(losses, point.y); });
}

void append_event(std::string& out, const Record& record) {
  const auto& message = record.message;
  JsonObject object(out);
  object.add("kind", kind_name(record.topic.kind));
  object.add("run", record.topic.session.run).add("trainer", record.topic.session.trainer);
  object.add("timestamp_ms", message.timestamp_ms());
  if (message.has_status_update()) {
    const auto& status = message.status_update();
    object.add("step", status.step()).add("status", v1::TrainingStatus_Name(status.status()));
    object.add("message", status.message());
  } else if (message.has_command()) {
    object.add("step", message.command().applied_step());
    add_command(object, message.command());
  } else if (message.has_alert()) {
    const auto& alert = message.alert();
    object.add_null("step").add("rule", alert.rule()).add("message", alert.message()).add("active", alert.active());
  }
}

void append_command(std::string& out, std::string_view session_id, const v1::ControlCommand& command,
                    std::int64_t timestamp_ms) {
  JsonObject object(out);
  add_session(object, session_id);
  add_command(object, command);
  if (timestamp_ms == 0) {
    object.add_null("timestamp_ms");
  } else {
    object.add("timestamp_ms", timestamp_ms);
  }
}

void append_pairs(std::string& out, std::span<const Point> points) {
  append_json_array(out, points, [&](const Point& point) {
    out += '[';
    append_json_number(out, point.x);
    out += ',';
    append_json_number(out, point.y);
    out += ']';
  });
}

void append_curves(std::string& out, const TrainerModel* trainer, std::size_t max_points) {
  JsonObject curves(out);
  for (std::size_t id = 0; trainer != nullptr && id < kSeriesCount; ++id) {
    const auto points = trainer->series(static_cast<SeriesId>(id)).range();
    if (!points.empty())
      append_columns(curves.key(series_name(static_cast<SeriesId>(id))), decimate(points, max_points));
  }
}

}  // namespace trainbus
