#include "record_text.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "command_text.hpp"
#include "text_forms.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kNamesShown = 8;
constexpr std::size_t kTextShown = 80;  // bytes

std::string named(const std::string& name, double value) { return "  " + name + ' ' + figure_text(value); }

// In the order of their names; a map's own order is not fixed.
template <class Values>
std::string values_text(const Values& values) {
  std::vector<std::pair<std::string_view, double>> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), kNamesShown); ++i)
    text += named(printable(sorted[i].first), sorted[i].second);
  if (sorted.size() > kNamesShown) text += "  and " + std::to_string(sorted.size() - kNamesShown) + " more";
  return text;
}

std::string at_step(std::uint64_t step) { return step == 0 ? std::string() : "step " + std::to_string(step); }

std::string batch_text(const v1::BatchData& batch) {
  std::string text = std::to_string(batch.epoch()) + ':' + std::to_string(batch.batch_idx());
  if (batch.step() > 0) text += "  " + at_step(batch.step());
  if (batch.has_batch_loss()) text += named("loss", batch.batch_loss());
  if (batch.has_batch_accuracy()) text += named("accuracy", batch.batch_accuracy());
  return text + values_text(batch.scalars());
}

std::string epoch_text(const v1::EpochData& epoch) {
  std::string text = std::to_string(epoch.epoch());
  if (epoch.has_average_loss()) text += named("loss", epoch.average_loss());
  if (epoch.has_average_accuracy()) text += named("accuracy", epoch.average_accuracy());
  if (epoch.has_validation_loss()) text += named("validation loss", epoch.validation_loss());
  if (epoch.has_validation_accuracy()) text += named("validation accuracy", epoch.validation_accuracy());
  if (epoch.has_learning_rate()) text += named("lr", epoch.learning_rate());
  return text + values_text(epoch.scalars());
}

std::string perf_text(const v1::PerformanceData& perf) {
  std::string text = at_step(perf.step());
  if (perf.has_current_fps()) text += "  " + figure_text(perf.current_fps()) + " batches/s";
  if (perf.has_time_per_batch_ms()) text += named("ms per batch", perf.time_per_batch_ms());
  const auto& used = perf.resource_usage();
  if (used.has_cpu_percent()) text += named("cpu %", used.cpu_percent());
  if (used.has_memory_mb()) text += named("MB", used.memory_mb());
  if (used.has_gpu_percent()) text += named("gpu %", used.gpu_percent());
  if (used.has_gpu_memory_mb()) text += named("gpu MB", used.gpu_memory_mb());
  return text;
}

std::string text_of(const std::string& text) {
  const auto line = std::string_view(text).substr(0, text.find('\n'));
  const auto shown = clipped(line, kTextShown);
  return "text of " + std::to_string(text.size()) + " bytes: " + printable(shown) +
         (shown.size() < text.size() ? " ..." : "");
}

std::string images_text(const v1::ImageSet& set) {
  std::string text = std::to_string(set.images_size()) + (set.images_size() == 1 ? " image" : " images");
  if (set.images_size() > 0)
    text += " of " + std::to_string(set.images(0).width()) + " x " + std::to_string(set.images(0).height());
  if (set.captions_size() > 0) text += ": " + printable(clipped(set.captions(0), kTextShown));
  return text;
}

std::string content_text(const v1::MediaData& media) {
  switch (media.content_case()) {
    case v1::MediaData::kText: return text_of(media.text());
    case v1::MediaData::kImages: return images_text(media.images());
    case v1::MediaData::kHistogram: {
      const auto& all = media.histogram();
      const double count = std::accumulate(all.counts().begin(), all.counts().end(), 0.0);
      std::string text =
          "histogram of " + std::to_string(all.counts_size()) + " bins, " + figure_text(count) + " values";
      if (all.edges_size() > 0)
        text += " from " + figure_text(all.edges(0)) + " to " + figure_text(all.edges(all.edges_size() - 1));
      return text;
    }
    case v1::MediaData::kTable:
      return "table of " + std::to_string(media.table().rows_size()) + " rows x " +
             std::to_string(media.table().columns_size()) + " columns";
    default: return "nothing";
  }
}

std::string payload_text(const v1::MetricsRequest& message) {
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: return batch_text(message.batch_data());
    case v1::MetricsRequest::kEpochData: return epoch_text(message.epoch_data());
    case v1::MetricsRequest::kPerformanceData: return perf_text(message.performance_data());
    case v1::MetricsRequest::kScalarData:
      return at_step(message.scalar_data().step()) + values_text(message.scalar_data().values());
    case v1::MetricsRequest::kMediaData:
      return at_step(message.media_data().step()) + "  " + printable(message.media_data().name()) + "  " +
             content_text(message.media_data());
    case v1::MetricsRequest::kStatusUpdate:
      return v1::TrainingStatus_Name(message.status_update().status()) + "  " +
             printable(message.status_update().message());
    case v1::MetricsRequest::kCommand: return command_what(message.command()) + "  " + command_how(message.command());
    case v1::MetricsRequest::kAlert:
      return printable(message.alert().rule()) + (message.alert().active() ? ": " : " ended: ") +
             printable(message.alert().message());
    case v1::MetricsRequest::kHeartbeat: return at_step(message.heartbeat().step());
    default: return {};
  }
}

}  // namespace

std::string record_text(const Record& record) {
  std::string kind(kind_name(record.topic.kind));
  kind.resize(7, ' ');
  return clock_text(record_ms(record.message)) + "  " + record.topic.session.id() + "  " + kind + "  " +
         payload_text(record.message);
}

}  // namespace trainbus
