#include "trainbus/media.hpp"

#include <cmath>

#include "trainbus/text.hpp"

namespace trainbus {
namespace {

std::string picture_problem(const v1::ImageData& image) {
  const bool size_ok =
      image.width() > 0 && image.width() <= kMaxMediaPixels && image.height() > 0 && image.height() <= kMaxMediaPixels;
  if (size_ok && !image.image_bytes().empty() && image.strip_tiles() == 0) return {};
  return "a picture of " + std::to_string(image.width()) + " x " + std::to_string(image.height()) + " in " +
         std::to_string(image.image_bytes().size()) + " bytes";
}

std::string content_problem(const v1::ImageSet& set) {
  if (set.images().empty() || set.images_size() > kMaxMediaImages)
    return std::to_string(set.images_size()) + " pictures, 1 to " + std::to_string(kMaxMediaImages) +
           " go into a record";
  if (!set.captions().empty() && set.captions_size() != set.images_size())
    return std::to_string(set.captions_size()) + " captions for " + std::to_string(set.images_size()) + " pictures";
  for (const auto& image : set.images())
    if (auto problem = picture_problem(image); !problem.empty()) return problem;
  return {};
}

std::string content_problem(const v1::Histogram& histogram) {
  if (histogram.counts().empty() || histogram.edges_size() != histogram.counts_size() + 1)
    return std::to_string(histogram.edges_size()) + " edges for " + std::to_string(histogram.counts_size()) + " counts";
  for (int i = 0; i < histogram.edges_size(); ++i) {
    if (!std::isfinite(histogram.edges(i))) return "edge " + std::to_string(i) + " is not finite";
    if (i > 0 && !(histogram.edges(i) > histogram.edges(i - 1))) return "edge " + std::to_string(i) + " does not rise";
  }
  for (int i = 0; i < histogram.counts_size(); ++i)
    if (!(histogram.counts(i) >= 0) || std::isinf(histogram.counts(i)))
      return "count " + std::to_string(i) + " is " + number_text(histogram.counts(i));
  return {};
}

std::string content_problem(const v1::Table& table) {
  if (table.columns().empty() || table.rows().empty()) return "a table without rows or columns";
  const auto cells = std::int64_t{table.columns_size()} * table.rows_size();
  if (cells == table.values_size()) return {};
  return std::to_string(table.values_size()) + " values for " + std::to_string(cells) + " cells";
}

}  // namespace

std::string media_problem(const v1::MediaData& media) {
  switch (media.content_case()) {
    case v1::MediaData::kText: return {};
    case v1::MediaData::kImages: return content_problem(media.images());
    case v1::MediaData::kHistogram: return content_problem(media.histogram());
    case v1::MediaData::kTable: return content_problem(media.table());
    default: return "no content";
  }
}

}  // namespace trainbus
