#pragma once
// The ledger for people and as JSON.

#include <string>
#include <vector>

#include "trainbus/ledger.hpp"

namespace trainbus {

// A table a trainer, a sentence for its tiles, and at the end the sums that do not close, and of how many trainers it
// is not known what they gave out.
std::vector<std::string> ledger_lines(const std::vector<TrainerLedger>& ledgers);
// {"trainers":[{"run","trainer","incarnation" (a
// string),"heartbeat","unnumbered","known","records":[{"kind","produced","stored","lost",
// "in_outbox"}],"tiles":{…}}],"open":["…"]}
std::string ledger_json(const std::vector<TrainerLedger>& ledgers);

}  // namespace trainbus
