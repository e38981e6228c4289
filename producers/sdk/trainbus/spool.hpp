#pragma once
// The spool: records that a trainer accepted and that no broker has stored yet. Each producer writes its own there, and
// delivers what earlier incarnations of its session left; this is for whoever wants to look, or to deliver without a
// trainer.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace trainbus {

// $TRAINBUS_SPOOL_DIR (empty: none), else $XDG_STATE_HOME/trainbus/spool, else ~/.local/state/trainbus/spool.
std::string default_spool_dir();

// What one incarnation of a trainer has in the spool.
struct SpooledIncarnation {
  std::string session_id;
  std::uint64_t incarnation = 0;
  std::uint64_t records = 0;  // some of them may be stored already
  std::uint64_t bytes = 0;    // of these records
  std::uint64_t damaged_files = 0;
  std::string broker = {};  // the address of the one it is for; empty: not known, or in use
  bool in_use = false;      // the trainer owners, or somebody is delivering it
};

// Oldest first. Empty when there is no such folder. Files that cannot be read count as empty.
std::vector<SpooledIncarnation> spool_list(const std::string& folder);

struct SpoolOutcome {
  std::uint64_t delivered = 0;      // records that the broker has stored; their files are deleted
  std::uint64_t damaged_files = 0;  // what could be read was delivered; the files are now called ….spool.damaged
  bool complete = false;            // nothing is left but what is in use or cannot be read
  std::vector<std::string> refused = {};  // a line for each owner that was left for another broker
};

// Sends everything that incarnations which have ended left in the folder, until it is stored or the deadline has
// passed. What was left for another broker stays, unless `any_broker`. Waits; opens a socket of its own. Throws
// std::invalid_argument when the address is outside its grammar.
SpoolOutcome spool_send(const std::string& folder, const std::string& broker, std::chrono::milliseconds deadline,
                        bool any_broker = false);

}  // namespace trainbus
