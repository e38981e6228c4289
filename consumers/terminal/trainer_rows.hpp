#pragma once
// The table of trainers as text and as JSON.

#include <string>
#include <vector>

#include "trainbus/trainer_table.hpp"

namespace trainbus {

struct TableStyle {
  bool colours = false;  // ANSI
  int columns = 0;       // lines are cut to this width; 0: never
};

// One header line and one line a trainer, without newlines.
std::vector<std::string> trainer_lines(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms,
                                       const TableStyle& style);

// {"trainers":[TRAINER of trainbus/trainer_json.hpp…]}
std::string trainers_json(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms);

// The state's name, in its colour where these are wanted.
std::string state_text(Liveness state, bool colours);

}  // namespace trainbus
