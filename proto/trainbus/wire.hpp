#pragma once
// Bytes -> record, or the reason why not. Nothing here throws or logs: hostile bytes are a value.

#include <algorithm>
#include <cstdint>
#include <limits>
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

// What hello and welcome say. Another number is another wire: such a peer is refused with one line. Fields are only
// ever added within one.
inline constexpr std::uint32_t kWireVersion = 1;

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
  kBadImage,        // over 512 pixels, no bytes, or in a kind that carries none
  kForbiddenKind,   // a kind that this peer may not publish
  kBadValueName,    // a named value or media outside the grammar of names
  kTooManyValues,   // over kMaxValueNames in one record
  kNumberTooLarge,  // an incarnation or a sequence of 2^63 or more
  kBadMedia,        // no content, or a histogram, table or picture that does not fit together
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
// 1..kMaxBatchSize), id of 32 hex digits; of SET_KNOB only that its name is one, the trainer's plan knows the rest.
// Empty when good, else one line that names the value.
std::string command_problem(const v1::ControlCommand& command);

// The name of the knob that a command sets: its own, or the built-in one of CHANGE_LEARNING_RATE and ADJUST_BATCH_SIZE;
// "" for other commands.
std::string command_knob(const v1::ControlCommand& command);
// parameters["value"]; nullptr when there is none.
const std::string* command_value_text(const v1::ControlCommand& command);
// The value as a number; NaN when absent or not a number.
double command_value(const v1::ControlCommand& command);
// "pause", "resume", "stop", "set-batch-size", "set-lr", "set": what a person types for it.
std::string_view command_verb(v1::CommandType type);
// 'applied', 'rejected', 'expired' and 'unknown' are ends.
bool command_ended(v1::CommandState state);
// "ACCEPTED", "APPLIED", ...: the schema's name without its prefix, the one word for a state everywhere.
std::string_view command_state_name(v1::CommandState state);
// COMPLETED, FAILED and STOPPED are ends of a training.
bool training_ended(v1::TrainingStatus status);

// 32 hex digits from the system's random source.
std::string new_command_id();

// A record's own time; one beyond what 63 bits hold is the largest.
inline std::int64_t record_ms(const v1::MetricsRequest& message) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(message.timestamp_ms(), kMost));
}

// Unix time in milliseconds: for people and for records. It may jump.
std::int64_t unix_ms();
// Milliseconds of this machine's steady clock: for durations and deadlines.
std::int64_t steady_ms();
// Unix time when this process first asked, and even since then: it never jumps. For ages, and for what is shown with
// them.
std::int64_t even_unix_ms();
// One process life: start time in ms << 20 | 20 random bits, below 2^63. Which of two is the later it does not say.
std::uint64_t new_incarnation();

}  // namespace trainbus
