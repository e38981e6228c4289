#include "journal_pages.hpp"

#include <algorithm>
#include <limits>

#include "control_dealer.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::uint64_t kPastTheEnd = std::numeric_limits<std::int64_t>::max();

}  // namespace

JournalPages::JournalPages(zmq::context_t& context, const std::string& broker)
    : dealer_(control_dealer(context, broker)) {}

void JournalPages::start(v1::FetchRequest request, std::int64_t now_ms) {
  now_ms_ = now_ms;
  request_ = std::move(request);
  request_.set_max_bytes(kPageBytes);
  page_.Clear();
  next_page_.Clear();
  lost_.clear();
  refusal_.clear();
  handed_out_ = 0;
  has_next_page_ = at_end_ = false;
  active_ = true;
  ask();
}

void JournalPages::ask() {
  question_.request_id = ++last_request_id_;
  question_.sent_ms = now_ms_;
  question_.sent = send(request_, question_.request_id);
}

// A fetch past the end brings no records: it says that the broker is there, which one, and how long the journal is.
void JournalPages::ping() {
  v1::FetchRequest nothing;
  nothing.set_after_position(kPastTheEnd);
  if (send(nothing, ++last_request_id_)) pinged_ms_ = now_ms_;
}

bool JournalPages::send(const v1::FetchRequest& fetch, std::uint64_t request_id) {
  v1::MetricsRequest message;
  *message.mutable_fetch() = fetch;
  message.set_request_id(request_id);
  const std::string body = message.SerializeAsString();
  return dealer_.send(zmq::buffer(body), zmq::send_flags::dontwait).has_value();
}

void JournalPages::turn(std::int64_t now_ms) {
  now_ms_ = now_ms;
  linked_ = (dealer_.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
  std::vector<zmq::message_t> frames;
  v1::MetricsResponse answer;
  while (receive_message(dealer_, frames)) {
    if (frames.size() != 1 || decode_control(bytes_of(frames[0]), answer) != WireError::kNone) continue;
    heard_ms_ = now_ms;
    broker_stopped_ = answer.has_goodbye();
    const bool answers = question_.request_id != 0 && answer.request_id() == question_.request_id;
    // Asked again, like what was not answered; that it asks too often is no fault of the journal.
    if (answers && answer.error().code() == v1::INTERNAL_ERROR) refusal_ = answer.error().message();
    if (!answer.has_fetch_reply()) continue;
    end_position_ = answer.fetch_reply().end_position();
    broker_incarnation_ = answer.fetch_reply().broker_incarnation();
    if (answers) take(std::move(*answer.mutable_fetch_reply()), static_cast<std::int64_t>(answer.timestamp_ms()));
  }
  if (question_.request_id != 0 && (!question_.sent || now_ms - question_.sent_ms >= kResendMs)) ask();
  if (question_.request_id == 0 && now_ms - pinged_ms_ >= kPingMs) ping();
}

void JournalPages::take(v1::FetchReply&& page, std::int64_t broker_ms) {
  question_ = {};
  for (const auto& incarnation : page.incarnations())
    orders_[{incarnation.session_id(), incarnation.incarnation()}] = incarnation.order();
  refusal_.clear();
  lost_.insert(lost_.end(), page.lost().begin(), page.lost().end());
  at_end_ = page.at_end();
  request_.set_after_position(page.next_position());
  request_.clear_heads();
  const bool first_is_empty = handed_out_ == page_.records_size();
  (first_is_empty ? page_ : next_page_) = std::move(page);
  (first_is_empty ? broker_ms_ : next_broker_ms_) = broker_ms;
  if (first_is_empty) handed_out_ = 0;
  has_next_page_ = !first_is_empty;
  if (!at_end_ && !has_next_page_) ask();
}

v1::StoredRecord* JournalPages::next() {
  if (handed_out_ == page_.records_size() && has_next_page_) {
    page_.Swap(&next_page_);
    broker_ms_ = next_broker_ms_;
    handed_out_ = 0;
    has_next_page_ = false;
    if (!at_end_) ask();
  }
  if (handed_out_ == page_.records_size()) return nullptr;
  auto* record = page_.mutable_records(handed_out_++);
  position_ = record->position();
  const auto taken_in_ms = record->taken_in_ms();
  record_age_ms_ = taken_in_ms > 0 ? std::max<std::int64_t>(0, broker_ms_ - taken_in_ms) : -1;
  return record;
}

bool JournalPages::take_finished() {
  if (!active_ || !at_end_ || has_next_page_ || handed_out_ < page_.records_size()) return false;
  active_ = false;
  return true;
}

}  // namespace trainbus
