#include "bus_metrics.hpp"

#include <utility>

#include "trainbus/incarnation.hpp"

namespace trainbus {
namespace {

double seconds_at(std::int64_t now_ms, std::int64_t age_ms) { return static_cast<double>(now_ms - age_ms) / 1000; }

MetricLabels with(MetricLabels labels, const char* label, std::string_view value) {
  labels.push_back({label, std::string(value)});
  return labels;
}

// Of two that are alive under one name the older is told apart by its incarnation.
MetricLabels labels_of(const std::string& run, const std::string& trainer, bool newest, std::uint64_t incarnation) {
  MetricLabels who = {{"run", run}, {"trainer", trainer}};
  return newest ? who : with(std::move(who), "incarnation", short_incarnation(incarnation));
}

void add_state(MetricFamilies& families, const MetricLabels& who, Liveness state) {
  for (auto each = Liveness::kUnreachable; each <= Liveness::kStopped;
       each = static_cast<Liveness>(static_cast<int>(each) + 1)) {
    families.gauge("trainer_state", "1 for the state the trainer is in", with(who, "state", liveness_name(each)),
                   each == state ? 1 : 0);
  }
  const bool up = state == Liveness::kAlive || state == Liveness::kPaused || state == Liveness::kStalled ||
                  state == Liveness::kWaiting;
  families.gauge("trainer_up", "Whether the trainer's process is heard of", who, up ? 1 : 0);
}

void add_resources(MetricFamilies& families, const MetricLabels& who, const v1::ResourceUsage& used) {
  if (used.has_cpu_percent())
    families.gauge("train_cpu_ratio", "CPU used, 1 is one core", who, used.cpu_percent() / 100);
  if (used.has_memory_mb()) families.gauge("train_memory_bytes", "Memory used", who, used.memory_mb() * 1024 * 1024);
  if (used.has_gpu_percent()) families.gauge("train_gpu_ratio", "GPU used, 0 to 1", who, used.gpu_percent() / 100);
  if (used.has_gpu_memory_mb())
    families.gauge("train_gpu_memory_bytes", "GPU memory used", who, used.gpu_memory_mb() * 1024 * 1024);
}

void add_scalars(MetricFamilies& families, const MetricLabels& who, const TrainerFigures& figures) {
  std::size_t count = 0;
  for (const auto& [name, value] : figures.scalars) {
    if (count == kMaxScalarSamples) break;
    families.gauge("scalar", "Newest value of this name; NaN when the trainer said that", with(who, "name", name),
                   value);
    ++count;
  }
  if (figures.scalars.empty()) return;
  families.gauge("scalar_names_left_out", "Named values of the trainer beyond those that are exported", who,
                 static_cast<double>(figures.scalars.size() - count));
}

void add_figures(MetricFamilies& families, const MetricLabels& who, const TrainerFigures& figures) {
  const char* loss_help = "Newest loss: of a batch (train), of an epoch (validation)";
  families.said_gauge("train_loss", loss_help, with(who, "split", "train"), figures.loss);
  families.said_gauge("train_loss", loss_help, with(who, "split", "validation"), figures.validation_loss);
  const char* accuracy_help = "Newest accuracy, 0 to 1";
  families.said_gauge("train_accuracy_ratio", accuracy_help, with(who, "split", "train"), figures.accuracy);
  families.said_gauge("train_accuracy_ratio", accuracy_help, with(who, "split", "validation"),
                      figures.validation_accuracy);
  families.said_gauge("train_learning_rate", "Learning rate in force", who, figures.learning_rate);
  families.said_gauge("train_batch_size", "Batch size in force", who, figures.batch_size);
  families.said_gauge("train_epoch", "Epoch of the newest record, from 1", who, figures.epoch);
  families.gauge("train_step", "Finished batches of this incarnation", who, static_cast<double>(figures.step));
  if (figures.time_per_batch_ms)
    families.gauge("train_batch_duration_seconds", "Time per batch", who, *figures.time_per_batch_ms / 1000);
  families.said_gauge("train_batches_per_second", "Batches per second, recent", who, figures.fps);
  if (figures.resources) add_resources(families, who, *figures.resources);
  add_scalars(families, who, figures);
}

}  // namespace

void add_trainer_metrics(MetricFamilies& families, const TrainerView& view, Liveness state, std::int64_t now_ms) {
  const MetricLabels who =
      labels_of(view.session().run, view.session().trainer, view.standing().newest, view.figures().incarnation);
  if (const auto skew_ms = view.standing().clock_skew_ms)
    families.gauge("trainer_clock_skew_seconds", "Its clock minus the broker's", who,
                   static_cast<double>(*skew_ms) / 1000);
  add_state(families, who, state);
  add_figures(families, who, view.figures());
  if (const auto age_ms = view.heartbeat_age_ms(now_ms); age_ms >= 0)
    families.gauge("trainer_last_heartbeat_timestamp_seconds", "When it was last heard of by a heartbeat", who,
                   seconds_at(now_ms, age_ms));
  if (const auto age_ms = view.facts(now_ms).last_step_age_ms; age_ms >= 0)
    families.gauge("trainer_last_progress_timestamp_seconds", "When it last finished a batch", who,
                   seconds_at(now_ms, age_ms));
}

void add_ledger_metrics(MetricFamilies& families, const TrainerLedger& ledger) {
  const auto slash = ledger.session_id.find('/');
  const MetricLabels who = labels_of(ledger.session_id.substr(0, slash), ledger.session_id.substr(slash + 1),
                                     ledger.newest, ledger.incarnation);
  const auto count = [&](const char* name, const char* help, std::uint64_t value, const MetricLabels& labels) {
    families.counter(name, help, labels, value);
  };
  for (const auto& record : ledger.records) {
    const MetricLabels labels = with(who, "kind", kind_name(record.kind));
    count("trainer_records_produced_total", "Kept records of this incarnation that were numbered", record.produced,
          labels);
    count("trainer_records_stored_total", "Of these, in the journal", record.stored, labels);
    count("trainer_records_lost_total", "Of these, never arrived and given up", record.lost, labels);
    families.gauge("trainer_records_in_outbox", "Of these, still with the trainer", labels,
                   static_cast<double>(record.in_outbox()));
  }
  const auto& tiles = ledger.tiles;
  if (tiles.produced == 0 && tiles.broker_in == 0) return;
  count("trainer_tiles_produced_total", "Batches of tiles that could have been shown", tiles.produced, who);
  count("trainer_tiles_skipped_no_demand_total", "Of these, watched by nobody or beyond the rate",
        tiles.skipped_no_demand, who);
  count("trainer_tiles_dropped_at_source_total", "Of these, replaced by newer ones", tiles.dropped_at_source, who);
  count("trainer_tiles_sent_total", "Of these, sent", tiles.sent, who);
  count("trainer_tiles_broker_in_total", "Of the sent, taken in by the broker", tiles.broker_in, who);
  count("trainer_tiles_lost_to_consumers_total", "Sent on by the broker and missed by consumers, as they report",
        tiles.lost_to_consumers, who);
  families.gauge("trainer_tiles_lost_on_link", "Of the sent, not taken in: lost or under way", who,
                 static_cast<double>(tiles.lost_on_link()));
}

}  // namespace trainbus
