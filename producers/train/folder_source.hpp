#pragma once

#include "data_set.hpp"

namespace trainbus {

// A subfolder per class with JPEG and PNG files; the class names are the folders' names, sorted. Where the folder
// holds `train` and `val` (or `valid`, `validation`, `test`), each with the classes in it, these are the two parts.
// Every image becomes RGB and is resized to one square size.
class FolderSource final : public DataSource {
 public:
  // `image_size`: side in pixels; 0: the longer side of the first image, at most 64.
  FolderSource(std::string folder, int image_size) : folder_(std::move(folder)), image_size_(image_size) {}
  LoadedSamples load(const StopCheck& stop) const override;

 private:
  std::string folder_;
  int image_size_;
};

}  // namespace trainbus
