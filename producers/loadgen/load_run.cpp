#include "load_run.hpp"

#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <thread>

#include "trainbus/program.hpp"

namespace trainbus {
namespace {

using Clock = SimulatedTrainer::Clock;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr rlim_t kFilesPerTrainer = 4;  // two sockets: a connection and a wake-up each
constexpr rlim_t kFilesForTiles = 2;    // a third one
constexpr rlim_t kOtherFiles = 64;
constexpr milliseconds kMaxNap{1};          // between turns when nothing is due; bounds how late a command is read
constexpr milliseconds kDeliver{10'000};    // for the last acknowledgements
constexpr milliseconds kDeliverNow{1'000};  // the same, interrupted

void allow_files(int trainers, bool tiles) {
  const rlim_t each = kFilesPerTrainer + (tiles ? kFilesForTiles : 0);
  const rlim_t needed = each * static_cast<rlim_t>(trainers) + kOtherFiles;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  const rlim_t allowed = limit.rlim_max;
  limit.rlim_cur = std::min(needed, allowed);
  if (allowed < needed || setrlimit(RLIMIT_NOFILE, &limit) != 0)
    throw std::runtime_error("--trainers " + std::to_string(trainers) + " needs " + std::to_string(needed) +
                             " open files, but the limit is " + std::to_string(allowed) + " (ulimit -Hn)");
}

nlohmann::ordered_json tiles_json(const ProducerCounters& counters) {
  return {{"produced", counters.tiles_produced},
          {"skipped_no_demand", counters.tiles_skipped_no_demand},
          {"dropped_at_source", counters.tiles_dropped_at_source},
          {"sent", counters.tiles_sent}};
}

nlohmann::ordered_json records_json(const ProducerCounters& counters) {
  nlohmann::ordered_json json;
  for (const Kind kind : kTrainerKinds)
    json[std::string(kind_name(kind))] = {{"produced", counters.by_kind[kind].accepted},
                                          {"stored", counters.by_kind[kind].stored}};
  return json;
}

void add(ProducerCounters& sum, const ProducerCounters& counters) {
  for (const Kind kind : kTrainerKinds) {
    sum.by_kind[kind].accepted += counters.by_kind[kind].accepted;
    sum.by_kind[kind].stored += counters.by_kind[kind].stored;
  }
  sum.accepted += counters.accepted;
  sum.stored += counters.stored;
  sum.in_outbox += counters.in_outbox;
  sum.resent += counters.resent;
  sum.refused += counters.refused;
  sum.values_refused += counters.values_refused;
  sum.media_refused += counters.media_refused;
  sum.tiles_produced += counters.tiles_produced;
  sum.tiles_skipped_no_demand += counters.tiles_skipped_no_demand;
  sum.tiles_dropped_at_source += counters.tiles_dropped_at_source;
  sum.tiles_sent += counters.tiles_sent;
}

}  // namespace

struct LoadRun::Totals {
  ProducerCounters counters;
  int connected = 0;
  int refused = 0;  // trainers, by the broker
  int watched = 0;
  int paused = 0;
};

LoadRun::LoadRun(const LoadOptions& options) : options_(options), pictures_(options.tile_pixels, options.seed) {
  allow_files(options.trainers, options.tile_rate_hz > 0);
  const auto start = Clock::now();
  for (int i = 0; i < options.trainers; ++i)
    trainers_.push_back(std::make_unique<SimulatedTrainer>(options_, i, pictures_, problems_, start));
}

LoadRun::~LoadRun() = default;

bool LoadRun::run(std::ostream* progress) {
  const auto start = Clock::now();
  const auto until = options_.seconds > 0
                         ? start + std::chrono::duration_cast<Clock::duration>(duration<double>(options_.seconds))
                         : Clock::time_point::max();
  std::atomic<int> at_work{options_.threads};
  std::vector<std::thread> threads;
  for (int share = 0; share < options_.threads; ++share) {
    threads.emplace_back([this, share, until, &at_work] {
      step_share(share, until);
      deliver_share(share, Clock::now() + (stop_requested() ? kDeliverNow : kDeliver));
      --at_work;
    });
  }
  Totals before;
  auto before_at = start;
  auto next_line = start + seconds(1);
  while (at_work > 0) {
    std::this_thread::sleep_for(milliseconds(20));
    const auto now = Clock::now();
    if (progress == nullptr || now < next_line) continue;
    next_line += seconds(1);
    const Totals sum = totals();
    const double passed = duration<double>(now - before_at).count();
    const auto rate = [passed](std::uint64_t newer, std::uint64_t older) {
      return static_cast<double>(newer - older) / passed;
    };
    char line[256];
    std::snprintf(
        line, sizeof line,
        "%4.0f s  connected %d/%d  refused %d  records %.0f/s  stored %.0f/s  waiting %llu  left out %llu  "
        "watched %d  tiles %.1f/s  paused %d",
        duration<double>(now - start).count(), sum.connected, options_.trainers, sum.refused,
        rate(sum.counters.accepted, before.counters.accepted), rate(sum.counters.stored, before.counters.stored),
        static_cast<unsigned long long>(sum.counters.in_outbox), static_cast<unsigned long long>(sum.counters.refused),
        sum.watched, rate(sum.counters.tiles_sent, before.counters.tiles_sent), sum.paused);
    *progress << line << std::endl;
    before = sum;
    before_at = now;
  }
  for (auto& thread : threads)
    thread.join();
  for (const auto& trainer : trainers_)
    trainer->close();
  problems_.write_counts();
  const ProducerCounters all = totals().counters;
  return all.stored == all.accepted;
}

// Steps trainers share, share + threads, ... until they have all ended.
void LoadRun::step_share(int share, Clock::time_point until) {
  const auto start = Clock::now();
  const std::size_t stride = options_.threads;
  for (bool all_ended = false; !all_ended;) {
    const auto now = Clock::now();
    const bool over = now >= until || stop_requested();
    auto next = now + kMaxNap;
    all_ended = true;
    for (std::size_t i = share; i < trainers_.size(); i += stride) {
      SimulatedTrainer& trainer = *trainers_[i];
      if (over) now >= until ? trainer.end(v1::COMPLETED, "the time is over") : trainer.end(v1::STOPPED, "interrupted");
      next = std::min(next, trainer.step(now));
      all_ended = all_ended && trainer.ended();
    }
    if (!all_ended) std::this_thread::sleep_until(next);
  }
  if (share == 0) seconds_ = duration<double>(Clock::now() - start).count();
}

void LoadRun::deliver_share(int share, Clock::time_point until) {
  const std::size_t stride = options_.threads;
  for (bool all_stored = false; !all_stored && Clock::now() < until;) {
    all_stored = true;
    for (std::size_t i = share; i < trainers_.size(); i += stride) {
      trainers_[i]->step(Clock::now());
      all_stored = all_stored && trainers_[i]->all_stored();
    }
    if (!all_stored) std::this_thread::sleep_for(kMaxNap);
    if (stop_requested()) until = std::min(until, Clock::now() + kDeliverNow);
  }
}

LoadRun::Totals LoadRun::totals() const {
  Totals totals;
  for (const auto& trainer : trainers_) {
    add(totals.counters, trainer->bus().counters());
    totals.connected += trainer->bus().connected() ? 1 : 0;
    totals.refused += trainer->bus().broker_problem().empty() ? 0 : 1;
    totals.watched += trainer->bus().watched() ? 1 : 0;
    totals.paused += trainer->bus().paused() ? 1 : 0;
  }
  return totals;
}

void LoadRun::write_json(std::ostream& out) const {
  nlohmann::ordered_json json;
  json["run"] = options_.run;
  json["seconds"] = seconds_;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& trainer : trainers_) {
    const ProducerCounters counters = trainer->bus().counters();
    list.push_back({{"trainer", trainer->name()},
                    {"incarnation", trainer->bus().incarnation()},
                    {"records", records_json(counters)},
                    {"refused_by_broker", trainer->bus().broker_problem()},
                    {"refused", counters.refused},
                    {"values_refused", counters.values_refused},
                    {"media_refused", counters.media_refused},
                    {"resent", counters.resent},
                    {"tiles", tiles_json(counters)}});
  }
  const Totals all = totals();
  const ProducerCounters& sum = all.counters;
  json["totals"] = {{"trainers_refused", all.refused},
                    {"produced", sum.accepted},
                    {"stored", sum.stored},
                    {"refused", sum.refused},
                    {"values_refused", sum.values_refused},
                    {"media_refused", sum.media_refused},
                    {"resent", sum.resent},
                    {"tiles", tiles_json(sum)}};
  json["totals"].update(records_json(sum));
  const double span = seconds_ > 0 ? seconds_ : 1;
  json["rates"] = {{"records_per_second", static_cast<double>(sum.accepted) / span},
                   {"batches_per_second", static_cast<double>(sum.by_kind[v1::KIND_BATCH].accepted) / span},
                   {"tile_batches_per_second", static_cast<double>(sum.tiles_sent) / span}};
  json["trainers"] = std::move(list);
  out << json.dump(2) << std::endl;
}

}  // namespace trainbus
