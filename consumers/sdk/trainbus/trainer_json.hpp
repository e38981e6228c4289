#pragma once
// A trainer and a command as JSON: the same keys with the same meaning in trainbus-ctl, trainbus-watch and the
// dashboard.
//
// Every key is always there. What was not said is null, a list or an object without members [] or {}, a text "". A
// value that is not finite is "NaN", "Infinity" or "-Infinity". An incarnation and an order are strings: they do not
// fit a double.

#include <cstdint>
#include <string>
#include <string_view>

#include "trainbus/trainer_view.hpp"

namespace trainbus {

// What is large may be left out, and then the keys are too: what seldom changes (parameters, tags, notes, class_names),
// and, for a list of many trainers again and again, the named values and the knobs.
enum class TrainerDetail : std::uint8_t { kOverview, kFigures, kAll };

// TRAINER:
//   run, trainer, state, incarnation, address (RUN/TRAINER@INCARNATION, short), order (of two incarnations of one name
//   the larger is the newer), newest (of its name), live (heard lately and not ended; two of one name are a conflict),
//   first_heard_ms (Unix time of the broker), clock_skew_ms (its clock minus the broker's; null: not known),
//   status, status_message,
//   epoch (from 1), epoch_base (what the trainer counts from), total_epochs, batch (from 0), batches_per_epoch,
//   epoch_progress (0..1), step, first_step,
//   loss, accuracy, epoch_loss, epoch_accuracy, validation_loss, validation_accuracy, learning_rate, batch_size,
//   scalars {NAME: value}, scalars_left_out, not_finite {name, step, value},
//   fps, average_fps, time_per_batch_ms, eta_sec, derived [names of these that the trainer did not say],
//   cpu_percent, memory_mb, gpu_percent, gpu_memory_mb, heartbeat_age_ms, last_record_age_ms, model, dataset,
//   knobs [{name, type, value, unit, min, max, choices, range, help}]
// and with kAll also parameters {NAME: text}, tags [text], notes, class_names [text], class_names_left_out (how many
// the plan has that a list of many trainers does not).
std::string trainer_json(const TrainerView& view, Liveness state, std::int64_t now_ms,
                         TrainerDetail detail = TrainerDetail::kAll);
// Appends the members without braces, for an object that says more.
void append_trainer_members(std::string& out, const TrainerView& view, Liveness state, std::int64_t now_ms,
                            TrainerDetail detail = TrainerDetail::kAll);

// The list of TRAINER's `knobs`.
std::string knobs_json(const v1::TrainingConfig& plan);

// COMMAND:
//   run, trainer, command_id, type (the schema's name), name (of the knob it sets), value, state (without its prefix),
//   issuer, applied_step, old_value, new_value, reason, timestamp_ms (0 is not known: null)
// `name` and `value` are null when the command has none.
std::string command_json(std::string_view session_id, const v1::ControlCommand& command, std::int64_t timestamp_ms);
// Appends the members without braces from command_id to reason: for an object that says whose and when.
void append_command_members(std::string& out, const v1::ControlCommand& command);

}  // namespace trainbus
