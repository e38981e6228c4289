#include "broker/history_desk.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;

template <class T>
bool is_ready(const std::future<T>& future) {
  return future.valid() && future.wait_for(0s) == std::future_status::ready;
}

const char* name_of(Visibility visibility) {
  switch (visibility) {
    case Visibility::kListed: return "listed";
    case Visibility::kArchived: return "archived";
    case Visibility::kDeleted: return "deleted";
  }
  return "";
}

std::string amount_text(std::uint64_t records, std::uint64_t bytes) {
  return std::to_string(records) + " records, " + std::to_string(bytes) + " bytes";
}

std::string parameter(const v1::ControlCommand& command, const std::string& name) {
  const auto found = command.parameters().find(name);
  return found == command.parameters().end() ? std::string() : found->second;
}

}  // namespace

bool HistoryDesk::handles(v1::CommandType type) {
  return type == v1::ARCHIVE_HISTORY || type == v1::RESTORE_HISTORY || type == v1::DELETE_HISTORY;
}

HistoryDesk::~HistoryDesk() {
  stop_ = true;
  if (looking_.valid()) looking_.wait();
  if (deleting_.valid()) deleting_.wait();
  if (listing_.valid()) listing_.wait();
}

void HistoryDesk::attach(RecordStore& store, Roster& roster) {
  store_ = &store;
  roster_ = &roster;
  started_ms_ = steady_ms();
  for (const auto& [id, job] : by_id_)
    if (!command_ended(job->command().state())) to_look_at_.push_back(job);
}

void HistoryDesk::restore(const std::string& session_id, const v1::ControlCommand& command) {
  auto& job = by_id_[command.command_id()];
  if (!job) job = std::make_shared<Job>();
  if (command.state() <= job->command().state()) return;
  job->addressed.set_session_id(session_id);
  job->command() = command;
  job->resumed = true;
  if (command_ended(command.state())) end(job);
}

void HistoryDesk::issue(const std::string& session_id, const v1::ControlCommand& command, Answer answer) {
  if (const auto* known = find(command.command_id()); known != nullptr) {
    // One that is being looked at is answered when that has ended.
    if (known->command().state() != v1::COMMAND_ISSUED) answer(known, {});
    return;
  }
  if (!parse_session_id(session_id))
    return answer(nullptr, "an archive, restore or delete is of one trainer, got '" + session_id + "'");
  if (to_look_at_.size() >= kMaxWaiting) return answer(nullptr, "too many commands are open");
  if (store_->failing()) return answer(nullptr, "the journal cannot be written now: " + store_->failure());
  auto job = std::make_shared<Job>();
  job->addressed.set_session_id(session_id);
  auto& own = job->command();
  own.set_type(command.type());
  *own.mutable_parameters() = command.parameters();
  own.set_command_id(command.command_id());
  own.set_issuer(command.issuer());
  own.set_state(v1::COMMAND_ISSUED);
  job->answer = std::move(answer);
  by_id_[command.command_id()] = job;
  to_look_at_.push_back(std::move(job));
}

const v1::AddressedCommand* HistoryDesk::find(const std::string& command_id) {
  const auto found = by_id_.find(command_id);
  if (found == by_id_.end()) return nullptr;
  auto& job = *found->second;
  if (job.command().state() == v1::COMMAND_ACCEPTED)
    job.command().set_new_value(std::to_string(job.deleted) + " of " +
                                amount_text(job.history.records, job.history.bytes));
  return &job.addressed;
}

void HistoryDesk::list(const v1::ListRequest& request, ListAnswer answer) {
  if (to_list_.size() >= kMaxLists) return answer({}, "too many lists are being read, ask again");
  to_list_.emplace_back(request, std::move(answer));
}

// The front one is the one being read.
void HistoryDesk::list_next(std::int64_t now_ms) {
  if (is_ready(listing_)) {
    auto page = listing_.get();
    const auto [request, answer] = std::move(to_list_.front());
    to_list_.pop_front();
    for (auto& entry : *page.list.mutable_trainers())
      roster_->freshen(entry, now_ms);
    answer(std::move(page.list), page.error);
  }
  if (!listing_.valid() && !to_list_.empty())
    listing_ = std::async(std::launch::async, list_journal, journal_path_, to_list_.front().first);
}

void HistoryDesk::tick(std::int64_t now_ms) {
  list_next(now_ms);
  if (is_ready(looking_)) {
    const auto job = std::exchange(looked_at_, nullptr);
    job->history = looking_.get();
    decide(job, now_ms);
  }
  if (is_ready(deleting_)) {
    const auto error = deleting_.get();
    end_deletion(std::exchange(deleted_, nullptr), error);
  }
  if (!looking_.valid() && !to_look_at_.empty()) {
    looked_at_ = std::move(to_look_at_.front());
    to_look_at_.pop_front();
    looking_ = std::async(std::launch::async, read_session_history, journal_path_,
                          *parse_session_id(looked_at_->addressed.session_id()));
  }
  if (!deleting_.valid() && !to_delete_.empty() && !store_->failing() && now_ms >= next_deletion_ms_) {
    deleted_ = std::move(to_delete_.front());
    to_delete_.pop_front();
    deleting_ = std::async(std::launch::async, [this, job = deleted_] {
      return delete_session_history(journal_path_, job->history.streams, stop_, job->deleted);
    });
  }
}

bool HistoryDesk::is_dry(const Job& job) const { return job.addressed.command().parameters().contains("dry_run"); }

