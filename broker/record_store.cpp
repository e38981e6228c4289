#include "broker/record_store.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

zmq::message_t message_of(std::string_view bytes) { return zmq::message_t(bytes.data(), bytes.size()); }

}  // namespace

RecordStore::RecordStore(zmq::context_t& context, const std::string& journal_path, Durability durability,
                         Retention retention, Publish publish, const Seen& seen)
    : publish_(std::move(publish)),
      journal_(context, journal_path, durability, retention),
      pending_(std::make_unique<StoreBatch>()) {
  JournalReader reader(journal_path);
  v1::MetricsRequest message;
  const auto show = [&](const Topic& topic, const std::string& body) {
    if (!body.empty() && message.ParseFromString(body)) seen(topic, message, message_of(body));
  };
  for (const auto& row : reader.streams()) {
    if (row.stream == 0 || row.kind == v1::KIND_UNKNOWN) continue;
    const Topic topic{row.kind, row.session};
    intake_.restore(row.stream, topic, row.incarnation, row.last_sequence);
    if (row.kind == v1::KIND_COMMAND || row.kind == v1::KIND_ALERT) {
      for (const auto& body : reader.bodies(row.stream))
        show(topic, body);
    } else {
      show(topic, reader.last_body(row.stream));
    }
  }
}

Stream* RecordStore::stream_for(const Topic& topic, std::uint64_t incarnation) {
  bool is_new = false;
  Stream* stream = intake_.find_or_make(topic, incarnation, is_new);
  if (stream != nullptr && is_new)
    pending_->new_streams.push_back({stream->id, topic.session, incarnation, topic.kind, 0});
  return stream;
}

bool RecordStore::take(const Topic& topic, v1::MetricsRequest& message, zmq::message_t& body, std::int64_t now_ms) {
  const bool numbered = message.incarnation() != 0 && message.sequence() != 0;
  Stream* stream = stream_for(topic, numbered ? message.incarnation() : broker_incarnation_);
  if (stream == nullptr) return false;
  if (!numbered) {
    message.set_incarnation(broker_incarnation_);
    message.set_sequence(stream->queued + 1);
    if (message.timestamp_ms() == 0) message.set_timestamp_ms(unix_ms());
    body = message_of(message.SerializeAsString());
  }
  // Copied: as it came, a record of 300 B holds on to the 8 KiB that libzmq received it with, wherever it waits: for
  // the journal, for a full disk, for a slow subscriber.
  zmq::message_t own = message_of(bytes_of(body));
  // A time that is still to come would keep the records after it from ever being old enough to retire.
  const auto timestamp_ms = std::min(record_ms(message), unix_ms());
  intake_.offer(*stream, message.sequence(), timestamp_ms, std::move(own), now_ms, backlog_bytes_ < kMaxBacklogBytes,
                ready_);
  act_on_ready();
  return true;
}

void RecordStore::act_on_ready() {
  for (auto& record : ready_) {
    if (record.publish) {
      zmq::message_t shared;
      shared.copy(record.body);
      publish_(record.stream->topic_text, std::move(shared));
    }
    if (!record.store) continue;
    backlog_bytes_ += record.body.size();
    pending_->rows.push_back({record.stream->id, record.sequence, record.timestamp_ms, std::move(record.body)});
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
  pending_->rows.push_back({stream->id, message.sequence(), record_ms(message), message_of(body)});
  own_.push_back({stream, message.sequence(), std::move(body), std::move(on_stored)});
}

void RecordStore::write_now(const Topic& topic, v1::MetricsRequest& message) {
  message.set_incarnation(broker_incarnation_);
  Stream* stream = stream_for(topic, broker_incarnation_);
  if (stream == nullptr) return;
  message.set_sequence(stream->queued + 1);
  intake_.offer(*stream, message.sequence(), record_ms(message), message_of(message.SerializeAsString()), 0, true,
                ready_);
  act_on_ready();
}

void RecordStore::hand_over() {
  if (pending_->empty()) return;
  ++in_flight_;
  journal_.store(std::exchange(pending_, std::make_unique<StoreBatch>()));
}

void RecordStore::fetch(std::unique_ptr<FetchJob> job) {
  if (!failing()) hand_over();
  journal_.fetch(std::move(job));
}

void RecordStore::give_up_old_holes(std::int64_t now_ms, const News& news) {
  constexpr std::int64_t kLookEveryMs = 100;
  if (now_ms < next_holes_ms_) return;
  next_holes_ms_ = now_ms + kLookEveryMs;
  std::vector<LostRecords> lost;
  intake_.give_up_old_holes(now_ms, ready_, lost);
  for (const auto& range : lost) {
    pending_->lost.push_back({range.stream->id, range.first, range.last});
    news.gave_up(range);
  }
  if (!lost.empty())
    spdlog::warn("{} incarnation {}: records {}..{} never arrived, given up{}", lost[0].stream->topic_text,
                 lost[0].stream->incarnation, lost[0].first, lost[0].last,
                 lost.size() == 1 ? "" : "; so did some of " + std::to_string(lost.size() - 1) + " other streams");
  act_on_ready();
}

void RecordStore::turn(std::int64_t now_ms, const News& news) {
  give_up_old_holes(now_ms, news);
  while (auto outcome = journal_.take_outcome())
    take_outcome(*outcome, now_ms, news);
  if (!failing() || (now_ms >= retry_at_ms_ && in_flight_ == 0)) hand_over();
}

void RecordStore::take_outcome(StoreOutcome& outcome, std::int64_t now_ms, const News& news) {
  in_flight_ -= outcome.batches;
  note_health(outcome, news);
  if (outcome.ok) {
    backlog_bytes_ -= outcome.bytes;
  } else {
    retry_at_ms_ = now_ms + JournalThread::kRetryEveryMs;
    failed_.append(std::move(outcome.failed));
  }
  if (in_flight_ == 0 && !failed_.empty()) {
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
  if (outcome.ok == failure_.empty()) return;
  if (outcome.ok) {
    spdlog::info("the journal works again");
    failure_.clear();
    news.healed();
  } else {
    spdlog::error("{}; nothing is acknowledged until it works again", outcome.error);
    failure_ = outcome.error;
    news.failing(outcome.error);
  }
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
