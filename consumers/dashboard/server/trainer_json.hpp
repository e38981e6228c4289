#pragma once
// The objects of README.md, TRAINER, COMMAND, EVENT and curves, as JSON text. Each function appends one value.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "series.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

class TrainerModel;
class JsonObject;

// What is known of the bus beside the trainers.
struct Moment {
  std::int64_t now_ms = 0;  // Unix time
  bool broker_connected = false;
};

inline constexpr std::size_t kSparklinePoints = 60;

// TRAINER. `watched`: somebody of this dashboard watches its tiles. With a `sparkline` of its newest losses if asked.
void append_trainer(std::string& out, const TrainerModel& trainer, const Moment& moment, bool watched, bool sparkline);

// EVENT of a status, command or alert record.
void append_event(std::string& out, const Record& record);

// COMMAND. `timestamp_ms`: of the record, 0 when not known (then null).
void append_command(std::string& out, std::string_view session_id, const v1::ControlCommand& command,
                    std::int64_t timestamp_ms);

// [[x,y]…]
void append_pairs(std::string& out, std::span<const Point> points);
// {NAME:{"x":[…],"y":[…]}…}: every curve that has points, decimated. nullptr: none.
void append_curves(std::string& out, const TrainerModel* trainer, std::size_t max_points);

}  // namespace trainbus
