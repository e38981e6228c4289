#include "command_history.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "text_forms.hpp"

namespace trainbus {
namespace {

// Values come from trainers: nothing is exported that would not be read back as the same.
ScheduledEdit as_edit(const v1::ControlCommand& command) {
  ScheduledEdit edit{command.applied_step(), command.type()};
  const bool sets_knob = edit.type == v1::SET_KNOB;
  if (sets_knob) edit.knob = command_knob(command);
  if (takes_value(edit.type) || (sets_knob && command_value_text(command) != nullptr)) {
    edit.old_value = command.old_value();
    edit.new_value = command.new_value();
  }
  const std::vector<ScheduledEdit> alone{edit};
  try {
    if (parse_schedule(schedule_text(alone), "") == alone) return edit;
  } catch (const std::invalid_argument&) {
  }
  throw std::invalid_argument("step " + std::to_string(edit.step) + " cannot be exported: '" +
                              printable(edit.old_value) + " -> " + printable(edit.new_value) + "' are not its values");
}

}  // namespace

void CommandHistory::take(const v1::MetricsRequest& record, std::int64_t order) {
  const auto& command = record.command();
  const auto [at, is_new] = index_.try_emplace({command.command_id(), record.session_id()}, entries_.size());
  if (is_new)
    entries_.push_back({.session_id = record.session_id(), .incarnation = record.incarnation(), .order = order});
  Entry& entry = entries_[at->second];
  entry.reached.push_back({command.state(), record_ms(record)});
  entry.command = command;
  entry.sequence = record.sequence();
}

CommandHistory::Edits CommandHistory::applied_to(const std::string& trainer) const {
  std::vector<const Entry*> applied;
  std::set<std::string> names;
  for (const auto& entry : entries_) {
    const auto name = entry.session_id.substr(entry.session_id.find('/') + 1);
    if (entry.command.state() != v1::COMMAND_APPLIED || (!trainer.empty() && name != trainer)) continue;
    applied.push_back(&entry);
    names.insert(name);
  }
  if (names.empty())
    throw std::invalid_argument("no command was applied" + (trainer.empty() ? std::string() : " to " + trainer));
  if (names.size() > 1) {
    std::string all;
    for (const auto& name : names)
      all += (all.empty() ? "" : ", ") + name;
    throw std::invalid_argument("commands were applied to " + all + ": choose one with --trainer");
  }
  const auto newest = (*std::max_element(applied.begin(), applied.end(), [](const Entry* one, const Entry* other) {
                        return one->order < other->order;
                      }))->incarnation;
  std::erase_if(applied, [newest](const Entry* entry) { return entry->incarnation != newest; });
  std::sort(applied.begin(), applied.end(), [](const Entry* one, const Entry* other) {
    return std::pair(one->command.applied_step(), one->sequence) <
           std::pair(other->command.applied_step(), other->sequence);
  });
  Edits result{applied.front()->session_id, newest, {}};
  for (const auto* entry : applied)
    result.edits.push_back(as_edit(entry->command));
  return result;
}

}  // namespace trainbus
