#pragma once
// What a trainer lets people change or ask for: what makes a good declaration, and which values it takes. The SDK, the
// broker and the tools refuse by the same words.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trainbus.pb.h"

namespace trainbus {

inline constexpr std::size_t kMaxKnobs = 64;            // of one trainer
inline constexpr std::size_t kMaxKnobChoices = 64;      // of one knob
inline constexpr std::size_t kMaxKnobValueBytes = 128;  // of a value or a choice
inline constexpr std::size_t kMaxKnobHelpBytes = 256;
// The two that every trainer may offer; CHANGE_LEARNING_RATE and ADJUST_BATCH_SIZE set them too.
inline constexpr std::string_view kLearningRateKnob = "learning_rate";
inline constexpr std::string_view kBatchSizeKnob = "batch_size";

// "action", "number", "integer", "choice", "switch".
std::string_view knob_type_name(v1::Knob::Type type);

// Empty when the declaration is good, else one line: name outside [A-Za-z0-9._-]{1,64}, bounds that fall or are not
// finite, no choices, a value outside its own range.
std::string knob_problem(const v1::Knob& knob);

// Empty when `value` (null: none was given) is one this knob takes, else one line that names the value and the range.
std::string knob_value_problem(const v1::Knob& knob, const std::string* value);

// A whole decimal or scientific number, nothing else around it; "nan" and "inf" are none.
std::optional<double> read_number(std::string_view text);
// A whole number that fits into 64 bits; "3.0" and "1e3" are read as the numbers they are.
std::optional<std::int64_t> read_integer(std::string_view text);
// "on", "true", "1", "yes" and their opposites.
std::optional<bool> read_switch(std::string_view text);

// "a number from 0 to 1 1/s", "on or off", "one of sgd|adam", "a number": what a person may type.
std::string knob_range_text(const v1::Knob& knob);

// The knob of this name; nullptr when the plan has none.
const v1::Knob* find_knob(const v1::TrainingConfig& config, std::string_view name);

}  // namespace trainbus
