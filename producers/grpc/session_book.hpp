#pragma once
// The sessions there are, by name.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway_options.hpp"
#include "session.hpp"

namespace trainbus {

// Any thread. A session that another start of its trainer replaces is kept until its records are stored.
class SessionBook {
 public:
  // More sessions than this are refused: each has connections and memory of its own.
  static constexpr std::size_t kMost = 4096;

  SessionBook(const GatewayOptions& options, std::function<void()> wake) : options_(options), wake_(std::move(wake)) {}

  // Another start of the trainer. Throws std::invalid_argument with one line when it cannot be.
  std::shared_ptr<Session> begin(const v1::SessionInfo& info);
  // The one that this record belongs to, begun where there is none.
  std::shared_ptr<Session> of(const v1::MetricsRequest& record);

  // All of them, also those that were replaced.
  std::vector<std::shared_ptr<Session>> all() const;
  // Closes those that are over.
  void close_ended(Session::Clock::time_point now);
  // There is something to do for the bus thread.
  void wake() const { wake_(); }

 private:
  const GatewayOptions& options_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<Session>> by_name_;
  std::vector<std::shared_ptr<Session>> replaced_;
};

}  // namespace trainbus
