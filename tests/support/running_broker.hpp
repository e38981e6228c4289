#pragma once
// The real broker in a thread of the test, on ports of its own.

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "broker/broker.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus::test {

class RunningBroker {
 public:
  explicit RunningBroker(std::string state_dir = {}, std::string listen = "tcp://127.0.0.1:*",
                         Durability durability = Durability::kProcess, std::string keys_dir = {})
      : options_{std::move(listen),  state_dir.empty() ? own_dir_ / "state" : std::move(state_dir), durability, 1, {},
                 std::move(keys_dir)} {
    start();
  }
  ~RunningBroker() { stop(); }

  std::string address() const { return endpoints_.base(); }
  const Endpoints& endpoints() const { return endpoints_; }
  const std::string& state_dir() const { return options_.state_dir; }

  void stop() {
    if (!thread_.joinable()) return;
    running_ = false;
    thread_.join();
  }
  // On the same ports and state folder again.
  void start() {
    auto broker = std::make_unique<Broker>(options_);
    endpoints_ = broker->endpoints();
    options_.listen = endpoints_.base();
    running_ = true;
    thread_ = std::thread([this, owned = std::move(broker)] {
      while (running_)
        owned->poll_once(std::chrono::milliseconds(10));
    });
  }

 private:
  TempDir own_dir_;
  BrokerOptions options_;
  Endpoints endpoints_;
  std::atomic<bool> running_{false};
  std::thread thread_;
};

}  // namespace trainbus::test
