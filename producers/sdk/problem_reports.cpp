#include "problem_reports.hpp"

#include <utility>

namespace trainbus {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

void ProblemReports::turn(Clock::time_point now, bool last) {
  if (now < next_ && !last) return;
  next_ = now + kInterval;
  const auto tell = [&](Problems::Kind kind, std::uint64_t count, std::uint64_t& told, const auto& line) {
    if (std::exchange(told, count) == count) return;
    const std::string said = line(std::to_string(count));
    alert_.met(said, now);
    state_.problems.report(kind, said, now);
  };
  const auto refused = [&](Problems::Kind kind, const auto& left_out, std::uint64_t& told, const char* what) {
    tell(kind, left_out.count, told,
         [&](const std::string& count) { return left_out.problem + " (" + count + what + " so far)"; });
  };
  const RecordSpool& spool = *state_.spool;
  refused(Problems::kValues, spool.refused_values(), told_.values, " values left out");
  refused(Problems::kRecords, spool.cut_records(), told_.cut, " records");
  refused(Problems::kMedia, state_.media.refused(), told_.media, " refused");
  auto problem = spool.problem();
  tell(Problems::kRefused, spool.refused(), told_.refused, [&](const std::string& count) {
    return count + " records were refused so far: what waits for the broker has reached its bound" +
           (problem.empty() ? "" : ", " + problem);
  });
  std::uint64_t lost = 0;
  for (const auto& count : state_.lost)
    lost += count.load(std::memory_order_relaxed);
  tell(Problems::kLost, lost, told_.lost, [](const std::string& count) {
    return count + " records are gone: somebody took or damaged the spool files that they waited in";
  });
  if (problem != spool_problem_) {
    if (!problem.empty()) state_.problems.report(Problems::kSpool, "the spool has a problem: " + problem, now);
    spool_problem_ = std::move(problem);
  }
  state_.problems.turn(now, last);
}

}  // namespace trainbus
