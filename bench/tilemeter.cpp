// trainbus-tilemeter: watches every trainer of a run and measures the tiles that arrive.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "trainbus/control_client.hpp"
#include "trainbus/program.hpp"
#include "trainbus/tile_feed.hpp"

namespace {

using namespace trainbus;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr char kExamples[] = R"(Examples:
  trainbus-tilemeter --run demo --seconds 10
  trainbus-tilemeter --run demo --seconds 10 --max-rate 30 --max-pixels 128

Prints JSON: messages, bytes, rates, drops by place, and the age of a message when it arrives (publish to receive).)";

struct Flags {
  std::string broker = default_broker();
  std::string run;
  double seconds = 10;
  double warm_up_seconds = 1;
  double max_rate_hz = 0;
  int max_pixels = 0;
};

void declare(CLI::App& app, Flags& flags) {
  app.footer(kExamples);
  app.add_option("--broker", flags.broker, "base address of the broker")->capture_default_str();
  app.add_option("--run", flags.run, "the run whose trainers are watched")->required();
  app.add_option("--seconds", flags.seconds, "how long to measure")->check(CLI::Range(0.1, 3600.0));
  app.add_option("--warm-up", flags.warm_up_seconds, "seconds of tiles before")->check(CLI::Range(0.0, 60.0));
  app.add_option("--max-rate", flags.max_rate_hz, "ask for at most so many batches/s; 0: all");
  app.add_option("--max-pixels", flags.max_pixels, "ask for tiles of at most this size; 0: as they are");
}

// Wakes the measuring thread when the feed has something.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_one();
  }
  void wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

struct Measured {
  std::uint64_t messages = 0, bytes = 0, images = 0, image_bytes = 0;
  std::vector<std::int64_t> ages_ms;

  void add(const TileFrame& frame, v1::MetricsRequest& message) {
    if (!message.ParseFromString(*frame.bytes)) return;
    ++messages;
    bytes += frame.bytes->size();
    for (const auto& image : message.batch_data().images()) {
      ++images;
      image_bytes += image.image_bytes().size();
    }
    ages_ms.push_back(frame.received_unix_ms - record_ms(message));
  }
  std::int64_t age_ms(double quantile) {
    if (ages_ms.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(ages_ms.size() - 1));
    std::ranges::nth_element(ages_ms, ages_ms.begin() + at);
    return ages_ms[static_cast<std::size_t>(at)];
  }
};

std::vector<SessionName> trainers_of(const Flags& flags) {
  ControlClient control(flags.broker);
  const auto until = Clock::now() + 10s;
  while (!stop_requested() && Clock::now() < until) {
    std::vector<SessionName> sessions;
    if (const auto list = control.list(flags.run, 500ms))
      for (const auto& trainer : list->trainers())
        if (const auto session = parse_session_id(trainer.session_id())) sessions.push_back(*session);
    if (!sessions.empty()) return sessions;
    wait_or_stop(50ms);
  }
  throw std::runtime_error("no trainer of run '" + flags.run + "' at " + flags.broker + " within 10 s");
}

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

void receive_until(Clock::time_point end, TileFeed& feed, Bell& bell, Measured& measured) {
  v1::MetricsRequest message;
  while (!stop_requested() && Clock::now() < end) {
    bell.wait(50ms);
    for (const auto& frame : feed.take())
      measured.add(frame, message);
  }
}

nlohmann::json report(Measured& measured, double elapsed, const TileCounters& before, const TileCounters& after) {
  std::uint64_t rejected = 0;
  for (const auto& [reason, count] : after.rejected)
    rejected += count;
  for (const auto& [reason, count] : before.rejected)
    rejected -= count;
  const auto per_second = [&](std::uint64_t count) { return static_cast<double>(count) / elapsed; };
  return {{"seconds", elapsed},
          {"messages", measured.messages},
          {"bytes", measured.bytes},
          {"images", measured.images},
          {"image_bytes", measured.image_bytes},
          {"messages_per_second", per_second(measured.messages)},
          {"megabytes_per_second", per_second(measured.bytes) / 1e6},
          {"lost_on_link", after.lost_on_link - before.lost_on_link},
          {"replaced", after.replaced - before.replaced},
          {"rejected", rejected},
          {"age_p50_ms", measured.age_ms(0.5)},
          {"age_p99_ms", measured.age_ms(0.99)}};
}

int run(const Flags& flags) {
  const auto sessions = trainers_of(flags);
  Bell bell;
  TileFeed feed(flags.broker);
  feed.on_ready([&] { bell.ring(); });
  for (const auto& session : sessions)
    feed.watch(session, flags.max_rate_hz, flags.max_pixels);

  Measured warm_up;
  const auto until = Clock::now() + 10s;
  while (!stop_requested() && warm_up.messages == 0) {
    if (Clock::now() > until) throw std::runtime_error("run '" + flags.run + "' sent no tiles within 10 s");
    receive_until(Clock::now() + 50ms, feed, bell, warm_up);
  }
  receive_until(Clock::now() + seconds(flags.warm_up_seconds), feed, bell, warm_up);

  spdlog::info("measuring {} trainers for {} s", sessions.size(), flags.seconds);
  Measured measured;
  const auto before = feed.counters();
  const auto start = Clock::now();
  receive_until(start + seconds(flags.seconds), feed, bell, measured);
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  std::cout << report(measured, elapsed, before, feed.counters()) << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Watches the tiles of a run and measures what arrives.", "trainbus-tilemeter"};
  Flags flags;
  declare(app, flags);
  return run_program(app, argc, argv, [&] { return run(flags); });
}
