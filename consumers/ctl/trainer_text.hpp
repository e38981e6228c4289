#pragma once
// One trainer in full, and what it lets people change, as lines for people.

#include <string>
#include <vector>

#include "trainbus/trainer_table.hpp"

namespace trainbus {

// State, figures, named values, parameters, tags and notes; what was not said is left out.
std::vector<std::string> trainer_text(const TrainerTable::Row& row, std::int64_t now_ms);

// A header and a line a knob: name, type, value, range with unit, help. One line when it offers none.
std::vector<std::string> knob_lines(const TrainerFigures& figures);

}  // namespace trainbus
