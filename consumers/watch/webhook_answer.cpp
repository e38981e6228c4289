#include "webhook_answer.hpp"

#include <algorithm>
#include <ctime>

namespace trainbus {
namespace {

template <std::size_t count>
bool is_one_of(const unsigned (&list)[count], unsigned status) {
  return std::find(std::begin(list), std::end(list), status) != std::end(list);
}

}  // namespace

bool is_redirection(unsigned status) {
  constexpr unsigned kFollowed[] = {301, 302, 307, 308};
  return is_one_of(kFollowed, status);
}

Attempt attempt_of_answer(unsigned status, std::string_view retry_after, std::chrono::system_clock::time_point now) {
  Attempt attempt{.detail = "answer " + std::to_string(status), .not_before = parse_retry_after(retry_after, now)};
  // Of these the channel, not the notice, is the reason: to be put right by its owner.
  constexpr unsigned kLater[] = {401, 403, 404, 407, 408, 410, 421, 423, 425, 429};
  if (status / 100 == 2)
    attempt.result = Attempt::kDelivered;
  else if (status / 100 == 4 && !is_one_of(kLater, status))
    attempt.result = Attempt::kRefused;
  return attempt;
}

std::chrono::milliseconds parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now) {
  using std::chrono::milliseconds;
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  if (text.empty()) return milliseconds(0);
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto digits = std::min(text.find_first_not_of('0'), text.size() - 1);
    text.remove_prefix(digits);
    if (text.size() > 6) return kLongestRetryAfter;
    return std::min<milliseconds>(std::chrono::seconds(std::stoi(std::string(text))), kLongestRetryAfter);
  }
  // The form of today, and two that are obsolete and to be understood.
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm date{};
    const std::string whole(text);
    const char* end = strptime(whole.c_str(), form, &date);
    if (end == nullptr || *end != '\0') continue;
    const auto wait =
        std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::from_time_t(timegm(&date)) - now);
    return std::clamp(wait, milliseconds(0), kLongestRetryAfter);
  }
  return milliseconds(0);
}

}  // namespace trainbus
