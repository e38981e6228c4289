#pragma once
// GET /api/trainers/{run}/{trainer}/series: the names, or one curve. Belongs to the asio thread.

#include "api.hpp"
#include "bus_model.hpp"

namespace trainbus {

// 200, else 400 (a parameter outside its range) or 404 (no such trainer, curve or incarnation).
Answer answer_series(const BusModel& model, const RequestTarget& target);

}  // namespace trainbus
