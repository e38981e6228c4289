#pragma once
// Where everything is that a trainer gave out: trainbus/ledger.hpp as JSON.

#include "api.hpp"

namespace trainbus {

// {"ledgers":[{"incarnation","heard","unnumbered","records":[{kind,produced,stored,lost,in_outbox}…],"tiles":{…},
// "open_sums":[text…]}…]} of each incarnation that is alive, and the newest; none while the broker does not answer.
Answer answer_ledger(const Site& site, const RequestTarget& target);

}  // namespace trainbus
