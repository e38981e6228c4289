// One end of a transport, for scripts/bench-peers: `publish` is many trainers in one process, `subscribe` one consumer.
// Commands come on stdin, a line each, and each is answered with a line of JSON on stdout:
//
//   publish:    go RUN START_NS RATE SECONDS    sends what is due, then says how many
//   subscribe:  expect RUN START_NS RATE SECONDS    counts what arrives of that run from now on
//               count                               how many arrived so far
//               report                              how many, and how late
//
// The load is open loop: message k is due at START + k / RATE, whether or not the one before got through. What is due
// goes out in bursts, at most one in kBurst.

#include <sys/prctl.h>

#include <csignal>
#include <iostream>
#include <sstream>
#include <thread>

#include "bench/bench_record.hpp"
#include "bench/peers/arrivals.hpp"
#include "bench/peers/peer.hpp"
#include "trainbus/program.hpp"

namespace trainbus::bench {
namespace {

constexpr std::chrono::microseconds kBurst{100};
constexpr int kMostInABurst = 4096;  // before the clock is read again
constexpr std::chrono::milliseconds kIdleEvery{1};
constexpr std::chrono::milliseconds kIdleOfManyEvery{250};

void sleep_until_ns(std::int64_t ns) {
  std::this_thread::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns)));
}

std::string session_of(int publisher) {
  std::string digits = std::to_string(publisher);
  return "bench/t" + std::string(3 - digits.size(), '0') + digits;
}

class Fleet {
 public:
  Fleet(const PeerOptions& options, Shape shape, int publishers) {
    for (int i = 0; i < publishers; ++i)
      trainers_.push_back({make_publisher(options), topic_of(shape, session_of(i)), body_of(shape, session_of(i))});
  }

  nlohmann::json go(std::uint64_t run, const Schedule& schedule) {
    for (auto& trainer : trainers_)
      trainer.sequence = 0;
    const auto idle_every = trainers_.size() > 10 ? kIdleOfManyEvery : kIdleEvery;
    const std::int64_t end = schedule.end_ns();
    std::uint64_t next = 0;
    std::uint64_t refused = 0;
    std::int64_t idle_at = schedule.start_ns;
    sleep_until_ns(schedule.start_ns);
    for (std::int64_t now = steady_ns(); now < end; now = steady_ns()) {
      const std::uint64_t first = next;
      for (int i = 0; i < kMostInABurst && schedule.due_ns(next) <= now && schedule.due_ns(next) < end; ++i, ++next)
        if (!send(run, trainers_[next % trainers_.size()])) ++refused;
      for (std::uint64_t i = first; i < std::min<std::uint64_t>(next, first + trainers_.size()); ++i)
        trainers_[i % trainers_.size()].link->flush();
      if (now >= idle_at) {
        for (auto& trainer : trainers_)
          trainer.link->idle();
        idle_at = now + std::chrono::nanoseconds(idle_every).count();
      }
      const std::int64_t wake = std::max(schedule.due_ns(next), now + std::chrono::nanoseconds(kBurst).count());
      if (wake > steady_ns()) sleep_until_ns(std::min(wake, end));
    }
    return {{"offered", next}, {"sent", next - refused}};
  }

 private:
  struct Trainer {
    std::unique_ptr<Publisher> link;
    std::string topic, body;
    std::uint64_t sequence = 0;
  };
  bool send(std::uint64_t run, Trainer& trainer) {
    message_ = trainer.body;
    append_numbers(message_, run, ++trainer.sequence);
    return trainer.link->send(trainer.topic, message_);
  }

  std::vector<Trainer> trainers_;
  std::string message_;
};

// The numbers after a command's first word.
std::pair<std::uint64_t, Schedule> run_of(std::istringstream& words) {
  std::uint64_t run = 0;
  Schedule schedule;
  if (!(words >> run >> schedule.start_ns >> schedule.rate >> schedule.seconds))
    throw std::runtime_error("expected RUN START_NS RATE SECONDS");
  return {run, schedule};
}

// Answers one line of stdin after the other, until it ends.
template <class Answer>
int answer_stdin(const Answer& answer) {
  std::cout << nlohmann::json{{"ready", true}} << std::endl;
  for (std::string line, command; std::getline(std::cin, line);) {
    std::istringstream words(line);
    words >> command;
    std::cout << answer(command, words) << std::endl;
  }
  std::cout.flush();
  std::_Exit(0);  // the transports' threads may be anywhere
}

int publish(const PeerOptions& options, Shape shape, int publishers) {
  Fleet fleet(options, shape, publishers);
  return answer_stdin([&](const std::string& command, std::istringstream& words) -> nlohmann::json {
    if (command != "go") throw std::runtime_error("no such command: '" + command + "'");
    const auto [run, schedule] = run_of(words);
    return fleet.go(run, schedule);
  });
}

int subscribe(const PeerOptions& options, Shape shape, int publishers) {
  const std::string session = session_of(0);
  Arrivals arrivals(static_cast<std::uint64_t>(publishers), body_of(shape, session).size(), session.size());
  const auto subscriber = make_subscriber(options);
  subscriber->start();
  std::thread([&] {
    try {
      subscriber->run([&](std::string_view body) { arrivals.take(body); });
    } catch (const std::exception& error) {
      std::cerr << "trainbus-peerload: " << error.what() << std::endl;
    }
    std::_Exit(1);
  }).detach();
  return answer_stdin([&](const std::string& command, std::istringstream& words) -> nlohmann::json {
    if (command == "count") return {{"received", arrivals.received()}};
    if (command == "report") return arrivals.report();
    if (command != "expect") throw std::runtime_error("no such command: '" + command + "'");
    const auto [run, schedule] = run_of(words);
    arrivals.expect(run, schedule);
    return {{"ok", true}};
  });
}

}  // namespace
}  // namespace trainbus::bench

int main(int argc, char** argv) {
  using namespace trainbus;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlives the script
  prctl(PR_SET_TIMERSLACK, 1);
  CLI::App app("One end of a transport, driven by scripts/bench-peers.", "trainbus-peerload");
  bench::PeerOptions options;
  std::string side;
  bench::Shape shape = bench::Shape::kSmall;
  int publishers = 1;
  app.add_option("SIDE", side)->required()->check(CLI::IsMember({"publish", "subscribe", "transports"}));
  app.add_option("--transport", options.transport, "One that `transports` prints");
  app.add_option("--in", options.in, "HOST:PORT to publish to");
  app.add_option("--out", options.out, "HOST:PORT to subscribe at");
  app.add_option("--shape", shape)
      ->transform(CLI::CheckedTransformer(std::map<std::string, bench::Shape>{
          {"small", bench::Shape::kSmall}, {"real", bench::Shape::kReal}, {"tiles", bench::Shape::kTiles}}));
  app.add_option("--publishers", publishers)->check(CLI::Range(1, 1000));
  app.add_option("--queue", options.queue)->check(CLI::PositiveNumber);
  app.add_flag("--prompt", options.prompt, "each message at once");
  return run_program(app, argc, argv, [&] {
    if (side == "transports") {
      for (const auto& name : bench::transports())
        std::cout << name << '\n';
      return 0;
    }
    options.tiles = shape == bench::Shape::kTiles;
    return (side == "publish" ? bench::publish : bench::subscribe)(options, shape, publishers);
  });
}
