#include "csv_sink.hpp"

#include <charconv>
#include <filesystem>

#include "csv_row.hpp"
#include "csv_tables.hpp"

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
bool read_position(std::string_view record, StreamKey& stream, std::uint64_t& sequence) {
  std::string_view run, trainer;
  if (!take_field(record, run) || !take_field(record, trainer) || !valid_name(run) || !valid_name(trainer) ||
      !take_number(record, stream.incarnation) || !take_number(record, sequence))
    return false;
  stream.session_id.append(run).append(1, '/').append(trainer);
  return true;
}

RecordSyntax syntax_of(const CsvTable& table) {
  std::string header = std::string(kCsvKeyColumns).append(1, ',').append(table.columns).append(1, '\n');
  return {.header = header,
          .opening = header,
          .record_size = csv_record_size,
          .read_position = [kind = table.kind](std::string_view record, StreamKey& stream, std::uint64_t& sequence) {
            stream.kind = kind;
            return read_position(record, stream, sequence);
          }};
}

}  // namespace

CsvSink::CsvSink(const SinkOptions& options) : folder_(options.text("path")) {
  const auto rules = file_rules(options);
  for (const auto& table : csv_tables()) {
    const auto path = (std::filesystem::path(folder_) / kind_name(table.kind)).string() + ".csv";
    files_[table.kind] = std::make_unique<RotatedFile>(path, syntax_of(table), rules, compressor_);
  }
}

StreamHeads CsvSink::open() {
  std::error_code error;
  std::filesystem::create_directory(folder_, error);
  if (error) throw std::runtime_error('\'' + folder_ + "': " + error.message());
  StreamHeads heads;
  for (const auto& [kind, file] : files_)
    heads.merge(file->open());
  return heads;
}

void CsvSink::write(const SinkRecord& record) {
  line_.clear();
  append_csv(line_, record);
  files_.at(kind_from_name(record.kind()))->append(line_, record);
}

void CsvSink::flush() {
  for (const auto& [kind, file] : files_)
    file->flush();
}

void CsvSink::sync() {
  for (const auto& [kind, file] : files_)
    file->sync();
}

}  // namespace trainbus
