#pragma once
// How a record is called on a JetStream: its subject, its message id, and what the stream had when it was sent.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trainbus/consumer.hpp"

namespace trainbus {

// A name as one token of a subject: a dot, which ends a token, becomes %2E. No name has a % of its own.
inline std::string subject_token(std::string_view name) {
  std::string token;
  for (const char each : name)
    each == '.' ? token += "%2E" : token += each;
  return token;
}

// "PREFIX.batch.RUN.TRAINER.INCARNATION", and ".SITE" where there is one: the topic, and the incarnation, so that one
// subject is one stream of records.
inline std::string stream_subject(const std::string& prefix, const std::string& site, const StreamKey& stream) {
  const auto slash = stream.session_id.find('/');
  return prefix + '.' + std::string(kind_name(stream.kind)) + '.' + subject_token(stream.session_id.substr(0, slash)) +
         '.' + subject_token(stream.session_id.substr(slash + 1)) + '.' + std::to_string(stream.incarnation) +
         (site.empty() ? "" : '.' + subject_token(site));
}

// "RUN/TRAINER:INCARNATION:KIND:SEQUENCE", with "SITE:" before it where there is one: the value of Nats-Msg-Id.
inline std::string message_id(const std::string& site, const StreamKey& stream, std::uint64_t sequence) {
  return (site.empty() ? "" : site + ':') + stream.session_id + ':' + std::to_string(stream.incarnation) + ':' +
         std::string(kind_name(stream.kind)) + ':' + std::to_string(sequence);
}

// A whole decimal number; empty for anything else.
inline std::optional<std::uint64_t> whole_number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

struct RecordName {
  std::string site = {};
  StreamKey stream;
  std::uint64_t sequence = 0;
};

// Empty when the text is no message_id().
inline std::optional<RecordName> parse_message_id(std::string_view id) {
  const auto cut = [&]() {
    const auto colon = id.rfind(':');
    const auto part = colon == std::string_view::npos ? std::string_view{} : id.substr(colon + 1);
    id = id.substr(0, colon);
    return part;
  };
  const auto sequence = whole_number(cut());
  const auto kind = kind_from_name(cut());
  const auto incarnation = whole_number(cut());
  const auto colon = id.find(':');
  const auto site = colon == std::string_view::npos ? std::string_view{} : id.substr(0, colon);
  if (colon != std::string_view::npos) id.remove_prefix(colon + 1);
  const bool good_site = colon == std::string_view::npos || valid_name(site);
  if (!sequence || !incarnation || kind == v1::KIND_UNKNOWN || !good_site || !parse_session_id(id)) return std::nullopt;
  return RecordName{std::string(site), {std::string(id), *incarnation, kind}, *sequence};
}

// What was known to be on the JetStream when a message was sent: all records of its stream up to `sequence`; and none
// beyond that at or before `position`, a sequence number of the JetStream.
struct Stored {
  std::uint64_t sequence = 0;
  std::uint64_t position = 0;
  auto operator<=>(const Stored&) const = default;
};

// "SEQUENCE@POSITION", the value of Trainbus-Stored.
inline std::string stored_text(const Stored& stored) {
  return std::to_string(stored.sequence) + '@' + std::to_string(stored.position);
}
// Nothing was known when the text is none.
inline Stored parse_stored(std::string_view text) {
  const auto at = text.find('@');
  const auto sequence = whole_number(text.substr(0, at));
  const auto position = at == std::string_view::npos ? std::nullopt : whole_number(text.substr(at + 1));
  return sequence && position ? Stored{*sequence, *position} : Stored{};
}

}  // namespace trainbus
