#include "broker/record_store.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

zmq::message_t message_of(std::string_view bytes) { return zmq::message_t(bytes.data(), bytes.size()); }

std::size_t key_of(const SessionName& session, std::uint64_t incarnation) {
  return std::hash<std::string>{}(session.id() + '@' + std::to_string(incarnation));
}

}  // namespace

RecordStore::RecordStore(const std::string& journal_path, Durability durability, Retention retention, Publish publish,
                         Seen seen, const SeenArchived& seen_archived)
    : publish_(std::move(publish)),
      seen_(std::move(seen)),
      journal_(journal_path, durability, std::move(retention)),
      lookup_(journal_path),
      forgets_(durability != Durability::kNothing),
      pending_(std::make_unique<StoreBatch>()) {
  const auto hidden = lookup_.hidden_incarnations();
  for (const auto& row : hidden)
    if (row.visibility == Visibility::kDeleted) deleted_.insert(key_of(row.session, row.incarnation));
  listed_at_start_ = lookup_.listed_sessions();
  intake_.note_last_id(lookup_.last_stream());
  const auto streams = lookup_.newest_streams(kReadBackAtStart);
  lookup_.in_one_view([&] {
    for (const auto& row : streams)
      restore(row);
  });
  for (const auto& row : hidden)
    if (row.visibility == Visibility::kArchived) seen_archived(row);
}

void RecordStore::restore(const StreamRow& row) {
  if (row.stream == 0 || row.kind == v1::KIND_UNKNOWN) return;
  const Topic topic{row.kind, row.session};
  Stream& stream = intake_.restore(row.stream, topic, row.incarnation, row.last_sequence);
  stream.deleted = deleted_.contains(key_of(row.session, row.incarnation));
  v1::MetricsRequest message;
  const auto show = [&](const std::string& body, std::int64_t taken_in_ms) {
    if (body.empty() || !message.ParseFromString(body)) return;
    stream.latest_ms = record_ms(message);
    seen_(topic, message, message_of(body), taken_in_ms);
  };
  if (row.kind == v1::KIND_COMMAND || row.kind == v1::KIND_ALERT) {
    for (const auto& body : lookup_.bodies(row.stream))
      show(body, 0);
  } else {
    const auto last = lookup_.last_record(row.stream);
    show(last.body, last.taken_in_ms);
  }
}

bool RecordStore::recall(const SessionName& session, std::uint64_t incarnation) {
  if (intake_.knows(session, incarnation)) return true;
  try {
    for (const auto& row : lookup_.streams(session, incarnation))
      restore(row);
    return true;
  } catch (const SqliteError& error) {
    spdlog::error("{}; records of {} are refused", error.what(), session.id());
    return false;
  }
}

std::vector<IncarnationRow> RecordStore::incarnations(const std::string& session_id) {
  const auto session = parse_session_id(session_id);
  try {
    return session ? lookup_.incarnations(*session) : std::vector<IncarnationRow>{};
  } catch (const SqliteError& error) {
    spdlog::error("{}; the order of the incarnations of {} is as they are heard now", error.what(), session_id);
    return {};
  }
}

// The journal's own records of an incarnation that was deleted are its audit, and stay.
void RecordStore::drop_from_now_on(const std::vector<IncarnationRow>& incarnations) {
  for (const auto& row : incarnations) {
    deleted_.insert(key_of(row.session, row.incarnation));
    for (const Kind kind : kKeptKinds)
      if (Stream* stream = intake_.find({kind, row.session}, row.incarnation); stream != nullptr)
        stream->deleted = true;
  }
}

void RecordStore::set_visibility(std::vector<IncarnationRow> rows) {
  std::move(rows.begin(), rows.end(), std::back_inserter(pending_->incarnations));
}

void RecordStore::drop_as_lost(Stream& stream, std::uint64_t sequence) {
  if (sequence <= stream.queued || sequence > Intake::kMaxSequence) return;
  dropped_as_deleted_ += sequence - stream.queued;
  pending_->lost.push_back({stream.id, stream.queued + 1, sequence});
  stream.queued = stream.forwarded = sequence;
}

void RecordStore::forget_quiet(std::int64_t now_ms) {
  constexpr std::int64_t kLookEveryMs = 100;
  if (!forgets_ || failing() || now_ms < next_forget_ms_) return;
  next_forget_ms_ = now_ms + kLookEveryMs;
  intake_.forget_quiet(now_ms);
}

Stream* RecordStore::stream_for(const Topic& topic, std::uint64_t incarnation) {
  if (Stream* known = intake_.find(topic, incarnation); known != nullptr) return known;
  if (!recall(topic.session, incarnation)) return nullptr;
  bool is_new = false;
  Stream* stream = intake_.find_or_make(topic, incarnation, is_new);
  if (stream != nullptr && is_new) {
    pending_->new_streams.push_back({stream->id, topic.session, incarnation, topic.kind, 0});
    stream->deleted = deleted_.contains(key_of(topic.session, incarnation));
  }
  return stream;
}

