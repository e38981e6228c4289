#pragma once
// The objects of README.md, TRAINER and EVENT as JSON text. Each function appends one value.

#include <cstdint>
#include <string>

#include "trainbus/consumer.hpp"
#include "trainbus/trainer_json.hpp"

namespace trainbus {

class TrainerModel;

// What is known of the bus beside the trainers.
struct Moment {
  std::int64_t now_ms = 0;  // Unix time
  bool broker_connected = false;
};

// TRAINER, with watched_tiles (somebody of this dashboard watches its tiles), and incarnations.
void append_trainer(std::string& out, const TrainerModel& trainer, const Moment& moment, bool watched,
                    TrainerDetail detail);

// After it: a comma and TRAINER for each older incarnation of this name that is alive beside the newest. `newest` tells
// them apart, and `address` is what a command to one is given.
void append_beside(std::string& out, const TrainerModel& trainer, const Moment& moment, TrainerDetail detail);

// EVENT of a status, command or alert record.
void append_event(std::string& out, const Record& record);

}  // namespace trainbus
