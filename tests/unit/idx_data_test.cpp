// MNIST's files, made here byte by byte: what is read, and which line a damaged one gives.

#include <gmock/gmock.h>
#include <zlib.h>

#include <fstream>

#include "producers/train/data_set.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// `count` images of 3 columns and 2 rows, every byte of image i being i.
std::string images(std::uint32_t count, std::uint32_t magic = 2051) {
  std::string bytes = big_endian(magic) + big_endian(count) + big_endian(2) + big_endian(3);
  for (std::uint32_t index = 0; index < count; ++index)
    bytes.append(6, static_cast<char>(index));
  return bytes;
}

std::string labels(const std::string& values, std::uint32_t magic = 2049) {
  return big_endian(magic) + big_endian(static_cast<std::uint32_t>(values.size())) + values;
}

std::string gzipped(const std::string& bytes) {
  test::TempDir folder;
  const auto path = folder / "file.gz";
  const auto file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream read(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(read), {}};
}

class MnistFiles : public ::testing::Test {
 protected:
  MnistFiles() {
    write("train-images-idx3-ubyte", images(4));
    write("train-labels-idx1-ubyte", labels({3, 1, 4, 1}));
  }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  void remove(const std::string& name) { std::filesystem::remove(folder_ / name); }

  LoadedSamples load() { return open_data_source({.spec = "mnist:" + folder_.path().string()})->load({}); }
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

TEST_F(MnistFiles, AreReadPlainAndGzippedAlike) {
  const auto plain = load();
  remove("train-images-idx3-ubyte");
  remove("train-labels-idx1-ubyte");
  write("train-images-idx3-ubyte.gz", gzipped(images(4)));
  write("train-labels-idx1-ubyte.gz", gzipped(labels({3, 1, 4, 1})));
  for (const auto& loaded : {plain, load()}) {
    EXPECT_EQ(loaded.samples.shape(), (ImageShape{.width = 3, .height = 2, .channels = 1}));
    ASSERT_EQ(loaded.samples.size(), 4U);
    EXPECT_EQ(loaded.first_validation, 4U);
    EXPECT_EQ(loaded.class_names.size(), 10U);
    EXPECT_EQ(loaded.samples.label(2), 4);
    EXPECT_THAT(loaded.samples.pixels(2), ElementsAre(2, 2, 2, 2, 2, 2));
  }
}

TEST_F(MnistFiles, OfTheTestSetAreTheValidationPart) {
  write("t10k-images-idx3-ubyte", images(2));
  write("t10k-labels-idx1-ubyte", labels({7, 8}));
  const auto loaded = load();
  EXPECT_EQ(loaded.samples.size(), 6U);
  EXPECT_EQ(loaded.first_validation, 4U);
  EXPECT_EQ(loaded.samples.label(4), 7);
}

TEST_F(MnistFiles, WithAWrongMagicNumberAreNamed) {
  write("train-images-idx3-ubyte", images(4, 2049));
  EXPECT_THAT(error(), AllOf(HasSubstr("train-images-idx3-ubyte: magic number 2049 instead of 2051")));
}

TEST_F(MnistFiles, CutShortAreNamedWithWhatTheyHold) {
  write("train-images-idx3-ubyte", images(4).substr(0, 16 + 20));
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte: truncated, 20 of 24 bytes"));
  write("train-images-idx3-ubyte", "\0\0");
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte: ends within its header"));
}

TEST_F(MnistFiles, LongerThanTheirHeaderSaysAreRefused) {
  write("train-labels-idx1-ubyte", labels({3, 1, 4, 1}) + "x");
  EXPECT_THAT(error(), HasSubstr("train-labels-idx1-ubyte: longer than its header says"));
}

TEST_F(MnistFiles, WithDamagedGzipDataAreNamed) {
  remove("train-images-idx3-ubyte");
  auto bytes = gzipped(images(200));
  write("train-images-idx3-ubyte.gz", bytes.substr(0, bytes.size() - 12));
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte.gz: damaged gzip data"));
  bytes[14] = static_cast<char>(~bytes[14]);
  write("train-images-idx3-ubyte.gz", bytes);
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte.gz: "));
}

TEST_F(MnistFiles, WhoseCountsDifferAreRefused) {
  write("train-labels-idx1-ubyte", labels({3, 1, 4}));
  EXPECT_THAT(error(), AllOf(HasSubstr("train-labels-idx1-ubyte: 3 labels for the 4 images of"),
                             HasSubstr("train-images-idx3-ubyte")));
}

TEST_F(MnistFiles, WithALabelThatIsNoDigitAreRefused) {
  write("train-labels-idx1-ubyte", labels({3, 1, 42, 1}));
  EXPECT_THAT(error(), HasSubstr("train-labels-idx1-ubyte: label 42 of sample 2 is not 0..9"));
}

TEST_F(MnistFiles, WithAbsurdSizesAskForNoMemory) {
  write("train-images-idx3-ubyte", big_endian(2051) + big_endian(9'000'000) + big_endian(4000) + big_endian(4000));
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte: size 4000 in the header is out of range"));
  write("train-images-idx3-ubyte", big_endian(2051) + big_endian(1'000'000) + big_endian(100) + big_endian(100));
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte: truncated, 0 of 10000000000 bytes"));
}

TEST_F(MnistFiles, ThatAreAbsentAreNamed) {
  remove("train-labels-idx1-ubyte");
  EXPECT_THAT(error(), HasSubstr("there is no train-labels-idx1-ubyte[.gz]"));
  remove("train-images-idx3-ubyte");
  EXPECT_THAT(error(), HasSubstr("there is no train-images-idx3-ubyte[.gz]"));
}

}  // namespace
}  // namespace trainbus
