#include "broker/command_registry.hpp"

#include <algorithm>

#include "trainbus/incarnation.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

bool session_matches(const std::string& session_id, const std::string& wanted) {
  if (!wanted.ends_with("/*")) return session_id == wanted;
  return session_id.starts_with(std::string_view(wanted).substr(0, wanted.size() - 1));
}

}  // namespace

void CommandRegistry::restore(const std::string& session_id, const v1::ControlCommand& command, std::int64_t now_ms,
                              std::int64_t unix_ms) {
  const Key key{command.command_id(), session_id};
  Entry& entry = entries_[key];
  entry.session_id = session_id;
  if (command.state() <= entry.command.state()) return;
  entry.command = command;
  const auto most_ms = std::clamp<std::int64_t>(command.time_to_live_ms(), 0, kMaxDeadlineMs);
  const auto deadline_ms = std::clamp(command.deadline_ms(), unix_ms, unix_ms + most_ms);
  entry.expires_ms = now_ms + deadline_ms - unix_ms;
  entry.stored = true;
  if (command_ended(command.state())) {
    remember_end(key);
  } else {
    open_[key] = &entry;
  }
}

CommandRegistry::Entry& CommandRegistry::issue(const std::string& session_id, const v1::ControlCommand& command,
                                               const TargetFacts& target, std::int64_t now_ms, std::int64_t unix_ms,
                                               bool& is_new) {
  const Key key{command.command_id(), session_id};
  const auto [place, inserted] = entries_.try_emplace(key);
  Entry& entry = place->second;
  is_new = inserted;
  if (!inserted) return entry;
  entry.session_id = session_id;
  entry.command.set_type(command.type());
  *entry.command.mutable_parameters() = command.parameters();
  entry.command.set_command_id(command.command_id());
  entry.command.set_issuer(command.issuer());
  entry.command.set_expected_incarnation(command.expected_incarnation());
  entry.command.set_state(v1::COMMAND_ACCEPTED);
  // A duration: the clock of whoever asks may be wrong.
  entry.command.set_time_to_live_ms(command.time_to_live_ms() == 0
                                        ? kDefaultDeadlineMs
                                        : std::clamp<std::int64_t>(command.time_to_live_ms(), 0, kMaxDeadlineMs));
  entry.expires_ms = now_ms + entry.command.time_to_live_ms();
  entry.command.set_deadline_ms(unix_ms + entry.command.time_to_live_ms());
  const bool other = command.expected_incarnation() != 0 && command.expected_incarnation() != target.incarnation;
  if (command.expected_incarnation() == 0) entry.command.set_expected_incarnation(target.incarnation);
  open_[key] = &entry;
  if (other) {
    move(entry, v1::COMMAND_REJECTED,
         "incarnation " + std::to_string(command.expected_incarnation()) + " has ended, the trainer is now " +
             std::to_string(target.incarnation) + " (@" + short_incarnation(target.incarnation) + ")");
  } else if (target.ended) {
    move(entry, v1::COMMAND_REJECTED, "the training has ended");
  } else if (!target.refusal.empty()) {
    move(entry, v1::COMMAND_REJECTED, target.refusal);
  } else if (entry.expires_ms <= now_ms) {
    move(entry, v1::COMMAND_EXPIRED, "its time was over when the broker got it");
  }
  return entry;
}

CommandRegistry::Entry* CommandRegistry::report(const std::string& session_id, const v1::ControlCommand& report,
                                                std::int64_t now_ms) {
  Entry* entry = find(session_id, report.command_id());
  const bool known_state = report.state() >= v1::COMMAND_DELIVERED && report.state() <= v1::COMMAND_EXPIRED;
  if (entry == nullptr || !known_state || command_ended(entry->command.state()) ||
      report.state() <= entry->command.state())
    return nullptr;
  entry->command.set_applied_step(report.applied_step());
  entry->command.set_old_value(std::string(clipped(report.old_value(), 128)));
  entry->command.set_new_value(std::string(clipped(report.new_value(), 128)));
  move(*entry, report.state(), std::string(clipped(report.reason(), kMaxTextBytes)));
  entry->send_again_ms = now_ms + kResendDeliveredMs;
  return entry;
}

void CommandRegistry::stored(const std::string& session_id, const std::string& command_id, v1::CommandState state) {
  Entry* entry = find(session_id, command_id);
  if (entry != nullptr && entry->command.state() == state) entry->stored = true;
}

void CommandRegistry::judge(Entry& entry, const TargetFacts& target, std::int64_t now_ms, Due& due) {
  const bool superseded = target.incarnation != entry.command.expected_incarnation();
  const bool gone = superseded || target.ended;
  const auto deadline = entry.expires_ms;
  if (entry.command.state() == v1::COMMAND_ACCEPTED) {
    if (gone) {
      move(entry, v1::COMMAND_REJECTED, "the training ended before the command was delivered");
    } else if (now_ms > deadline) {
      move(entry, v1::COMMAND_EXPIRED, "not delivered before its deadline");
    }
  } else if (gone && superseded) {
    move(entry, v1::COMMAND_UNKNOWN, "the incarnation ended after delivery, without an answer");
  } else if ((target.ended || !target.heard_recently) && now_ms - kUnheardIsUnknownMs > deadline) {
    move(entry, v1::COMMAND_UNKNOWN, "the trainer was not heard again after delivery");
  }
  if (command_ended(entry.command.state())) {
    due.moved.push_back(&entry);
    return;
  }
  if (!entry.stored || now_ms < entry.send_again_ms) return;
  const bool delivered = entry.command.state() == v1::COMMAND_DELIVERED;
  entry.send_again_ms = now_ms + (delivered ? kResendDeliveredMs : kResendUndeliveredMs);
  due.to_send.push_back(&entry);
}

void CommandRegistry::move(Entry& entry, v1::CommandState state, const std::string& reason) {
  entry.command.set_state(state);
  entry.command.set_reason(reason);
  entry.stored = false;
  entry.send_again_ms = 0;
  if (!command_ended(state)) return;
  const Key key{entry.command.command_id(), entry.session_id};
  open_.erase(key);
  remember_end(key);
}

void CommandRegistry::remember_end(const Key& key) {
  open_.erase(key);
  ended_.push_back(key);
  if (ended_.size() <= kMaxEnded) return;
  entries_.erase(ended_.front());
  ended_.pop_front();
}

std::vector<CommandRegistry::Entry*> CommandRegistry::open_entries() {
  std::vector<Entry*> entries;
  entries.reserve(open_.size());
  for (const auto& [key, entry] : open_)
    entries.push_back(entry);
  return entries;
}

CommandRegistry::Entry* CommandRegistry::find(const std::string& session_id, const std::string& command_id) {
  const auto found = entries_.find({command_id, session_id});
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<const CommandRegistry::Entry*> CommandRegistry::find_by_id(const std::string& command_id) const {
  std::vector<const Entry*> found;
  for (auto place = entries_.lower_bound({command_id, ""}); place != entries_.end() && place->first.first == command_id;
       ++place)
    found.push_back(&place->second);
  return found;
}

std::vector<const CommandRegistry::Entry*> CommandRegistry::find_by_session(const std::string& session_id) const {
  std::vector<const Entry*> found;
  for (const auto& [key, entry] : entries_)
    if (session_matches(entry.session_id, session_id)) found.push_back(&entry);
  return found;
}

}  // namespace trainbus
