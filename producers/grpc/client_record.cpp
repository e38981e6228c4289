#include "client_record.hpp"

#include <algorithm>
#include <optional>

#include "images/image_file.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/text.hpp"
#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using Request = v1::MetricsRequest;

// The field of a message, if it was said.
#define SAID(message, field) ((message).has_##field() ? std::optional<double>((message).field()) : std::nullopt)

Prediction prediction(const v1::Prediction& given) {
  Prediction made{
      .predicted_class = given.predicted_class(), .label = given.predicted_label(), .confidence = given.confidence()};
  for (const auto& score : given.top_k_scores())
    made.top_k.push_back({score.class_idx(), score.label(), score.score()});
  return made;
}

NamedValues named_values(const google::protobuf::Map<std::string, double>& values) {
  NamedValues named;
  for (const auto& [name, value] : values)
    named.add({name, value});
  return named;
}

void add_tiles(const v1::BatchData& batch, const std::vector<Prediction>& predictions, TileBatch& tiles,
               const std::function<void(std::string)>& bad_picture) {
  for (int i = 0; i < batch.images_size() && tiles.room() > 0; ++i)
    try {
      const RgbImage picture = decode_image(batch.images(i).image_bytes());
      const std::int32_t truth = i < batch.ground_truth_size() ? batch.ground_truth(i) : -1;
      const bool predicted = static_cast<std::size_t>(i) < predictions.size();
      if (!tiles.add(picture.pixels.data(), picture.width, picture.height, 3, 0, truth,
                     predicted ? predictions[static_cast<std::size_t>(i)] : Prediction{}, batch.images(i).image_id()))
        bad_picture("image " + std::to_string(i) + " of batch " + std::to_string(batch.batch_idx()) + ": " +
                    std::to_string(picture.width) + 'x' + std::to_string(picture.height) + " is larger than 2048x2048");
    } catch (const std::exception& error) {
      bad_picture("image " + std::to_string(i) + " of batch " + std::to_string(batch.batch_idx()) + ' ' + error.what());
    }
}

Logged logged(bool taken) { return taken ? Logged::kYes : Logged::kNoRoom; }

Logged log_batch(Producer& bus, const v1::BatchData& batch, const std::function<void(std::string)>& bad_picture) {
  std::vector<Prediction> predictions;
  predictions.reserve(static_cast<std::size_t>(batch.predictions_size()));
  for (const auto& given : batch.predictions())
    predictions.push_back(prediction(given));
  const BatchMetrics metrics{
      .epoch = batch.epoch(),
      .batch = batch.batch_idx(),
      .batch_size = batch.batch_size(),
      .loss = SAID(batch, batch_loss),
      .accuracy = SAID(batch, batch_accuracy),
      .learning_rate = SAID(batch, learning_rate),
      .predictions = predictions,
      .ground_truth = {batch.ground_truth().data(), static_cast<std::size_t>(batch.ground_truth_size())},
      .scalars = named_values(batch.scalars())};
  if (batch.images().empty()) return logged(bus.log_batch(metrics));
  return logged(bus.log_batch(metrics, [&](TileBatch& tiles) { add_tiles(batch, predictions, tiles, bad_picture); }));
}

Logged log_epoch(Producer& bus, const v1::EpochData& epoch) {
  return logged(bus.log_epoch({.epoch = epoch.epoch(),
                               .average_loss = SAID(epoch, average_loss),
                               .average_accuracy = SAID(epoch, average_accuracy),
                               .learning_rate = SAID(epoch, learning_rate),
                               .is_converged = epoch.is_converged(),
                               .validation_loss = SAID(epoch, validation_loss),
                               .validation_accuracy = SAID(epoch, validation_accuracy),
                               .scalars = named_values(epoch.scalars())}));
}

Logged log_perf(Producer& bus, const v1::PerformanceData& perf) {
  PerfMetrics metrics{.time_per_batch_ms = SAID(perf, time_per_batch_ms),
                      .total_time_for_epoch_sec = SAID(perf, total_time_for_epoch_sec),
                      .estimated_time_remaining_sec = SAID(perf, estimated_time_remaining_sec),
                      .current_fps = SAID(perf, current_fps),
                      .average_fps = SAID(perf, average_fps)};
  if (perf.has_resource_usage()) {
    const auto& usage = perf.resource_usage();
    metrics.resources = Resources{.cpu_percent = SAID(usage, cpu_percent),
                                  .memory_mb = SAID(usage, memory_mb),
                                  .gpu_percent = SAID(usage, gpu_percent),
                                  .gpu_memory_mb = SAID(usage, gpu_memory_mb)};
  }
  return logged(bus.log_perf(metrics));
}

Logged log_status(Producer& bus, const v1::StatusUpdate& status) {
  if (status.has_config()) {
    offer_client_knobs(bus, status.config());
    const bool said = bus.change_plan(client_plan(status.config()), status.message());
    if (!said || status.status() == v1::RUNNING) return logged(said);
  }
  return logged(bus.status(status.status(), status.message()));
}

