#pragma once
// What log_text and its siblings were given, checked and copied.

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "media_queue.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// Or one line that says why not: it names the name, the value and the bound.
using NewMedia = std::variant<WaitingMedia, std::string>;

inline constexpr int kMaxMediaSourcePixels = 8192;

NewMedia new_text(std::string_view name, std::string_view text);
NewMedia new_images(std::string_view name, std::span<const MediaImage> images);
NewMedia new_histogram(std::string_view name, std::span<const double> edges, std::span<const double> counts);
// `bins` equal bins from the smallest to the largest finite value.
NewMedia new_histogram(std::string_view name, std::span<const float> values, int bins);
NewMedia new_table(std::string_view name, const MediaTable& table);

}  // namespace trainbus
