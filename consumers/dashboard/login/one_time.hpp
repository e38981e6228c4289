#pragma once
// Tokens that open one session, for a URL. Whoever may read the file of the token for scripts can make one, so that
// `trainbus-dashboard link` needs no running server. Pure: `now` is an argument. Single-threaded.

#include <chrono>
#include <set>
#include <string>
#include <string_view>

namespace trainbus {

using OneTimeClock = std::chrono::system_clock;
inline constexpr std::chrono::hours kOneTimeGood{24};

std::string make_one_time_token(std::string_view script_token, OneTimeClock::time_point now);

class OneTimeTokens {
 public:
  // A token made before `start` opens nothing: whether an earlier process took it is not known.
  OneTimeTokens(std::string_view script_token, OneTimeClock::time_point start)
      : script_token_(script_token), start_(start) {}
  // True once for each token.
  bool use(std::string_view token, OneTimeClock::time_point now);

 private:
  std::string script_token_;
  OneTimeClock::time_point start_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace trainbus
