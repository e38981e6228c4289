#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {
namespace {

constexpr tmsize_t kMostMemory = 512 << 20;  // for one piece of a file

// A file in memory as libtiff wants it.
struct TiffReading {
  std::string_view bytes;
  toff_t at = 0;
  std::string problem;  // the first one
};

tmsize_t give_bytes(thandle_t handle, void* to, tmsize_t count) {
  auto* reading = static_cast<TiffReading*>(handle);
  const auto left = reading->at < reading->bytes.size() ? reading->bytes.size() - reading->at : 0;
  const auto given = std::min<toff_t>(left, count < 0 ? 0 : static_cast<toff_t>(count));
  if (given > 0) std::memcpy(to, reading->bytes.data() + reading->at, given);
  reading->at += given;
  return static_cast<tmsize_t>(given);
}

tmsize_t take_no_bytes(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto* reading = static_cast<TiffReading*>(handle);
  const toff_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? reading->at : reading->bytes.size();
  return reading->at = from + offset;
}

int close_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<TiffReading*>(handle)->bytes.size(); }

int on_error(TIFF*, void* user, const char*, const char* format, std::va_list values) {
  char text[160];
  std::vsnprintf(text, sizeof text, format, values);
  if (auto& problem = static_cast<TiffReading*>(user)->problem; problem.empty()) problem = text;
  return 1;  // handled: not on stderr as well
}

int on_warning(TIFF*, void*, const char*, const char*, std::va_list) { return 1; }

using Tiff = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

Tiff open(TiffReading& reading) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMostMemory);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &reading);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &reading);
  // "m": the file is not mapped, it is in memory already.
  return {TIFFClientOpenExt("", "rm", &reading, give_bytes, take_no_bytes, seek, close_nothing, size_of, nullptr,
                            nullptr, options.get()),
          TIFFClose};
}

// Colours are stored beside their transparency here; libtiff would multiply them with it.
void drop_transparency(TIFF* tiff) {
  std::uint16_t count = 0;
  std::uint16_t* kinds = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 0 || count == 0) return;
  if (kinds[0] != EXTRASAMPLE_UNASSALPHA) return;
  std::vector<std::uint16_t> plain(kinds, kinds + count);
  plain[0] = EXTRASAMPLE_ASSOCALPHA;
  TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, count, plain.data());
}

}  // namespace

RgbImage decode_tiff(std::string_view bytes, Decode what) {
  TiffReading reading{.bytes = bytes, .at = 0, .problem = {}};
  const auto tiff = open(reading);
  const auto damaged = [&](const char* otherwise) {
    return std::runtime_error("damaged TIFF: " + (reading.problem.empty() ? otherwise : reading.problem));
  };
  if (!tiff) throw damaged("no picture in it");
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  auto image = blank_image(width, height, what);
  if (what == Decode::size) return image;
  drop_transparency(tiff.get());
  TIFFRGBAImage decoder;
  char problem[1024] = {};
  if (TIFFRGBAImageOK(tiff.get(), problem) == 0 || TIFFRGBAImageBegin(&decoder, tiff.get(), 1, problem) == 0)
    throw std::runtime_error(std::string("is a TIFF that is not read: ") + problem);
  const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&decoder, TIFFRGBAImageEnd);
  decoder.req_orientation = ORIENTATION_TOPLEFT;
  std::vector<std::uint32_t> raster(image.pixels.size() / 3);
  if (TIFFRGBAImageGet(&decoder, raster.data(), width, height) == 0 || !reading.problem.empty())
    throw damaged("its pixels cannot be decoded");
  for (std::size_t pixel = 0; pixel < raster.size(); ++pixel) {
    image.pixels[3 * pixel] = TIFFGetR(raster[pixel]);
    image.pixels[3 * pixel + 1] = TIFFGetG(raster[pixel]);
    image.pixels[3 * pixel + 2] = TIFFGetB(raster[pixel]);
  }
  return image;
}

}  // namespace trainbus
