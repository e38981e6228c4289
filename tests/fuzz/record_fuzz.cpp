// Any bytes as the two frames of a record (up to the first line feed the topic, then the body) and as control messages
// both ways: decoded, or a reason. What is decoded as a record still is one after encoding it again, and reading its
// envelope alone says the same of all bytes.
#include <google/protobuf/stubs/logging.h>

#include <cstdint>
#include <cstdlib>

#include "trainbus/envelope.hpp"
#include "trainbus/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const google::protobuf::LogSilencer quiet;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view topic_bytes = bytes.substr(0, end), body = bytes.substr(std::min(end + 1, bytes.size()));
  trainbus::Topic topic;
  trainbus::v1::MetricsRequest message, envelope;
  const auto error = trainbus::decode_record(topic_bytes, body, topic, message);
  if (error != trainbus::WireError::kBadTopic) {
    const auto session_id = trainbus::session_in(topic_bytes);
    if (trainbus::decode_envelope(topic.kind, session_id, body, envelope) != error) std::abort();
    if (error == trainbus::WireError::kNone &&
        (envelope.sequence() != message.sequence() || envelope.incarnation() != message.incarnation() ||
         envelope.timestamp_ms() != message.timestamp_ms()))
      std::abort();
  }
  if (error == trainbus::WireError::kNone) {
    const std::string again = message.SerializeAsString();
    if (trainbus::decode_record(topic_bytes, again, topic, message) != trainbus::WireError::kNone) std::abort();
  }
  trainbus::v1::MetricsResponse response;
  (void)trainbus::decode_control(body, message);
  (void)trainbus::decode_control(body, response);
  (void)trainbus::command_problem(message.issue_command());
  return 0;
}
