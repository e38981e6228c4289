// Measures a list of many trainers with many class names each: the broker's pages, and the program that prints them.

#include <chrono>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <set>

#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/program.hpp"

namespace {

using namespace trainbus;
using Clock = std::chrono::steady_clock;

struct Flags {
  int trainers = 10'000;
  int classes = 1'000;
  int times = 5;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

SessionName session_of(int number) { return {"meter", "t" + std::to_string(number)}; }

// What a trainer says first, and one batch.
std::vector<v1::MetricsRequest> records_of(int number, const Flags& flags) {
  v1::MetricsRequest plan;
  plan.set_session_id(session_of(number).id());
  plan.set_incarnation(42);
  plan.set_sequence(1);
  plan.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  auto batch = plan;
  plan.mutable_status_update()->set_status(v1::RUNNING);
  auto& config = *plan.mutable_status_update()->mutable_config();
  config.set_total_epochs(100);
  config.set_batches_per_epoch(1000);
  for (int i = 0; i < flags.classes; ++i)
    config.add_class_names("class " + std::to_string(i));
  batch.mutable_batch_data()->set_epoch(1);
  batch.mutable_batch_data()->set_batch_loss(0.5);
  batch.mutable_batch_data()->set_batch_accuracy(0.9);
  return {plan, batch};
}

std::set<std::string> sessions_of(const v1::TrainerList& list) {
  std::set<std::string> sessions;
  for (const auto& entry : list.trainers())
    sessions.insert(entry.session_id());
  return sessions;
}

// Returns once the broker lists them all.
void tell(const test::RunningBroker& broker, const Flags& flags) {
  test::PlainPeer peer(broker.endpoints());
  for (int number = 0; number < flags.trainers && !stop_requested(); ++number) {
    const auto session = session_of(number);
    for (const auto& record : records_of(number, flags))
      peer.resend_as(topic_text(payload_kind(record), session.run, session.trainer), record);
  }
  ControlClient client(broker.address());
  for (std::size_t listed = 0; listed < static_cast<std::size_t>(flags.trainers) && !stop_requested();)
    if (const auto list = client.list("", std::chrono::seconds(60))) listed = sessions_of(*list).size();
}

// How many trainers `trainbus-ctl list` prints.
std::size_t printed(const std::string& broker) {
  const std::string command = std::string(TRAINBUS_BIN) + "/trainbus-ctl --broker " + broker + " list";
  FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) throw std::runtime_error("cannot run " + command);
  std::size_t lines = 0;
  for (int c; (c = std::fgetc(output)) != EOF;)
    lines += c == '\n' ? 1 : 0;
  if (pclose(output) != 0) throw std::runtime_error(command + " failed");
  return lines == 0 ? 0 : lines - 1;  // the heading
}

void measure(const Flags& flags) {
  test::RunningBroker broker;
  tell(broker, flags);
  for (int i = 0; i < flags.times && !stop_requested(); ++i) {
    auto started = Clock::now();
    ControlClient client(broker.address());
    const auto list = client.list("", std::chrono::seconds(60));
    const double paged = seconds_since(started);
    if (!list) throw std::runtime_error("the broker gave no list");
    const double bytes = static_cast<double>(list->ByteSizeLong());
    started = Clock::now();
    const auto lines = printed(broker.address());
    std::cout << sessions_of(*list).size() << " of " << flags.trainers << " trainers in pages of " << bytes / 1e6
              << " MB together after " << paged << " s; trainbus-ctl list printed " << lines << " after "
              << seconds_since(started) << " s" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures a list of many trainers with many class names each.", "trainbus-listmeter");
  Flags flags;
  app.add_option("--trainers", flags.trainers)->check(CLI::Range(1, 50'000))->capture_default_str();
  app.add_option("--classes", flags.classes, "names in the plan of each")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  app.add_option("--times", flags.times, "lists")->check(CLI::Range(1, 100))->capture_default_str();
  return run_program(app, argc, argv, [&] {
    std::cout << std::fixed << std::setprecision(2);
    measure(flags);
    return 0;
  });
}
