#pragma once
// A record's envelope, read in one pass over its bytes: what a broker decides by, without building the payload.

#include <cstdint>
#include <string_view>

#include "trainbus/topic.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

struct Envelope {
  std::uint64_t timestamp_ms = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
};

// Kinds that come often: batch, tiles, epoch, perf, scalars. The payload of the others is always built.
bool is_frequent(Kind kind);

// decode_record for a topic that is known: the verdict on the body.
[[nodiscard]] WireError decode_body(Kind topic_kind, std::string_view session_id, std::string_view body,
                                    v1::MetricsRequest& message);
// "run/trainer", the tail of a good topic without its closing slash.
std::string_view session_in(std::string_view topic_bytes);

// True when `body` is a good record of a frequent kind and of this session, the payload's fields, texts, sizes and
// names included: then decode_record finds no fault either. False says nothing: a fault, or bytes that are seldom seen
// (a payload in two pieces, a group), which the full parser decides. Skips pictures in no time. Thread-safe.
[[nodiscard]] bool glance_at_record(std::string_view body, Kind kind, std::string_view session_id, Envelope& envelope);

// decode_body: the same verdict for all bytes. Where a glance is enough, `message` gets the
// envelope only, and no payload.
[[nodiscard]] WireError decode_envelope(Kind topic_kind, std::string_view session_id, std::string_view body,
                                        v1::MetricsRequest& message);

}  // namespace trainbus
