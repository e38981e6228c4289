#pragma once
// What the trainers of this dashboard name: values and parameters, for who chooses columns and groups.

#include <cstddef>

#include "api.hpp"

namespace trainbus {

class BusModel;

inline constexpr std::size_t kMaxListedNames = 5'000;  // of each kind; further ones are counted

// {"values":[NAME…],"parameters":[NAME…],"left_out":N}
Answer answer_names(const BusModel& model);

}  // namespace trainbus
