#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace trainbus {

// What a data set's folder holds and nobody reads, counted by reason.
class LeftOut {
 public:
  // `reason` goes on after a number: "hidden", ".gif (not read)".
  void add(const std::string& reason, std::size_t count = 1) { counts_[reason] += count; }
  bool empty() const { return counts_.empty(); }
  // "12 hidden, 3 .gif (not read), 1 .txt", the most frequent first; beyond eight reasons "and 7 more".
  std::string text() const;

 private:
  std::map<std::string, std::size_t> counts_;
};

}  // namespace trainbus
