#pragma once
// What a record shows in TensorBoard: its values under their tags (README.md). Text is Markdown. What a record does not
// say has no value; NaN and infinity are values.

#include "tag_names.hpp"
#include "trainbus.pb.h"

namespace trainbus::tensorboard {

inline constexpr int kStringType = 7;   // DT_STRING of TensorFlow's DataType
inline constexpr int kTensorClass = 2;  // DATA_CLASS_TENSOR of its SummaryMetadata

// With named values; `event` gets its summary and the tags that are new.
void add_values(Event& event, const v1::BatchData& batch, TagNames& tags);
void add_values(Event& event, const v1::EpochData& epoch, TagNames& tags);
void add_values(Event& event, const v1::ScalarData& scalars, TagNames& tags);
void add_values(Event& event, const v1::MediaData& media, TagNames& tags);

void add_values(Summary& summary, const v1::PerformanceData& perf);
void add_values(Summary& summary, const v1::StatusUpdate& status);
// Only how the command ended; nothing before that.
void add_values(Summary& summary, const v1::ControlCommand& command);
void add_values(Summary& summary, const v1::Alert& alert);

// The settings of the run, for the dashboard HParams; and how the session ended, with a status that is an end.
// `seconds`: since the Unix epoch.
void add_session_start(Summary& summary, const v1::TrainingConfig& config, double seconds);
void add_session_end(Summary& summary, v1::TrainingStatus status, double seconds);

// The tiles of a batch as they are, and a table of truth and prediction.
void add_tiles(Summary& summary, const v1::BatchData& tiles);

// As tf.summary.text writes it: a string tensor of one element, for the plug-in "text".
void add_text(Summary& summary, std::string_view tag, std::string markdown);
// Text of a trainer within Markdown: as it is, on one line.
std::string plain(std::string_view text);

}  // namespace trainbus::tensorboard
