// trainbus-log: writes the kept records of the bus through sinks.

#include <spdlog/spdlog.h>

#include <iostream>

#include "log_writer.hpp"
#include "sink_list.hpp"
#include "trainbus/program.hpp"

namespace {

using namespace trainbus;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kTurn = 50ms;
constexpr auto kProgressEvery = 5s;
constexpr auto kOnceWaitsForBroker = 10s;

constexpr char kExamples[] = R"(Examples:
  trainbus-log --sink jsonl:runs.jsonl
  trainbus-log --sink jsonl:runs.jsonl --sink csv:tables/          both at once
  trainbus-log --sink csv:tables/ --run mnist --kind epoch --once  what there is of one run, then end

Started again, or after a crash, it goes on where the file ends: every record is in it once, in order.
Records written with other filters before stay; what the filters now ask for is added.)";

struct Flags {
  std::string broker = default_broker();
  std::vector<std::string> sinks;
  std::string run, trainer;
  std::vector<std::string> kinds;
  bool once = false;
  bool list_sinks = false;
};

std::string sink_problem(const std::string& text) {
  try {
    make_sink(text);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

void declare(CLI::App& app, Flags& flags) {
  app.footer(kExamples);
  app.add_option("--sink", flags.sinks, "where to write, TYPE:PATH; repeatable (--sinks lists the types)")
      ->check(sink_problem);
  app.add_option("--broker", flags.broker, "base address of the broker")->capture_default_str();
  auto* run = app.add_option("--run", flags.run, "only this run");
  app.add_option("--trainer", flags.trainer, "only this trainer of the run")->needs(run);
  std::vector<std::string> names;
  for (const Kind kind : kKeptKinds)
    names.emplace_back(kind_name(kind));
  app.add_option("--kind", flags.kinds, "only this kind; repeatable")->check(CLI::IsMember(names));
  app.add_flag("--once", flags.once, "write what there is and end, instead of going on live");
  app.add_flag("--sinks", flags.list_sinks, "list the sinks and end");
  app.callback([&] {
    if (flags.sinks.empty() && !flags.list_sinks) throw CLI::RequiredError("--sink (for example jsonl:runs.jsonl)");
  });
}

void list_sinks() {
  for (const auto& type : sink_types())
    std::cout << type.name << ':' << type.argument << "  " << type.description << '\n';
}

// One line of state every few seconds, when there is something new to say.
class Reporter {
 public:
  explicit Reporter(std::string broker) : broker_(std::move(broker)) {}

  void turn(const LogWriter& writer, Clock::time_point now) {
    const auto written = writer.written();
    const auto state = state_of(writer);
    const bool caught_up_now = state != state_ && writer.caught_up();
    if (now < next_ && !caught_up_now) return;
    if (written != written_ || state != state_)
      spdlog::info("{} records written, {} per second, {}", written, rate(written, now), state);
    next_ = now + kProgressEvery;
    before_ = now;
    written_ = written;
    state_ = state;
  }

 private:
  std::uint64_t rate(std::uint64_t written, Clock::time_point now) const {
    const double seconds = std::chrono::duration<double>(now - before_).count();
    return static_cast<std::uint64_t>(static_cast<double>(written - written_) / std::max(seconds, 0.001));
  }
  std::string state_of(const LogWriter& writer) const {
    if (const auto* sink = writer.away()) return sink->name() + " is away";
    if (!writer.connected()) return "waiting for the broker at " + broker_;
    if (writer.caught_up()) return "up to date";
    const auto [done, all] = writer.progress();
    return "catching up, " + std::to_string(done) + " of about " + std::to_string(all);
  }

  const std::string broker_;
  Clock::time_point next_ = Clock::now() + 1s;
  Clock::time_point before_ = Clock::now();
  std::uint64_t written_ = 0;
  std::string state_;
};

int run(const Flags& flags) {
  if (flags.list_sinks) {
    list_sinks();
    return 0;
  }
  ConsumerOptions bus{.broker = flags.broker, .run = flags.run, .trainer = flags.trainer};
  for (const auto& name : flags.kinds)
    bus.kinds.push_back(kind_from_name(name));
  std::vector<std::unique_ptr<Sink>> sinks;
  for (const auto& text : flags.sinks)
    sinks.push_back(make_sink(text));

  auto heard = Clock::now();
  LogWriter writer(std::move(bus), std::move(sinks), heard);
  Reporter reporter(flags.broker);
  while (!stop_requested()) {
    const auto now = Clock::now();
    writer.poll_once(now, kTurn);
    reporter.turn(writer, now);
    if (!flags.once) continue;
    if (const auto* sink = writer.away()) throw std::runtime_error(sink->name() + " failed: " + sink->failure());
    if (writer.caught_up()) break;
    if (writer.connected()) heard = now;
    if (now - heard > kOnceWaitsForBroker)
      throw std::runtime_error("no broker answered at " + flags.broker + " for 10 s");
  }
  writer.finish(Clock::now());
  if (const auto* sink = writer.away()) throw std::runtime_error(sink->name() + " failed: " + sink->failure());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes every kept record of the bus into files, once and in order.", "trainbus-log"};
  Flags flags;
  declare(app, flags);
  return run_program(app, argc, argv, [&] { return run(flags); });
}
