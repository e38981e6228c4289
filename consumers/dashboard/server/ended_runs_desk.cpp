#include "ended_runs_desk.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "site.hpp"

namespace trainbus {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

EndedRunsDesk::EndedRunsDesk(Site& site, const HistoryPlace& place)
    : site_(site), history_(open_history(place)), timer_(site.server.io), thread_([this] { run(); }) {
  read_list();
}

EndedRunsDesk::~EndedRunsDesk() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  history_->give_up();
  changed_.notify_one();
  thread_.join();
}

bool EndedRunsDesk::ask(std::function<void(History&)> job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxJobs) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void EndedRunsDesk::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job(*history_);
  }
}

void EndedRunsDesk::later(std::chrono::milliseconds pause, std::function<void()> what) {
  timer_.expires_after(pause);
  timer_.async_wait([what = std::move(what)](boost::system::error_code error) {
    if (!error) what();
  });
}

void EndedRunsDesk::trouble(const std::string& why) {
  if (!why.empty() && why != site_.model.history_trouble().message) spdlog::warn("history: {}", why);
  site_.model.set_history_trouble(why.empty() ? left_out_ : why, unix_ms());
}

void EndedRunsDesk::read_list() {
  const bool taken = ask([this](History& history) {
    try {
      auto found = std::make_shared<HistoryRecords>(history.newest());
      asio::post(site_.server.io, [this, found] { take_list(std::move(*found)); });
    } catch (const std::exception& error) {
      asio::post(site_.server.io, [this, why = std::string(error.what())] {
        trouble(why);
        later(kAgain, [this] { read_list(); });
      });
    }
  });
  if (!taken) later(kAgain, [this] { read_list(); });
}

void EndedRunsDesk::take_list(HistoryRecords found) {
  if (!site_.model.bus.caught_up && Clock::now() - begin_ < kWaitsForBroker) {
    auto kept = std::make_shared<HistoryRecords>(std::move(found));
    return later(std::chrono::milliseconds(100), [this, kept] { take_list(std::move(*kept)); });
  }
  auto records = std::make_shared<Records>();
  for (auto& record : found.records) {
    const auto& session = record->topic.session;
    if (site_.model.find(session) != nullptr) continue;
    trainers_.try_emplace(session.id());
    records->push_back(std::move(record));
  }
  if (found.left_out > 0)
    left_out_ = "the " + std::to_string(History::kMaxTrainers) + " newest trainers of the history are listed, " +
                std::to_string(found.left_out) + " are not";
  trouble("");
  publish(records, 0, [] {});
}

void EndedRunsDesk::publish(std::shared_ptr<const Records> records, std::size_t from, std::function<void()> done) {
  const auto until = std::min(records->size(), from + kRecordsATurn);
  site_.hub.publish({Records(records->begin() + static_cast<std::ptrdiff_t>(from),
                             records->begin() + static_cast<std::ptrdiff_t>(until)),
                     site_.model.bus});
  for (auto at = from; at < until; ++at)
    site_.model.set_shelf((*records)[at]->topic.session, Shelf::kRetired);
  if (until == records->size()) return done();
  asio::post(site_.server.io, [this, records = std::move(records), until, done = std::move(done)]() mutable {
    publish(std::move(records), until, std::move(done));
  });
}

bool EndedRunsDesk::thinned(const SessionName& session) const {
  const auto found = trainers_.find(session.id());
  return found != trainers_.end() && found->second.thinned;
}

bool EndedRunsDesk::opens(const SessionName& session, std::function<void()> then) {
  const auto found = trainers_.find(session.id());
  if (found == trainers_.end()) return false;
  auto& trainer = found->second;
  const bool failed_lately = trainer.failed != Clock::time_point{} && Clock::now() - trainer.failed < kAgain;
  if (trainer.read || failed_lately) return false;
  trainer.waiting.push_back(std::move(then));
  if (!trainer.reading) open(session);
  return true;
}

void EndedRunsDesk::open(const SessionName& session) {
  trainers_.at(session.id()).reading = ask([this, session](History& history) {
    try {
      auto found = std::make_shared<HistoryRecords>(history.all_of(session));
      asio::post(site_.server.io, [this, session, found] { take_all(session, std::move(*found)); });
    } catch (const std::exception& error) {
      asio::post(site_.server.io, [this, session, why = session.id() + ": " + error.what()] {
        trouble(why);
        ended(session, false);
      });
    }
  });
  if (!trainers_.at(session.id()).reading) asio::post(site_.server.io, [this, session] { ended(session, false); });
}

void EndedRunsDesk::take_all(const SessionName& session, HistoryRecords found) {
  trouble("");
  trainers_.at(session.id()).thinned = found.left_out > 0;
  const auto* known = site_.model.find(session);
  if (known != nullptr && known->shelf() == Shelf::kRetired)  // what is there came from here, too
    site_.model.set_shelf(session, Shelf::kDeleted);
  publish(std::make_shared<Records>(std::move(found.records)), 0, [this, session] { ended(session, true); });
}

void EndedRunsDesk::ended(const SessionName& session, bool read) {
  auto& trainer = trainers_.at(session.id());
  trainer.reading = false;
  trainer.read = read;
  trainer.failed = read ? Clock::time_point{} : Clock::now();
  for (const auto& then : std::exchange(trainer.waiting, {}))
    then();
}

}  // namespace trainbus
