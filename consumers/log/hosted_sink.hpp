#pragma once
// One sink as C++: errors are exceptions in one line without secrets, and others can see how long a call takes.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "secrets.hpp"
#include "sink_limits.hpp"
#include "sink_plan.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

// Single-threaded but for what says otherwise. Owns the sink. Whatever a call throws or returns as failed
// becomes std::runtime_error; SinkOver when the place has gone for good.
class HostedSink {
 public:
  // Calls create(). Throws std::invalid_argument with one line when an option is refused.
  explicit HostedSink(SinkPlan plan, std::string broker = default_broker());
  ~HostedSink();
  HostedSink(const HostedSink&) = delete;
  HostedSink& operator=(const HostedSink&) = delete;

  const SinkPlan& plan() const { return plan_; }
  // Any thread: which of its bounds it met.
  SinkLimits& limits() { return limits_; }
  const SinkLimits& limits() const { return limits_; }

  // What it has, of a sink that knows; else empty.
  StreamHeads open();
  void write(const Record& record);
  void flush();
  void sync();

  // Any thread: since when a call has been running, steady ms; 0: none is.
  std::int64_t busy_since_ms() const { return busy_since_ms_.load(std::memory_order_relaxed); }
  // Any thread: the name of the call that runs or ran last.
  const char* busy_with() const { return busy_with_.load(std::memory_order_relaxed); }

 private:
  struct Face;  // what the sink sees of the host
  template <typename Call>
  void call(const char* name, Call call);

  const SinkPlan plan_;
  const std::string broker_;
  const Secrets secrets_;
  SinkLimits limits_;
  const std::unique_ptr<Face> face_;
  std::vector<const char*> values_;
  std::string failure_;  // as fail() said in this call
  StreamHeads told_;     // by have() in this call
  std::string json_;     // of the record in this call
  void* self_ = nullptr;
  std::atomic<std::int64_t> busy_since_ms_{0};
  std::atomic<const char*> busy_with_{"create()"};
};

}  // namespace trainbus
