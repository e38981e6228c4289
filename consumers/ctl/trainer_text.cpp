#include "trainer_text.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "text_forms.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/knobs.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kIndent = 22;

std::string line(std::string name, const std::string& value) {
  name = "  " + printable(name);
  if (name.size() < kIndent) name.resize(kIndent, ' ');
  return name + "  " + printable(value);
}

std::string of_total(std::int64_t value, int total) {
  return std::to_string(value) + (total > 0 ? " of " + std::to_string(total) : "");
}

void add(std::vector<std::string>& lines, const char* name, const std::optional<double>& value) {
  if (value) lines.push_back(line(name, figure_text(*value)));
}

void add_position(std::vector<std::string>& lines, const TrainerFigures& figures, const v1::TrainingConfig& plan) {
  if (figures.epoch) lines.push_back(line("epoch", of_total(*figures.epoch, plan.total_epochs())));
  if (figures.batch)
    lines.push_back(line("batch", of_total(std::int64_t{*figures.batch} + 1, plan.batches_per_epoch())));
  lines.push_back(line("step", std::to_string(figures.step)));
  if (const auto first = figures.first_step()) lines.push_back(line("first step", std::to_string(*first)));
}

void add_rates(std::vector<std::string>& lines, const TrainerFigures& figures) {
  const auto said = [](std::string text, bool derived) { return text + (derived ? "  (from its records)" : ""); };
  if (figures.fps) lines.push_back(line("batches/s", said(figure_text(*figures.fps), figures.derived.fps)));
  if (figures.time_per_batch_ms)
    lines.push_back(line("time per batch",
                         said(duration_text(*figures.time_per_batch_ms / 1000), figures.derived.time_per_batch_ms)));
  if (figures.eta_sec) lines.push_back(line("left", said(duration_text(*figures.eta_sec), figures.derived.eta_sec)));
}

void add_values(std::vector<std::string>& lines, const TrainerFigures& figures) {
  add(lines, "loss", figures.loss);
  add(lines, "accuracy", figures.accuracy);
  add(lines, "epoch loss", figures.epoch_loss);
  add(lines, "epoch accuracy", figures.epoch_accuracy);
  add(lines, "validation loss", figures.validation_loss);
  add(lines, "validation accuracy", figures.validation_accuracy);
  add(lines, "learning rate", figures.learning_rate);
  if (figures.batch_size) lines.push_back(line("batch size", std::to_string(*figures.batch_size)));
  if (const auto& bad = figures.not_finite)
    lines.push_back(
        line("not finite", bad->name + " was " + figure_text(bad->value) + " at step " + std::to_string(bad->step)));
}

void add_settings(std::vector<std::string>& lines, const v1::TrainingConfig& plan) {
  if (!plan.model_name().empty()) lines.push_back(line("model", plan.model_name()));
  if (!plan.dataset_name().empty()) lines.push_back(line("dataset", plan.dataset_name()));
  std::string tags;
  for (const auto& tag : plan.tags())
    tags += (tags.empty() ? "" : ", ") + tag;
  if (!tags.empty()) lines.push_back(line("tags", tags));
  if (!plan.notes().empty()) lines.push_back(line("notes", plan.notes()));
  const std::map<std::string, std::string> sorted(plan.parameters().begin(), plan.parameters().end());
  if (!sorted.empty()) lines.push_back("parameters");
  for (const auto& [name, value] : sorted)
    lines.push_back(line(name, value));
}

}  // namespace

std::vector<std::string> trainer_text(const TrainerTable::Row& row, std::int64_t now_ms) {
  const auto& figures = row.view->figures();
  const v1::TrainingConfig plan = figures.plan.value_or(v1::TrainingConfig{});
  std::string title = row.view->session().id();
  if (!row.alone) title = incarnation_address(title, figures.incarnation);
  title += "  " + std::string(liveness_name(row.state));
  if (!figures.status_message.empty()) title += "  " + printable(figures.status_message);
  const auto age_ms = row.view->last_heard_age_ms(now_ms);
  if (age_ms >= 0) title += "  heard " + duration_text(static_cast<double>(age_ms) / 1000) + " ago";
  std::vector<std::string> lines{title};
  if (const auto skew_ms = row.view->standing().clock_skew_ms; skew_ms && std::abs(*skew_ms) > kSkewShownMs)
    lines.push_back(line("clock", duration_text(static_cast<double>(std::abs(*skew_ms)) / 1000) +
                                      (*skew_ms > 0 ? " ahead of the broker's" : " behind the broker's")));
  add_position(lines, figures, plan);
  add_values(lines, figures);
  add_rates(lines, figures);
  if (!figures.scalars.empty()) lines.push_back("values of its newest records");
  for (const auto& [name, value] : figures.scalars)
    lines.push_back(line(name, figure_text(value)));
  add_settings(lines, plan);
  return lines;
}

std::vector<std::string> knob_lines(const TrainerFigures& figures) {
  if (!figures.plan || figures.plan->knobs().empty()) return {"this trainer offers no knobs"};
  using Cells = std::array<std::string, 5>;
  std::vector<Cells> table{{"NAME", "TYPE", "VALUE", "RANGE", "HELP"}};
  for (const auto& knob : figures.plan->knobs()) {
    const bool action = knob.type() == v1::Knob::ACTION;
    table.push_back({knob.name(), std::string(knob_type_name(knob.type())), action ? "-" : printable(knob.value()),
                     action ? "-" : printable(knob_range_text(knob)), printable(knob.help())});
  }
  std::array<std::size_t, 5> widths{};
  for (const auto& cells : table)
    for (std::size_t at = 0; at < cells.size(); ++at)
      widths[at] = std::max(widths[at], cells[at].size());
  std::vector<std::string> lines;
  for (const auto& cells : table) {
    std::string text;
    for (std::size_t at = 0; at < cells.size(); ++at)
      text += (at == 0 ? "" : "  ") + cells[at] + std::string(widths[at] - cells[at].size(), ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    lines.push_back(std::move(text));
  }
  return lines;
}

}  // namespace trainbus