// Fields that stand behind others of their number win over them, so the payload need not be written again.
void RecordStore::number(const Stream& stream, v1::MetricsRequest& message, zmq::message_t& body) const {
  v1::MetricsRequest numbers;
  numbers.set_incarnation(message.incarnation());
  numbers.set_sequence(stream.queued + 1);
  if (message.timestamp_ms() == 0) numbers.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  message.MergeFrom(numbers);
  body = message_of(std::string(bytes_of(body)) + numbers.SerializeAsString());
}

bool RecordStore::take(const Topic& topic, v1::MetricsRequest& message, zmq::message_t& body, std::int64_t now_ms,
                       Stream* newest) {
  const std::uint64_t incarnation = message.incarnation();
  if (incarnation == 0) return false;  // no room for its session
  Stream* stream = newest != nullptr && newest->incarnation == incarnation ? newest : stream_for(topic, incarnation);
  if (stream == nullptr) return false;
  if (message.sequence() == 0) number(*stream, message, body);
  if (stream->deleted) {
    drop_as_lost(*stream, message.sequence());
    return true;
  }
  // Copied: as it came, a record of 300 B holds on to the 8 KiB that libzmq received it with, wherever it waits: for
  // the journal, for a full disk, for a slow subscriber.
  zmq::message_t own = message_of(bytes_of(body));
  // A time that is still to come would keep the records after it from ever being old enough to retire.
  const auto timestamp_ms = std::min(record_ms(message), wall_ms(now_ms));
  const auto duplicates = intake_.counters().duplicates;
  intake_.offer(*stream, message.sequence(), timestamp_ms, std::move(own), now_ms, backlog_bytes_ < kMaxBacklogBytes,
                ready_);
  note_time(*stream, message, intake_.counters().duplicates != duplicates, now_ms);
  note_lost(intake_.take_lost(), now_ms);
  act_on_ready(now_ms);
  return true;
}

// What is sent again is no later than the newest was. A number that was there before, of a later record, is given out
// by somebody else, or a second time.
void RecordStore::note_time(Stream& stream, const v1::MetricsRequest& message, bool duplicate, std::int64_t now_ms) {
  const auto said_ms = record_ms(message);
  if (duplicate && stream.latest_ms > 0 && said_ms > stream.latest_ms) {
    ++conflicting_;
    shared_.note(message.session_id(), message.incarnation(), now_ms);
  }
  if (!duplicate) stream.latest_ms = std::max(stream.latest_ms, said_ms);
}

// Unix time, asked for once a turn.
std::int64_t RecordStore::wall_ms(std::int64_t now_ms) {
  if (std::exchange(wall_at_ms_, now_ms) != now_ms) wall_ms_ = unix_ms();
  return wall_ms_;
}

void RecordStore::act_on_ready(std::int64_t now_ms) {
  for (auto& record : ready_) {
    if (record.store) {
      backlog_bytes_ += record.body.size();
      pending_->add(record.stream->id, record.sequence, record.timestamp_ms, wall_ms(now_ms), bytes_of(record.body));
    }
    not_stored_ += record.store ? 0 : 1;
    if (record.publish) publish_(record.stream->topic_text, std::move(record.body));
  }
  ready_.clear();
}

void RecordStore::write(const Topic& topic, v1::MetricsRequest& message, OnStored on_stored) {
  Stream* stream = stream_for(topic, message.incarnation());
  if (stream == nullptr) return;
  message.set_sequence(++stream->queued);
  stream->forwarded = stream->queued;
  std::string body = message.SerializeAsString();
  backlog_bytes_ += body.size();
  pending_->add(stream->id, message.sequence(), record_ms(message), unix_ms(), body);
  own_.push_back({stream, message.sequence(), std::move(body), std::move(on_stored)});
  if (failing()) wait_for_nothing();
}

void RecordStore::write_now(const Topic& topic, v1::MetricsRequest& message) {
  message.set_incarnation(broker_incarnation_);
  Stream* stream = stream_for(topic, broker_incarnation_);
  if (stream == nullptr) return;
  message.set_sequence(stream->queued + 1);
  intake_.offer(*stream, message.sequence(), record_ms(message), message_of(message.SerializeAsString()), 0, true,
                ready_);
  act_on_ready(steady_ms());
}

void RecordStore::hand_over(std::int64_t now_ms) {
  if (pending_->empty()) return;
  ++in_flight_;
  next_commit_ms_ = now_ms + kCommitEveryMs;
  journal_.store(std::exchange(pending_, std::make_unique<StoreBatch>(std::exchange(spare_, {}))));
}

