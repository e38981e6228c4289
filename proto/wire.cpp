#include "trainbus/wire.hpp"

#include <chrono>
#include <cmath>
#include <random>

#include "trainbus/envelope.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/media.hpp"
#include "trainbus/text.hpp"
#include "trainbus/value_name.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kErrorNames[] = {
    "none",           "frame_count",    "bad_topic",        "too_large",        "not_protobuf",
    "no_payload",     "kind_mismatch",  "session_mismatch", "too_many_images",  "bad_image",
    "forbidden_kind", "bad_value_name", "too_many_values",  "number_too_large", "bad_media",
};
static_assert(std::size(kErrorNames) == static_cast<std::size_t>(WireError::kCount));

constexpr std::size_t kMaxParameterBytes = 512;

template <class Values>
WireError check_values(const Values& values) {
  if (values.size() > kMaxValueNames) return WireError::kTooManyValues;
  for (const auto& [name, value] : values)
    if (!valid_value_name(name)) return WireError::kBadValueName;
  return WireError::kNone;
}

WireError check_images(const v1::BatchData& batch, Kind kind) {
  if (kind == v1::KIND_BATCH) return batch.images().empty() ? WireError::kNone : WireError::kBadImage;
  if (batch.images_size() > kMaxImages) return WireError::kTooManyImages;
  for (const auto& image : batch.images()) {
    const bool size_ok = image.width() > 0 && image.width() <= kMaxImagePixels && image.height() > 0 &&
                         image.height() <= kMaxImagePixels;
    if (!size_ok || image.image_bytes().empty()) return WireError::kBadImage;
  }
  return WireError::kNone;
}

WireError check_media(const v1::MediaData& media) {
  if (!valid_value_name(media.name())) return WireError::kBadValueName;
  return media_problem(media).empty() ? WireError::kNone : WireError::kBadMedia;
}

WireError check_payload(const v1::MetricsRequest& message, Kind kind) {
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: {
      const WireError images = check_images(message.batch_data(), kind);
      return images != WireError::kNone ? images : check_values(message.batch_data().scalars());
    }
    case v1::MetricsRequest::kEpochData: return check_values(message.epoch_data().scalars());
    case v1::MetricsRequest::kScalarData: return check_values(message.scalar_data().values());
    case v1::MetricsRequest::kMediaData: return check_media(message.media_data());
    default: return WireError::kNone;
  }
}

bool too_large(std::uint64_t number) { return number > kMaxIncarnation; }

template <class Positions>
bool any_too_large(const Positions& positions) {
  return std::any_of(positions.begin(), positions.end(), [](const auto& one) { return too_large(one.sequence()); });
}

// A journal cannot hold such numbers, and a peer that sends one could otherwise take a name for good.
bool too_large_numbers(const v1::MetricsRequest& message) {
  if (too_large(message.incarnation()) || too_large(message.sequence())) return true;
  switch (message.payload_case()) {
    case v1::MetricsRequest::kHello:
      return too_large(message.hello().delivered_by()) || any_too_large(message.hello().highest()) ||
             any_too_large(message.hello().stored());
    case v1::MetricsRequest::kHeartbeat: return any_too_large(message.heartbeat().highest());
    case v1::MetricsRequest::kIssueCommand: return too_large(message.issue_command().expected_incarnation());
    case v1::MetricsRequest::kCommandReport: return too_large(message.command_report().expected_incarnation());
    case v1::MetricsRequest::kCommand: return too_large(message.command().expected_incarnation());
    case v1::MetricsRequest::kAlert: return too_large(message.alert().trainer_incarnation());
    case v1::MetricsRequest::kFetch:
      return any_too_large(message.fetch().heads()) ||
             std::any_of(message.fetch().heads().begin(), message.fetch().heads().end(),
                         [](const auto& head) { return too_large(head.incarnation()); });
    default: return false;
  }
}

template <class Message>
WireError parse_control(std::string_view body, Message& message) {
  if (body.size() > kMaxRecordBytes) return WireError::kTooLarge;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return WireError::kNotProtobuf;
  if (message.payload_case() == Message::PAYLOAD_NOT_SET) return WireError::kNoPayload;
  return WireError::kNone;
}

