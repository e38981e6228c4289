#include "trainbus/incarnation.hpp"

#include <charconv>

#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kShortDigits = 5;  // 20 bits
constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string short_incarnation(std::uint64_t incarnation) {
  std::string text(kShortDigits, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, incarnation >>= 4)
    *digit = kHexDigits[incarnation & 15];
  return text;
}

std::string incarnation_address(std::string_view session_id, std::uint64_t incarnation) {
  return std::string(session_id) + '@' + short_incarnation(incarnation);
}

std::optional<TrainerAddress> parse_trainer_address(std::string_view text) {
  const auto at = text.find('@');
  const auto session = text.substr(0, at);
  const auto written = at == text.npos ? std::string_view{} : text.substr(at + 1);
  const bool whole_run = session.ends_with("/*") && valid_name(session.substr(0, session.size() - 2));
  if (at == text.npos && whole_run) return TrainerAddress{std::string(session), {}};
  if (!parse_session_id(session)) return std::nullopt;
  const bool hex = written.find_first_not_of(kHexDigits) == written.npos;
  if (at != text.npos && (!hex || written.empty() || written.size() > 20)) return std::nullopt;
  return TrainerAddress{std::string(session), std::string(written)};
}

std::optional<std::uint64_t> read_incarnation(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > kMaxIncarnation) return std::nullopt;
  return value;
}

bool means_incarnation(std::string_view written, std::uint64_t incarnation) {
  return written == short_incarnation(incarnation) || written == std::to_string(incarnation);
}

}  // namespace trainbus
