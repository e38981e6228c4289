#include "record_tables.hpp"

#include "copy_line.hpp"

namespace trainbus {
namespace {

constexpr RecordTable kTables[] = {
    {v1::KIND_BATCH, "batches",
     "step bigint, epoch integer, batch_idx integer, batch_size integer, batch_loss double precision,"
     " batch_accuracy double precision, learning_rate double precision, ground_truth integer[],"
     " predicted_class integer[], confidence real[]"},
    {v1::KIND_EPOCH, "epochs",
     "step bigint, epoch integer, average_loss double precision, average_accuracy double precision,"
     " learning_rate double precision, is_converged boolean, validation_loss double precision,"
     " validation_accuracy double precision"},
    {v1::KIND_PERF, "perf",
     "step bigint, time_per_batch_ms double precision, total_time_for_epoch_sec double precision,"
     " estimated_time_remaining_sec double precision, current_fps double precision, average_fps double precision,"
     " cpu_percent double precision, memory_mb double precision, gpu_percent double precision,"
     " gpu_memory_mb double precision"},
    {v1::KIND_STATUS, "status",
     "step bigint, status text, message text, total_epochs integer, batches_per_epoch integer, batch_size integer,"
     " learning_rate double precision, model_name text, dataset_name text, class_names text[]"},
    {v1::KIND_COMMAND, "commands",
     "command_id text, type text, value text, state text, issuer text, expected_incarnation bigint,"
     " deadline_ms bigint, applied_step bigint, old_value text, new_value text, reason text"},
    {v1::KIND_ALERT, "alerts",
     "alert_id text, rule text, active boolean, message text, trainer_incarnation bigint, value double precision"},
};

constexpr char kKey[] =
    "run text COLLATE \"C\" NOT NULL, trainer text COLLATE \"C\" NOT NULL, incarnation bigint NOT NULL, sequence "
    "bigint NOT NULL,"
    " timestamp_ms bigint NOT NULL, ";

void fill(CopyLine& line, const v1::BatchData& batch) {
  line.number(batch.step()).number(batch.epoch()).number(batch.batch_idx()).number(batch.batch_size());
  line.number(batch.batch_loss()).number(batch.batch_accuracy()).number(batch.learning_rate());
  line.array(batch.ground_truth(), [&](int truth) { line.append_number(truth); });
  line.array(batch.predictions(), [&](const auto& one) { line.append_number(one.predicted_class()); });
  line.array(batch.predictions(), [&](const auto& one) { line.append_real(one.confidence()); });
}

void fill(CopyLine& line, const v1::EpochData& epoch) {
  line.number(epoch.step()).number(epoch.epoch()).number(epoch.average_loss()).number(epoch.average_accuracy());
  line.number(epoch.learning_rate()).boolean(epoch.is_converged());
  epoch.has_validation_loss() ? line.number(epoch.validation_loss()) : line.none();
  epoch.has_validation_accuracy() ? line.number(epoch.validation_accuracy()) : line.none();
}

void fill(CopyLine& line, const v1::PerformanceData& perf) {
  line.number(perf.step()).number(perf.time_per_batch_ms()).number(perf.total_time_for_epoch_sec());
  line.number(perf.estimated_time_remaining_sec()).number(perf.current_fps()).number(perf.average_fps());
  const auto& used = perf.resource_usage();
  if (!perf.has_resource_usage())
    line.none(4);
  else
    line.number(used.cpu_percent()).number(used.memory_mb()).number(used.gpu_percent()).number(used.gpu_memory_mb());
}

void fill(CopyLine& line, const v1::StatusUpdate& status) {
  line.number(status.step()).text(v1::TrainingStatus_Name(status.status())).text(status.message());
  const auto& config = status.config();
  if (!status.has_config()) {
    line.none(7);
    return;
  }
  line.number(config.total_epochs()).number(config.batches_per_epoch()).number(config.batch_size());
  line.number(config.learning_rate()).text(config.model_name()).text(config.dataset_name());
  line.array(config.class_names(), [&](const std::string& name) { line.append_quoted(name); });
}

void fill(CopyLine& line, const v1::ControlCommand& command) {
  const auto value = command.parameters().find("value");
  line.text(command.command_id()).text(v1::CommandType_Name(command.type()));
  value == command.parameters().end() ? line.none() : line.text(value->second);
  line.text(command_state_name(command.state())).text(command.issuer()).number(command.expected_incarnation());
  line.number(command.deadline_ms()).number(command.applied_step());
  line.text(command.old_value()).text(command.new_value()).text(command.reason());
}

void fill(CopyLine& line, const v1::Alert& alert) {
  line.text(alert.alert_id()).text(alert.rule()).boolean(alert.active()).text(alert.message());
  line.number(alert.trainer_incarnation()).number(alert.value());
}

}  // namespace

std::string RecordTable::column_names() const {
  std::string names = "run,trainer,incarnation,sequence,timestamp_ms,";
  for (std::string_view rest = columns; !rest.empty();) {
    names += rest.substr(0, rest.find(' '));
    const auto comma = rest.find(", ");
    if (comma == std::string_view::npos) break;
    names += ',';
    rest.remove_prefix(comma + 2);
  }
  return names;
}

std::string RecordTable::definition() const {
  return std::string(kKey).append(columns).append(", PRIMARY KEY (run, trainer, incarnation, sequence)");
}

std::span<const RecordTable> record_tables() { return kTables; }

void append_copy_line(std::string& out, const SinkRecord& record) {
  CopyLine line(out);
  line.text(record.run()).text(record.trainer()).number(record.incarnation()).number(record.sequence());
  line.number(record.timestamp_ms());
  const auto& message = record.message();
  switch (kind_from_name(record.kind())) {
    case v1::KIND_BATCH: fill(line, message.batch_data()); break;
    case v1::KIND_EPOCH: fill(line, message.epoch_data()); break;
    case v1::KIND_PERF: fill(line, message.performance_data()); break;
    case v1::KIND_STATUS: fill(line, message.status_update()); break;
    case v1::KIND_COMMAND: fill(line, message.command()); break;
    case v1::KIND_ALERT: fill(line, message.alert()); break;
    default: break;
  }
  line.end();
}

}  // namespace trainbus
