#include "control_desk.hpp"

namespace trainbus {

ControlDesk::ControlDesk(std::string broker, std::function<void(std::optional<v1::BrokerStats>)> on_stats)
    : broker_(std::move(broker)), on_stats_(std::move(on_stats)), thread_([this] { run(); }) {}

ControlDesk::~ControlDesk() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool ControlDesk::ask(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxJobs) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

// The next job; empty when the time has come to ask for the counters.
std::optional<ControlDesk::Job> ControlDesk::wait_for_job() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kStatsInterval, [this] { return stop_ || !jobs_.empty(); }) || stop_)
    return std::nullopt;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

void ControlDesk::run() {
  ControlClient client(broker_);
  while (!stopping()) {
    if (auto job = wait_for_job()) {
      (*job)(client);
    } else if (!stopping()) {
      on_stats_(client.stats(kTimeout));
    }
  }
}

bool ControlDesk::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

}  // namespace trainbus
