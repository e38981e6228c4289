#include "mnist_source.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "idx_file.hpp"

namespace trainbus {
namespace {

constexpr int kDigits = 10;

struct Part {
  IdxFile images;
  IdxFile labels;
  ImageShape shape() const {
    return {.width = static_cast<int>(images.sizes[2]), .height = static_cast<int>(images.sizes[1]), .channels = 1};
  }
};

std::string find_file(const std::string& folder, const std::string& name) {
  const auto path = (std::filesystem::path(folder) / name).string();
  if (std::filesystem::exists(path)) return path;
  if (std::filesystem::exists(path + ".gz")) return path + ".gz";
  return {};
}

// Empty when neither of the part's two files is there.
std::optional<Part> read_part(const std::string& folder, const std::string& prefix) {
  const auto images_name = prefix + "-images-idx3-ubyte";
  const auto labels_name = prefix + "-labels-idx1-ubyte";
  const auto images_path = find_file(folder, images_name);
  const auto labels_path = find_file(folder, labels_name);
  if (images_path.empty() && labels_path.empty()) return std::nullopt;
  if (images_path.empty() || labels_path.empty())
    throw std::runtime_error(folder + ": there is no " + (images_path.empty() ? images_name : labels_name) + "[.gz]");
  Part part{.images = read_idx(images_path, 3), .labels = read_idx(labels_path, 1)};
  if (part.labels.sizes[0] != part.images.sizes[0])
    throw std::runtime_error(labels_path + ": " + std::to_string(part.labels.sizes[0]) + " labels for the " +
                             std::to_string(part.images.sizes[0]) + " images of " + images_path);
  const auto bad = std::ranges::find_if(part.labels.values, [](std::uint8_t label) { return label >= kDigits; });
  if (bad != part.labels.values.end())
    throw std::runtime_error(labels_path + ": label " + std::to_string(*bad) + " of sample " +
                             std::to_string(bad - part.labels.values.begin()) + " is not 0..9");
  return part;
}

void append(const Part& part, Samples& samples) {
  const auto* pixels = part.images.values.data();
  const auto bytes = samples.shape().bytes();
  for (const auto label : part.labels.values) {
    std::copy_n(pixels, bytes, samples.add(label).begin());
    pixels += bytes;
  }
}

}  // namespace

LoadedSamples MnistSource::load(const StopCheck&) const {
  const auto train = read_part(folder_, "train");
  const auto validation = read_part(folder_, "t10k");
  if (!train) throw std::runtime_error(folder_ + ": there is no train-images-idx3-ubyte[.gz]");
  if (validation && validation->shape() != train->shape())
    throw std::runtime_error(folder_ + ": train images are " + train->shape().text() + ", t10k images " +
                             validation->shape().text());
  LoadedSamples loaded{.class_names = {}, .samples = Samples(train->shape()), .first_validation = 0};
  for (int digit = 0; digit < kDigits; ++digit)
    loaded.class_names.push_back(std::to_string(digit));
  loaded.samples.reserve(train->labels.values.size() + (validation ? validation->labels.values.size() : 0));
  append(*train, loaded.samples);
  loaded.first_validation = loaded.samples.size();
  if (validation) append(*validation, loaded.samples);
  return loaded;
}

}  // namespace trainbus
