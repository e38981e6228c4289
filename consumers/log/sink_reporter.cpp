#include "sink_reporter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace trainbus {
namespace {

constexpr std::chrono::seconds kEvery{5};

}  // namespace

void SinkReporter::turn(const SinkReport& report, Time now) {
  const auto state = state_of(report);
  const bool news = state != state_ && (report.caught_up || report.failing() || !report.over.empty() ||
                                        !report.journal_trouble.empty() || !report.port_trouble.empty());
  if (now < next_ && !news) return;
  const double seconds = std::max(std::chrono::duration<double>(now - before_).count(), 0.001);
  const auto rate = static_cast<double>(report.written - written_) / seconds;
  if (report.written != written_ || state != state_)
    spdlog::info("{}: {} records written, {:.0f} per second, {}", report.label, report.written, rate, state);
  next_ = now + kEvery;
  before_ = now;
  written_ = report.written;
  state_ = state;
}

std::string SinkReporter::state_of(const SinkReport& report) const {
  if (!report.over.empty()) return "ended: " + report.over;
  if (!report.blocked.empty()) return "blocked: " + report.blocked;
  if (!report.failure.empty()) return "away: " + report.failure;
  const std::string silent_port = report.port_trouble.empty() ? "" : ": " + report.port_trouble;
  if (!report.connected) return "waiting for the broker at " + broker_ + silent_port;
  if (!report.journal_trouble.empty()) return "the broker does not give its journal: " + report.journal_trouble;
  if (report.caught_up) return "up to date" + silent_port;
  const auto [done, all] = report.progress;
  return "catching up, " + std::to_string(done) + " of about " + std::to_string(all) + silent_port;
}

}  // namespace trainbus
