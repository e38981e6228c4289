#include "one_time.hpp"

#include <charconv>
#include <optional>

#include "token.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

std::string signature(std::string_view script_token, std::string_view said) {
  return secret_hash("one-time " + std::string(script_token) + ' ' + std::string(said));
}

std::optional<OneTimeClock::time_point> made_at(std::string_view said) {
  std::int64_t made_ms = 0;
  const auto [end, error] = std::from_chars(said.data(), said.data() + said.size(), made_ms);
  if (error != std::errc() || end == said.data() + said.size() || *end != '-') return std::nullopt;
  return OneTimeClock::time_point(milliseconds(made_ms));
}

}  // namespace

std::string make_one_time_token(std::string_view script_token, OneTimeClock::time_point now) {
  const auto made_ms = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
  const auto said = std::to_string(made_ms) + '-' + new_token().substr(0, kTokenLength / 2);
  return said + '-' + signature(script_token, said);
}

bool OneTimeTokens::use(std::string_view token, OneTimeClock::time_point now) {
  const auto last = token.rfind('-');
  if (last == std::string_view::npos) return false;
  const auto said = token.substr(0, last);
  if (signature(script_token_, said) != token.substr(last + 1)) return false;
  const auto made = made_at(said);
  if (!made || *made < std::chrono::floor<milliseconds>(start_) || now - *made >= kOneTimeGood) return false;
  return used_.emplace(said).second;
}

}  // namespace trainbus
