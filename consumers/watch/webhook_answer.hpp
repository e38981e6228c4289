#pragma once
// What the answer of a webhook's server means. Pure: no sockets, `now` is an argument.

#include <chrono>
#include <string>
#include <string_view>

#include "channel.hpp"

namespace trainbus {

// The longest that a server is left alone because it asked for it.
inline constexpr std::chrono::milliseconds kLongestRetryAfter = std::chrono::hours(1);

// 301, 302, 307, 308: the same POST is to be sent to the address in Location. (303 asks for a GET of something else,
// which delivers nothing.)
bool is_redirection(unsigned status);

// 2xx is delivered; 5xx, 3xx and some 4xx are tried again; another 4xx refuses this notice (README.md). `retry_after`:
// the header, "" without.
Attempt attempt_of_answer(unsigned status, std::string_view retry_after, std::chrono::system_clock::time_point now);

// Seconds or an HTTP date (RFC 9110, 10.2.3), from 0 to kLongestRetryAfter; 0 for what is neither.
std::chrono::milliseconds parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace trainbus