bool is_hex_id(std::string_view id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string_view wire_error_name(WireError error) { return kErrorNames[static_cast<std::size_t>(error)]; }

Kind payload_kind(const v1::MetricsRequest& message) {
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: return v1::KIND_BATCH;
    case v1::MetricsRequest::kEpochData: return v1::KIND_EPOCH;
    case v1::MetricsRequest::kPerformanceData: return v1::KIND_PERF;
    case v1::MetricsRequest::kStatusUpdate: return v1::KIND_STATUS;
    case v1::MetricsRequest::kHeartbeat: return v1::KIND_HEARTBEAT;
    case v1::MetricsRequest::kCommand: return v1::KIND_COMMAND;
    case v1::MetricsRequest::kAlert: return v1::KIND_ALERT;
    case v1::MetricsRequest::kScalarData: return v1::KIND_SCALARS;
    case v1::MetricsRequest::kMediaData: return v1::KIND_MEDIA;
    default: return v1::KIND_UNKNOWN;
  }
}

WireError decode_record(std::span<const std::string_view> frames, Topic& topic, v1::MetricsRequest& message) {
  if (frames.size() != 2) return WireError::kFrameCount;
  return decode_record(frames[0], frames[1], topic, message);
}

WireError decode_record(std::string_view topic_bytes, std::string_view body, Topic& topic,
                        v1::MetricsRequest& message) {
  auto parsed = parse_topic(topic_bytes);
  if (!parsed) return WireError::kBadTopic;
  topic = std::move(*parsed);
  return decode_body(topic.kind, session_in(topic_bytes), body, message);
}

std::string_view session_in(std::string_view topic_bytes) {
  const auto session_at = topic_bytes.find('/') + 1;
  return topic_bytes.substr(session_at, topic_bytes.size() - session_at - 1);
}

WireError decode_body(Kind topic_kind, std::string_view session_id, std::string_view body,
                      v1::MetricsRequest& message) {
  const bool tiles = topic_kind == v1::KIND_TILES;
  if (body.size() > (tiles ? kMaxTilesBytes : kMaxRecordBytes)) return WireError::kTooLarge;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return WireError::kNotProtobuf;
  if (message.payload_case() == v1::MetricsRequest::PAYLOAD_NOT_SET) return WireError::kNoPayload;
  const Kind kind = payload_kind(message);
  if (kind != topic_kind && !(tiles && kind == v1::KIND_BATCH)) return WireError::kKindMismatch;
  if (message.session_id() != session_id) return WireError::kSessionMismatch;
  if (too_large_numbers(message)) return WireError::kNumberTooLarge;
  return check_payload(message, topic_kind);
}

WireError decode_control(std::string_view body, v1::MetricsRequest& message) {
  const WireError error = parse_control(body, message);
  if (error != WireError::kNone) return error;
  if (too_large_numbers(message)) return WireError::kNumberTooLarge;
  if (message.session_id().empty()) return error;
  if (message.session_id().ends_with("/*")) {  // every trainer of a run
    return valid_name(std::string_view(message.session_id()).substr(0, message.session_id().size() - 2))
               ? WireError::kNone
               : WireError::kSessionMismatch;
  }
  return parse_session_id(message.session_id()) ? WireError::kNone : WireError::kSessionMismatch;
}

WireError decode_control(std::string_view body, v1::MetricsResponse& message) {
  if (body.size() > kMaxTilesBytes) return WireError::kTooLarge;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return WireError::kNotProtobuf;
  return message.payload_case() == v1::MetricsResponse::PAYLOAD_NOT_SET ? WireError::kNoPayload : WireError::kNone;
}

const std::string* command_value_text(const v1::ControlCommand& command) {
  const auto found = command.parameters().find("value");
  return found == command.parameters().end() ? nullptr : &found->second;
}

double command_value(const v1::ControlCommand& command) {
  const std::string* text = command_value_text(command);
  return text == nullptr ? std::nan("") : read_number(*text).value_or(std::nan(""));
}

