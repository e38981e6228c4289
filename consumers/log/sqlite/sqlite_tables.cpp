#include "sqlite_tables.hpp"

#include <charconv>

#include "trainbus/record_json.hpp"

namespace trainbus {
namespace {

struct RowTable {
  Kind kind;
  const char* name;
  int columns;
};
constexpr RowTable kRowTables[] = {
    {v1::KIND_BATCH, "batch_rows", 13},   {v1::KIND_EPOCH, "epoch_rows", 11},     {v1::KIND_PERF, "perf_rows", 13},
    {v1::KIND_STATUS, "status_rows", 13}, {v1::KIND_COMMAND, "command_rows", 13}, {v1::KIND_ALERT, "alert_rows", 8},
};

std::string insert_into(const RowTable& table) {
  std::string sql = std::string("INSERT OR IGNORE INTO ").append(table.name).append(" VALUES(?");
  for (int i = 1; i < table.columns; ++i)
    sql += ",?";
  return sql + ')';
}

void append_number(std::string& out, auto value) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// A JSON array.
template <typename Items, typename Append>
const std::string& list(std::string& out, const Items& items, Append append) {
  out = '[';
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    append(item);
  }
  return out += ']';
}

void text_or_null(SqliteStatement& row, const std::string& text) { text.empty() ? row.null() : row.text(text); }

}  // namespace

SqliteTables::SqliteTables(SqliteFile& file)
    : file_(file), add_life_(file, "INSERT INTO lives(run,trainer,incarnation) VALUES(?,?,?)") {
  for (const auto& table : kRowTables)
    inserts_.try_emplace(table.kind, file, insert_into(table));
  SqliteStatement lives(file, "SELECT run,trainer,incarnation,life FROM lives");
  while (lives.step())
    lives_[{lives.text_at(0), lives.text_at(1), static_cast<std::uint64_t>(lives.integer_at(2))}] = lives.integer_at(3);
}

StreamHeads SqliteTables::heads() {
  StreamHeads heads;
  for (const auto& table : kRowTables) {
    SqliteStatement head(file_, std::string("SELECT max(sequence) FROM ").append(table.name).append(" WHERE life=?"));
    for (const auto& [life, id] : lives_) {
      head.integer(id);
      if (head.step() && head.integer_at(0) > 0)
        heads[{life.run + '/' + life.trainer, life.incarnation, table.kind}] =
            static_cast<std::uint64_t>(head.integer_at(0));
      head.reset();
    }
  }
  return heads;
}

std::int64_t SqliteTables::life_of(const SinkRecord& record) {
  if (last_ != nullptr && last_->first.incarnation == record.incarnation() &&
      last_->first.trainer == record.trainer() && last_->first.run == record.run())
    return last_->second;
  Life life{std::string(record.run()), std::string(record.trainer()), record.incarnation()};
  auto found = lives_.find(life);
  if (found == lives_.end()) {
    add_life_.text(life.run).text(life.trainer).integer(static_cast<std::int64_t>(life.incarnation)).run();
    found = lives_.emplace(std::move(life), sqlite3_last_insert_rowid(file_.handle())).first;
  }
  last_ = &*found;
  return last_->second;
}

void SqliteTables::insert(const SinkRecord& record) {
  const auto life = life_of(record);
  const Kind kind = kind_from_name(record.kind());
  const auto found = inserts_.find(kind);
  if (found == inserts_.end()) return;
  auto& row = found->second;
  row.integer(life).integer(static_cast<std::int64_t>(record.sequence())).integer(record.timestamp_ms());
  const auto& message = record.message();
  switch (kind) {
    case v1::KIND_BATCH: bind(row, message.batch_data()); break;
    case v1::KIND_EPOCH: bind(row, message.epoch_data()); break;
    case v1::KIND_PERF: bind(row, message.performance_data()); break;
    case v1::KIND_STATUS: bind(row, message.status_update()); break;
    case v1::KIND_COMMAND: bind(row, message.command()); break;
    default: bind(row, message.alert()); break;
  }
  row.run();
}

