#include "cifar10_source.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr int kSide = 32;
constexpr std::size_t kPlane = kSide * kSide;
constexpr std::size_t kRecord = 1 + 3 * kPlane;
constexpr std::size_t kClasses = 10;

void append_file(const std::string& path, Samples& samples) {
  const auto bytes = std::filesystem::file_size(path);
  if (bytes == 0 || bytes % kRecord != 0)
    throw std::runtime_error(path + ": " + std::to_string(bytes) + " bytes are not a multiple of " +
                             std::to_string(kRecord) + ", truncated or not CIFAR-10");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": " + std::strerror(errno));
  std::array<char, kRecord> record;
  for (std::size_t index = 0; index < bytes / kRecord; ++index) {
    if (!file.read(record.data(), kRecord)) throw std::runtime_error(path + ": cannot be read to its end");
    const auto label = static_cast<unsigned char>(record[0]);
    if (label >= kClasses)
      throw std::runtime_error(path + ": label " + std::to_string(label) + " of sample " + std::to_string(index) +
                               " is not 0..9");
    const auto pixels = samples.add(label);
    for (std::size_t at = 0; at < kPlane; ++at)
      for (std::size_t channel = 0; channel < 3; ++channel)
        pixels[at * 3 + channel] = static_cast<std::uint8_t>(record[1 + channel * kPlane + at]);
  }
}

std::vector<std::string> read_names(const std::string& path) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  if (names.size() != kClasses)
    throw std::runtime_error(path + ": " + std::to_string(names.size()) + " class names instead of 10");
  return names;
}

}  // namespace

LoadedSamples Cifar10Source::load(const StopCheck&) const {
  const std::filesystem::path folder(folder_);
  LoadedSamples loaded{.class_names = read_names((folder / "batches.meta.txt").string()),
                       .samples = Samples({.width = kSide, .height = kSide, .channels = 3}),
                       .first_validation = 0};
  for (int part = 1; part <= 5; ++part) {
    const auto path = folder / ("data_batch_" + std::to_string(part) + ".bin");
    if (std::filesystem::exists(path)) append_file(path.string(), loaded.samples);
  }
  if (loaded.samples.size() == 0) throw std::runtime_error(folder_ + ": there is no data_batch_1.bin");
  loaded.first_validation = loaded.samples.size();
  const auto test = folder / "test_batch.bin";
  if (std::filesystem::exists(test)) append_file(test.string(), loaded.samples);
  return loaded;
}

}  // namespace trainbus
