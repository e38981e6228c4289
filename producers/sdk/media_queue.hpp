#pragma once
// Where log_text and its siblings leave what the tile thread encodes.

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "picture.hpp"
#include "trainbus.pb.h"

namespace trainbus {

struct WaitingMedia {
  v1::MediaData media;            // without its pictures
  std::vector<Picture> pictures;  // of an ImageSet
  std::int64_t timestamp_ms = 0;
  std::uint64_t step = 0;
  std::size_t bytes = 0;  // in memory, never 0; the queue's
};

// First in, first out; bounded by what its contents take in memory (kMaxBytes; policy: refuse the newest, counted).
// One thread takes, any thread offers. What is being encoded counts until it is finished.
class MediaQueue {
 public:
  static constexpr std::size_t kMaxBytes = 64 << 20;

  // Empty when it was taken, else why not.
  std::string offer(WaitingMedia media);
  // Nothing more is taken.
  void close();
  // The next one; the caller says finished() when its record is in the spool. Empty when there is none.
  std::optional<WaitingMedia> take();
  void finished();

  // A picture could not be encoded, or offer() and the checks before it refused.
  void refuse(std::string problem);
  // Nothing waits, and nothing is being encoded.
  bool idle() const;
  struct Refused {
    std::uint64_t count = 0;
    std::string problem;  // of the last one
  };
  Refused refused() const;

 private:
  mutable std::mutex mutex_;
  std::deque<WaitingMedia> waiting_;
  std::size_t bytes_ = 0;           // of these, and of the one that is being encoded
  std::size_t encoding_bytes_ = 0;  // of that one; 0: none
  bool closed_ = false;
  Refused refused_;
};

}  // namespace trainbus
