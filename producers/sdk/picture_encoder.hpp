#pragma once
// Pixels to JPEG.

#include <cstdint>
#include <vector>

#include "picture.hpp"
#include "trainbus.pb.h"

namespace trainbus {

// Single-threaded; owns a compressor and its buffers, so nothing is allocated once they have grown.
class PictureEncoder {
 public:
  PictureEncoder();
  ~PictureEncoder();
  PictureEncoder(const PictureEncoder&) = delete;
  PictureEncoder& operator=(const PictureEncoder&) = delete;

  // Shrinks (area) to a longer side of at most `max_pixels`, never up; quality 1..100; chroma 4:4:4 or 4:2:0. Writes
  // all of `image` but its id. False when the compressor refused.
  [[nodiscard]] bool encode(const Picture& picture, int max_pixels, int quality, bool full_chroma,
                            v1::ImageData& image);

 private:
  void shrink(const Picture& picture, int width, int height);  // into shrunk_

  void* compressor_;
  std::vector<unsigned char> jpeg_;
  std::vector<std::uint8_t> shrunk_;
  std::vector<std::uint8_t> planes_;  // a channel each, before and after
};

}  // namespace trainbus
