#pragma once
// A way out of the bus: one attempt to tell somebody.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "notice.hpp"

namespace trainbus {

struct Attempt {
  enum Result : std::uint8_t {
    kDelivered,
    kFailed,   // to be tried again
    kRefused,  // this notice will never be taken
  };
  Result result = kFailed;
  std::string detail = {};                  // one line without secrets: "200", "no answer within 10 s"
  std::chrono::milliseconds not_before{0};  // it asked to be left alone for so long
  int redirections = 0;                     // that were followed; `detail` says to whom
};

// Single-threaded. Never throws. An attempt ends within the channel's timeout, or within 100 ms of `stop` (kFailed).
class Channel {
 public:
  virtual ~Channel() = default;
  virtual Attempt deliver(const Notice& notice, const std::atomic<bool>& stop) = 0;
  // For people, without secrets: "https://hooks.slack.com", "/usr/bin/logger".
  virtual std::string shown() const = 0;
};

// Throws std::runtime_error with one line when the certificates of `ca` cannot be read.
std::unique_ptr<Channel> make_channel(const ChannelSpec& spec);

}  // namespace trainbus
