#pragma once
// A whole load: the trainers, the threads that step them, the report.

#include <iosfwd>
#include <memory>
#include <vector>

#include "load_options.hpp"
#include "simulated_trainer.hpp"

namespace trainbus {

// Owns all trainers; `threads` threads step an equal share each.
class LoadRun {
 public:
  // Throws std::runtime_error when the process may not open as many files as so many trainers need.
  explicit LoadRun(const LoadOptions& options);
  ~LoadRun();

  // Runs until the time is over, all were stopped by commands, or the program is interrupted; then waits for the
  // broker to store everything. Prints a line a second to `progress` when it is not null. True when all was stored.
  bool run(std::ostream* progress);

  // One JSON object: per trainer and kind what was produced and what was stored, why the broker refuses it, the tiles'
  // ledger, totals, rates.
  void write_json(std::ostream& out) const;

 private:
  struct Totals;

  void step_share(int share, SimulatedTrainer::Clock::time_point until);
  void deliver_share(int share, SimulatedTrainer::Clock::time_point until);
  Totals totals() const;

  const LoadOptions options_;
  const TilePictures pictures_;
  ProblemLines problems_;
  std::vector<std::unique_ptr<SimulatedTrainer>> trainers_;
  double seconds_ = 0;  // of publishing
};

}  // namespace trainbus
