#pragma once
// Runs that the broker has retired, from where somebody keeps them: what each said last, and its curves.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "journal_curve.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

struct HistoryPlace {
  std::string database;                     // a URL or conninfo, without a password; "": there is none
  std::string schema = "trainbus";          // of the tables that the log sink `postgres` writes
  std::string site = {};                    // whose records
  std::chrono::milliseconds every{60'000};  // looked at again
};

// A trainer that the place has.
struct HistoryTrainer {
  SessionName session;
  std::uint64_t incarnation = 0;  // its newest
  std::int64_t life = 0;          // the place of that in the order in which they were heard of
  std::uint64_t records = 0;      // of that one, kept: another number, and there is something new

  bool is_as(const HistoryTrainer& other) const { return life == other.life && records == other.records; }
};

struct HistoryTrainers {
  std::vector<HistoryTrainer> trainers;
  std::size_t left_out = 0;
};

struct HistoryRecords {
  std::vector<std::shared_ptr<const Record>> records;
  std::size_t left_out = 0;  // rows
};

// Blocks: for a thread of its own. Every call throws std::runtime_error with one line.
class History {
 public:
  static constexpr std::size_t kMaxTrainers = 20'000;  // those that were first heard of last
  static constexpr std::size_t kMaxRows = 100'000;  // of a table, for one incarnation; past it every second, third ...
  static constexpr std::size_t kMaxStatuses = 500;  // of an incarnation, the newest

  virtual ~History() = default;

  virtual HistoryTrainers trainers() = 0;
  // The last status, plan, batch, epoch and resources of these incarnations, in the order in which they were heard of.
  virtual HistoryRecords newest(const std::vector<HistoryTrainer>& of) = 0;
  // What the trainer's incarnations said, in their order: records without predictions, tiles and media.
  virtual HistoryRecords all_of(const SessionName& session) = 0;
  // A curve over steps, for a range of them.
  virtual JournalPoints points(const JournalRange& range) = 0;
  // From another thread: the call that runs ends soon, with an error.
  virtual void give_up() = 0;
};

// Throws std::invalid_argument with one line that names what is wrong with the place.
std::unique_ptr<History> open_history(const HistoryPlace& place);
// The database of "postgres:postgresql://reader@db/training"; checks the place with it, as open_history() does.
std::string parse_history(const std::string& text, HistoryPlace place);

}  // namespace trainbus
