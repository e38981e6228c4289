// CIFAR-10's binary files, made here: planes become pixels, damage becomes a line that names the file.

#include <gmock/gmock.h>

#include <fstream>

#include "producers/train/data_set.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using ::testing::HasSubstr;

// Red 1, green 2, blue 3 everywhere, the first pixel 10, 20, 30.
std::string record(char label) {
  std::string bytes(1, label);
  for (char channel = 1; channel <= 3; ++channel) {
    bytes.append(1024, channel);
    bytes[bytes.size() - 1024] = static_cast<char>(10 * channel);
  }
  return bytes;
}

class CifarFiles : public ::testing::Test {
 protected:
  CifarFiles() { write("data_batch_1.bin", record(6) + record(9)); }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  LoadedSamples load() { return open_data_source({.spec = "cifar10:" + folder_.path().string()})->load({}); }
  std::string error() {
    try {
      load();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "(no error)";
  }

  test::TempDir folder_;
};

TEST_F(CifarFiles, BecomeInterleavedPixelsOfNamedClasses) {
  write("data_batch_3.bin", record(0));
  write("test_batch.bin", record(1));
  const auto loaded = load();
  ASSERT_EQ(loaded.samples.size(), 4U);
  EXPECT_EQ(loaded.first_validation, 3U);
  EXPECT_EQ(loaded.samples.label(1), 9);
  EXPECT_EQ(loaded.class_names[9], "truck");
  const auto pixels = loaded.samples.pixels(0);
  EXPECT_THAT(pixels.first(6), ::testing::ElementsAre(10, 20, 30, 1, 2, 3));
}

TEST_F(CifarFiles, CutShortAreNamed) {
  write("data_batch_1.bin", record(6).substr(0, 3000));
  EXPECT_THAT(error(), HasSubstr("data_batch_1.bin: 3000 bytes are not a multiple of 3073"));
  write("data_batch_1.bin", "");
  EXPECT_THAT(error(), HasSubstr("data_batch_1.bin: 0 bytes"));
}

TEST_F(CifarFiles, WithALabelOutOfRangeAreNamed) {
  write("test_batch.bin", record(1) + record(10));
  EXPECT_THAT(error(), HasSubstr("test_batch.bin: label 10 of sample 1 is not 0..9"));
}

TEST_F(CifarFiles, WithAStrangeListOfNamesAreRefused) {
  write("batches.meta.txt", "cat\ndog\n\n");
  EXPECT_THAT(error(), HasSubstr("batches.meta.txt: 2 class names instead of 10"));
}

TEST_F(CifarFiles, ThatAreAbsentAreNamed) {
  std::filesystem::remove(folder_ / "data_batch_1.bin");
  EXPECT_THAT(error(), HasSubstr("there is no data_batch_1.bin"));
}

}  // namespace
}  // namespace trainbus
