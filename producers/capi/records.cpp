// trainbus.h on top of trainbus::Producer: what is said each step, and something to look at.

#include "handle.hpp"

using namespace trainbus;
using capi::guarded;
using capi::read;
using capi::string;
using capi::strings;
using capi::text;

struct trainbus_tiles {
  TileBatch& batch;
};

namespace {

std::optional<double> if_said(std::uint32_t said, std::uint32_t which, double value) {
  return (said & which) != 0 ? std::optional(value) : std::nullopt;
}

NamedValues named_values(const trainbus_value* values, std::size_t count) {
  NamedValues named;
  for (std::size_t i = 0; i < count; ++i)
    named.add({text(values[i].name), values[i].value});
  return named;
}

}  // namespace

Prediction capi::prediction(const trainbus_prediction& given) {
  Prediction made{
      .predicted_class = given.predicted_class, .label = string(given.label), .confidence = given.confidence};
  made.top_k.reserve(given.top_k_count);
  for (std::size_t i = 0; i < given.top_k_count; ++i)
    made.top_k.push_back({given.top_k[i].class_idx, string(given.top_k[i].label), given.top_k[i].score});
  return made;
}

int trainbus_tiles_room(const trainbus_tiles* tiles) { return tiles->batch.room(); }

int trainbus_tiles_add(trainbus_tiles* tiles, const trainbus_tile* tile) {
  return guarded(0, [&] {
    const trainbus_tile given = read(tile);
    return int{tiles->batch.add(given.pixels, given.width, given.height, given.channels, given.row_bytes, given.truth,
                                given.prediction == nullptr ? Prediction{} : capi::prediction(*given.prediction),
                                text(given.image_id))};
  });
}

int trainbus_log_batch(trainbus_producer* producer, const trainbus_batch* batch, trainbus_tile_source tiles,
                       void* user) {
  return guarded(0, [&] {
    const trainbus_batch given = read(batch);
    std::vector<Prediction> predictions;
    predictions.reserve(given.prediction_count);
    for (std::size_t i = 0; i < given.prediction_count; ++i)
      predictions.push_back(capi::prediction(given.predictions[i]));
    const BatchMetrics metrics{.epoch = given.epoch,
                               .batch = given.batch,
                               .batch_size = given.batch_size,
                               .loss = if_said(given.said, TRAINBUS_LOSS, given.loss),
                               .accuracy = if_said(given.said, TRAINBUS_ACCURACY, given.accuracy),
                               .learning_rate = if_said(given.said, TRAINBUS_LEARNING_RATE, given.learning_rate),
                               .predictions = predictions,
                               .ground_truth = {given.ground_truth, given.ground_truth_count},
                               .scalars = named_values(given.values, given.value_count)};
    const bool record = given.no_record == 0;
    if (tiles == nullptr) return int{producer->bus.log_batch(metrics, {}, record)};
    const auto fill = [&](TileBatch& room) {
      trainbus_tiles handle{room};
      tiles(user, &handle);
    };
    return int{producer->bus.log_batch(metrics, fill, record)};
  });
}

int trainbus_log_epoch(trainbus_producer* producer, const trainbus_epoch* epoch) {
  return guarded(0, [&] {
    const trainbus_epoch given = read(epoch);
    const auto said = [&](std::uint32_t which, double value) { return if_said(given.said, which, value); };
    return int{
        producer->bus.log_epoch({.epoch = given.epoch,
                                 .average_loss = said(TRAINBUS_LOSS, given.average_loss),
                                 .average_accuracy = said(TRAINBUS_ACCURACY, given.average_accuracy),
                                 .learning_rate = said(TRAINBUS_LEARNING_RATE, given.learning_rate),
                                 .is_converged = given.is_converged != 0,
                                 .validation_loss = said(TRAINBUS_VALIDATION_LOSS, given.validation_loss),
                                 .validation_accuracy = said(TRAINBUS_VALIDATION_ACCURACY, given.validation_accuracy),
                                 .scalars = named_values(given.values, given.value_count)})};
  });
}

int trainbus_log_values(trainbus_producer* producer, uint64_t step, const trainbus_value* values, size_t count) {
  return guarded(0, [&] {
    const NamedValues named = named_values(values, count);
    return int{step == TRAINBUS_LAST_STEP ? producer->bus.log_scalars(named) : producer->bus.log_scalars(step, named)};
  });
}

int trainbus_log_text(trainbus_producer* producer, const char* name, const char* content) {
  return guarded(0, [&] { return int{producer->bus.log_text(text(name), text(content))}; });
}

int trainbus_log_images(trainbus_producer* producer, const char* name, const trainbus_image* images, size_t count) {
  return guarded(0, [&] {
    std::vector<MediaImage> pictures;
    pictures.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const trainbus_image& image = images[i];
      pictures.push_back(
          {image.pixels, image.width, image.height, image.channels, image.row_bytes, text(image.caption)});
    }
    return int{producer->bus.log_images(text(name), pictures)};
  });
}

int trainbus_log_histogram(trainbus_producer* producer, const char* name, const double* edges, const double* counts,
                           size_t count) {
  return guarded(0, [&] {
    return int{producer->bus.log_histogram(text(name), std::span(edges, count + 1), std::span(counts, count))};
  });
}

int trainbus_log_distribution(trainbus_producer* producer, const char* name, const float* values, size_t count,
                              int bins) {
  return guarded(
      0, [&] { return int{producer->bus.log_histogram(text(name), std::span(values, count), bins == 0 ? 64 : bins)}; });
}

int trainbus_log_table(trainbus_producer* producer, const char* name, const char* const* columns, size_t column_count,
                       const char* const* rows, size_t row_count, const double* values) {
  return guarded(0, [&] {
    return int{producer->bus.log_table(
        text(name),
        {strings(columns, column_count), strings(rows, row_count), {values, values + column_count * row_count}})};
  });
}

int trainbus_watched(const trainbus_producer* producer) { return producer->bus.watched(); }

void trainbus_expect_next_step_within(trainbus_producer* producer, int64_t ms) {
  producer->bus.expect_next_step_within(std::chrono::milliseconds(std::max<std::int64_t>(0, ms)));
}
