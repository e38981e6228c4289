#include "ended_runs_desk.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <set>
#include <utility>

#include "site.hpp"

namespace trainbus {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

EndedRunsDesk::EndedRunsDesk(Site& site, const HistoryPlace& place)
    : site_(site), history_(open_history(place)), every_(place.every), timer_(site.server.io), thread_([this] {
        run();
      }) {
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

template <class Answer>
void EndedRunsDesk::read(std::function<Answer(History&)> question, std::function<void(Answer)> take) {
  const bool taken = ask([this, question = std::move(question), take = std::move(take)](History& history) {
    try {
      auto found = std::make_shared<Answer>(question(history));
      asio::post(site_.server.io, [take, found] { take(std::move(*found)); });
    } catch (const std::exception& error) {
      asio::post(site_.server.io, [this, why = std::string(error.what())] {
        trouble(why);
        later(kAgain, [this] { read_list(); });
      });
    }
  });
  if (!taken) later(kAgain, [this] { read_list(); });
}

void EndedRunsDesk::read_list() {
  read<HistoryTrainers>([](History& history) { return history.trainers(); },
                        [this](HistoryTrainers found) { take_list(std::move(found)); });
}

void EndedRunsDesk::take_list(HistoryTrainers found) {
  if (!site_.model.bus.caught_up && Clock::now() - begin_ < kWaitsForBroker) {
    auto kept = std::make_shared<HistoryTrainers>(std::move(found));
    return later(std::chrono::milliseconds(100), [this, kept] { take_list(std::move(*kept)); });
  }
  left_out_ = found.left_out == 0
                  ? std::string{}
                  : "the " + std::to_string(History::kMaxTrainers) + " newest trainers of the history are listed, " +
                        std::to_string(found.left_out) + " are not";
  trouble("");
  read_news(news_in(found.trainers));
}

std::vector<HistoryTrainer> EndedRunsDesk::news_in(const std::vector<HistoryTrainer>& listed) {
  std::vector<HistoryTrainer> news;
  std::set<std::string> there;
  for (const auto& one : listed) {
    const auto id = one.session.id();
    there.insert(id);
    const auto* model = site_.model.find(one.session);
    const auto known = trainers_.find(id);
    if (model == nullptr) {
      const bool says_nothing = known != trainers_.end() && one.is_as(known->second.as);
      if (!says_nothing) news.push_back(one);
    } else if (known != trainers_.end() && !known->second.reading) {
      if (model->shelf() != Shelf::kRetired)  // the broker has it again
        trainers_.erase(known);
      else if (!one.is_as(known->second.as))
        news.push_back(one);
    }
  }
  for (auto known = trainers_.begin(); known != trainers_.end();) {
    const auto session = parse_session_id(known->first);
    const auto* model = site_.model.find(*session);
    const bool gone = !there.contains(known->first) && !known->second.reading;
    if (gone && model != nullptr && model->shelf() == Shelf::kRetired) site_.model.set_shelf(*session, Shelf::kDeleted);
    known = gone ? trainers_.erase(known) : std::next(known);
  }
  return news;
}

void EndedRunsDesk::read_news(std::vector<HistoryTrainer> news) {
  if (news.empty()) return later(every_, [this] { read_list(); });
  const auto wanted = std::make_shared<const std::vector<HistoryTrainer>>(std::move(news));
  read<HistoryRecords>([wanted](History& history) { return history.newest(*wanted); },
                       [this, wanted](HistoryRecords found) { take_news(*wanted, std::move(found)); });
}

void EndedRunsDesk::take_news(const std::vector<HistoryTrainer>& news, HistoryRecords found) {
  std::set<std::string> taken;
  for (const auto& one : news) {
    const auto id = one.session.id();
    const auto known = trainers_.find(id);
    const auto* model = site_.model.find(one.session);
    const bool is_read_now = known != trainers_.end() && known->second.reading;
    const bool the_broker_has_it = model != nullptr && model->shelf() != Shelf::kRetired;
    if (is_read_now || the_broker_has_it) continue;
    if (model != nullptr)
      site_.model.set_shelf(one.session, Shelf::kDeleted);  // what it said before, from here as well
    auto& trainer = trainers_[id];
    trainer = {};
    trainer.as = one;
    taken.insert(id);
  }
  auto records = std::make_shared<Records>();
  for (auto& record : found.records)
    if (taken.contains(record->topic.session.id())) records->push_back(std::move(record));
  publish(records, 0, [this] { later(every_, [this] { read_list(); }); });
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
  trainers_.at(session.id()).reading = true;
  const bool taken = ask([this, session](History& history) {
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
  if (!taken) asio::post(site_.server.io, [this, session] { ended(session, false); });
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
