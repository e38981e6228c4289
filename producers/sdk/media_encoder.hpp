#pragma once
// The pictures of a media record to JPEG.

#include <string>

#include "media_queue.hpp"
#include "picture_encoder.hpp"

namespace trainbus {

// Single-threaded.
class MediaEncoder {
 public:
  // Completes `waiting.media`: the pictures as JPEGs of at most kMaxMediaPixels, made smaller until the record fits
  // into kMaxRecordBytes. Empty when done, else why not.
  std::string encode(WaitingMedia& waiting);

 private:
  bool encode_all(const WaitingMedia& waiting, int max_pixels, v1::ImageSet& set);

  PictureEncoder encoder_;
};

}  // namespace trainbus
