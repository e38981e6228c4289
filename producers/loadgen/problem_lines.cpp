#include "problem_lines.hpp"

#include <cstdio>

namespace trainbus {

void ProblemLines::say(const std::string& trainer, const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (said_.size() >= kMaxTexts && !said_.contains(line)) {
    ++others_;
    return;
  }
  if (said_[line]++ == 0) std::fprintf(stderr, "trainbus-loadgen: %s: %s\n", trainer.c_str(), line.c_str());
}

void ProblemLines::write_counts() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [line, count] : said_)
    if (count > 1) std::fprintf(stderr, "trainbus-loadgen: said %zu times: %s\n", count, line.c_str());
  if (others_ > 0) std::fprintf(stderr, "trainbus-loadgen: %zu further lines of trainers are not shown\n", others_);
}

}  // namespace trainbus
