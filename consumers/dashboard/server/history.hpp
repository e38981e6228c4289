#pragma once
// Runs that the broker has retired, from where somebody keeps them: what each said last, and its curves.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "journal_curve.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

struct HistoryPlace {
  std::string database;             // a URL or conninfo, without a password; "": there is none
  std::string schema = "trainbus";  // of the tables that the log sink `postgres` writes
  std::string site = {};            // whose records
};

struct HistoryRecords {
  std::vector<std::shared_ptr<const Record>> records;
  std::size_t left_out = 0;  // trainers, or rows of one trainer
};

// Blocks: for a thread of its own. Every call throws std::runtime_error with one line.
class History {
 public:
  static constexpr std::size_t kMaxTrainers = 20'000;  // those that were first heard of last
  static constexpr std::size_t kMaxRows = 100'000;  // of a table, for one incarnation; past it every second, third ...
  static constexpr std::size_t kMaxStatuses = 500;  // of an incarnation, the newest

  virtual ~History() = default;

  // The last status, plan, batch, epoch and resources of each trainer's newest incarnation.
  virtual HistoryRecords newest() = 0;
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
