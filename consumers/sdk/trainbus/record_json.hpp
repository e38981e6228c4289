#pragma once
// A record as one JSON line: the form in which log sinks write and trainbus-ctl prints.

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "trainbus/consumer.hpp"

namespace trainbus {

// One JSON object without the newline: kind, run, trainer, incarnation, sequence, timestamp_ms (the envelope's), then
// the payload's fields by their schema names. Every plain field is there, also when it is 0 or empty; optional fields
// and messages only when set, lists only when not empty: what was not said is absent, and nothing is null. 64-bit
// integers are numbers, enums their names (states of commands without COMMAND_), bytes (images) base64; a number that
// is not finite is the string "NaN", "Infinity" or "-Infinity", as in protobuf's JSON mapping
// (https://protobuf.dev/programming-guides/json).
std::string record_json_line(const Record& record);
// Appends instead, so that a buffer can be reused.
void append_record_json(std::string& out, const Record& record);

// Any message as a JSON object by the same rules.
std::string message_json(const google::protobuf::Message& message);

// A list of it as a JSON array, a map (of string keys) as an object.
std::string field_json(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

// Appends a number, or the string for one that is not finite. The shortest digits that read back the same.
void append_json_real(std::string& out, double value);
void append_json_real(std::string& out, float value);

// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace trainbus
