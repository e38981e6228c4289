#pragma once
// A dashboard in this process with a real broker, and one trainer "r/t" that trains on nothing.

#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "consumers/dashboard/server/dashboard.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/web_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus::test {

constexpr const char* kWatch = R"({"type":"watch","run":"r","trainer":"t"})";
constexpr const char* kTrainer = "/api/trainers/r/t";

class RunningDashboard {
 public:
  explicit RunningDashboard(DashboardOptions options) : dashboard_(options), thread_([this] { dashboard_.run(); }) {}
  ~RunningDashboard() {
    dashboard_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return dashboard_.port(); }

 private:
  Dashboard dashboard_;
  std::thread thread_;
};

// One trainer "r/t" that trains on nothing, in a thread of its own.
class Trainer {
 public:
  explicit Trainer(const std::string& broker)
      : producer_(
            {.run = "r", .trainer = "t", .broker = broker, .heartbeat_interval = std::chrono::milliseconds(500)}) {
    producer_.on_learning_rate([](double value) { return Applied{0.1, value}; });
    producer_.start({.total_epochs = 10, .batches_per_epoch = 100, .batch_size = 64, .learning_rate = 0.1});
  }
  ~Trainer() { stop(); }

  void log(int batches) {
    for (int count = 0; count < batches; ++count)
      producer_.log_batch({.epoch = 1, .batch = batch_++, .batch_size = 64, .loss = 1.0 / batch_, .accuracy = 0.5},
                          [](TileBatch& tiles) { add_tiles(tiles); });
  }
  // Goes on at about 200 batches a second.
  void run() {
    thread_ = std::thread([this] {
      while (!stop_ && producer_.step()) {
        log(1);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
  }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  static void add_tiles(TileBatch& tiles) {
    const std::vector<std::uint8_t> pixels(32 * 32 * 3, 100);
    while (tiles.room() > 0)
      if (!tiles.add(pixels.data(), 32, 32, 3, 0, 1, {.predicted_class = 1, .label = "one", .confidence = 0.9F}))
        return;
  }

  Producer producer_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
  std::int32_t batch_ = 0;
};

class DashboardTest : public ::testing::Test {
 protected:
  std::uint16_t serve(DashboardOptions options = {}) {
    options.broker = broker_.address();
    options.port = 0;
    dashboard_ = std::make_unique<RunningDashboard>(options);
    return dashboard_->port();
  }
  Trainer& train(int batches = 0) {
    trainer_ = std::make_unique<Trainer>(broker_.address());
    trainer_->log(batches);
    return *trainer_;
  }
  // Waits until the dashboard has this many batches of the trainer.
  ::testing::AssertionResult knows(std::size_t batches) {
    return eventually(std::to_string(batches) + " batches in the curve", [&] {
      const auto answer = get(dashboard_->port(), std::string(kTrainer) + "/series?name=batch_loss&max_points=4");
      return answer.status == 200 && answer.json()["total"] >= batches;
    });
  }
  // Who was not heard for three heartbeats counts as dead for a moment, on a busy machine.
  ::testing::AssertionResult is(const std::string& state) {
    return eventually("the trainer is " + state, [&] {
      return get(dashboard_->port(), "/api/trainers").json()["trainers"].at(0)["state"] == state;
    });
  }
  double metric(const std::string& name) {
    const std::string text = get(dashboard_->port(), "/metrics").body;
    const auto at = text.find("\ntrainbus_" + name + ' ');
    return at == std::string::npos ? NAN : std::stod(text.substr(text.find(' ', at + 1)));
  }

  RunningBroker broker_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<RunningDashboard> dashboard_;
};

}  // namespace trainbus::test
