// Pictures, text, histograms and tables under their names.
#include <spdlog/fmt/fmt.h>

#include "summaries.hpp"
#include "trainbus/text.hpp"

namespace trainbus::tensorboard {
namespace {

constexpr int kBlobClass = 3;

// All pictures of a record are the samples of one tag: a string tensor of width, height and the encoded pictures.
void add_images(Event& event, const std::string& name, const v1::ImageSet& set, TagNames& tags) {
  const auto* tag = tags.tag_of(name, Dashboard::kImages, event);
  if (tag == nullptr || set.images().empty()) return;
  auto& added = *event.mutable_summary()->add_value();
  added.set_tag(*tag);
  auto& tensor = *added.mutable_tensor();
  tensor.set_dtype(kStringType);
  tensor.mutable_tensor_shape()->add_dim()->set_size(set.images_size() + 2);
  tensor.add_string_val(std::to_string(set.images(0).width()));
  tensor.add_string_val(std::to_string(set.images(0).height()));
  for (const auto& image : set.images())
    tensor.add_string_val(image.image_bytes());
  added.mutable_metadata()->mutable_plugin_data()->set_plugin_name("images");
  added.mutable_metadata()->set_data_class(kBlobClass);
  if (set.captions().empty()) return;
  std::string captions = "| sample | caption |\n|---|---|\n";
  for (int i = 0; i < set.captions_size(); ++i)
    captions += fmt::format("| {} | {} |\n", i + 1, plain(set.captions(i)));
  if (const auto* text = tags.tag_of(name + "/captions", Dashboard::kText, event))
    add_text(*event.mutable_summary(), *text, std::move(captions));
}

// Empty buckets at both ends are left out: one loader of TensorBoard does so, the other draws them from min on. What
// the values added up to is not known: they are counted at the centre of their bucket.
void add_histogram(Event& event, const std::string& name, const v1::Histogram& histogram, TagNames& tags) {
  const auto* tag = tags.tag_of(name, Dashboard::kHistograms, event);
  int first = 0, end = std::min(histogram.counts_size(), histogram.edges_size() - 1);
  if (tag == nullptr || end < 1) return;
  while (end > 1 && histogram.counts(end - 1) == 0)
    --end;
  while (first + 1 < end && histogram.counts(first) == 0)
    ++first;
  auto& added = *event.mutable_summary()->add_value();
  added.set_tag(*tag);
  auto& histo = *added.mutable_histo();
  histo.set_min(histogram.edges(first));
  histo.set_max(histogram.edges(end));
  double number = 0, sum = 0, squares = 0;
  for (int i = first; i < end; ++i) {
    const double right = histogram.edges(i + 1), count = histogram.counts(i);
    const double centre = histogram.edges(i) + (right - histogram.edges(i)) / 2;
    number += count;
    sum += count * centre;
    squares += count * centre * centre;
    histo.add_bucket_limit(right);
    histo.add_bucket(count);
  }
  histo.set_num(number);
  histo.set_sum(sum);
  histo.set_sum_squares(squares);
}

std::string markdown_of(const v1::Table& table) {
  std::string text = "| |";
  for (const auto& column : table.columns())
    text += fmt::format(" {} |", plain(column));
  text += "\n|---|";
  for (int column = 0; column < table.columns_size(); ++column)
    text += "---:|";
  for (int row = 0, at = 0; row < table.rows_size(); ++row) {
    text += fmt::format("\n| **{}** |", plain(table.rows(row)));
    for (int column = 0; column < table.columns_size() && at < table.values_size(); ++column, ++at)
      text += ' ' + number_text(table.values(at)) + " |";
  }
  return text += '\n';
}

}  // namespace

void add_values(Event& event, const v1::MediaData& media, TagNames& tags) {
  const auto& name = media.name();
  switch (media.content_case()) {
    case v1::MediaData::kImages: return add_images(event, name, media.images(), tags);
    case v1::MediaData::kHistogram: return add_histogram(event, name, media.histogram(), tags);
    case v1::MediaData::kText:
    case v1::MediaData::kTable:
      if (const auto* tag = tags.tag_of(name, Dashboard::kText, event))
        add_text(*event.mutable_summary(), *tag, media.has_text() ? media.text() : markdown_of(media.table()));
      return;
    case v1::MediaData::CONTENT_NOT_SET: return;
  }
}

}  // namespace trainbus::tensorboard
