#include "trainbus/topic.hpp"

#include <algorithm>

namespace trainbus {
namespace {

constexpr std::string_view kKindNames[] = {"",      "batch", "epoch",     "perf",    "status", "command",
                                           "alert", "tiles", "heartbeat", "scalars", "media"};
static_assert(std::size(kKindNames) == v1::Kind_ARRAYSIZE);

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

std::string_view kind_name(Kind kind) { return v1::Kind_IsValid(kind) ? kKindNames[kind] : std::string_view{}; }

Kind kind_from_name(std::string_view name) {
  for (const Kind kind : kAllKinds)
    if (kind_name(kind) == name) return kind;
  return v1::KIND_UNKNOWN;
}

bool is_kept(Kind kind) { return std::ranges::find(kKeptKinds, kind) != std::end(kKeptKinds); }

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), name_character) &&
         name.find_first_not_of('.') != std::string_view::npos;  // "." and ".." are no names in a path or a URL
}

std::optional<SessionName> parse_session_id(std::string_view session_id) {
  const auto slash = session_id.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto run = session_id.substr(0, slash);
  const auto trainer = session_id.substr(slash + 1);
  if (!valid_name(run) || !valid_name(trainer)) return std::nullopt;
  return SessionName{std::string(run), std::string(trainer)};
}

std::string Topic::text() const { return topic_text(kind, session.run, session.trainer); }

std::optional<Topic> parse_topic(std::string_view bytes) {
  if (bytes.size() > kMaxTopicBytes || bytes.empty() || bytes.back() != '/') return std::nullopt;
  const auto slash = bytes.find('/');
  const Kind kind = kind_from_name(bytes.substr(0, slash));
  if (kind == v1::KIND_UNKNOWN || slash + 1 == bytes.size()) return std::nullopt;
  auto session = parse_session_id(bytes.substr(slash + 1, bytes.size() - slash - 2));
  if (!session) return std::nullopt;
  return Topic{kind, std::move(*session)};
}

std::string topic_text(Kind kind, std::string_view run, std::string_view trainer) {
  return topic_prefix(kind, run, trainer);
}

std::string topic_prefix(Kind kind, std::string_view run, std::string_view trainer) {
  std::string text(kind_name(kind));
  text += '/';
  for (const auto level : {run, trainer}) {
    if (level.empty()) break;
    text += level;
    text += '/';
  }
  return text;
}

}  // namespace trainbus
