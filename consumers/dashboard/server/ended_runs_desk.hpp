#pragma once
// What a site's history has, put into its model: the retired trainers when the dashboard starts and then every minute,
// and all that one of them said when somebody opens it.

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "history.hpp"

namespace trainbus {

struct Site;

// Belongs to the asio thread; a thread of its own reads, and only posts. What a database refuses is a trouble of the
// bus, in one line, until it answers again.
class EndedRunsDesk {
 public:
  static constexpr std::size_t kMaxJobs = 64;
  static constexpr std::chrono::seconds kAgain{15};           // after an error
  static constexpr std::chrono::seconds kWaitsForBroker{10};  // what it still has is not listed twice
  static constexpr std::size_t kRecordsATurn = 2'000;         // into the model

  // Reads the list at once.
  EndedRunsDesk(Site& site, const HistoryPlace& place);
  ~EndedRunsDesk();  // ends at once: what is being read is given up
  EndedRunsDesk(const EndedRunsDesk&) = delete;
  EndedRunsDesk& operator=(const EndedRunsDesk&) = delete;

  // True when this trainer is known from here alone, and its records have yet to be read: then that begins, and `then`
  // is called when they are there, or cannot be had.
  bool opens(const SessionName& session, std::function<void()> then);
  // It is known from here.
  bool has(const SessionName& session) const { return trainers_.contains(session.id()); }
  // Rows of it were left out, because it has so many.
  bool thinned(const SessionName& session) const;
  // A job for the reading thread; it must not throw. False when kMaxJobs wait already.
  [[nodiscard]] bool ask(std::function<void(History&)> job);

 private:
  using Records = std::vector<std::shared_ptr<const Record>>;
  struct Trainer {
    HistoryTrainer as;  // when it was listed
    bool read = false, reading = false, thinned = false;
    std::chrono::steady_clock::time_point failed{};
    std::vector<std::function<void()>> waiting;
  };
  void run();
  void read_list();
  void take_list(HistoryTrainers found);
  // Of those that are new, or of which there is more; what the history has no longer goes.
  std::vector<HistoryTrainer> news_in(const std::vector<HistoryTrainer>& listed);
  void read_news(std::vector<HistoryTrainer> news);
  void take_news(const std::vector<HistoryTrainer>& news, HistoryRecords found);
  // A job of the reading thread, whose answer is for `take`; what goes wrong is said, and the list is read again.
  template <class Answer>
  void read(std::function<Answer(History&)> question, std::function<void(Answer)> take);
  void open(const SessionName& session);
  void take_all(const SessionName& session, HistoryRecords found);
  // Over several turns; then `done`.
  void publish(std::shared_ptr<const Records> records, std::size_t from, std::function<void()> done);
  void ended(const SessionName& session, bool read);
  // "": there is none any more.
  void trouble(const std::string& why);
  void later(std::chrono::milliseconds pause, std::function<void()> what);

  Site& site_;
  const std::unique_ptr<History> history_;
  const std::chrono::milliseconds every_;
  std::map<std::string, Trainer> trainers_;  // by session id
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::string left_out_;  // a line, where not all trainers are listed

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(History&)>> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace trainbus
