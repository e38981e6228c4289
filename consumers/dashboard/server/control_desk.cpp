#include "control_desk.hpp"

namespace trainbus {
namespace {

BrokerFigures ask_for_figures(ControlClient& client) {
  BrokerFigures figures{client.stats(ControlDesk::kTimeout), {}, {}};
  if (!figures.stats) return figures;
  if (const auto list = client.list("", ControlDesk::kTimeout))
    for (const auto& entry : list->trainers()) {
      figures.ledgers.push_back(ledger_of(entry));
      figures.standings.push_back({entry.session_id(), entry.incarnation(), standing_of(entry)});
    }
  return figures;
}

}  // namespace

ControlDesk::ControlDesk(std::string broker, std::function<void(BrokerFigures)> on_figures)
    : broker_(std::move(broker)), on_figures_(std::move(on_figures)), thread_([this] { run(); }) {}

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
    if (jobs_.size() >= kMaxJobs) {
      ++refused_;
      return false;
    }
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

std::size_t ControlDesk::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

std::uint64_t ControlDesk::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

// The next job; empty when the time has come to ask for the figures.
std::optional<ControlDesk::Job> ControlDesk::wait_for_job(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, patience, [this] { return stop_ || !jobs_.empty(); }) || stop_) return std::nullopt;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

void ControlDesk::run() {
  ControlClient client(broker_);
  for (auto patience = kFirstFigures; !stopping();) {
    if (auto job = wait_for_job(patience)) {
      (*job)(client);
    } else if (on_figures_ && !stopping()) {
      on_figures_(ask_for_figures(client));
      patience = kFiguresInterval;
    }
  }
}

bool ControlDesk::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

}  // namespace trainbus
