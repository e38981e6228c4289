#pragma once
// The journal's answers to one fetch after another, a page at a time. Asks for the next page as soon as one is there,
// so that it travels while the first is handed out; asks again when nothing answers.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "trainbus.pb.h"

namespace trainbus {

// Single-threaded, never blocks. Owns a DEALER. Times are steady milliseconds. Memory: two pages.
class JournalPages {
 public:
  static constexpr std::uint32_t kPageBytes = 512 << 10;
  static constexpr std::int64_t kResendMs = 2'000;
  static constexpr std::int64_t kPingMs = 2'000;

  JournalPages(zmq::context_t& context, const std::string& broker);

  // Begins a fetch; one that is under way is given up, with what it has not handed out.
  void start(v1::FetchRequest request, std::int64_t now_ms);
  // Takes answers in, asks again, and asks for a sign of life now and then.
  void turn(std::int64_t now_ms);
  // The next record of the fetch, to be moved from, or nullptr when none is here yet.
  v1::StoredRecord* next();
  bool active() const { return active_; }
  // True once, when the fetch has handed out everything up to its end. Then active() is false.
  bool take_finished();

  // The order of the incarnations whose records came: (session, incarnation) -> order.
  using Orders = std::map<std::pair<std::string, std::uint64_t>, std::int64_t>;
  const Orders& orders() const { return orders_; }
  // How long ago the broker took in the record that next() gave last; -1: it did not say.
  std::int64_t record_age_ms() const { return record_age_ms_; }
  // The broker's clock (Unix ms) as it gave that record out.
  std::int64_t broker_ms() const { return broker_ms_; }
  // What the journal of the running or last fetch called lost.
  const std::vector<v1::LostRange>& lost() const { return lost_; }
  // Why the broker cannot read the page that is asked for; empty once it can.
  const std::string& refusal() const { return refusal_; }
  std::uint64_t position() const { return position_; }          // of the last record handed out
  std::uint64_t end_position() const { return end_position_; }  // of the journal, as last heard
  // Where a fetch goes on that has handed out all of the last one. Means something to the same broker only.
  std::uint64_t next_position() const { return request_.after_position(); }
  std::uint64_t broker_incarnation() const { return broker_incarnation_; }  // of the last answer
  std::int64_t heard_ms() const { return heard_ms_; }                       // last answer of any kind; 0: never
  bool broker_stopped() const { return broker_stopped_; }                   // it said goodbye, and nothing since
  // The connection stands. A goodbye that is not read before the connection ends is lost: ZeroMQ drops the rest of a
  // pipe whose peer is gone when IMMEDIATE is set.
  bool linked() const { return linked_; }

  zmq::socket_t& socket() { return dealer_; }

 private:
  struct Question {
    std::uint64_t request_id = 0;  // 0: none under way
    std::int64_t sent_ms = 0;
    bool sent = false;
  };
  void ask();
  void ping();
  bool send(const v1::FetchRequest& fetch, std::uint64_t request_id);
  void take(v1::FetchReply&& page, std::int64_t broker_ms);

  zmq::socket_t dealer_;
  v1::FetchRequest request_;
  v1::FetchReply page_, next_page_;
  std::int64_t broker_ms_ = 0, next_broker_ms_ = 0;  // the broker's clock as it gave out these pages
  std::int64_t record_age_ms_ = -1;
  Orders orders_;
  int handed_out_ = 0;  // of page_
  bool has_next_page_ = false;
  bool active_ = false;
  bool at_end_ = false;      // the newest page that came is the last
  std::int64_t now_ms_ = 0;  // as last told
  Question question_;
  std::int64_t pinged_ms_ = 0;
  std::uint64_t last_request_id_ = 0;
  std::string refusal_;
  std::vector<v1::LostRange> lost_;
  std::uint64_t position_ = 0;
  std::uint64_t end_position_ = 0;
  std::uint64_t broker_incarnation_ = 0;
  std::int64_t heard_ms_ = 0;
  bool broker_stopped_ = false;
  bool linked_ = false;
};

}  // namespace trainbus
