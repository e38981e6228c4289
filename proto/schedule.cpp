#include "trainbus/schedule.hpp"

#include <charconv>
#include <sstream>
#include <stdexcept>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

v1::ControlCommand as_command(const ScheduledEdit& edit) {
  v1::ControlCommand command;
  command.set_type(edit.type);
  command.set_command_id(std::string(32, '0'));
  if (!edit.knob.empty()) (*command.mutable_parameters())["name"] = edit.knob;
  if (!edit.new_value.empty()) (*command.mutable_parameters())["value"] = edit.new_value;
  return command;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream words(line.substr(0, line.find('#')));
  std::vector<std::string> found;
  for (std::string word; words >> word;)
    found.push_back(std::move(word));
  return found;
}

std::uint64_t step_of(const std::string& word) {
  std::uint64_t step = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), step);
  if (error != std::errc{} || end != word.data() + word.size())
    throw std::invalid_argument("'" + word + "' is not a step: a whole number from 0");
  return step;
}

v1::CommandType type_of(const std::string& word) {
  for (const auto type : {v1::CHANGE_LEARNING_RATE, v1::ADJUST_BATCH_SIZE, v1::SET_KNOB, v1::PAUSE_TRAINING,
                          v1::RESUME_TRAINING, v1::STOP_TRAINING})
    if (word == command_verb(type)) return type;
  throw std::invalid_argument("'" + word + "' is none of set-lr, set-batch-size, set, pause, resume, stop");
}

ScheduledEdit edit_of(const std::vector<std::string>& words) {
  ScheduledEdit edit{.step = step_of(words[0])};
  if (words.size() == 1) throw std::invalid_argument("nothing to do at step " + words[0]);
  edit.type = type_of(words[1]);
  std::size_t at = 2;
  const bool sets_knob = edit.type == v1::SET_KNOB;
  if (sets_knob && at < words.size()) edit.knob = words[at++];
  if (takes_value(edit.type) || sets_knob) {
    if (words.size() > at + 2 && words[at + 1] == "->") {
      edit.old_value = words[at];
      at += 2;
    }
    if (at < words.size()) edit.new_value = words[at++];
    if (const auto problem = command_problem(as_command(edit)); !problem.empty()) throw std::invalid_argument(problem);
  }
  if (at < words.size()) throw std::invalid_argument("'" + words[at] + "' is more than " + words[1] + " takes");
  return edit;
}

}  // namespace

bool takes_value(v1::CommandType type) { return type == v1::CHANGE_LEARNING_RATE || type == v1::ADJUST_BATCH_SIZE; }

double ScheduledEdit::value() const { return command_value(as_command(*this)); }

std::vector<ScheduledEdit> parse_schedule(std::string_view text, const std::string& name) {
  std::vector<ScheduledEdit> edits;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number)
    try {
      const auto words = words_of(line);
      if (words.empty()) continue;
      auto edit = edit_of(words);
      if (!edits.empty() && edit.step < edits.back().step)
        throw std::invalid_argument("step " + words[0] + " is below the " + std::to_string(edits.back().step) +
                                    " of the line before");
      edits.push_back(std::move(edit));
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument(name + " line " + std::to_string(number) + ": " + problem.what());
    }
  return edits;
}

std::string schedule_text(std::span<const ScheduledEdit> edits) {
  std::string text;
  for (const auto& edit : edits) {
    text += std::to_string(edit.step) + "  " + std::string(command_verb(edit.type));
    if (!edit.knob.empty()) text += "  " + edit.knob;
    if (!edit.new_value.empty())
      text += "  " + (edit.old_value.empty() ? "" : edit.old_value + " -> ") + edit.new_value;
    text += '\n';
  }
  return text;
}

}  // namespace trainbus
