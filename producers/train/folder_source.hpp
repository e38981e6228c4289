#pragma once

#include "data_set.hpp"

namespace trainbus {

// Images in a subfolder per class (folder_listing.hpp says which); the class names are the folders' names, sorted.
// Every image becomes RGB and is resized to one square, without regard to its proportions.
class FolderSource final : public DataSource {
 public:
  static constexpr int kLargestUsualSide = 64;

  // `image_size`: side in pixels; 0: the median of the images' longer sides, at most kLargestUsualSide, of 1000 images
  // spread over the set where it has more. `skip_bad`: what cannot be read is left out and named in the notes.
  FolderSource(std::string folder, int image_size, bool skip_bad)
      : folder_(std::move(folder)), image_size_(image_size), skip_bad_(skip_bad) {}
  // Names in its error up to five of the files that cannot be read, and counts them all.
  LoadedSamples load(const StopCheck& stop) const override;

 private:
  std::string folder_;
  int image_size_;
  bool skip_bad_;
};

}  // namespace trainbus
