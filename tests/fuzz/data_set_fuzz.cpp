// Any file where a data set is expected: images and labels, or an error of one line. The first byte says which: IDX
// images, IDX labels, an image of any format, CIFAR-10.
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "producers/images/image_file.hpp"
#include "producers/train/cifar10_source.hpp"
#include "producers/train/idx_file.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

void read_cifar10(std::string_view bytes) {
  constexpr std::size_t kRecord = 3073;
  const std::filesystem::path folder = "/dev/shm/trainbus-fuzz-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "data_batch_1.bin", std::ios::binary) << bytes;
  const auto loaded = trainbus::Cifar10Source(folder.string()).load([] { return false; });
  trainbus::fuzz::require(loaded.samples.size() == bytes.size() / kRecord);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  if (size == 0) return 0;
  const auto bytes = fuzz::view(data + 1, size - 1);
  const fuzz::InputFile file(bytes);
  try {
    if (data[0] % 4 < 2) {
      const auto idx = read_idx(file.path(), data[0] % 4 == 0 ? 3 : 1);
      std::uint64_t values = 1;
      for (const auto length : idx.sizes)
        values *= length;
      fuzz::require(idx.values.size() == values);
    } else if (data[0] % 4 == 2) {
      const auto image = read_image_file(file.path());
      fuzz::require(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * 3);
    } else {
      read_cifar10(bytes);
    }
  } catch (const std::runtime_error&) {
  }
  return 0;
}
