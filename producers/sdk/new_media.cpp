#include "new_media.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "record_encoder.hpp"
#include "trainbus/media.hpp"
#include "trainbus/value_name.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxCaptionBytes = 256;
constexpr std::size_t kMaxLabelBytes = 128;
constexpr int kMaxBins = 4096;

std::string about(std::string_view name, const std::string& problem) {
  return "media '" + std::string(name) + "': " + problem;
}

// Whether `bytes` of content go into a record.
std::string size_problem(std::size_t bytes) {
  constexpr std::size_t kMost = kMaxRecordBytes - kEnvelopeBytes;
  if (bytes <= kMost) return {};
  return std::to_string(bytes) + " bytes do not fit into a record, " + std::to_string(kMost) + " do";
}

// Where an invalid or NUL character is; npos: nowhere.
std::size_t bad_character(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = utf8_character_bytes(text.substr(at));
    if (bytes == 0 || text[at] == '\0') return at;
    at += bytes;
  }
  return std::string_view::npos;
}

NewMedia checked(std::string_view name, WaitingMedia waiting) {
  waiting.media.set_name(std::string(name));
  // The pictures are looked at when they are encoded.
  if (!waiting.media.has_images()) {
    if (auto problem = media_problem(waiting.media); !problem.empty()) return about(name, problem);
    if (auto problem = size_problem(waiting.media.ByteSizeLong()); !problem.empty()) return about(name, problem);
  }
  return waiting;
}

}  // namespace

NewMedia new_text(std::string_view name, std::string_view text) {
  if (auto problem = value_name_problem(name); !problem.empty()) return problem;
  if (auto problem = size_problem(text.size()); !problem.empty()) return about(name, problem);
  if (const auto bad = bad_character(text); bad != std::string_view::npos)
    return about(name, "byte " + std::to_string(bad) + " of the text is NUL or not UTF-8");
  WaitingMedia waiting;
  waiting.media.set_text(std::string(text));
  return checked(name, std::move(waiting));
}

NewMedia new_images(std::string_view name, std::span<const MediaImage> images) {
  if (auto problem = value_name_problem(name); !problem.empty()) return problem;
  if (images.empty() || images.size() > kMaxMediaImages)
    return about(name, std::to_string(images.size()) + " pictures, 1 to " + std::to_string(kMaxMediaImages) +
                           " go into a record");
  WaitingMedia waiting;
  v1::ImageSet& set = *waiting.media.mutable_images();
  std::size_t bytes = 0;
  for (const MediaImage& image : images)
    bytes +=
        std::size_t(std::max(image.width, 0)) * std::size_t(std::max(image.height, 0)) * (image.channels == 1 ? 1 : 3);
  if (bytes > MediaQueue::kMaxBytes)
    return about(name, std::to_string(bytes >> 20) + " MiB of pixels, " + std::to_string(MediaQueue::kMaxBytes >> 20) +
                           " at most");
  const bool captioned = std::ranges::any_of(images, [](const MediaImage& image) { return !image.caption.empty(); });
  for (const MediaImage& image : images) {
    Picture& picture = waiting.pictures.emplace_back();
    if (!picture.copy(image.pixels, image.width, image.height, image.channels, image.row_bytes, kMaxMediaSourcePixels))
      return about(name, "a picture of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                             " with " + std::to_string(image.channels) + " channels, 1 to " +
                             std::to_string(kMaxMediaSourcePixels) + " pixels of 1 or 3 go");
    if (captioned) set.add_captions(clean_text(image.caption, kMaxCaptionBytes));
  }
  return checked(name, std::move(waiting));
}

NewMedia new_histogram(std::string_view name, std::span<const double> edges, std::span<const double> counts) {
  if (auto problem = value_name_problem(name); !problem.empty()) return problem;
  if (auto problem = size_problem(edges.size_bytes() + counts.size_bytes()); !problem.empty())
    return about(name, problem);
  WaitingMedia waiting;
  v1::Histogram& histogram = *waiting.media.mutable_histogram();
  histogram.mutable_edges()->Add(edges.begin(), edges.end());
  histogram.mutable_counts()->Add(counts.begin(), counts.end());
  return checked(name, std::move(waiting));
}

NewMedia new_histogram(std::string_view name, std::span<const float> values, int bins) {
  if (auto problem = value_name_problem(name); !problem.empty()) return problem;
  if (bins < 1 || bins > kMaxBins)
    return about(name, std::to_string(bins) + " bins, 1 to " + std::to_string(kMaxBins) + " go");
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) return about(name, "no finite value");
  // Values that are all the same stand in the middle of a width of 1; no width is too small for edges that rise.
  const double least = std::max(low == high ? 1.0 : 0.0, std::max(std::abs(low), std::abs(high)) * 1e-9 * bins);
  if (const double missing = least - (high - low); missing > 0) {
    low -= missing / 2;
    high += missing / 2;
  }
  std::vector<double> edges(bins + 1);
  for (int i = 0; i <= bins; ++i)
    edges[i] = i == bins ? high : low + (high - low) * i / bins;
  std::vector<double> counts(bins);
  for (const double value : values)
    if (std::isfinite(value)) ++counts[std::min(bins - 1, static_cast<int>((value - low) / (high - low) * bins))];
  return new_histogram(name, edges, counts);
}

NewMedia new_table(std::string_view name, const MediaTable& given) {
  if (auto problem = value_name_problem(name); !problem.empty()) return problem;
  if (auto problem = size_problem(given.values.size() * sizeof(double)); !problem.empty()) return about(name, problem);
  WaitingMedia waiting;
  v1::Table& table = *waiting.media.mutable_table();
  for (const std::string& column : given.columns)
    table.add_columns(clean_text(column, kMaxLabelBytes));
  for (const std::string& row : given.rows)
    table.add_rows(clean_text(row, kMaxLabelBytes));
  table.mutable_values()->Add(given.values.begin(), given.values.end());
  return checked(name, std::move(waiting));
}

}  // namespace trainbus
