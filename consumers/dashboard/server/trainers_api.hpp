#pragma once
// The trainers, a page at a time, and one of them in full. Belongs to the asio thread.

#include "api.hpp"

namespace trainbus {

// GET /api/trainers: those after `after` (RUN/TRAINER), `limit` at most, in the order of their names. Asked with
// either, a page has nothing large; asked with neither, each is in full, as ever. Where more follow, `next` says from
// where.
Answer answer_trainers(const Site& site, const RequestTarget& target);
// GET /api/trainers/{run}/{trainer}
Answer answer_trainer(const Site& site, const RequestTarget& target);

}  // namespace trainbus
