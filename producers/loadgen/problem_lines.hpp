#pragma once
// What the simulated trainers have to tell, for a person: a thousand often say the same.

#include <map>
#include <mutex>
#include <string>

namespace trainbus {

// Prints each text once, with who said it first, and counts the others. Any thread.
class ProblemLines {
 public:
  static constexpr std::size_t kMaxTexts = 20;  // policy: further ones are only counted

  void say(const std::string& trainer, const std::string& line);
  // One line a text that more than one said, and one of what was not printed.
  void write_counts() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> said_;  // how often
  std::size_t others_ = 0;
};

}  // namespace trainbus
