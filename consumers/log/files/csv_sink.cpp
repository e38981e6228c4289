#include "csv_sink.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "csv_row.hpp"
#include "csv_tables.hpp"
#include "line_stream.hpp"

namespace trainbus {
namespace {

bool take_field(std::string_view& rest, std::string_view& field) {
  const auto comma = rest.find(',');
  if (comma == std::string_view::npos) return false;
  field = rest.substr(0, comma);
  rest.remove_prefix(comma + 1);
  return true;
}

bool take_number(std::string_view& rest, std::uint64_t& value) {
  std::string_view field;
  if (!take_field(rest, field)) return false;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  return error == std::errc() && end == field.data() + field.size();
}

// The key columns never need quotes.
bool read_csv_position(std::string_view record, StreamKey& stream, std::uint64_t& sequence) {
  std::string_view run, trainer;
  if (!take_field(record, run) || !take_field(record, trainer) || !valid_name(run) || !valid_name(trainer) ||
      !take_number(record, stream.incarnation) || !take_number(record, sequence))
    return false;
  stream.session_id.append(run).append(1, '/').append(trainer);
  return true;
}

// scalars.csv has rows of several kinds, which the column after the key names.
bool read_value_position(std::string_view record, StreamKey& stream, std::uint64_t& sequence) {
  std::string_view rest = record, field;
  if (!read_csv_position(record, stream, sequence)) return false;
  for (int key_columns = 5; key_columns > 0; --key_columns)
    if (!take_field(rest, field)) return false;
  if (!take_field(rest, field)) return false;
  stream.kind = kind_from_name(field);
  return has_named_values(stream.kind);
}

RecordSyntax syntax_of(Kind kind) {
  RecordSyntax syntax;
  syntax.header = syntax.opening = csv_header(kind) + '\n';
  syntax.record_size = csv_record_size;
  syntax.many_rows = kind == v1::KIND_SCALARS;
  syntax.read_position = [kind](std::string_view record, StreamKey& stream, std::uint64_t& sequence) {
    stream.kind = kind;
    return kind == v1::KIND_SCALARS ? read_value_position(record, stream, sequence)
                                    : read_csv_position(record, stream, sequence);
  };
  return syntax;
}

bool has_already(const StreamHeads& ahead, const SinkRecord& record) {
  if (ahead.empty()) return false;
  const auto found = ahead.find(record.stream());
  return found != ahead.end() && record.sequence() <= found->second;
}

}  // namespace

CsvSink::CsvSink(const SinkOptions& options) : folder_(options.text("path")) {
  const auto rules = file_rules(options);
  if (LineStream::is_one(folder_))
    options.refuse("path", "is a stream, and csv is a folder with a file for each kind; jsonl writes to streams");
  for (const auto kind : kKeptKinds) {
    const auto path = (std::filesystem::path(folder_) / kind_name(kind)).string() + ".csv";
    files_[kind] = std::make_unique<RotatedFile>(path, syntax_of(kind), rules, compressor_);
  }
}

StreamHeads CsvSink::open() {
  std::error_code error;
  std::filesystem::create_directory(folder_, error);
  if (error) throw std::runtime_error('\'' + folder_ + "': " + error.message());
  StreamHeads rows, values;
  for (const auto& [kind, file] : files_)
    (kind == v1::KIND_SCALARS ? values : rows).merge(file->open());
  return position(rows, values);
}

StreamHeads CsvSink::position(const StreamHeads& rows, const StreamHeads& values) {
  ahead_rows_.clear();
  ahead_values_.clear();
  StreamHeads heads;
  for (const auto& [stream, row] : rows) {
    if (!has_named_values(stream.kind)) {
      heads[stream] = row;
      continue;
    }
    const auto found = values.find(stream);
    const auto value = found == values.end() ? 0 : found->second;
    if (row > value) ahead_rows_[stream] = row;
    if (std::min(row, value) > 0) heads[stream] = std::min(row, value);
  }
  for (const auto& [stream, value] : values) {
    const auto found = rows.find(stream);
    if (stream.kind == v1::KIND_SCALARS)
      heads[stream] = value;
    else if (found == rows.end() || found->second < value)
      ahead_values_[stream] = value;
  }
  return heads;
}

void CsvSink::write(const SinkRecord& record) {
  const auto kind = kind_from_name(record.kind());
  const auto file = files_.find(kind);
  if (file == files_.end()) return;
  if (kind != v1::KIND_SCALARS && !has_already(ahead_rows_, record)) {
    line_.clear();
    append_csv(line_, record);
    file->second->append(line_, record);
  }
  if (has_named_values(kind) && !has_already(ahead_values_, record)) {
    line_.clear();
    append_csv_values(line_, record, values_);
    files_.at(v1::KIND_SCALARS)->append(line_, record);
  }
}

void CsvSink::flush() {
  for (const auto& [kind, file] : files_)
    file->flush();
  // Records without values leave nothing in scalars.csv that would say it has seen them.
  files_.at(v1::KIND_SCALARS)->checkpoint();
}

void CsvSink::sync() {
  for (const auto& [kind, file] : files_)
    file->sync();
}

}  // namespace trainbus
