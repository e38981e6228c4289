#include "delivery.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTurn{50};
constexpr milliseconds kFirstPause{500};
constexpr milliseconds kLongestPause{60'000};

}  // namespace

Delivery::Delivery(const RuleSet& rules, const ChannelSpec& spec, std::string broker, std::string only_run,
                   std::string position_file)
    : rules_(rules),
      spec_(spec),
      broker_(std::move(broker)),
      run_(std::move(only_run)),
      position_file_(std::move(position_file)),
      start_(load_position(position_file_, "that channel starts with what is raised from then on")),
      channel_(make_channel(spec_)),
      who_("channel " + spec_.name + " (" + channel_->shown() + ')'),
      thread_([this] { run(); }) {}

Delivery::~Delivery() {
  stop_ = true;
  thread_.join();
}

std::string Delivery::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Delivery::run() {
  try {
    ConsumerOptions wanted;
    wanted.broker = broker_;
    wanted.kinds = {v1::KIND_ALERT};
    if (start_) wanted.heads = *start_;
    Consumer alerts(std::move(wanted));
    if (!start_) find_start(alerts);
    ready_ = !stop_;
    while (!stop_)
      if (const auto* record = alerts.next(kTurn)) take(*record, alerts);
  } catch (const std::exception& error) {
    spdlog::critical("{} has ended: {}", who_, error.what());
    const std::lock_guard lock(mutex_);
    problem_ = who_ + " has ended: " + error.what();
  }
}

// Reads over what was raised before this channel was there, and writes that down before anything new is raised.
void Delivery::find_start(Consumer& alerts) {
  while (!stop_ && !alerts.caught_up())
    alerts.next(kTurn);
  if (!stop_) save(alerts.heads());
}

void Delivery::take(const Record& record, const Consumer& alerts) {
  if (!run_.empty() && record.topic.session.run != run_) return;  // read all the same: the position is of all runs
  const auto& alert = record.message.alert();
  const Rule* rule = rules_.rule_of(record.message.session_id(), alert.rule());
  if (rule == nullptr || !rule->tells(spec_.name) || (!alert.active() && !spec_.ended)) return;
  if (deliver({record.message.session_id(), rule->severity, alert})) save(alerts.heads());
}

// True when there is nothing left to do about this notice.
bool Delivery::deliver(const Notice& notice) {
  milliseconds pause = kFirstPause;
  for (int attempts = 1; !stop_; ++attempts) {
    const auto attempt = channel_->deliver(notice, stop_);
    if (attempt.result == Attempt::kDelivered) {
      ++delivered_;
      count_redirection(attempt);
      if (attempts > 1) spdlog::info("{}: delivered, {}", who_, attempt.detail);
      failed({.result = Attempt::kDelivered}, 0);
      return true;
    }
    if (stop_) return false;
    if (attempt.result == Attempt::kRefused) {
      ++refused_;
      spdlog::error("{}: {}, so this is not sent again: {}", who_, attempt.detail, notice_text(notice));
      failed({.result = Attempt::kDelivered}, 0);
      return true;
    }
    failed(attempt, attempts);
    if (stopped_within(std::max(pause, attempt.not_before))) return false;
    pause = std::min(pause * 2, kLongestPause);
  }
  return false;
}

// Said when it is another way than before: whoever moved should be told where to.
void Delivery::count_redirection(const Attempt& attempt) {
  if (attempt.redirections == 0) return;
  ++redirected_;
  if (attempt.detail != redirected_as_)
    spdlog::warn("{}: delivered, {}; if that is right, put the new address into the rules", who_, attempt.detail);
  redirected_as_ = attempt.detail;
}

// Said when it is another reason than before.
void Delivery::failed(const Attempt& attempt, int attempts) {
  const bool fails = attempt.result == Attempt::kFailed;
  if (fails && attempt.detail != said_last_)
    spdlog::warn("{}: {}; it is tried again until it is delivered", who_, attempt.detail);
  said_last_ = fails ? attempt.detail : "";
  const std::lock_guard lock(mutex_);
  problem_ = fails ? who_ + ": " + attempt.detail + ", tried " + std::to_string(attempts) +
                         (attempts == 1 ? " time" : " times") +
                         (attempt.not_before.count() > 0
                              ? ", asked to wait " + std::to_string(attempt.not_before.count() / 1000) + " s"
                              : "")
                   : "";
}

void Delivery::save(const StreamHeads& heads) {
  if (!save_position(position_file_, heads))
    spdlog::error("{}: {} cannot be written ({}); after a restart notices are repeated", who_, position_file_,
                  std::strerror(errno));
}

bool Delivery::stopped_within(milliseconds time) const {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stop_ && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::min(time, kTurn));
  return stop_;
}

}  // namespace trainbus
