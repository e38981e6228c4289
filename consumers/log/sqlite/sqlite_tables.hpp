#pragma once
// The rows of a file: one per kept record, by (life, sequence), one per named value and one per picture. A record that
// is there already is left as it is.

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "sqlite_file.hpp"
#include "trainbus/record_columns.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// Single-threaded. Throws std::runtime_error with one line when the file cannot be written.
class SqliteTables {
 public:
  // `file` must outlive this.
  explicit SqliteTables(SqliteFile& file);

  // The highest sequence of each stream.
  StreamHeads heads();
  void insert(const SinkRecord& record);

 private:
  // One process life of a trainer.
  struct Life {
    std::string run, trainer;
    std::uint64_t incarnation = 0;
    auto operator<=>(const Life&) const = default;
  };
  std::int64_t life_of(const SinkRecord& record);
  std::int64_t name_of(std::string_view name);
  void bind_columns(SqliteStatement& row, Kind kind, const google::protobuf::Message& payload);
  void insert_values(std::int64_t life, Kind kind, const SinkRecord& record);
  void insert_images(std::int64_t life, const SinkRecord& record, const v1::ImageSet& set);
  // A text that lives until the row is written.
  const std::string& kept(std::string text) { return texts_.emplace_back(std::move(text)); }

  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  SqliteFile& file_;
  std::map<Kind, SqliteStatement> inserts_;
  SqliteStatement add_life_, add_name_, add_value_, add_image_;
  std::map<Life, std::int64_t> lives_;
  const std::pair<const Life, std::int64_t>* last_ = nullptr;  // mostly the same again
  std::unordered_map<std::string, std::int64_t, NameHash, std::equal_to<>> names_;
  std::deque<std::string> texts_;  // of the row being bound
  RecordValues values_;
};

}  // namespace trainbus
