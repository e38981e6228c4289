#pragma once
// Which files of a folder are the images of a data set, which are left out, and why. Reads names, no contents.

#include <cstdint>
#include <string>
#include <vector>

#include "data_set.hpp"
#include "left_out.hpp"

namespace trainbus {

struct ListedImage {
  std::string path;  // relative to the folder
  std::int32_t label = 0;
};

struct FolderListing {
  std::vector<std::string> class_names;  // sorted; each has an image to train with
  std::vector<ListedImage> images;       // those to train with first, each part sorted by class, then by path
  std::size_t first_validation = 0;      // images.size(): there is no part of its own for validation
  LeftOut left_out;
  std::vector<std::string> problems;  // "cat/a.jpg: points to nothing": what should have been read
  std::vector<std::string> notes;     // what a person should know, each a line
};

// Layouts: a subfolder per class; or `train` beside `val` (also valid, validation, dev, test, in any case: the first of
// these), each with the classes in it, and nothing else. What lies deeper belongs to the class folder above it. Links
// are followed, each folder of a class is read once. Hidden files and what systems leave (__MACOSX, Thumbs.db) are no
// images. Throws std::runtime_error with one line when the folder cannot be read, a class is missing so that fewer than
// two are left, or `stop` says so.
FolderListing list_folder(const std::string& folder, const StopCheck& stop);

// Without control characters, so that a file's name stays within its line.
std::string shown(std::string_view name);

}  // namespace trainbus