void SqliteTables::bind(SqliteStatement& row, const v1::BatchData& batch) {
  row.integer(static_cast<std::int64_t>(batch.step())).integer(batch.epoch()).integer(batch.batch_idx());
  row.integer(batch.batch_size()).real(batch.batch_loss()).real(batch.batch_accuracy());
  batch.learning_rate() != 0 ? row.real(batch.learning_rate()) : row.null();
  if (batch.ground_truth().empty())
    row.null();
  else
    row.text(list(json_[0], batch.ground_truth(), [&](int truth) { append_number(json_[0], truth); }));
  if (batch.predictions().empty()) {
    row.nulls(2);
    return;
  }
  row.text(
      list(json_[1], batch.predictions(), [&](const auto& one) { append_number(json_[1], one.predicted_class()); }));
  row.text(list(json_[2], batch.predictions(), [&](const auto& one) {
    one.confidence() * 0 == 0 ? append_number(json_[2], one.confidence()) : void(json_[2] += "null");
  }));
}

void SqliteTables::bind(SqliteStatement& row, const v1::EpochData& epoch) {
  row.integer(static_cast<std::int64_t>(epoch.step())).integer(epoch.epoch()).real(epoch.average_loss());
  row.real(epoch.average_accuracy()).real(epoch.learning_rate()).integer(epoch.is_converged() ? 1 : 0);
  epoch.has_validation_loss() ? row.real(epoch.validation_loss()) : row.null();
  epoch.has_validation_accuracy() ? row.real(epoch.validation_accuracy()) : row.null();
}

void SqliteTables::bind(SqliteStatement& row, const v1::PerformanceData& perf) {
  row.integer(static_cast<std::int64_t>(perf.step())).real(perf.time_per_batch_ms());
  row.real(perf.total_time_for_epoch_sec()).real(perf.estimated_time_remaining_sec());
  row.real(perf.current_fps()).real(perf.average_fps());
  const auto& usage = perf.resource_usage();
  if (!perf.has_resource_usage())
    row.nulls(4);
  else
    row.real(usage.cpu_percent()).real(usage.memory_mb()).real(usage.gpu_percent()).real(usage.gpu_memory_mb());
}

void SqliteTables::bind(SqliteStatement& row, const v1::StatusUpdate& status) {
  row.integer(static_cast<std::int64_t>(status.step())).text(v1::TrainingStatus_Name(status.status()));
  row.text(status.message());
  if (!status.has_config()) {
    row.nulls(7);
    return;
  }
  const auto& config = status.config();
  row.integer(config.total_epochs()).integer(config.batches_per_epoch()).integer(config.batch_size());
  row.real(config.learning_rate()).text(config.model_name()).text(config.dataset_name());
  row.text(list(json_[0], config.class_names(), [&](const auto& name) { append_json_string(json_[0], name); }));
}

void SqliteTables::bind(SqliteStatement& row, const v1::ControlCommand& command) {
  row.text(command.command_id()).text(command_verb(command.type()));
  const auto value = command.parameters().find("value");
  value == command.parameters().end() ? row.null() : row.text(value->second);
  row.text(command_state_name(command.state())).text(command.issuer()).integer(command.deadline_ms());
  command.state() == v1::COMMAND_APPLIED ? row.integer(static_cast<std::int64_t>(command.applied_step())) : row.null();
  text_or_null(row, command.old_value());
  text_or_null(row, command.new_value());
  text_or_null(row, command.reason());
}

void SqliteTables::bind(SqliteStatement& row, const v1::Alert& alert) {
  row.text(alert.alert_id()).text(alert.rule()).integer(alert.active() ? 1 : 0).text(alert.message());
  row.real(alert.value());
}

}  // namespace trainbus
