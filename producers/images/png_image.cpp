#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {
namespace {

// libpng leaves by longjmp, which runs no destructor. So what has one lives in the caller, and steps() has none.
struct PngReading {
  std::string_view bytes;
  std::size_t at = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;
  RgbImage image;
  std::vector<png_bytep> rows;
  char problem[128] = {};

  PngReading() = default;
  PngReading(const PngReading&) = delete;
  PngReading& operator=(const PngReading&) = delete;
  ~PngReading() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_error(png_structp png, png_const_charp text) {
  auto* reading = static_cast<PngReading*>(png_get_error_ptr(png));
  std::strncpy(reading->problem, text, sizeof reading->problem - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void give_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto* reading = static_cast<PngReading*>(png_get_io_ptr(png));
  if (count > reading->bytes.size() - reading->at) png_error(png, "ends too early");
  std::memcpy(to, reading->bytes.data() + reading->at, count);
  reading->at += count;
}

// Both give false, and `problem`, when libpng gave up.
bool read_header(PngReading& reading) {
  if (setjmp(png_jmpbuf(reading.png)) != 0) return false;
  png_set_read_fn(reading.png, &reading, give_bytes);
  png_set_user_limits(reading.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // ours is the one that says why
  // All that is not needed for the pixels is passed over unread: gamma, profiles, texts, transparent colours.
  png_set_keep_unknown_chunks(reading.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reading.png, reading.info);
  return true;
}

bool read_pixels(PngReading& reading) {
  if (setjmp(png_jmpbuf(reading.png)) != 0) return false;
  png_set_strip_16(reading.png);
  png_set_expand(reading.png);  // palettes to colours, grey of 1, 2 and 4 bits to 8
  png_set_gray_to_rgb(reading.png);
  png_set_strip_alpha(reading.png);
  png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  if (png_get_rowbytes(reading.png, reading.info) != 3 * static_cast<std::size_t>(reading.image.width))
    png_error(reading.png, "unexpected kind of pixels");
  png_read_image(reading.png, reading.rows.data());
  return true;
}

}  // namespace

RgbImage decode_png(std::string_view bytes, Decode what) {
  PngReading reading;
  reading.bytes = bytes;
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
  if (reading.png != nullptr) reading.info = png_create_info_struct(reading.png);
  if (reading.info == nullptr) throw std::bad_alloc();
  const auto damaged = [&] { return std::runtime_error(std::string("damaged PNG: ") + reading.problem); };
  if (!read_header(reading)) throw damaged();
  auto& image = reading.image = blank_image(png_get_image_width(reading.png, reading.info),
                                            png_get_image_height(reading.png, reading.info), what);
  if (what == Decode::size) return image;
  for (int row = 0; row < image.height; ++row)
    reading.rows.push_back(image.pixels.data() + std::size_t{3} * image.width * row);
  if (!read_pixels(reading)) throw damaged();
  return std::move(image);
}

}  // namespace trainbus
