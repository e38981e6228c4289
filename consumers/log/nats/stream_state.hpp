#pragma once
// What a JetStream has of one stream of records, known without gaps even after messages got lost on their way.

#include <cstdint>
#include <set>
#include <string>

#include "message_name.hpp"

namespace trainbus {

// Pipelined messages can get lost in the middle when a server dies, so the last message does not prove those before
// it. Each message therefore says what was acknowledged when it was sent: nothing after that is taken for granted.
class StreamState {
 public:
  // `last`: what the newest message of the subject says.
  StreamState(std::string subject, const Stored& last) : subject_(std::move(subject)), stored_(last) {}

  const std::string& subject() const { return subject_; }
  const Stored& stored() const { return stored_; }

  // Found there, after stored().position.
  void found(std::uint64_t sequence) {
    if (sequence > stored_.sequence) beyond_.insert(sequence);
  }
  // The subject holds all records up to `sequence`, and no others: nothing has to be looked at one by one.
  void complete(const Stored& all) {
    stored_ = all;
    beyond_.clear();
  }
  // The highest sequence up to which all is there.
  std::uint64_t head() const {
    auto head = stored_.sequence;
    while (beyond_.contains(head + 1))
      ++head;
    return head;
  }
  bool has(std::uint64_t sequence) const { return sequence <= stored_.sequence || beyond_.contains(sequence); }

  // A record was published, or was there: all before it were too.
  void written(std::uint64_t sequence) { written_ = sequence; }
  // Everything written is acknowledged; the newest message of the JetStream is at `position`.
  void acknowledged(std::uint64_t position) {
    stored_.sequence = std::max(stored_.sequence, written_);
    while (!beyond_.empty() && *beyond_.begin() <= stored_.sequence)
      beyond_.erase(beyond_.begin());
    // Records further on may lie before `position`: then the old one still holds.
    if (beyond_.empty()) stored_.position = position;
  }

 private:
  std::string subject_;
  Stored stored_;
  std::set<std::uint64_t> beyond_;  // there, after a gap
  std::uint64_t written_ = 0;
};

}  // namespace trainbus
