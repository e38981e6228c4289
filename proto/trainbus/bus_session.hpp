#pragma once
// The sessions of the bus's own programs, which are no trainers: run "trainbus", the program as the trainer
// ("trainbus/broker", "trainbus/log-jsonl"). They speak only in alerts. A trainer may have this run's name too.

#include <string_view>

#include "trainbus/topic.hpp"

namespace trainbus {

inline constexpr std::string_view kBusRun = "trainbus";

// `program` as part of a trainer's name: "broker", "log-jsonl".
inline SessionName bus_session(std::string_view program) { return {std::string(kBusRun), std::string(program)}; }

}  // namespace trainbus
