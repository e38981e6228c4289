#pragma once
// GET /api/trainers/{run}/{trainer}/series: the names, or one curve. Belongs to the asio thread.

#include <functional>

#include "api.hpp"
#include "request_target.hpp"

namespace trainbus {

// 200, else 400 (a parameter outside its range) or 404 (no such trainer, curve or incarnation). At once where memory
// has as many points as are asked for, or all; else after the journal was read, for some seconds at most.
void answer_series(Site& site, const RequestTarget& target, std::function<void(Answer)> reply);

}  // namespace trainbus
