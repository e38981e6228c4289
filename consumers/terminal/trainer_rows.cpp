#include "trainer_rows.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "text_forms.hpp"

namespace trainbus {
namespace {

using Cells = std::vector<std::string>;
constexpr std::size_t kTextColumns = 3;  // state, run, trainer: to the left; figures to the right

const Cells kHeader = {"STATE", "RUN", "TRAINER", "EPOCH", "BATCH", "STEP",
                       "LOSS",  "ACC", "BATCH/S", "LR",    "SIZE",  "HEARD"};

std::string known(double value) { return std::isnan(value) ? "-" : number_text(value); }

std::string of_total(int value, int total) {
  if (value < 0) return "-";
  return total > 0 ? std::to_string(value) + '/' + std::to_string(total) : std::to_string(value);
}

Cells cells_of(const TrainerTable::Row& row, std::int64_t now_ms) {
  const auto& figures = row.view->figures();
  const auto& session = row.view->session();
  const auto age_ms = row.view->facts(now_ms).last_heard_age_ms;
  const bool has_plan = figures.plan.has_value();
  return {std::string(liveness_name(row.state)),
          session.run,
          session.trainer,
          of_total(figures.epoch, has_plan ? figures.plan->total_epochs() : 0),
          of_total(figures.batch < 0 ? -1 : figures.batch + 1, has_plan ? figures.plan->batches_per_epoch() : 0),
          std::to_string(figures.step),
          figures.loss_known ? number_text(figures.loss) : "-",
          std::isnan(figures.accuracy) ? "-" : number_text(figures.accuracy),
          known(figures.fps),
          known(figures.learning_rate),
          figures.batch_size < 0 ? "-" : std::to_string(figures.batch_size),
          age_ms < 0 ? "-" : duration_text(static_cast<double>(age_ms) / 1000)};
}

const char* colour_of(Liveness state) {
  switch (state) {
    case Liveness::kAlive: return "\x1b[32m";
    case Liveness::kPaused: return "\x1b[36m";
    case Liveness::kStalled: return "\x1b[33m";
    case Liveness::kDead:
    case Liveness::kFailed: return "\x1b[31m";
    case Liveness::kUnreachable: return "\x1b[35m";
    case Liveness::kWaiting:
    case Liveness::kCompleted: return "\x1b[2m";
  }
  return "";
}

std::string line_of(const Cells& cells, const std::vector<std::size_t>& widths, int columns) {
  std::string line;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    const std::string gap(widths[at] - cells[at].size(), ' ');
    line += at == 0 ? "" : "  ";
    line += at < kTextColumns ? cells[at] + gap : gap + cells[at];
  }
  if (columns > 0 && line.size() > static_cast<std::size_t>(columns)) line.resize(static_cast<std::size_t>(columns));
  return line;
}

nlohmann::ordered_json finite(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}
nlohmann::ordered_json not_negative(std::int64_t value) {
  return value >= 0 ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json json_of(const TrainerTable::Row& row, std::int64_t now_ms) {
  const auto& figures = row.view->figures();
  const v1::TrainingConfig plan = figures.plan.value_or(v1::TrainingConfig{});
  nlohmann::ordered_json json{{"run", row.view->session().run},
                              {"trainer", row.view->session().trainer},
                              {"state", liveness_name(row.state)},
                              {"incarnation", std::to_string(figures.incarnation)},
                              {"status_message", figures.status_message},
                              {"epoch", not_negative(figures.epoch)},
                              {"total_epochs", plan.total_epochs()},
                              {"batch", not_negative(figures.batch)},
                              {"batches_per_epoch", plan.batches_per_epoch()},
                              {"step", figures.step},
                              {"loss", finite(figures.loss)},
                              {"accuracy", finite(figures.accuracy)},
                              {"validation_loss", finite(figures.validation_loss)},
                              {"validation_accuracy", finite(figures.validation_accuracy)},
                              {"learning_rate", finite(figures.learning_rate)},
                              {"batch_size", not_negative(figures.batch_size)},
                              {"fps", finite(figures.fps)},
                              {"average_fps", finite(figures.average_fps)},
                              {"time_per_batch_ms", finite(figures.time_per_batch_ms)},
                              {"eta_sec", finite(figures.eta_sec)},
                              {"heartbeat_age_ms", not_negative(row.view->heartbeat_age_ms(now_ms))},
                              {"last_record_age_ms", not_negative(row.view->last_record_age_ms(now_ms))},
                              {"model", plan.model_name()},
                              {"dataset", plan.dataset_name()}};
  return json;
}

}  // namespace

std::string state_text(Liveness state, bool colours) {
  const std::string name(liveness_name(state));
  return colours ? colour_of(state) + name + "\x1b[0m" : name;
}

std::vector<std::string> trainer_lines(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms,
                                       const TableStyle& style) {
  std::vector<Cells> table{kHeader};
  for (const auto& row : rows)
    table.push_back(cells_of(row, now_ms));
  std::vector<std::size_t> widths(kHeader.size());
  for (const auto& cells : table)
    for (std::size_t at = 0; at < cells.size(); ++at)
      widths[at] = std::max(widths[at], cells[at].size());
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < table.size(); ++at) {
    auto line = line_of(table[at], widths, style.columns);
    if (style.colours && at == 0) line = "\x1b[1m" + line + "\x1b[0m";
    if (style.colours && at > 0) {
      const auto state = std::min(table[at][0].size(), line.size());
      line = colour_of(rows[at - 1].state) + line.substr(0, state) + "\x1b[0m" + line.substr(state);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string trainer_json(const TrainerTable::Row& row, std::int64_t now_ms) {
  return json_of(row, now_ms).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string trainers_json(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms) {
  auto trainers = nlohmann::ordered_json::array();
  for (const auto& row : rows)
    trainers.push_back(json_of(row, now_ms));
  return nlohmann::ordered_json{{"trainers", trainers}}.dump(-1, ' ', false,
                                                             nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace trainbus
