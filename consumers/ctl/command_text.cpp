#include "command_text.hpp"

#include <nlohmann/json.hpp>

#include "text_forms.hpp"

namespace trainbus {
namespace {

std::string named(const char* name, double value) { return std::string("  ") + name + ' ' + number_text(value); }

std::string batch_text(const v1::BatchData& batch) {
  return std::to_string(batch.epoch()) + ':' + std::to_string(batch.batch_idx()) + "  step " +
         std::to_string(batch.step()) + named("loss", batch.batch_loss()) + named("accuracy", batch.batch_accuracy());
}

std::string epoch_text(const v1::EpochData& epoch) {
  std::string text =
      std::to_string(epoch.epoch()) + named("loss", epoch.average_loss()) + named("accuracy", epoch.average_accuracy());
  if (epoch.has_validation_loss()) text += named("validation loss", epoch.validation_loss());
  if (epoch.has_validation_accuracy()) text += named("validation accuracy", epoch.validation_accuracy());
  return text + named("lr", epoch.learning_rate());
}

std::string perf_text(const v1::PerformanceData& perf) {
  std::string text = number_text(perf.current_fps()) + " batches/s" + named("ms per batch", perf.time_per_batch_ms());
  if (perf.has_resource_usage())
    text += named("cpu %", perf.resource_usage().cpu_percent()) + named("MB", perf.resource_usage().memory_mb());
  return text;
}

std::string payload_text(const v1::MetricsRequest& message) {
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: return batch_text(message.batch_data());
    case v1::MetricsRequest::kEpochData: return epoch_text(message.epoch_data());
    case v1::MetricsRequest::kPerformanceData: return perf_text(message.performance_data());
    case v1::MetricsRequest::kStatusUpdate:
      return v1::TrainingStatus_Name(message.status_update().status()) + "  " +
             printable(message.status_update().message());
    case v1::MetricsRequest::kCommand: return command_what(message.command()) + "  " + command_how(message.command());
    case v1::MetricsRequest::kAlert:
      return printable(message.alert().rule()) + (message.alert().active() ? ": " : " ended: ") +
             printable(message.alert().message());
    case v1::MetricsRequest::kHeartbeat: return "step " + std::to_string(message.heartbeat().step());
    default: return {};
  }
}

std::string value_of(const v1::ControlCommand& command) {
  const auto found = command.parameters().find("value");
  return found == command.parameters().end() ? std::string{} : found->second;
}

nlohmann::ordered_json command_object(const std::string& session_id, const v1::ControlCommand& command,
                                      std::int64_t timestamp_ms) {
  const auto slash = session_id.find('/');
  return {{"command_id", command.command_id()},
          {"run", session_id.substr(0, slash)},
          {"trainer", session_id.substr(slash + 1)},
          {"type", v1::CommandType_Name(command.type())},
          {"value", value_of(command)},
          {"state", command_state_name(command.state())},
          {"issuer", command.issuer()},
          {"applied_step", command.applied_step()},
          {"old_value", command.old_value()},
          {"new_value", command.new_value()},
          {"reason", command.reason()},
          {"timestamp_ms", timestamp_ms}};
}

}  // namespace

std::string command_what(const v1::ControlCommand& command) {
  const auto value = value_of(command);
  return std::string(command_verb(command.type())) + (value.empty() ? "" : ' ' + printable(value));
}

std::string command_how(const v1::ControlCommand& command) {
  std::string text(command_state_name(command.state()));
  if (command.state() == v1::COMMAND_APPLIED) {
    text += " at step " + std::to_string(command.applied_step());
    if (!command.old_value().empty())
      text += " (" + printable(command.old_value()) + " -> " + printable(command.new_value()) + ')';
  }
  if (!command.reason().empty()) text += ": " + printable(command.reason());
  return text;
}

std::string command_json(const std::string& session_id, const v1::ControlCommand& command, std::int64_t timestamp_ms) {
  return command_object(session_id, command, timestamp_ms).dump();
}

std::string history_text(const CommandHistory::Entry& entry) {
  const auto issued_ms = entry.reached.front().timestamp_ms;
  std::string text = date_text(issued_ms) + "  " + entry.session_id + "  " + command_what(entry.command) + "  by " +
                     printable(entry.command.issuer());
  for (const auto& reached : entry.reached) {
    text += "  ";
    if (&reached != &entry.reached.front())
      text += '+' + duration_text(static_cast<double>(reached.timestamp_ms - issued_ms) / 1000) + ' ';
    text +=
        &reached == &entry.reached.back() ? command_how(entry.command) : std::string(command_state_name(reached.state));
  }
  return text;
}

std::string history_json(const CommandHistory::Entry& entry) {
  auto json = command_object(entry.session_id, entry.command, entry.reached.back().timestamp_ms);
  json["incarnation"] = std::to_string(entry.incarnation);
  for (const auto& reached : entry.reached)
    json["states"].push_back({{"state", command_state_name(reached.state)}, {"timestamp_ms", reached.timestamp_ms}});
  return json.dump();
}

std::string record_text(const Record& record) {
  std::string kind(kind_name(record.topic.kind));
  kind.resize(7, ' ');
  return clock_text(record.message.timestamp_ms()) + "  " + record.topic.session.id() + "  " + kind + "  " +
         payload_text(record.message);
}

}  // namespace trainbus
