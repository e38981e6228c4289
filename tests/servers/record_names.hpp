#pragma once
// Records by name, to compare what a journal has with what came out elsewhere.

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus::test {

// "batch r/t0 1849583206400000000 17", once for each time that it is there.
using RecordNames = std::multiset<std::string>;

inline std::string record_name(const StreamKey& stream, std::uint64_t sequence) {
  return std::string(kind_name(stream.kind)) + ' ' + stream.session_id + ' ' + std::to_string(stream.incarnation) +
         ' ' + std::to_string(sequence);
}

// All that the brokers have now.
inline RecordNames journal_names(const std::vector<std::string>& brokers) {
  RecordNames names;
  for (const auto& broker : brokers) {
    Consumer bus({.broker = broker});
    while (!bus.caught_up())
      if (const auto* record = bus.next(std::chrono::milliseconds(10)))
        names.insert(record_name({record->message.session_id(), record->message.incarnation(), record->topic.kind},
                                 record->message.sequence()));
  }
  return names;
}

inline bool is_of_the_bus(const std::string& name) { return name.find(" trainbus/") != std::string::npos; }

inline RecordNames of_trainers(RecordNames names) {
  std::erase_if(names, is_of_the_bus);
  return names;
}

// Those of `names` that `others` has not, or has less often; "": none.
inline std::string missing_in(const RecordNames& others, const RecordNames& names) {
  std::vector<std::string> missing;
  std::ranges::set_difference(names, others, std::back_inserter(missing));
  return missing.empty() ? "" : missing.front() + " and " + std::to_string(missing.size() - 1) + " more";
}

// How `found` differs from what the journal had before and after it was found; "": it does not. A trainer's records
// are there once each. The bus's own programs raise alerts while one compares: what was there before must have been
// found, and nothing that is not there after.
inline std::string difference(const RecordNames& before, const RecordNames& found, const RecordNames& after) {
  if (const auto lacks = missing_in(found, before); !lacks.empty()) return "it lacks " + lacks;
  if (const auto more = missing_in(after, found); !more.empty()) return "it has too often " + more;
  const auto late = missing_in(before, of_trainers(found));
  return late.empty() ? "" : "a trainer's record came while one looked: " + late;
}

// Waits until `found` gives every record of the brokers once. No trainer publishes any more.
inline ::testing::AssertionResult comes_to_have_all_once(const std::vector<std::string>& brokers,
                                                         const std::function<RecordNames()>& found) {
  std::string differs;
  auto waited = eventually(
      "all records are there",
      [&] {
        const auto before = journal_names(brokers);
        const auto now = found();
        differs = difference(before, now, journal_names(brokers));
        return differs.empty();
      },
      std::chrono::seconds(60), std::chrono::milliseconds(100));
  return waited ? waited : waited << ": " << differs;
}

}  // namespace trainbus::test