void HistoryDesk::decide(const JobPtr& job, std::int64_t now_ms) {
  const auto& id = job->addressed.session_id();
  auto& command = job->command();
  if (job->resumed && !job->history.error.empty()) {
    spdlog::error("deleting {}: {}; the broker's next start tries again", id, job->history.error);
    return;
  }
  if (job->resumed) {
    store_->drop_from_now_on(job->history.incarnations);
    to_delete_.push_back(job);
    return;
  }
  if (!job->history.error.empty() || !job->history.known()) {
    const auto why = job->history.error.empty() ? "no trainer '" + id + "' is known" : job->history.error;
    const auto answer = std::move(job->answer);
    by_id_.erase(command.command_id());
    return answer(nullptr, why);
  }
  command.set_expected_incarnation(job->history.newest());
  command.set_old_value(name_of(job->history.incarnations.back().visibility));
  command.set_new_value(amount_text(job->history.records, job->history.bytes));
  command.set_reason(refusal(*job, now_ms));
  if (is_dry(*job)) {
    if (!command.reason().empty()) command.set_state(v1::COMMAND_REJECTED);
    const auto answer = std::move(job->answer);
    answer(&job->addressed, {});
    by_id_.erase(command.command_id());
    return;
  }
  if (command.reason().empty()) return apply(job);
  record(job, v1::COMMAND_REJECTED, [this, job] { end(job); });
}

std::string HistoryDesk::refusal(const Job& job, std::int64_t now_ms) const {
  const auto& command = job.addressed.command();
  const auto facts = roster_->target_facts(job.addressed.session_id(), 0, now_ms);
  if (facts.heard_recently && !facts.ended)
    return "it is live, or was 30 s ago: stop it first (trainbus-ctl stop " + job.addressed.session_id() + ")";
  if (now_ms - started_ms_ < kUnheardMs && facts.incarnation != 0 && !facts.ended)
    return "it may be live: the broker started less than 30 s ago and has not heard of its end";
  const auto& history = job.history;
  const bool nothing = history.all(Visibility::kDeleted) && history.records == 0;
  if (nothing) return "its records were deleted";
  if (command.type() == v1::ARCHIVE_HISTORY && history.all(Visibility::kArchived)) return "it is archived already";
  if (command.type() == v1::RESTORE_HISTORY && history.all(Visibility::kListed)) return "it is not archived";
  const auto older_than = parameter(command, "older_than_ms");
  const auto age_ms = unix_ms() - history.last_record_ms;
  if (!older_than.empty() && age_ms < std::strtoll(older_than.c_str(), nullptr, 10))
    return "its last record is of " + std::to_string(age_ms / 1000) + " s ago";
  return {};
}

void HistoryDesk::apply(const JobPtr& job) {
  const auto& session = job->addressed.session_id();
  switch (job->command().type()) {
    case v1::ARCHIVE_HISTORY:
    case v1::RESTORE_HISTORY: {
      const bool archive = job->command().type() == v1::ARCHIVE_HISTORY;
      show_as(*job, archive ? Visibility::kArchived : Visibility::kListed);
      roster_->set_archived(session, job->history.newest(), archive);
      return record(job, v1::COMMAND_APPLIED, [this, job] { end(job); });
    }
    default:
      show_as(*job, Visibility::kDeleted);
      store_->drop_from_now_on(job->history.incarnations);
      roster_->forget(session);
      record(job, v1::COMMAND_ACCEPTED, [this, job] { to_delete_.push_back(job); });
  }
}

void HistoryDesk::show_as(const Job& job, Visibility visibility) {
  auto rows = job.history.incarnations;
  std::erase_if(rows, [](const auto& row) { return row.visibility == Visibility::kDeleted; });
  for (auto& row : rows)
    row.visibility = visibility;
  store_->set_visibility(std::move(rows));
}

void HistoryDesk::end_deletion(const JobPtr& job, const std::string& error) {
  if (!error.empty()) {
    spdlog::error("deleting {}: {}; it is tried again", job->addressed.session_id(), error);
    to_delete_.push_back(job);
    next_deletion_ms_ = steady_ms() + kTryAgainMs;
    return;
  }
  job->command().set_new_value(job->resumed ? std::to_string(job->deleted) + " records since the broker's restart"
                                            : amount_text(job->history.records, job->history.bytes));
  spdlog::info("deleted {}: {}", job->addressed.session_id(), job->command().new_value());
  record(job, v1::COMMAND_APPLIED, [this, job] { end(job); });
}

// The command's next state as a kept record; then it is answered, when that is still owed.
void HistoryDesk::record(const JobPtr& job, v1::CommandState state, std::function<void()> then) {
  job->command().set_state(state);
  v1::MetricsRequest message;
  message.set_session_id(job->addressed.session_id());
  message.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  message.set_incarnation(job->command().expected_incarnation());
  *message.mutable_command() = job->command();
  store_->write({v1::KIND_COMMAND, *parse_session_id(job->addressed.session_id())}, message,
                [job, then = std::move(then)] {
                  if (job->answer) std::exchange(job->answer, nullptr)(&job->addressed, {});
                  then();
                });
}

void HistoryDesk::end(const JobPtr& job) {
  job->history = {};
  ended_.push_back(job->command().command_id());
  if (ended_.size() <= kMaxEnded) return;
  by_id_.erase(ended_.front());
  ended_.pop_front();
}

}  // namespace trainbus
