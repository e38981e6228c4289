#pragma once
// The bounds that a sink met: what it says by trainbus_host::limit_met, counted and told.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "trainbus/limits.hpp"

namespace trainbus {

// Any thread.
class SinkLimits {
 public:
  explicit SinkLimits(std::string label) : label_(std::move(label)) {}

  // Of one name the bound, unit and policy of the first time count.
  void met(const std::string& name, double bound, const std::string& unit, const std::string& policy);

  // To be called now and then: writes a line a minute for each that was met, with the sink's name.
  void look(std::int64_t now_ms);
  // Those met within the last minute, with their policies, in one line; empty: none. As of the last look().
  std::string biting() const;
  // How often each was met since the start.
  std::map<std::string, std::uint64_t> met() const;

 private:
  const std::string label_;
  mutable std::mutex mutex_;                     // of all below
  std::map<std::string, std::uint64_t> counts_;  // by name; the table's rows refer to them
  LimitTable table_;
};

}  // namespace trainbus
