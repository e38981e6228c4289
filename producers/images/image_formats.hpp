#pragma once
// A decoder per format. Each takes a whole file and throws std::runtime_error with a reason when it is damaged.

#include <cstdint>
#include <string_view>

#include "image_file.hpp"

namespace trainbus {

enum class Decode { size, pixels };  // size: `pixels` of the result stays empty

RgbImage decode_jpeg(std::string_view bytes, Decode what);
RgbImage decode_png(std::string_view bytes, Decode what);
RgbImage decode_webp(std::string_view bytes, Decode what);
RgbImage decode_tiff(std::string_view bytes, Decode what);
RgbImage decode_bmp(std::string_view bytes, Decode what);
RgbImage decode_netpbm(std::string_view bytes, Decode what);

// A black image, without memory for its pixels where only the size is wanted. Throws std::runtime_error when the size
// is not one of 1 to 100 million pixels.
RgbImage blank_image(std::int64_t width, std::int64_t height, Decode what);

}  // namespace trainbus
