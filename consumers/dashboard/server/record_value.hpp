#pragma once
// What one record says of one curve.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "trainbus/wire.hpp"

namespace trainbus {

// The value that a record adds to the curve of this name (README.md), if it adds one.
std::optional<double> value_in(const v1::MetricsRequest& message, std::string_view curve);

// The kinds of records that may.
std::span<const Kind> kinds_with(std::string_view curve);

// The step that a record itself says, as its incarnation counts; 0: it says none.
std::uint64_t step_in(const v1::MetricsRequest& message);

}  // namespace trainbus
