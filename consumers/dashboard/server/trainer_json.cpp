#include "trainer_json.hpp"

#include "curve_json.hpp"
#include "json_text.hpp"
#include "trainbus/trainer_json.hpp"
#include "trainer_model.hpp"

namespace trainbus {

void append_trainer(std::string& out, const TrainerModel& trainer, const Moment& moment, bool watched,
                    TrainerDetail detail) {
  const TrainerView& view = trainer.view();
  out += '{';
  append_trainer_members(out, view, view.liveness(moment.now_ms, moment.broker_connected), moment.now_ms, detail);
  out += watched ? ",\"watched_tiles\":true" : ",\"watched_tiles\":false";
  out += ",\"incarnations\":";
  append_incarnations(out, trainer.curves().placement());
  out += '}';
}

void append_beside(std::string& out, const TrainerModel& trainer, const Moment& moment, TrainerDetail detail) {
  for (const TrainerView* view : trainer.beside(moment.now_ms)) {
    out += ",{";
    append_trainer_members(out, *view, view->liveness(moment.now_ms, moment.broker_connected), moment.now_ms, detail);
    out += ",\"watched_tiles\":false,\"incarnations\":[]}";
  }
}

void append_event(std::string& out, const Record& record) {
  const auto& message = record.message;
  JsonObject object(out);
  object.add("kind", kind_name(record.topic.kind));
  object.add("run", record.topic.session.run).add("trainer", record.topic.session.trainer);
  object.add("timestamp_ms", message.timestamp_ms());
  const auto incarnation = message.has_command() ? message.command().expected_incarnation() : message.incarnation();
  object.add("incarnation", std::to_string(incarnation));
  if (message.has_status_update()) {
    const auto& status = message.status_update();
    object.add("step", status.step()).add("status", v1::TrainingStatus_Name(status.status()));
    object.add("message", status.message());
  } else if (message.has_command()) {
    object.add("step", message.command().applied_step());
    out += ',';
    append_command_members(out, message.command());
  } else if (message.has_alert()) {
    const auto& alert = message.alert();
    object.add_null("step").add("rule", alert.rule()).add("message", alert.message()).add("active", alert.active());
  }
}

}  // namespace trainbus
