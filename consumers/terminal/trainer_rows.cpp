#include "trainer_rows.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "text_forms.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/trainer_json.hpp"

namespace trainbus {
namespace {

using Cells = std::vector<std::string>;
constexpr std::size_t kTextColumns = 3;  // state, run, trainer: to the left; figures to the right

const Cells kHeader = {"STATE", "RUN",     "TRAINER", "EPOCH", "BATCH", "STEP", "LOSS",
                       "ACC",   "BATCH/S", "LR",      "SIZE",  "HEARD", "CLOCK"};

// "" of a clock that is right, or of which nothing is known.
std::string skew_text(const std::optional<std::int64_t>& skew_ms) {
  if (!skew_ms || std::abs(*skew_ms) <= kSkewShownMs) return {};
  return (*skew_ms > 0 ? "+" : "-") + duration_text(static_cast<double>(std::abs(*skew_ms)) / 1000);
}

std::string figure(const std::optional<double>& value) { return value ? figure_text(*value) : "-"; }

std::string of_total(std::optional<std::int64_t> value, int total) {
  if (!value) return "-";
  return total > 0 ? std::to_string(*value) + '/' + std::to_string(total) : std::to_string(*value);
}

// The one that is worked on, from 1; a trainer that counts its batches from 1 is not shown past the end.
std::optional<std::int64_t> batch_number(const TrainerFigures& figures, int total) {
  if (!figures.batch) return std::nullopt;
  return std::int64_t{total > 0 ? std::min(*figures.batch, total - 1) : *figures.batch} + 1;
}

Cells cells_of(const TrainerTable::Row& row, std::int64_t now_ms) {
  const auto& figures = row.view->figures();
  const auto& session = row.view->session();
  const auto age_ms = row.view->last_heard_age_ms(now_ms);
  const int epochs = figures.plan ? figures.plan->total_epochs() : 0;
  const int batches = figures.plan ? figures.plan->batches_per_epoch() : 0;
  return {std::string(liveness_name(row.state)),
          session.run,
          row.alone ? session.trainer : incarnation_address(session.trainer, figures.incarnation),
          of_total(figures.epoch, epochs),
          of_total(batch_number(figures, batches), batches),
          std::to_string(figures.step),
          figure(figures.loss),
          figure(figures.accuracy),
          figure(figures.fps),
          figure(figures.learning_rate),
          figures.batch_size ? std::to_string(*figures.batch_size) : "-",
          age_ms < 0 ? "-" : duration_text(static_cast<double>(age_ms) / 1000),
          skew_text(row.view->standing().clock_skew_ms)};
}

// The last column is there only for who needs it.
void drop_empty_last(std::vector<Cells>& table) {
  if (std::any_of(table.begin() + 1, table.end(), [](const Cells& cells) { return !cells.back().empty(); })) return;
  for (auto& cells : table)
    cells.pop_back();
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
    case Liveness::kStopped:
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
  drop_empty_last(table);
  std::vector<std::size_t> widths(table.front().size());
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

std::string trainers_json(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms) {
  std::string json = "{\"trainers\":[";
  for (const auto& row : rows) {
    if (&row != &rows.front()) json += ',';
    json += trainer_json(*row.view, row.state, now_ms);
  }
  return json += "]}";
}

}  // namespace trainbus
