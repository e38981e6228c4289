#pragma once
// A training as records: two losses, settings, knobs, text, pictures, a histogram, a table; and one that was resumed.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/sample_records.hpp"

namespace trainbus::test {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What is said about the run, with every kind of knob.
inline Record rich_status(std::uint64_t sequence) {
  auto record = sample_status(sequence, "begins");
  auto& config = *record.message.mutable_status_update()->mutable_config();
  config.set_total_epochs(2);
  config.set_model_name("gan");
  config.set_first_step(0);
  (*config.mutable_parameters())["lr"] = "0.1";
  (*config.mutable_parameters())["env/host"] = "a \"host\", with\nlines";
  config.add_tags("gan");
  config.add_tags("night, long");
  config.set_notes("two losses");
  auto& decay = *config.add_knobs();
  decay.set_name("weight_decay");
  decay.set_type(v1::Knob::NUMBER);
  decay.set_min(0);
  decay.set_max(1);
  decay.set_value("0.5");
  auto& save = *config.add_knobs();
  save.set_name("save_checkpoint");
  save.set_help("now");
  return record;
}

// A name of 128 bytes, and one with what csv and json quote.
inline std::string long_name() { return std::string(120, 'n').append("/\u00e9\u00e9\u00e9!"); }
inline constexpr char kQuotedName[] = "val/\"iou\", % {a|b}";

// gen_loss and disc_loss, and the values that are hard to keep.
inline Record rich_batch(std::uint64_t sequence) {
  auto record = sample_batch(sequence);
  auto& batch = *record.message.mutable_batch_data();
  batch.clear_batch_accuracy();
  batch.set_batch_loss(kNan);
  auto& scalars = *batch.mutable_scalars();
  scalars["gen_loss"] = 1.25;
  scalars["disc_loss"] = kNan;
  scalars["grad/norm"] = kInfinity;
  scalars["grad/low"] = -kInfinity;
  scalars["zero"] = -0.0;
  scalars["huge"] = 1e308;
  scalars[long_name()] = 3;
  scalars[kQuotedName] = 0.1;
  return record;
}

inline Record rich_epoch(std::uint64_t sequence) {
  auto record = sample_record(v1::KIND_EPOCH, sequence);
  auto& epoch = *record.message.mutable_epoch_data();
  epoch.set_epoch(1);
  epoch.set_step(2);
  epoch.set_average_loss(kInfinity);
  (*epoch.mutable_scalars())["val/iou"] = 0.5;
  return record;
}

inline Record rich_scalars(std::uint64_t sequence, int values = 1) {
  auto record = sample_record(v1::KIND_SCALARS, sequence);
  auto& data = *record.message.mutable_scalar_data();
  data.set_step(2);
  for (int i = 0; i < values; ++i)
    (*data.mutable_values())["reward/" + std::to_string(i)] = i;
  return record;
}

inline Record media_record(std::uint64_t sequence, const std::string& name) {
  auto record = sample_record(v1::KIND_MEDIA, sequence);
  record.message.mutable_media_data()->set_name(name);
  record.message.mutable_media_data()->set_step(2);
  return record;
}

inline constexpr char kSampleText[] = "It said: \"no\",\nand went.";
inline const std::string kSampleImage("\xff\xd8 not, really\n\0\"jpeg\"", 21);

// Text, two pictures with captions, a histogram, a table: sequences 1 to 4.
inline std::vector<Record> rich_media() {
  auto text = media_record(1, "sample");
  text.message.mutable_media_data()->set_text(kSampleText);
  auto pictures = media_record(2, "generated/faces");
  auto& set = *pictures.message.mutable_media_data()->mutable_images();
  for (const char* caption : {"good", "bad, \"very\""}) {
    auto& image = *set.add_images();
    image.set_image_bytes(kSampleImage);
    image.set_format("jpeg");
    image.set_width(32);
    image.set_height(16);
    image.set_channels(3);
    set.add_captions(caption);
  }
  auto histogram = media_record(3, "weights");
  for (const double edge : {-1.0, 0.0, 2.5})
    histogram.message.mutable_media_data()->mutable_histogram()->add_edges(edge);
  for (const double count : {3.0, 4.0})
    histogram.message.mutable_media_data()->mutable_histogram()->add_counts(count);
  auto table = media_record(4, "confusion");
  auto& cells = *table.message.mutable_media_data()->mutable_table();
  cells.add_columns("cat");
  cells.add_columns("dog");
  cells.add_rows("cat");
  cells.add_values(7);
  cells.add_values(kNan);
  return {text, pictures, histogram, table};
}

inline std::vector<Record> rich_training() {
  std::vector<Record> records{rich_status(1), rich_batch(1), rich_batch(2), rich_epoch(1), rich_scalars(1, 2)};
  for (auto& record : rich_media())
    records.push_back(std::move(record));
  return records;
}

struct TrainedLife {
  std::uint64_t incarnation = 1;
  int first_epoch = 1, last_epoch = 1;
  int batches = 40;     // an epoch
  int first_step = -1;  // not said
};
// The plan, each batch with a named value, each epoch.
inline std::vector<Record> trained(const TrainedLife& life) {
  std::vector<Record> records;
  auto status = sample_status(1, "");
  auto& config = *status.message.mutable_status_update()->mutable_config();
  config.set_batches_per_epoch(life.batches);
  if (life.first_step >= 0) config.set_first_step(static_cast<std::uint64_t>(life.first_step));
  records.push_back(status);
  std::uint64_t step = 0;
  for (int epoch = life.first_epoch; epoch <= life.last_epoch; ++epoch) {
    for (int batch = 0; batch < life.batches; ++batch) {
      auto& data = *records.emplace_back(sample_batch(++step)).message.mutable_batch_data();
      data.set_epoch(epoch);
      data.set_batch_idx(batch);
      (*data.mutable_scalars())["grad_norm"] = epoch;
    }
    auto& done =
        records.emplace_back(sample_record(v1::KIND_EPOCH, static_cast<std::uint64_t>(epoch - life.first_epoch + 1)));
    done.message.mutable_epoch_data()->set_epoch(epoch);
    done.message.mutable_epoch_data()->set_step(step);
  }
  for (auto& record : records)
    record.message.set_incarnation(life.incarnation);
  return records;
}

}  // namespace trainbus::test
