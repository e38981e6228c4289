#include "trainer_list.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "bus_model.hpp"
#include "json_text.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kLatelyMs = 2000;  // heard within this is "now"
constexpr std::size_t kSparklinePointsOfARefresh = 1 << 21;
constexpr double kSparklineGrowth = 1.025;  // drawn again when the run is so much longer, and a little more
constexpr double kSparklineSteps = 4;

// For the eye: a list is not what figures are read from exactly.
constexpr int kFigureDigits = 6;
constexpr int kRateDigits = 3;
constexpr int kSparklineDigits = 4;

void append_rounded(std::string& out, double value, int digits) {
  if (!std::isfinite(value)) return append_json_string(out, number_text(value));
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr);
}

// Unix time of what is `age_ms` old; 0 while that is no news, -1 when it never was.
std::int64_t since(std::int64_t age_ms, const Moment& now) {
  if (age_ms < 0) return -1;
  return age_ms <= kLatelyMs ? 0 : now.now_ms - age_ms;
}

template <class Number>
std::optional<Number> positive(Number value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

std::optional<double> used(const std::optional<v1::ResourceUsage>& usage, bool (v1::ResourceUsage::*has)() const,
                           double (v1::ResourceUsage::*get)() const) {
  return usage && (*usage.*has)() ? std::optional((*usage.*get)()) : std::nullopt;
}

}  // namespace

// Writes the values of one row in their order; what is as it was keeps its tick.
class TrainerList::Writer {
 public:
  Writer(TrainerList& list, Row& row) : list_(list), row_(row) {}

  void add(std::string_view name, std::string_view text) {
    append_json_string(json_, text);
    put(name);
  }
  void add(std::string_view name, bool value) {
    json_ += value ? "true" : "false";
    put(name);
  }
  template <std::integral Integer>
  void add(std::string_view name, std::optional<Integer> value) {
    json_ += value ? std::to_string(*value) : "null";
    put(name);
  }
  void add(std::string_view name, std::optional<double> value, int digits = kFigureDigits) {
    value ? append_rounded(json_, *value, digits) : void(json_ += "null");
    put(name);
  }
  void add_json(std::string_view name, std::string_view json) {
    json_ = json;
    put(name);
  }

 private:
  void put(std::string_view name) {
    if (next_ == list_.names_.size()) list_.names_.push_back(name);
    if (next_ == row_.values.size()) row_.values.emplace_back();
    Value& value = row_.values[next_++];
    if (value.json != json_) {
      value.json = json_;
      value.changed = row_.changed = list_.tick_;
    }
    json_.clear();
  }

  TrainerList& list_;
  Row& row_;
  std::size_t next_ = 0;
  std::string json_;
};

void TrainerList::refresh(const BusModel& model, const Moment& now, const ListColumns& columns) {
  ++tick_;
  columns_changed_ = columns != columns_;
  if (columns_changed_) columns_ = columns;
  sparkline_points_left_ = kSparklinePointsOfARefresh;
  for (const auto& [name, trainer] : model.trainers()) {
    update(row({name.first, name.second, 0}), trainer, trainer.view(), now);
    for (const TrainerView* older : trainer.beside(now.now_ms))
      update(row({name.first, name.second, older->figures().incarnation}), trainer, *older, now);
  }
  drop_unseen();
}

TrainerList::Row& TrainerList::row(const Key& key) {
  const auto [at, is_new] = rows_.try_emplace(key);
  if (is_new) at->second.id = ++last_id_;
  return at->second;
}

void TrainerList::update(Row& row, const TrainerModel& trainer, const TrainerView& view, const Moment& now) {
  row.seen = tick_;
  const auto state = view.liveness(now.now_ms, now.broker_connected);
  const auto silent_since_ms = since(view.heartbeat_age_ms(now.now_ms), now);
  const auto idle_since_ms = since(view.last_record_age_ms(now.now_ms), now);
  const bool later =
      (row.silent_since_ms > 0) != (silent_since_ms > 0) || (row.idle_since_ms > 0) != (idle_since_ms > 0);
  if (row.version == trainer.version() && row.state == state && !later && !columns_changed_) return;
  row.version = trainer.version();
  row.state = state;
  row.silent_since_ms = silent_since_ms;
  row.idle_since_ms = idle_since_ms;
  if (&view == &trainer.view()) draw_sparkline(row, trainer);
  row.archived = trainer.shelf() == Shelf::kArchived;
  write(row, view);
  write_columns(row, view);
}

