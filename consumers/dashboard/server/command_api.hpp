#pragma once
// Commands over HTTP: checked here, then asked of the broker at the control desk. Belongs to the asio thread.

#include <functional>
#include <string>

#include "api.hpp"

namespace trainbus {

inline constexpr std::size_t kMaxBodyBytes = 4096;  // of any request

// POST /api/trainers/{run}/{trainer}/commands; trainer "*": all of the run. 202 with the states, else 400 (outside the
// range, or the broker's refusal), 404, 415, 429, 503.
void issue_command(Site& site, const ApiRequest& request, std::function<void(Answer)> reply);

// GET /api/commands/{id}: 200 with the states, else 400, 404, 503.
void find_command(Site& site, const std::string& command_id, std::function<void(Answer)> reply);

}  // namespace trainbus
