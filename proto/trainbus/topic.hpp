#pragma once
// The topic grammar, in one place: `<kind>/<run>/<trainer>/`. See proto/README.md.

#include <optional>
#include <string>
#include <string_view>

#include "trainbus.pb.h"

namespace trainbus {

using v1::Kind;

inline constexpr std::size_t kMaxNameBytes = 64;
// heartbeat/ + two names + two slashes; libzmq 4.3.4 corrupts topics of 246..255 bytes, so longer ones never leave us.
inline constexpr std::size_t kMaxTopicBytes = 10 + 2 * (kMaxNameBytes + 1);

inline constexpr Kind kKeptKinds[] = {v1::KIND_BATCH,   v1::KIND_EPOCH, v1::KIND_PERF,    v1::KIND_STATUS,
                                      v1::KIND_COMMAND, v1::KIND_ALERT, v1::KIND_SCALARS, v1::KIND_MEDIA};
// The kept kinds that a trainer numbers; the broker numbers the others.
inline constexpr Kind kTrainerKinds[] = {v1::KIND_BATCH,  v1::KIND_EPOCH,   v1::KIND_PERF,
                                         v1::KIND_STATUS, v1::KIND_SCALARS, v1::KIND_MEDIA};
inline constexpr Kind kAllKinds[] = {v1::KIND_BATCH,   v1::KIND_EPOCH, v1::KIND_PERF,  v1::KIND_STATUS,
                                     v1::KIND_COMMAND, v1::KIND_ALERT, v1::KIND_TILES, v1::KIND_HEARTBEAT,
                                     v1::KIND_SCALARS, v1::KIND_MEDIA};

// "batch", "epoch", ...; "" for KIND_UNKNOWN.
std::string_view kind_name(Kind kind);
// KIND_UNKNOWN when the name is no kind's.
Kind kind_from_name(std::string_view name);
// True when records of this kind are journaled, replayed and never lost.
bool is_kept(Kind kind);

// [A-Za-z0-9._-]{1,64}: a run's or a trainer's name.
bool valid_name(std::string_view name);

// A trainer's name for good: "run/trainer".
struct SessionName {
  std::string run;
  std::string trainer;

  std::string id() const { return run + '/' + trainer; }
  bool operator==(const SessionName&) const = default;
};

// Empty when the text is not two valid names with one slash between.
std::optional<SessionName> parse_session_id(std::string_view session_id);

struct Topic {
  Kind kind = v1::KIND_UNKNOWN;
  SessionName session;

  std::string text() const;
  bool operator==(const Topic&) const = default;
};

// Empty when the bytes are not a topic of the grammar.
std::optional<Topic> parse_topic(std::string_view bytes);
std::string topic_text(Kind kind, std::string_view run, std::string_view trainer);

// The subscription prefix of a kind, narrowed to a run and a trainer where these are not empty.
std::string topic_prefix(Kind kind, std::string_view run = {}, std::string_view trainer = {});

}  // namespace trainbus
