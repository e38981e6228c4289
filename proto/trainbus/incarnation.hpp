#pragma once
// An incarnation for people: RUN/TRAINER@INCARNATION, whole or by the five hexadecimal digits of its random part, as in
// mnist/t0@3f2a1. Which of two is the newer no number says: TrainerEntry.order does.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trainbus {

// What an SQLite integer holds: larger incarnations and sequences are refused.
inline constexpr std::uint64_t kMaxIncarnation = INT64_MAX;
inline constexpr std::uint64_t kMaxSequenceNumber = INT64_MAX;

// Five hexadecimal digits. Two incarnations of one name may have the same ones; then only the whole number tells.
std::string short_incarnation(std::uint64_t incarnation);
// "run/trainer@3f2a1".
std::string incarnation_address(std::string_view session_id, std::uint64_t incarnation);

struct TrainerAddress {
  std::string session_id;   // "run/trainer", or "run/*"
  std::string incarnation;  // as it was written, whole or short; empty: none was named
};
// Empty when it is not RUN/TRAINER, RUN/TRAINER@INCARNATION or RUN/*.
std::optional<TrainerAddress> parse_trainer_address(std::string_view text);
// A whole number; empty when it is not one, or too large.
std::optional<std::uint64_t> read_incarnation(std::string_view text);
// Whether the written form, whole or short, means this incarnation.
bool means_incarnation(std::string_view written, std::uint64_t incarnation);

}  // namespace trainbus
