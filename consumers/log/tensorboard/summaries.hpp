#pragma once
// What a record shows in TensorBoard: its values under their tags (README.md). Text is Markdown.

#include "tensorboard_event.pb.h"
#include "trainbus.pb.h"

namespace trainbus::tensorboard {

void add_values(Summary& summary, const v1::BatchData& batch);
void add_values(Summary& summary, const v1::EpochData& epoch);
void add_values(Summary& summary, const v1::PerformanceData& perf);
void add_values(Summary& summary, const v1::StatusUpdate& status);
// Only how the command ended; nothing before that.
void add_values(Summary& summary, const v1::ControlCommand& command);
void add_values(Summary& summary, const v1::Alert& alert);

// The tiles of a batch as they are, and a table of truth and prediction.
void add_tiles(Summary& summary, const v1::BatchData& tiles);

}  // namespace trainbus::tensorboard
