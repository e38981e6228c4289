#pragma once
// A data set: where samples come from, and which of them train and which validate.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "samples.hpp"

namespace trainbus {

// Asked now and then while loading; true: give up.
using StopCheck = std::function<bool()>;

// What a source read: samples of all classes, those from `first_validation` on being its own validation part.
struct LoadedSamples {
  std::vector<std::string> class_names;  // a label is an index into these
  Samples samples;
  std::size_t first_validation = 0;  // samples.size(): the source has no validation part of its own
  std::vector<std::string> notes{};  // what was left out, a line each
};

// One implementation per kind of data: shapes, MNIST, CIFAR-10, folders of images.
class DataSource {
 public:
  virtual ~DataSource() = default;
  // Throws std::runtime_error with one line that names the file and what is wrong with it; also when `stop` says so.
  virtual LoadedSamples load(const StopCheck& stop) const = 0;
};

struct DataSetOptions {
  std::string spec = "shapes";    // shapes | mnist:DIR | cifar10:DIR | folder:DIR
  std::uint64_t seed = 1;         // of the split, and of the shapes
  double validation = 0.1;        // share of the samples, where the source has no validation part of its own
  std::size_t limit_samples = 0;  // at most so many to train with, and so many to validate with; 0: all
  int image_size = 0;             // folder: side of the images in pixels; 0: the usual one, 64 at most
  bool skip_bad = false;          // folder: leave out what cannot be read
};

struct DataSet {
  std::string name;  // "mnist"
  std::vector<std::string> class_names;
  Samples samples;
  std::vector<std::uint32_t> train;       // indices into samples
  std::vector<std::uint32_t> validation;  // the others
  std::vector<std::string> notes{};       // what was left out, a line each
};

// The part of the spec before the colon, which is also the data set's name.
std::string data_set_kind(const std::string& spec);

// Throws std::invalid_argument when the spec is not one of the four, std::runtime_error when its folder is absent.
std::unique_ptr<DataSource> open_data_source(const DataSetOptions& options);

// Reads and splits. Errors as DataSource::load, and std::runtime_error when nothing is left to train or validate with.
DataSet load_data_set(const DataSource& source, const DataSetOptions& options, const StopCheck& stop);

}  // namespace trainbus
