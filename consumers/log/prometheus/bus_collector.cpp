#include "bus_collector.hpp"

#include <algorithm>

#include "bus_metrics.hpp"
#include "trainbus/program.hpp"

namespace trainbus {

BusCollector::BusCollector(const std::string& broker, std::uint64_t max_trainers, std::chrono::milliseconds forget,
                           LimitMet limit_met)
    : max_trainers_(max_trainers), forget_ms_(forget.count()), limit_met_(std::move(limit_met)), state_(broker) {}

MetricFamilies BusCollector::collect() const {
  MetricFamilies families;
  const std::lock_guard lock(mutex_);
  ask_broker(state_, even_unix_ms());
  add_trainers(families, state_, even_unix_ms());
  families.gauge("broker_connected", "Whether the broker answers", {}, state_.stats ? 1 : 0);
  if (state_.stats) add_broker_metrics(families, *state_.stats);
  families.gauge("build_info", "1", {{"version", version()}}, 1);
  for (const auto kind : kKeptKinds)
    families.counter("log_records_total", "Records taken in by trainbus-log for this sink",
                     {{"kind", std::string(kind_name(kind))}}, records_[static_cast<std::size_t>(kind)].load());
  return families;
}

void BusCollector::ask_broker(State& state, std::int64_t now_ms) const {
  state.stats = state.client.stats(kPatience);
  const auto list = state.stats ? state.client.list("", kPatience) : std::nullopt;
  if (!list) return state.trainers.broker_away();
  state.trainers.update(*list, now_ms);
  state.ledgers.clear();
  for (const auto& entry : list->trainers())
    state.ledgers[{entry.session_id(), entry.incarnation()}] = ledger_of(entry);
}

void BusCollector::add_trainers(MetricFamilies& families, const State& state, std::int64_t now_ms) const {
  const auto silent_ms = [&](const TrainerTable::Row& row) { return row.view->last_heard_age_ms(now_ms); };
  auto rows = state.trainers.rows(now_ms);
  std::erase_if(rows, [&](const auto& row) { return silent_ms(row) < 0 || silent_ms(row) > forget_ms_; });
  const auto shown = std::min<std::size_t>(rows.size(), max_trainers_);
  if (shown < rows.size()) {
    std::ranges::stable_sort(rows, {}, silent_ms);
    limit_met_("max-trainers", max_trainers_, "trainers", "those heard longest ago have no metrics");
  }
  families.gauge("trainers", "Trainers heard of lately", {}, static_cast<double>(rows.size()));
  families.gauge("trainers_dropped", "Of these, not shown: there are more than max-trainers", {},
                 static_cast<double>(rows.size() - shown));
  rows.resize(shown);
  for (const auto& row : rows) {
    const auto* view = row.view;
    add_trainer_metrics(families, *view, row.state, now_ms);
    if (view->figures().scalars.size() > kMaxScalarSamples)
      limit_met_("scalar_names", kMaxScalarSamples, "names of one trainer", "values of further names have no metric");
    if (const auto ledger = state.ledgers.find({view->session().id(), view->figures().incarnation});
        ledger != state.ledgers.end())
      add_ledger_metrics(families, ledger->second);
  }
}

}  // namespace trainbus
