#include "record_rows.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

namespace trainbus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The fields on the way of "config.tags"; empty when there is none of that name.
std::vector<const FieldDescriptor*> fields_of(const Descriptor& payload, std::string_view path) {
  std::vector<const FieldDescriptor*> fields;
  const Descriptor* message = &payload;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    const auto* field =
        message == nullptr ? nullptr : message->FindFieldByName(std::string(path.substr(begin, end - begin)));
    if (field == nullptr) return {};
    fields.push_back(field);
    message = field->is_repeated() ? nullptr : field->message_type();
    begin = end + 1;
  }
  return fields;
}

bool is_readable(const Message& payload, const Column& column) {
  const auto fields = fields_of(*payload.GetDescriptor(), column.path());
  if (fields.empty()) return false;
  const auto& field = *fields.back();
  if (field.is_map()) return field.message_type()->map_value()->type() == FieldDescriptor::TYPE_STRING;
  if (field.is_repeated()) return field.type() == FieldDescriptor::TYPE_STRING;
  return field.message_type() == nullptr;
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void set_scalar(Message& message, const FieldDescriptor& field, std::string_view text) {
  const auto& to = *message.GetReflection();
  const auto signed_number = whole<std::int64_t>(text);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (signed_number) to.SetInt32(&message, &field, static_cast<std::int32_t>(*signed_number));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      if (signed_number) to.SetInt64(&message, &field, *signed_number);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      if (signed_number) to.SetUInt32(&message, &field, static_cast<std::uint32_t>(*signed_number));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:  // bigint is signed
      if (signed_number) to.SetUInt64(&message, &field, static_cast<std::uint64_t>(*signed_number));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      to.SetDouble(&message, &field, std::strtod(std::string(text).c_str(), nullptr));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      to.SetFloat(&message, &field, std::strtof(std::string(text).c_str(), nullptr));
      break;
    case FieldDescriptor::CPPTYPE_BOOL: to.SetBool(&message, &field, text == "t"); break;
    case FieldDescriptor::CPPTYPE_STRING: to.SetString(&message, &field, std::string(text)); break;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (const auto* value = field.enum_type()->FindValueByName(std::string(text)))
        to.SetEnum(&message, &field, value);
      break;
    default: break;
  }
}

// {a,"b, c"}
void add_items(Message& message, const FieldDescriptor& field, std::string_view text) {
  std::string item;
  bool quoted = false;
  if (text.size() < 2 || text == "{}") return;
  for (std::size_t at = 1; at < text.size(); ++at) {
    const char each = text[at];
    if (quoted && each == '\\' && at + 1 < text.size()) {
      item += text[++at];
    } else if (each == '"') {
      quoted = !quoted;
    } else if (!quoted && (each == ',' || each == '}')) {
      message.GetReflection()->AddString(&message, &field, std::exchange(item, {}));
    } else {
      item += each;
    }
  }
}

void add_entries(Message& message, const FieldDescriptor& field, std::string_view text) {
  const auto entries = nlohmann::json::parse(text, nullptr, false);
  if (!entries.is_object()) return;
  for (const auto& [key, value] : entries.items()) {
    if (!value.is_string()) continue;
    auto& entry = *message.GetReflection()->AddMessage(&message, &field);
    entry.GetReflection()->SetString(&entry, field.message_type()->map_key(), key);
    entry.GetReflection()->SetString(&entry, field.message_type()->map_value(), value.get<std::string>());
  }
}

}  // namespace

std::vector<const Column*> readable_columns(Kind kind) {
  std::vector<const Column*> columns;
  for (const auto& column : record_columns(kind))
    if (is_readable(record_payload(kind, v1::MetricsRequest::default_instance()), column)) columns.push_back(&column);
  return columns;
}

void set_column(Message& payload, const Column& column, std::string_view text) {
  const auto fields = fields_of(*payload.GetDescriptor(), column.path());
  if (fields.empty()) return;
  Message* message = &payload;
  for (std::size_t i = 0; i + 1 < fields.size(); ++i)
    message = message->GetReflection()->MutableMessage(message, fields[i]);
  const auto& field = *fields.back();
  if (field.is_map())
    add_entries(*message, field, text);
  else if (field.is_repeated())
    add_items(*message, field, text);
  else
    set_scalar(*message, field, text);
}

Message& payload_of_kind(Kind kind, v1::MetricsRequest& message) {
  switch (kind) {
    case v1::KIND_BATCH: return *message.mutable_batch_data();
    case v1::KIND_EPOCH: return *message.mutable_epoch_data();
    case v1::KIND_PERF: return *message.mutable_performance_data();
    case v1::KIND_STATUS: return *message.mutable_status_update();
    case v1::KIND_SCALARS: return *message.mutable_scalar_data();
    default: throw std::out_of_range("no kind that is read back");
  }
}

}  // namespace trainbus
