#pragma once
// Which tiles somebody subscribes to: the prefixes of topics, as subscribers give them. Pure.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

class TileDemand {
 public:
  static constexpr std::size_t kMaxPrefixes = 10'000;  // policy: refuse

  // kFull: a new prefix for which there is no room.
  enum class Change { kNone, kChanged, kFull };
  Change change(bool wanted, std::string_view prefix) {
    const auto known = prefixes_.find(prefix);
    if (wanted == (known != prefixes_.end())) return Change::kNone;
    if (wanted && prefixes_.size() >= kMaxPrefixes) return Change::kFull;
    if (wanted)
      prefixes_.emplace(prefix);
    else
      prefixes_.erase(known);
    changed_.emplace(prefix);
    return Change::kChanged;
  }

  std::size_t prefixes() const { return prefixes_.size(); }

  // Whether a prefix of this topic is wanted.
  bool wants(std::string_view topic) const {
    for (std::size_t length = 0; length <= topic.size(); ++length)
      if (prefixes_.contains(topic.substr(0, length))) return true;
    return false;
  }

  // The prefixes that came or went since the last call, each once.
  std::vector<std::string> take_changed() {
    const std::vector<std::string> changed(changed_.begin(), changed_.end());
    changed_.clear();
    return changed;
  }

 private:
  std::set<std::string, std::less<>> prefixes_;
  std::set<std::string, std::less<>> changed_;
};

}  // namespace trainbus
