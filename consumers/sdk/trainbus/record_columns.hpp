#pragma once
// What a kept record says, as columns: the one description from which csv, sqlite, postgres and the table in
// consumers/log/README.md are made. Names, types and what may be absent are the schema's; here is only the order, and
// which fields of nested messages count.

#include <google/protobuf/message.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "trainbus/topic.hpp"

namespace trainbus {

enum class ColumnType : std::uint8_t { kInteger, kReal, kBoolean, kText, kIntegers, kReals, kTexts, kJson };

// "integer", "real", "boolean", "text", "list of integers", "list of reals", "list of texts", "JSON".
std::string_view column_type_name(ColumnType type);

// One element of a list.
using ColumnItem = std::variant<std::int64_t, double, float, std::string_view>;

// The elements of a repeated field, or of one field of each of its messages. A view of the payload.
class ColumnList {
 public:
  ColumnList(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& repeated,
             const google::protobuf::FieldDescriptor* leaf)
      : message_(&message), repeated_(&repeated), leaf_(leaf) {}

  int size() const;  // at least 1
  ColumnItem operator[](int index) const;

 private:
  const google::protobuf::Message* message_;
  const google::protobuf::FieldDescriptor* repeated_;
  const google::protobuf::FieldDescriptor* leaf_;  // of the messages of `repeated`; null: its own elements
};

// std::monostate: not said. A value that is not finite is a value. Views are of the payload; JSON is owned.
using ColumnValue = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, float, std::string_view,
                                 ColumnList, std::string>;

class Column {
 public:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;

  // What a 0 means where the schema cannot tell it from "not said". A command may be applied before the first step.
  enum class Zero { kIsSaid, kIsAbsent, kIsSaidOnceApplied };

  // A field of `payload`: "step", "config.tags", "predictions.confidence" (a list), "parameters[name]" (one entry of a
  // map).
  Column(const google::protobuf::Descriptor& payload, std::string_view path, std::string_view name, Zero zero);
  // Not a field, but made from the payload.
  using Maker = ColumnValue (*)(const Message& payload);
  Column(std::string name, ColumnType type, Maker maker);

  const std::string& name() const { return name_; }
  ColumnType type() const { return type_; }
  // An integer of 64 bits, a real (or a list of these) of double precision.
  bool is_wide() const { return is_wide_; }
  // "config.tags"; "" when it is made.
  const std::string& path() const { return path_; }

  ColumnValue value(const Message& payload) const;

 private:
  std::string name_;
  std::string path_;
  ColumnType type_ = ColumnType::kText;
  bool is_wide_ = true;
  Zero zero_ = Zero::kIsSaid;
  std::vector<const Field*> parents_;  // singular messages on the way
  const Field* field_ = nullptr;
  const Field* leaf_ = nullptr;  // of a repeated message
  std::string map_key_;
  Maker maker_ = nullptr;
};

// In the order in which they are written; new ones come at the end. Of all kept kinds.
std::span<const Column> record_columns(Kind kind);
// Fields of the payload that are in no column of their kind: pictures, the envelope's time, named values (below), and
// what only jsonl holds.
std::span<const std::string_view> fields_without_column(Kind kind);
// The columns that come from the plan (config.*), which a status may have or not.
bool is_of_plan(const Column& column);

// What databases call the records of a kind: batches, epochs, perf, status, commands, alerts, scalars, media.
std::string_view record_table_name(Kind kind);

// What the columns of `kind` are read from: the default one when the record has another.
const google::protobuf::Message& record_payload(Kind kind, const v1::MetricsRequest& message);

// --- named values, a row each -----------------------------------------------------------------------------------

struct RecordValue {
  std::string_view name;
  double value = 0;
};
// The named values of one record, by name; a view of it.
struct RecordValues {
  std::optional<std::uint64_t> step;
  std::optional<std::int32_t> epoch;
  std::vector<RecordValue> values;
};
// Kinds whose records may hold named values: batch, epoch and scalars.
bool has_named_values(Kind kind);
// Into `set`, which may be used again.
void read_named_values(const v1::MetricsRequest& message, RecordValues& set);

// The schema's word for a number of an enum, without the prefix that CommandState has; the number when it has none.
std::string enum_word(const google::protobuf::EnumDescriptor& type, int number);

}  // namespace trainbus
