#pragma once
// Records by name, to compare what a journal has with what came out elsewhere.

#include <set>
#include <string>

#include "trainbus/consumer.hpp"

namespace trainbus::test {

// "batch r/t0 1849583206400000000 17", once for each time that it is there.
using RecordNames = std::multiset<std::string>;

inline std::string record_name(const StreamKey& stream, std::uint64_t sequence) {
  return std::string(kind_name(stream.kind)) + ' ' + stream.session_id + ' ' + std::to_string(stream.incarnation) +
         ' ' + std::to_string(sequence);
}

// All that the broker has now.
inline RecordNames journal_names(const std::string& broker) {
  RecordNames names;
  Consumer bus({.broker = broker});
  while (!bus.caught_up())
    if (const auto* record = bus.next(std::chrono::milliseconds(10)))
      names.insert(record_name({record->message.session_id(), record->message.incarnation(), record->topic.kind},
                               record->message.sequence()));
  return names;
}

}  // namespace trainbus::test
