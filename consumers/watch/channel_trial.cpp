#include "channel_trial.hpp"

#include <future>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "channel.hpp"
#include "text_forms.hpp"
#include "trainbus/program.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

struct Trial {
  std::string name;
  std::unique_ptr<Channel> channel;
  std::future<std::pair<Attempt, double>> outcome = {};  // and seconds
};

std::pair<Attempt, double> timed(Channel& channel, const std::atomic<bool>& stop) {
  const auto start = std::chrono::steady_clock::now();
  auto attempt = channel.deliver(test_notice(unix_ms()), stop);
  return {std::move(attempt), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

std::string line_of(const Trial& trial, const Attempt& attempt, double seconds, bool json) {
  const bool delivered = attempt.result == Attempt::kDelivered;
  if (json)
    return nlohmann::ordered_json{{"channel", trial.name},
                                  {"target", trial.channel->shown()},
                                  {"delivered", delivered},
                                  {"detail", attempt.detail},
                                  {"seconds", seconds}}
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return trial.name + "  " + (delivered ? "delivered" : "FAILED") + " to " + trial.channel->shown() + ": " +
         attempt.detail + " (" + duration_text(seconds) + ')';
}

}  // namespace

int test_channels(const RuleSet& set, bool json, std::ostream& out) {
  std::vector<Trial> trials;
  for (const auto& spec : set.channels)
    trials.push_back({spec.name, make_channel(spec)});
  if (trials.empty() && !json) out << "no channels: alerts go to the bus only\n";
  std::atomic<bool> stop{false};
  for (auto& trial : trials)
    trial.outcome = std::async(std::launch::async, timed, std::ref(*trial.channel), std::cref(stop));
  bool all = true;
  for (auto& trial : trials) {
    while (trial.outcome.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready)
      stop = stop_requested();
    const auto [attempt, seconds] = trial.outcome.get();
    all = all && attempt.result == Attempt::kDelivered;
    out << line_of(trial, attempt, seconds, json) << std::endl;
  }
  return all ? 0 : 1;
}

}  // namespace trainbus
