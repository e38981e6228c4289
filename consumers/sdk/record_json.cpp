#include "trainbus/record_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "trainbus/record_columns.hpp"

namespace trainbus {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <class Number>
void append_number(std::string& out, Number value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

template <class Real>
void append_real(std::string& out, Real value) {
  if (std::isnan(value))
    out += R"("NaN")";
  else if (std::isinf(value))
    out += value > 0 ? R"("Infinity")" : R"("-Infinity")";
  else
    append_number(out, value);
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += '"';
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u;
    };
    const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
    const auto left = bytes.size() - at;
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += left > 1 ? kDigits[group >> 6 & 63] : '=';
    out += left > 2 ? kDigits[group & 63] : '=';
  }
  out += '"';
}

void append_message(std::string& out, const Message& message);

void append_text(std::string& out, const FieldDescriptor& field, const std::string& text) {
  field.type() == FieldDescriptor::TYPE_BYTES ? append_base64(out, text) : append_json_string(out, text);
}

void append_enum(std::string& out, const FieldDescriptor& field, int number) {
  append_json_string(out, enum_word(*field.enum_type(), number));
}

void append_single(std::string& out, const Message& message, const Reflection& from, const FieldDescriptor& field) {
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return append_number(out, from.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64: return append_number(out, from.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32: return append_number(out, from.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: return append_number(out, from.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE: return append_real(out, from.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT: return append_real(out, from.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL: out += from.GetBool(message, &field) ? "true" : "false"; return;
    case FieldDescriptor::CPPTYPE_ENUM: return append_enum(out, field, from.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return append_text(out, field, from.GetStringReference(message, &field, &scratch));
    case FieldDescriptor::CPPTYPE_MESSAGE: return append_message(out, from.GetMessage(message, &field));
  }
}

void append_element(std::string& out, const Message& message, const Reflection& from, const FieldDescriptor& field,
                    int index) {
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return append_number(out, from.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64: return append_number(out, from.GetRepeatedInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32: return append_number(out, from.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT64: return append_number(out, from.GetRepeatedUInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE: return append_real(out, from.GetRepeatedDouble(message, &field, index));
    case FieldDescriptor::CPPTYPE_FLOAT: return append_real(out, from.GetRepeatedFloat(message, &field, index));
    case FieldDescriptor::CPPTYPE_BOOL: out += from.GetRepeatedBool(message, &field, index) ? "true" : "false"; return;
    case FieldDescriptor::CPPTYPE_ENUM:
      return append_enum(out, field, from.GetRepeatedEnumValue(message, &field, index));
    case FieldDescriptor::CPPTYPE_STRING:
      return append_text(out, field, from.GetRepeatedStringReference(message, &field, index, &scratch));
    case FieldDescriptor::CPPTYPE_MESSAGE: return append_message(out, from.GetRepeatedMessage(message, &field, index));
  }
}

// A map is a list of (key, value) messages to the reflection, in no order; in JSON it is an object, ordered by its
// keys.
void append_map(std::string& out, const Message& message, const Reflection& from, const FieldDescriptor& field) {
  std::vector<std::pair<std::string, const Message*>> entries;
  for (int index = 0; index < from.FieldSize(message, &field); ++index) {
    const auto& entry = from.GetRepeatedMessage(message, &field, index);
    std::string scratch;
    entries.emplace_back(entry.GetReflection()->GetStringReference(entry, entry.GetDescriptor()->map_key(), &scratch),
                         &entry);
  }
  std::ranges::sort(entries);
  out += '{';
  for (const auto& [key, entry] : entries) {
    if (out.back() != '{') out += ',';
    append_json_string(out, key);
    out += ':';
    append_single(out, *entry, *entry->GetReflection(), *entry->GetDescriptor()->map_value());
  }
  out += '}';
}

void append_repeated(std::string& out, const Message& message, const Reflection& from, const FieldDescriptor& field) {
  if (field.is_map()) return append_map(out, message, from, field);
  out += '[';
  for (int index = 0; index < from.FieldSize(message, &field); ++index) {
    if (index > 0) out += ',';
    append_element(out, message, from, field, index);
  }
  out += ']';
}

void append_key(std::string& out, const std::string& name) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
}

bool is_there(const Message& message, const Reflection& from, const FieldDescriptor& field) {
  if (field.is_repeated()) return from.FieldSize(message, &field) > 0;
  return !field.has_presence() || from.HasField(message, &field);
}

// The fields of `message` into an object that is open already; not `skipped`.
void append_fields(std::string& out, const Message& message, std::string_view skipped = {}) {
  const auto& fields = *message.GetDescriptor();
  const auto& from = *message.GetReflection();
  for (int index = 0; index < fields.field_count(); ++index) {
    const auto& field = *fields.field(index);
    if (field.name() == skipped || !is_there(message, from, field)) continue;
    append_key(out, field.name());
    field.is_repeated() ? append_repeated(out, message, from, field) : append_single(out, message, from, field);
  }
}

void append_message(std::string& out, const Message& message) {
  out += '{';
  append_fields(out, message);
  out += '}';
}

}  // namespace

void append_json_real(std::string& out, double value) { append_real(out, value); }
void append_json_real(std::string& out, float value) { append_real(out, value); }

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      out += "\\u00";
      out += kHex[code >> 4];
      out += kHex[code & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_record_json(std::string& out, const Record& record) {
  const auto& message = record.message;
  out += "{\"kind\":\"";
  out += kind_name(record.topic.kind);
  out += "\",\"run\":\"";
  out += record.topic.session.run;
  out += "\",\"trainer\":\"";
  out += record.topic.session.trainer;
  out += "\",\"incarnation\":";
  append_number(out, message.incarnation());
  out += ",\"sequence\":";
  append_number(out, message.sequence());
  out += ",\"timestamp_ms\":";
  append_number(out, message.timestamp_ms());
  const auto* payload = v1::MetricsRequest::descriptor()->FindFieldByNumber(message.payload_case());
  // The payload's own timestamp_ms would be a second key of the same name.
  if (payload != nullptr) append_fields(out, message.GetReflection()->GetMessage(message, payload), "timestamp_ms");
  out += '}';
}

std::string record_json_line(const Record& record) {
  std::string line;
  append_record_json(line, record);
  return line;
}

std::string field_json(const Message& message, const FieldDescriptor& field) {
  std::string text;
  append_repeated(text, message, *message.GetReflection(), field);
  return text;
}

std::string message_json(const Message& message) {
  std::string text;
  append_message(text, message);
  return text;
}

}  // namespace trainbus