Logged log_media(Producer& bus, const v1::MediaData& media) {
  switch (media.content_case()) {
    case v1::MediaData::kText: return logged(bus.log_text(media.name(), media.text()));
    case v1::MediaData::kHistogram:
      return logged(bus.log_histogram(media.name(),
                                      std::span(media.histogram().edges().data(), media.histogram().edges().size()),
                                      std::span(media.histogram().counts().data(), media.histogram().counts().size())));
    case v1::MediaData::kTable:
      return logged(bus.log_table(media.name(), {{media.table().columns().begin(), media.table().columns().end()},
                                                 {media.table().rows().begin(), media.table().rows().end()},
                                                 {media.table().values().begin(), media.table().values().end()}}));
    default: return Logged::kNotARecord;
  }
}

bool offer(Producer& bus, const v1::Knob& knob) {
  Knob made{.name = knob.name(), .unit = knob.unit(), .help = knob.help()};
  if (knob.has_min()) made.min = knob.min();
  if (knob.has_max()) made.max = knob.max();
  const auto never = [](const auto&...) -> CommandOutcome { return Rejected{"it is the client's"}; };
  switch (knob.type()) {
    case v1::Knob::NUMBER: return bus.on_number(made, read_number(knob.value()).value_or(0), never);
    case v1::Knob::INTEGER: return bus.on_integer(made, read_integer(knob.value()).value_or(0), never);
    case v1::Knob::CHOICE:
      return bus.on_choice(made, {knob.choices().begin(), knob.choices().end()}, knob.value(), never);
    case v1::Knob::SWITCH: return bus.on_switch(made, read_switch(knob.value()).value_or(false), never);
    default: return bus.on_action(made, never);
  }
}

}  // namespace

TrainingPlan client_plan(const v1::TrainingConfig& config) {
  TrainingPlan plan{.total_epochs = config.total_epochs(),
                    .batches_per_epoch = config.batches_per_epoch(),
                    .batch_size = config.batch_size(),
                    .learning_rate = SAID(config, learning_rate),
                    .model_name = config.model_name(),
                    .dataset_name = config.dataset_name(),
                    .class_names = {config.class_names().begin(), config.class_names().end()},
                    .tags = {config.tags().begin(), config.tags().end()},
                    .notes = config.notes()};
  for (const auto& [name, value] : config.parameters())
    plan.parameters[name] = value;
  if (config.has_first_step()) plan.first_step = config.first_step();
  return plan;
}

void offer_client_knobs(Producer& bus, const v1::TrainingConfig& config) {
  const auto never = [](double) -> CommandOutcome { return Rejected{"it is the client's"}; };
  bus.on_learning_rate(never);
  bus.on_batch_size(never);
  for (const v1::Knob& knob : config.knobs())
    if (knob.name() != kLearningRateKnob && knob.name() != kBatchSizeKnob) static_cast<void>(offer(bus, knob));
}

std::string client_record_problem(const Request& record) {
  if (record.payload_case() == Request::PAYLOAD_NOT_SET) return "the message has no payload";
  const bool known = payload_kind(record) != v1::KIND_UNKNOWN || record.has_command_report();
  if (!known || record.has_command() || record.has_alert())
    return "payload " + std::to_string(record.payload_case()) + " is none that a trainer sends";
  if (record.has_batch_data() && record.batch_data().images_size() > kMaxImages)
    return "batch " + std::to_string(record.batch_data().batch_idx()) + " has " +
           std::to_string(record.batch_data().images_size()) + " images, " + std::to_string(kMaxImages) + " at most";
  if (record.has_status_update() && !v1::TrainingStatus_IsValid(record.status_update().status()))
    return "status " + std::to_string(record.status_update().status()) + " is none";
  if (record.has_media_data() && record.media_data().content_case() == v1::MediaData::kImages)
    return "media '" + clean_text(record.media_data().name(), kMaxValueNameBytes) +
           "': pictures come with batches, or by the SDK";
  return {};
}

Logged log_client_record(Producer& bus, const Request& record, const std::function<void(std::string)>& bad_picture) {
  switch (record.payload_case()) {
    case Request::kBatchData: return log_batch(bus, record.batch_data(), bad_picture);
    case Request::kEpochData: return log_epoch(bus, record.epoch_data());
    case Request::kPerformanceData: return log_perf(bus, record.performance_data());
    case Request::kStatusUpdate: return log_status(bus, record.status_update());
    case Request::kScalarData: {
      const auto values = named_values(record.scalar_data().values());
      const std::uint64_t step = record.scalar_data().step();
      return logged(step == 0 ? bus.log_scalars(values) : bus.log_scalars(step, values));
    }
    case Request::kMediaData: return log_media(bus, record.media_data());
    default: return Logged::kNotARecord;  // a heartbeat: the gateway's own goes on while the stream is there
  }
}

}  // namespace trainbus
