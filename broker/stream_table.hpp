#pragma once
// Which stream an id of the journal is: for hundreds of thousands of them, so the names are kept once. Pure.

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/store_batch.hpp"

namespace trainbus {

class StreamTable {
 public:
  std::uint64_t size() const { return entries_.size(); }  // the largest id
  bool knows(std::uint64_t stream) const {
    return stream != 0 && stream <= entries_.size() && entries_[stream - 1].kind != v1::KIND_UNKNOWN;
  }
  void put(const StreamRow& row) {
    if (row.stream > entries_.size()) entries_.resize(row.stream);
    const auto [at, is_new] = numbers_.try_emplace(row.session.id(), static_cast<std::uint32_t>(sessions_.size()));
    if (is_new) sessions_.push_back({row.session, {}});
    if (!knows(row.stream)) sessions_[at->second].streams.push_back(row.stream);
    entries_[row.stream - 1] = {row.incarnation, row.last_sequence, at->second, row.kind};
  }
  // Of a stream it knows.
  const SessionName& session(std::uint64_t stream) const { return sessions_[entries_[stream - 1].session].name; }
  std::uint64_t incarnation(std::uint64_t stream) const { return entries_[stream - 1].incarnation; }
  Kind kind(std::uint64_t stream) const { return entries_[stream - 1].kind; }
  std::uint64_t last_sequence(std::uint64_t stream) const { return entries_[stream - 1].last_sequence; }
  // The ids of a session's streams.
  const std::vector<std::uint64_t>& of_session(const std::string& session_id) const {
    static const std::vector<std::uint64_t> kNone;
    const auto found = numbers_.find(session_id);
    return found == numbers_.end() ? kNone : sessions_[found->second].streams;
  }
  void advance(std::uint64_t stream, std::uint64_t sequence) {
    if (!knows(stream)) return;
    auto& last = entries_[stream - 1].last_sequence;
    if (sequence > last) last = sequence;
  }
  StreamRow row(std::uint64_t stream) const {
    return {stream, session(stream), incarnation(stream), kind(stream), last_sequence(stream)};
  }

 private:
  struct Entry {
    std::uint64_t incarnation = 0;
    std::uint64_t last_sequence = 0;
    std::uint32_t session = 0;
    Kind kind = v1::KIND_UNKNOWN;
  };
  std::vector<Entry> entries_;  // id - 1
  struct Session {
    SessionName name;
    std::vector<std::uint64_t> streams;
  };
  std::deque<Session> sessions_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // session id -> its place in sessions_
};

}  // namespace trainbus