std::string command_knob(const v1::ControlCommand& command) {
  if (command.type() == v1::CHANGE_LEARNING_RATE) return std::string(kLearningRateKnob);
  if (command.type() == v1::ADJUST_BATCH_SIZE) return std::string(kBatchSizeKnob);
  const auto name = command.parameters().find("name");
  return command.type() == v1::SET_KNOB && name != command.parameters().end() ? name->second : std::string{};
}

std::string command_problem(const v1::ControlCommand& command) {
  if (!is_hex_id(command.command_id())) return "command id is not 32 hex digits";
  if (command.issuer().size() > 128) return "issuer is longer than 128 bytes";
  std::size_t parameter_bytes = 0;
  for (const auto& [name, value] : command.parameters())
    parameter_bytes += name.size() + value.size();
  if (parameter_bytes > kMaxParameterBytes)
    return "parameters have " + std::to_string(parameter_bytes) + " bytes, " + std::to_string(kMaxParameterBytes) +
           " at most";
  const std::string* given = command_value_text(command);
  const std::string text = given == nullptr ? "nothing" : "'" + std::string(clipped(*given, 32)) + "'";
  const double value = command_value(command);
  switch (command.type()) {
    case v1::PAUSE_TRAINING:
    case v1::RESUME_TRAINING:
    case v1::STOP_TRAINING:
    case v1::ARCHIVE_HISTORY:
    case v1::RESTORE_HISTORY:
    case v1::DELETE_HISTORY: return {};
    case v1::ADJUST_BATCH_SIZE:
      if (value >= 1 && value <= kMaxBatchSize && value == std::floor(value)) return {};
      return "batch size must be a whole number from 1 to " + std::to_string(kMaxBatchSize) + ", got " + text;
    case v1::CHANGE_LEARNING_RATE:
      if (std::isfinite(value) && value > 0) return {};
      return "learning rate must be a finite number above 0, got " + text;
    case v1::SET_KNOB:
      if (valid_name(command_knob(command))) return {};
      return "a knob's name must match [A-Za-z0-9._-]{1,64}, got '" + clean_text(command_knob(command), 64) + "'";
    default: return "unknown command type " + std::to_string(command.type());
  }
}

std::string_view command_verb(v1::CommandType type) {
  switch (type) {
    case v1::PAUSE_TRAINING: return "pause";
    case v1::RESUME_TRAINING: return "resume";
    case v1::STOP_TRAINING: return "stop";
    case v1::ADJUST_BATCH_SIZE: return "set-batch-size";
    case v1::CHANGE_LEARNING_RATE: return "set-lr";
    case v1::SET_KNOB: return "set";
    case v1::ARCHIVE_HISTORY: return "archive";
    case v1::RESTORE_HISTORY: return "restore";
    case v1::DELETE_HISTORY: return "delete";
    default: return "unknown";
  }
}

bool command_ended(v1::CommandState state) { return state >= v1::COMMAND_APPLIED; }

std::string_view command_state_name(v1::CommandState state) {
  switch (state) {
    case v1::COMMAND_ISSUED: return "ISSUED";
    case v1::COMMAND_ACCEPTED: return "ACCEPTED";
    case v1::COMMAND_DELIVERED: return "DELIVERED";
    case v1::COMMAND_APPLIED: return "APPLIED";
    case v1::COMMAND_REJECTED: return "REJECTED";
    case v1::COMMAND_EXPIRED: return "EXPIRED";
    case v1::COMMAND_UNKNOWN: return "UNKNOWN";
    default: return "UNSET";
  }
}

bool training_ended(v1::TrainingStatus status) {
  return status == v1::COMPLETED || status == v1::FAILED || status == v1::STOPPED;
}

std::string new_command_id() {
  std::random_device random;
  std::string id;
  for (int word = 0; word < 4; ++word) {
    std::uint32_t bits = random();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4)
      id += "0123456789abcdef"[bits & 15];
  }
  return id;
}

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::int64_t even_unix_ms() {
  static const std::int64_t offset_ms = unix_ms() - steady_ms();
  return steady_ms() + offset_ms;
}

std::uint64_t new_incarnation() {
  std::random_device random;
  return (static_cast<std::uint64_t>(unix_ms()) << 20 | (random() & 0xfffff)) & kMaxIncarnation;
}

}  // namespace trainbus
