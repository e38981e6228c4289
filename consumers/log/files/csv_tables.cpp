#include "csv_tables.hpp"

#include "csv_row.hpp"

namespace trainbus {
namespace {

constexpr CsvTable kTables[] = {
    {v1::KIND_BATCH,
     "step,epoch,batch_idx,batch_size,batch_loss,batch_accuracy,learning_rate,ground_truth,predicted_class,confidence"},
    {v1::KIND_EPOCH,
     "step,epoch,average_loss,average_accuracy,learning_rate,is_converged,validation_loss,validation_accuracy"},
    {v1::KIND_PERF,
     "step,time_per_batch_ms,total_time_for_epoch_sec,estimated_time_remaining_sec,current_fps,average_fps,"
     "cpu_percent,memory_mb,gpu_percent,gpu_memory_mb"},
    {v1::KIND_STATUS,
     "step,status,message,total_epochs,batches_per_epoch,batch_size,learning_rate,model_name,dataset_name,class_names"},
    {v1::KIND_COMMAND,
     "command_id,type,value,state,issuer,expected_incarnation,deadline_ms,applied_step,old_value,new_value,reason"},
    {v1::KIND_ALERT, "alert_id,rule,active,message,trainer_incarnation,value"},
};

// A list in one field: its items with | between.
template <typename Items, typename ToText>
std::string joined(const Items& items, ToText to_text) {
  std::string text;
  for (const auto& item : items)
    text.append(text.empty() ? "" : "|").append(to_text(item));
  return text;
}

std::string float_text(float value) {
  std::string text;
  CsvRow(text).number(value);
  return text;
}

void fill(CsvRow& row, const v1::BatchData& batch) {
  row.number(batch.step()).number(batch.epoch()).number(batch.batch_idx()).number(batch.batch_size());
  row.number(batch.batch_loss()).number(batch.batch_accuracy()).number(batch.learning_rate());
  row.text(joined(batch.ground_truth(), [](int truth) { return std::to_string(truth); }));
  row.text(joined(batch.predictions(), [](const auto& one) { return std::to_string(one.predicted_class()); }));
  row.text(joined(batch.predictions(), [](const auto& one) { return float_text(one.confidence()); }));
}

void fill(CsvRow& row, const v1::EpochData& epoch) {
  row.number(epoch.step()).number(epoch.epoch()).number(epoch.average_loss()).number(epoch.average_accuracy());
  row.number(epoch.learning_rate()).text(epoch.is_converged() ? "true" : "false");
  epoch.has_validation_loss() ? row.number(epoch.validation_loss()) : row.none();
  epoch.has_validation_accuracy() ? row.number(epoch.validation_accuracy()) : row.none();
}

void fill(CsvRow& row, const v1::PerformanceData& perf) {
  row.number(perf.step()).number(perf.time_per_batch_ms()).number(perf.total_time_for_epoch_sec());
  row.number(perf.estimated_time_remaining_sec()).number(perf.current_fps()).number(perf.average_fps());
  const auto& usage = perf.resource_usage();
  if (!perf.has_resource_usage())
    row.none(4);
  else
    row.number(usage.cpu_percent()).number(usage.memory_mb()).number(usage.gpu_percent()).number(usage.gpu_memory_mb());
}

void fill(CsvRow& row, const v1::StatusUpdate& status) {
  row.number(status.step()).text(v1::TrainingStatus_Name(status.status())).text(status.message());
  const auto& config = status.config();
  if (!status.has_config()) {
    row.none(7);
    return;
  }
  row.number(config.total_epochs()).number(config.batches_per_epoch()).number(config.batch_size());
  row.number(config.learning_rate()).text(config.model_name()).text(config.dataset_name());
  row.text(joined(config.class_names(), [](const std::string& name) { return name; }));
}

void fill(CsvRow& row, const v1::ControlCommand& command) {
  const auto value = command.parameters().find("value");
  row.text(command.command_id()).text(v1::CommandType_Name(command.type()));
  value == command.parameters().end() ? row.none() : row.text(value->second);
  row.text(command_state_name(command.state())).text(command.issuer()).number(command.expected_incarnation());
  row.number(command.deadline_ms()).number(command.applied_step());
  row.text(command.old_value()).text(command.new_value()).text(command.reason());
}

void fill(CsvRow& row, const v1::Alert& alert) {
  row.text(alert.alert_id()).text(alert.rule()).text(alert.active() ? "true" : "false").text(alert.message());
  row.number(alert.trainer_incarnation()).number(alert.value());
}

}  // namespace

std::span<const CsvTable> csv_tables() { return kTables; }

void append_csv(std::string& out, const SinkRecord& record) {
  const auto& message = record.message();
  CsvRow row(out);
  row.text(record.run()).text(record.trainer());
  row.number(record.incarnation()).number(record.sequence()).number(record.timestamp_ms());
  switch (kind_from_name(record.kind())) {
    case v1::KIND_BATCH: return fill(row, message.batch_data());
    case v1::KIND_EPOCH: return fill(row, message.epoch_data());
    case v1::KIND_PERF: return fill(row, message.performance_data());
    case v1::KIND_STATUS: return fill(row, message.status_update());
    case v1::KIND_COMMAND: return fill(row, message.command());
    case v1::KIND_ALERT: return fill(row, message.alert());
    default: return;
  }
}

}  // namespace trainbus