void RecordStore::fetch(std::unique_ptr<FetchJob> job, std::int64_t now_ms) {
  if (!failing()) hand_over(now_ms);
  journal_.fetch(std::move(job));
}

void RecordStore::give_up_old_gaps(std::int64_t now_ms) {
  constexpr std::int64_t kLookEveryMs = 100;
  if (now_ms < next_gaps_ms_) return;
  next_gaps_ms_ = now_ms + kLookEveryMs;
  std::vector<LostRecords> lost;
  intake_.give_up_old_gaps(now_ms, ready_, lost);
  note_lost(lost, now_ms);
  act_on_ready(now_ms);
}

void RecordStore::note_lost(const std::vector<LostRecords>& lost, std::int64_t now_ms) {
  constexpr std::int64_t kSayEveryMs = 60'000;
  for (const auto& range : lost) {
    pending_->lost.push_back({range.stream->id, range.first, range.last});
    gave_up_.push_back(range);
  }
  if (lost.empty() || now_ms < next_say_lost_ms_) return;
  next_say_lost_ms_ = now_ms + kSayEveryMs;
  spdlog::warn("{} incarnation {}: records {}..{} never arrived, given up; {} in all", lost[0].stream->topic_text,
               lost[0].stream->incarnation, lost[0].first, lost[0].last, intake_.counters().lost);
}

void RecordStore::turn(std::int64_t now_ms, const News& news) {
  give_up_old_gaps(now_ms);
  for (const auto& range : std::exchange(gave_up_, {}))
    news.gave_up(range);
  while (auto outcome = journal_.take_outcome())
    take_outcome(*outcome, now_ms, news);
  // One batch at a time: what comes meanwhile is the next, however long a commit takes.
  if (in_flight_ == 0 && now_ms >= (failing() ? retry_at_ms_ : next_commit_ms_)) hand_over(now_ms);
  forget_quiet(now_ms);  // last: nothing in this turn still points to what goes
}

std::int64_t RecordStore::due_in_ms(std::int64_t now_ms) const {
  if (pending_->empty() || in_flight_ != 0) return -1;
  return std::max<std::int64_t>(0, (failing() ? retry_at_ms_ : next_commit_ms_) - now_ms);
}

void RecordStore::take_outcome(StoreOutcome& outcome, std::int64_t now_ms, const News& news) {
  in_flight_ -= outcome.batches;
  note_health(outcome, news);
  if (outcome.ok) {
    backlog_bytes_ -= outcome.bytes;
    spare_ = std::move(outcome.batch);
  } else {
    retry_at_ms_ = now_ms + JournalThread::kRetryEveryMs;
    failed_.append(std::move(outcome.batch));
  }
  if (in_flight_ == 0 && failing()) {
    failed_.append(std::move(*pending_));
    failed_.after_failure = true;
    *pending_ = std::exchange(failed_, {});
  }
  for (const auto& [id, through] : outcome.heads) {
    Stream& stream = intake_.by_id(id);
    Intake::stored(stream, through);
    news.stored(stream);
  }
  finish_own_records();
}

void RecordStore::note_health(const StoreOutcome& outcome, const News& news) {
  const std::string rule = outcome.ok ? "" : outcome.moved ? "state_folder" : "journal_failing";
  if (rule == failure_rule_) return;
  if (!failure_rule_.empty()) news.healed(failure_rule_);
  failure_rule_ = rule;
  failure_ = outcome.error;
  if (outcome.ok) {
    spdlog::info("the journal works again");
  } else {
    spdlog::error("{}; nothing is acknowledged until it works again", outcome.error);
    news.failing(rule, outcome.error);
    wait_for_nothing();
  }
}

// While nothing can be stored what hangs on it goes on: a training can be stopped also where a disk is full. The record
// follows when the journal works again.
void RecordStore::wait_for_nothing() {
  for (std::size_t i = 0; i < own_.size(); ++i)  // by number: what goes on may write further ones
    if (const auto go_on = std::exchange(own_[i].on_stored, {})) go_on();
}

void RecordStore::finish_own_records() {
  while (!own_.empty() && own_.front().stream->stored >= own_.front().sequence) {
    OwnRecord record = std::move(own_.front());
    own_.pop_front();
    publish_(record.stream->topic_text, message_of(record.body));
    if (record.on_stored) record.on_stored();
  }
}

std::uint64_t RecordStore::stored_through(const Topic& topic, std::uint64_t incarnation) {
  const Stream* stream = intake_.find(topic, incarnation);
  return stream == nullptr ? 0 : stream->stored;
}

}  // namespace trainbus