void TrainerList::write(Row& row, const TrainerView& view) {
  static const v1::TrainingConfig kNoPlan;
  const auto& figures = view.figures();
  const auto& plan = figures.plan ? *figures.plan : kNoPlan;
  using Usage = v1::ResourceUsage;
  Writer values(*this, row);
  values.add("run", view.session().run);
  values.add("trainer", view.session().trainer);
  values.add("state", liveness_name(row.state));
  values.add("incarnation", std::to_string(figures.incarnation));
  values.add("newest", view.standing().newest);
  values.add("archived", row.archived);
  values.add("clock_skew_ms", view.standing().clock_skew_ms);
  values.add("status_message", figures.status_message);
  values.add("model", plan.model_name());
  values.add("dataset", plan.dataset_name());
  values.add("epoch", figures.epoch);
  values.add("total_epochs", positive(plan.total_epochs()));
  values.add("batch", figures.batch);
  values.add("batches_per_epoch", positive(plan.batches_per_epoch()));
  values.add("step", std::optional(figures.step));
  values.add("loss", figures.loss);
  values.add("accuracy", figures.accuracy);
  values.add("epoch_loss", figures.epoch_loss);
  values.add("validation_loss", figures.validation_loss);
  values.add("validation_accuracy", figures.validation_accuracy);
  values.add("learning_rate", figures.learning_rate, 15);
  values.add("batch_size", figures.batch_size);
  std::string lost = "null";
  if (figures.not_finite) {
    lost.clear();
    JsonObject object(lost);
    object.add("name", figures.not_finite->name).add("step", figures.not_finite->step);
    append_rounded(object.key("value"), figures.not_finite->value, kFigureDigits);
  }
  values.add_json("not_finite", lost);
  values.add("fps", figures.fps, kRateDigits);
  values.add("average_fps", figures.average_fps, kRateDigits);
  values.add("time_per_batch_ms", figures.time_per_batch_ms, kRateDigits);
  values.add("eta_sec", figures.eta_sec, kRateDigits);
  values.add("cpu_percent", used(figures.resources, &Usage::has_cpu_percent, &Usage::cpu_percent), kRateDigits);
  values.add("memory_mb", used(figures.resources, &Usage::has_memory_mb, &Usage::memory_mb));
  values.add("gpu_percent", used(figures.resources, &Usage::has_gpu_percent, &Usage::gpu_percent), kRateDigits);
  values.add("gpu_memory_mb", used(figures.resources, &Usage::has_gpu_memory_mb, &Usage::gpu_memory_mb));
  values.add("silent_since_ms", row.silent_since_ms < 0 ? std::nullopt : std::optional(row.silent_since_ms));
  values.add("idle_since_ms", row.idle_since_ms < 0 ? std::nullopt : std::optional(row.idle_since_ms));
  values.add_json("sparkline", row.sparkline);
}

void TrainerList::write_columns(Row& row, const TrainerView& view) {
  std::erase_if(row.columns, [&](const auto& entry) { return !columns_.contains(entry.first); });
  const auto& figures = view.figures();
  for (const auto& column : columns_) {
    const auto colon = column.find(':');
    const std::string name = column.substr(colon + 1);
    std::string json = "null";
    if (column.starts_with("value:")) {
      if (const auto found = figures.scalars.find(name); found != figures.scalars.end()) {
        json.clear();
        append_rounded(json, found->second, kFigureDigits);
      }
    } else if (figures.plan) {
      const auto& parameters = figures.plan->parameters();
      if (const auto found = parameters.find(name); found != parameters.end()) {
        json.clear();
        append_json_string(json, found->second);
      }
    }
    Value& value = row.columns[column];
    if (value.json == json) continue;
    value = {std::move(json), tick_};
    row.changed = tick_;
  }
}

// Of the newest incarnation's whole run. Looking at its points costs more than all the rest: it is done again when the
// run has grown enough to be seen, or has ended.
void TrainerList::draw_sparkline(Row& row, const TrainerModel& trainer) {
  const auto& figures = trainer.view().figures();
  const auto points = trainer.curves().newest("batch_loss", figures.incarnation, Series::kMaxPoints);
  const double newest = points.empty() ? 0 : points.back().x;
  const bool same = row.sparkline_of == figures.incarnation;
  const bool longer = newest >= row.sparkline_x * kSparklineGrowth + kSparklineSteps;
  const bool ended = training_ended(figures.status) && newest != row.sparkline_x;
  if (same && !longer && !ended) return;
  if (points.size() > sparkline_points_left_) {
    row.version = 0;  // at the next refresh
    return;
  }
  sparkline_points_left_ -= points.size();
  row.sparkline_of = figures.incarnation;
  row.sparkline_x = newest;
  row.sparkline.clear();
  append_json_array(row.sparkline, decimate(points, kSparklinePoints),
                    [&](const Point& point) { append_rounded(row.sparkline, point.y, kSparklineDigits); });
}

void TrainerList::drop_unseen() {
  std::erase_if(rows_, [&](const auto& entry) {
    if (entry.second.seen == tick_) return false;
    gone_.emplace_back(tick_, entry.second.id);
    return true;
  });
  while (gone_.size() > kMaxGone) {
    gone_forgotten_ = gone_.front().first;
    gone_.pop_front();
  }
}

std::size_t TrainerList::append_changes(std::string& out, Tick since, const ListColumns& columns) const {
  const bool whole = since == 0 || since < gone_forgotten_;
  if (whole) since = 0;
  std::size_t count = 0;
  out += whole ? "\"whole\":true,\"rows\":[" : "\"whole\":false,\"rows\":[";
  for (const auto& [key, row] : rows_) {
    if (row.changed <= since) continue;
    if (count++ > 0) out += ',';
    JsonObject object(out);
    object.add("id", row.id);
    for (std::size_t i = 0; i < row.values.size(); ++i)
      if (row.values[i].changed > since) object.key(names_[i]) += row.values[i].json;
    for (const auto& [name, value] : row.columns)
      if (value.changed > since && columns.contains(name)) object.key(name) += value.json;
  }
  out += "],\"gone\":[";
  bool first = true;
  for (const auto& [tick, id] : gone_) {
    if (whole || tick <= since) continue;
    if (!std::exchange(first, false)) out += ',';
    append_json_number(out, id);
    ++count;
  }
  out += ']';
  return count;
}

}  // namespace trainbus
