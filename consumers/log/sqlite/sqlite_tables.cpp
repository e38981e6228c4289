#include "sqlite_tables.hpp"

#include <charconv>
#include <cmath>

#include "sqlite_schema.hpp"
#include "trainbus/record_json.hpp"

namespace trainbus {
namespace {

void append_number(std::string& out, std::int64_t value) { out += std::to_string(value); }
// SQLite reads 9e999 as infinity; null in a list is not a number, because all of a list was said.
template <std::floating_point Real>
void append_number(std::string& out, Real value) {
  char digits[32];
  if (std::isfinite(value))
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  else
    out += std::isnan(value) ? "null" : value > 0 ? "9e999" : "-9e999";
}
void append_number(std::string& out, std::string_view text) { append_json_string(out, text); }

// A JSON array.
std::string json_list(const ColumnList& list) {
  std::string json = "[";
  for (int i = 0; i < list.size(); ++i) {
    if (i > 0) json += ',';
    std::visit([&json](const auto& item) { append_number(json, item); }, list[i]);
  }
  return json += ']';
}

void integer_or_null(SqliteStatement& row, const auto& value) {
  value ? row.integer(static_cast<std::int64_t>(*value)) : row.null();
}
void text_or_null(SqliteStatement& row, const std::string& text) { text.empty() ? row.null() : row.text(text); }

}  // namespace

SqliteTables::SqliteTables(SqliteFile& file)
    : file_(file),
      add_life_(file, "INSERT INTO lives(run,trainer,incarnation) VALUES(?,?,?)"),
      add_name_(file,
                "INSERT INTO value_names(name) VALUES(?) ON CONFLICT DO UPDATE SET name=name RETURNING value_name"),
      add_value_(file,
                 "INSERT OR IGNORE INTO value_rows(life,value_name,kind,sequence,timestamp_ms,step,epoch,value)"
                 " VALUES(?,?,?,?,?,?,?,?)"),
      add_image_(file,
                 "INSERT OR IGNORE INTO image_rows(life,sequence,item,caption,format,width,height,channels,image)"
                 " VALUES(?,?,?,?,?,?,?,?,?)") {
  for (const auto kind : kKeptKinds)
    inserts_.try_emplace(kind, file, sqlite_insert(kind));
  SqliteStatement lives(file, "SELECT run,trainer,incarnation,life FROM lives");
  while (lives.step())
    lives_[{lives.text_at(0), lives.text_at(1), static_cast<std::uint64_t>(lives.integer_at(2))}] = lives.integer_at(3);
}

StreamHeads SqliteTables::heads() {
  StreamHeads heads;
  for (const auto kind : kKeptKinds) {
    SqliteStatement head(file_, "SELECT max(sequence) FROM " + sqlite_row_table(kind) + " WHERE life=?");
    for (const auto& [life, id] : lives_) {
      head.integer(id);
      if (head.step() && head.integer_at(0) > 0)
        heads[{life.run + '/' + life.trainer, life.incarnation, kind}] = static_cast<std::uint64_t>(head.integer_at(0));
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

std::int64_t SqliteTables::name_of(std::string_view name) {
  if (const auto found = names_.find(name); found != names_.end()) return found->second;
  add_name_.text(name);
  add_name_.step();
  const auto id = add_name_.integer_at(0);
  add_name_.run();
  return names_.emplace(name, id).first->second;
}

void SqliteTables::insert(const SinkRecord& record) {
  const auto life = life_of(record);
  const Kind kind = kind_from_name(record.kind());
  const auto found = inserts_.find(kind);
  if (found == inserts_.end()) return;
  auto& row = found->second;
  texts_.clear();
  row.integer(life).integer(static_cast<std::int64_t>(record.sequence())).integer(record.timestamp_ms());
  bind_columns(row, kind, record_payload(kind, record.message()));
  row.run();
  if (sqlite3_changes(file_.handle()) == 0) return;  // its values are there too
  if (has_named_values(kind)) insert_values(life, kind, record);
  if (kind == v1::KIND_MEDIA) insert_images(life, record, record.message().media_data().images());
}

void SqliteTables::bind_columns(SqliteStatement& row, Kind kind, const google::protobuf::Message& payload) {
  std::string not_a_number;
  const auto real = [&](double value, const Column& column) {
    row.real(value);
    if (std::isnan(value)) append_json_string(not_a_number += not_a_number.empty() ? "[" : ",", column.name());
  };
  for (const auto& column : record_columns(kind))
    std::visit(
        [&](auto&& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::monostate>)
            row.null();
          else if constexpr (std::is_integral_v<Value>)
            row.integer(static_cast<std::int64_t>(value));
          else if constexpr (std::is_floating_point_v<Value>)
            real(value, column);
          else if constexpr (std::is_same_v<Value, std::string_view>)
            row.text(value);
          else if constexpr (std::is_same_v<Value, ColumnList>)
            row.text(kept(json_list(value)));
          else
            row.text(kept(std::move(value)));
        },
        column.value(payload));
  if (!has_nan_column(kind)) return;
  not_a_number.empty() ? row.null() : row.text(kept(not_a_number + ']'));
}

void SqliteTables::insert_values(std::int64_t life, Kind kind, const SinkRecord& record) {
  read_named_values(record.message(), values_);
  for (const auto& [name, value] : values_.values) {
    add_value_.integer(life).integer(name_of(name)).integer(kind).integer(static_cast<std::int64_t>(record.sequence()));
    add_value_.integer(record.timestamp_ms());
    integer_or_null(add_value_, values_.step);
    integer_or_null(add_value_, values_.epoch);
    add_value_.real(value).run();
  }
}

void SqliteTables::insert_images(std::int64_t life, const SinkRecord& record, const v1::ImageSet& set) {
  for (int i = 0; i < set.images_size(); ++i) {
    const auto& image = set.images(i);
    add_image_.integer(life).integer(static_cast<std::int64_t>(record.sequence())).integer(i);
    i < set.captions_size() ? text_or_null(add_image_, set.captions(i)) : void(add_image_.null());
    add_image_.text(image.format()).integer(image.width()).integer(image.height()).integer(image.channels());
    add_image_.blob(image.image_bytes()).run();
  }
}

}  // namespace trainbus
