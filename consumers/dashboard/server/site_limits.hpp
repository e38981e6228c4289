#pragma once
// The dashboard's bounds: while one is met, a line a minute on stderr and an alert of rule `limit` on the bus say so.

#include <cstdint>
#include <string>

#include "trainbus/limits.hpp"

namespace trainbus {

struct Site;

// Belongs to the asio thread; alerts go out on the control desk's.
class SiteLimits {
 public:
  explicit SiteLimits(Site& site);

  // To be called now and then; looks once a second.
  void look(std::int64_t now_ms);
  std::vector<v1::Limit> limits() const { return table_.limits(); }

 private:
  void raise(const std::string& biting);

  Site& site_;
  const std::uint64_t incarnation_;  // of this process
  LimitTable table_;
  std::string raised_;    // as the broker has it; empty: nothing, or the end
  std::string alert_id_;  // one from its begin to its end
  bool raising_ = false;  // an answer is awaited
  std::int64_t next_raise_ms_ = 0;
};

}  // namespace trainbus
