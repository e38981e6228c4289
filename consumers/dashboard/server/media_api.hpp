#pragma once
// GET /api/trainers/{run}/{trainer}/media…: the list, one record, one picture. Belongs to the asio thread.

#include "api.hpp"
#include "bus_model.hpp"

namespace trainbus {

// …/media: everything that is kept, without the contents. …/media?name=N[&step=S]: the newest record of this name, or
// the last at or before the step. …/media/{id}: one record. …/media/{id}/{i}: its picture i.
// 200, else 400, 404, or 422 for a picture that is not what its record says.
Answer answer_media(const BusModel& model, const RequestTarget& target);

}  // namespace trainbus
