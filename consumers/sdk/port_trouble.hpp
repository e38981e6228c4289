#pragma once
// Which of the broker's ports does not answer a consumer, and why: one line for people.

#include <cstdint>
#include <optional>
#include <string>

#include "trainbus/endpoints.hpp"
#include "trainbus/port_probe.hpp"

namespace trainbus {

// Single-threaded, never blocks: a port is probed in the background, once it has been silent for kSilentMs and every
// kProbeAgainMs while it is. Times are steady milliseconds.
class PortTrouble {
 public:
  static constexpr std::int64_t kSilentMs = 1'000;
  static constexpr std::int64_t kProbeAgainMs = 5'000;

  explicit PortTrouble(const std::string& broker) : endpoints_(parse_endpoints(broker)) {}

  // Whether the control port answers, and whether the feed of the data-out port came to life.
  void turn(bool control_answers, bool feed_answers, std::int64_t now_ms);
  // Empty while both answer, and until it is known why one does not.
  const std::string& text() const { return text_; }
  // For how long the feed has been the only one that is silent; 0: it is not.
  std::int64_t feed_silent_ms(std::int64_t now_ms) const { return silent_ == Silent::kFeed ? now_ms - since_ms_ : 0; }

 private:
  enum class Silent { kNothing, kControl, kFeed };
  void probe(std::int64_t now_ms);
  std::string explained(const std::string& problem) const;

  const Endpoints endpoints_;
  Silent silent_ = Silent::kNothing;
  std::int64_t since_ms_ = 0;
  std::int64_t probe_at_ms_ = 0;
  std::optional<PortProbe> probe_;
  std::string text_;
};

}  // namespace trainbus
