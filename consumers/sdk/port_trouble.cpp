#include "port_trouble.hpp"

namespace trainbus {

void PortTrouble::turn(bool control_answers, bool feed_answers, std::int64_t now_ms) {
  const Silent silent = !control_answers ? Silent::kControl : !feed_answers ? Silent::kFeed : Silent::kNothing;
  if (silent != silent_) {
    silent_ = silent;
    since_ms_ = now_ms;
    probe_at_ms_ = now_ms + kSilentMs;
    probe_.reset();
    if (silent == Silent::kNothing) text_.clear();
  }
  if (silent != Silent::kNothing) probe(now_ms);
}

void PortTrouble::probe(std::int64_t now_ms) {
  if (now_ms >= probe_at_ms_) {
    probe_at_ms_ = now_ms + kProbeAgainMs;
    if (silent_ == Silent::kControl)
      probe_.emplace(endpoints_.control());
    else
      probe_.emplace(endpoints_.data_out(), kKeyRefusedWithin, process_key(), zmq::socket_type::sub);
  }
  if (!probe_) return;
  if (const auto problem = probe_->problem()) {
    text_ = explained(problem->text);
    probe_.reset();
  }
}

std::string PortTrouble::explained(const std::string& problem) const {
  if (silent_ == Silent::kControl)
    return "the control port " + endpoints_.control() + ": " +
           (problem.empty() ? "takes connections, but answers no question" : problem);
  return "the data port " + endpoints_.data_out() + ": " +
         (problem.empty() ? "takes connections, but confirms no subscription" : problem) +
         "; records come by pages over the control port " + endpoints_.control() + ", tiles do not";
}

}  // namespace trainbus
