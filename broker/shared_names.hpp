#pragma once
// Sessions of which two trainers, or two starts of one, are evidently taken for one incarnation. Single-threaded; times
// are steady milliseconds.

#include <cstdint>
#include <map>
#include <string>

namespace trainbus {

class SharedNames {
 public:
  static constexpr std::int64_t kEndsMs = 60'000;     // without further evidence it is over
  static constexpr std::size_t kMaxSessions = 1'000;  // policy: further ones are not noted

  struct Evidence {
    std::uint64_t incarnation = 0;
    std::int64_t last_ms = 0;
  };

  using Noted = std::map<std::string, Evidence>;  // by session id

  void note(const std::string& session_id, std::uint64_t incarnation, std::int64_t now_ms) {
    if (noted_.size() < kMaxSessions || noted_.contains(session_id)) noted_[session_id] = {incarnation, now_ms};
  }
  // Those that are not over.
  const Noted& now(std::int64_t now_ms) {
    std::erase_if(noted_, [now_ms](const auto& entry) { return now_ms - entry.second.last_ms >= kEndsMs; });
    return noted_;
  }

 private:
  Noted noted_;
};

}  // namespace trainbus
