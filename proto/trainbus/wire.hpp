#pragma once
// Bytes -> record, or the reason why not. Nothing here throws or logs: hostile bytes are a value.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "trainbus/topic.hpp"

namespace trainbus {

inline constexpr std::size_t kMaxRecordBytes = 1 << 20;  // kept records, heartbeats, control messages
inline constexpr std::size_t kMaxTilesBytes = 16 << 20;  // tiles
inline constexpr int kMaxImages = 16;                    // per message
inline constexpr int kMaxImagePixels = 512;              // longer side
inline constexpr int kMaxBatchSize = 1 << 20;
inline constexpr std::size_t kMaxTextBytes = 4096;  // free text: messages, reasons

// Why bytes are not a record. The name of each (wire_error_name) is the `reason` label of the drop counters.
enum class WireError : std::uint8_t {
  kNone,
  kFrameCount,       // not exactly [topic][MetricsRequest]
  kBadTopic,         // outside the grammar
  kTooLarge,         // body over the limit of its kind
  kNotProtobuf,      // body does not parse
  kNoPayload,        // no payload in the envelope
  kKindMismatch,     // payload is not the topic's kind
  kSessionMismatch,  // envelope's session_id is not the topic's
  kTooManyImages,
  kBadImage,       // over 512 pixels, no bytes, or in a kind that carries none
  kForbiddenKind,  // a kind that this peer may not publish
  kCount
};

std::string_view wire_error_name(WireError error);

// The kind of record a payload belongs to; KIND_UNKNOWN for control requests and for no payload. BatchData is a batch
// here: whether it is tiles only the topic knows.
Kind payload_kind(const v1::MetricsRequest& message);

// Decodes one bus message into `topic` and `message`, both reused between calls (a reused message parses without
// allocating). On an error both hold unspecified content.
[[nodiscard]] WireError decode_record(std::span<const std::string_view> frames, Topic& topic,
                                      v1::MetricsRequest& message);
[[nodiscard]] WireError decode_record(std::string_view topic_bytes, std::string_view body, Topic& topic,
                                      v1::MetricsRequest& message);

// Decodes one control message (a single frame). Only the size, the parse and the session's grammar are checked.
[[nodiscard]] WireError decode_control(std::string_view body, v1::MetricsRequest& message);
[[nodiscard]] WireError decode_control(std::string_view body, v1::MetricsResponse& message);

// Checks a command as it is issued: type known, value present and in range (learning rate finite and > 0, batch size
// 1..kMaxBatchSize), id of 32 hex digits. Empty when good, else one line that names the value.
std::string command_problem(const v1::ControlCommand& command);

// The value of ADJUST_BATCH_SIZE / CHANGE_LEARNING_RATE; NaN when absent or not a number.
double command_value(const v1::ControlCommand& command);
// "pause", "resume", "stop", "set-batch-size", "set-lr".
std::string_view command_verb(v1::CommandType type);
// 'applied', 'rejected', 'expired' and 'unknown' are ends.
bool command_ended(v1::CommandState state);
std::string_view command_state_name(v1::CommandState state);

// 32 hex digits from the system's random source.
std::string new_command_id();

// Unix time in milliseconds.
std::int64_t unix_ms();
// One process life: start time in ms << 20 | 20 random bits. A later start is larger.
std::uint64_t new_incarnation();

}  // namespace trainbus
