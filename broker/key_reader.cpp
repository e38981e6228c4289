#include "broker/key_reader.hpp"

#include <condition_variable>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "broker/key_roll.hpp"
#include "broker/mailbox.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

class KeyReader::Shared {
 public:
  explicit Shared(const KeyFolder& folder) : folder_(folder) {}

  // The thread. What it reads it hands over with the lock free, so that a folder that hangs holds nothing.
  void run() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      const auto number = ++begun_;
      const bool whole = std::exchange(whole_, false);
      asked_ = false;
      began_ms_ = steady_ms();
      lock.unlock();
      auto reading = look(whole);
      reading->look = number;
      readings_.put(std::move(reading));
      lock.lock();
      began_ms_ = 0;
      wake_.wait_for(lock, kLookApart, [this] { return stop_; });
      wake_.wait_for(lock, kLookEvery - kLookApart, [this] { return stop_ || asked_; });
    }
    ended_ = true;
    wake_.notify_all();
  }
  std::uint64_t ask(bool whole) {
    const std::lock_guard lock(mutex_);
    asked_ = true;
    whole_ = whole_ || whole;
    wake_.notify_all();
    return begun_ + 1;
  }
  void end() {
    std::unique_lock lock(mutex_);
    stop_ = true;
    wake_.notify_all();
    wake_.wait_for(lock, kEndWithin, [this] { return ended_; });
  }
  std::chrono::milliseconds at_work() const {
    const std::lock_guard lock(mutex_);
    return std::chrono::milliseconds(began_ms_ == 0 ? 0 : steady_ms() - began_ms_);
  }
  Mailbox<KeyReading>& readings() { return readings_; }

 private:
  std::unique_ptr<KeyReading> look(bool whole) {
    auto reading = std::make_unique<KeyReading>();
    try {
      const auto now_unix_s = unix_ms() / 1000;
      const auto version = folder_.version();  // before what it is of
      if (!whole && version == version_ && now_unix_s < broker_until_unix_s_) return reading;
      version_.reset();
      reading->clients = folder_.clients(reading->problems);
      read_broker_keys(*reading, now_unix_s);
      reading->changed = true;
      version_ = version;
    } catch (const std::exception& error) {
      reading->error = error.what();
    }
    return reading;
  }
  void read_broker_keys(KeyReading& reading, std::int64_t now_unix_s) {
    broker_until_unix_s_ = std::numeric_limits<std::int64_t>::max();
    try {
      for (const auto& key : broker_keys(folder_, now_unix_s)) {
        reading.broker_secrets.push_back(key.secret_key);
        if (reading.broker_secrets.size() > 1) broker_until_unix_s_ = std::stoll(key.said("until"));
      }
    } catch (const std::exception& error) {
      reading.broker_secrets.clear();
      reading.broker_problem = error.what();
    }
  }

  const KeyFolder folder_;
  // Of the thread alone.
  std::optional<std::uint64_t> version_;  // of what was read last
  std::int64_t broker_until_unix_s_ = 0;  // when the broker's key of before is over

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool asked_ = false, whole_ = false, stop_ = false, ended_ = false;
  std::uint64_t begun_ = 0;
  std::int64_t began_ms_ = 0;  // the look at work; 0: none
  Mailbox<KeyReading> readings_;
};

KeyReader::KeyReader(const KeyFolder& folder) : shared_(std::make_shared<Shared>(folder)) {
  std::thread([shared = shared_] { shared->run(); }).detach();
}
KeyReader::~KeyReader() { shared_->end(); }

std::uint64_t KeyReader::ask(bool whole) { return shared_->ask(whole); }
std::unique_ptr<KeyReading> KeyReader::take() { return shared_->readings().take(); }
std::unique_ptr<KeyReading> KeyReader::wait(std::chrono::milliseconds limit) {
  return shared_->readings().wait(static_cast<int>(limit.count()));
}
int KeyReader::fd() const { return shared_->readings().fd(); }
std::chrono::milliseconds KeyReader::at_work() const { return shared_->at_work(); }

}  // namespace trainbus
