#pragma once
// One line about a sink every few seconds, when there is something new to say.

#include "sink_runner.hpp"

namespace trainbus {

class SinkReporter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The first line comes a second after `now`.
  SinkReporter(std::string broker, Time now)
      : broker_(std::move(broker)), next_(now + std::chrono::seconds(1)), before_(now) {}

  // Logs what changed.
  void turn(const SinkReport& report, Time now);

 private:
  std::string state_of(const SinkReport& report) const;

  std::string broker_;
  Time next_, before_;
  std::uint64_t written_ = 0;
  std::string state_;
};

}  // namespace trainbus
