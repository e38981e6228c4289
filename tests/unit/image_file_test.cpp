// Files of pictures: each format and colour type as Pillow and OpenCV read it, and a reason for each that is not read.

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

#include "producers/images/image_file.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::string_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kWidth = 8;
constexpr int kHeight = 6;

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16)));
  return bytes;
}

struct Picture {
  std::string name;
  std::string bytes;
  std::string pixels;  // as images/make_images.py wrote them; "": is to be refused

  // The exactness of what is computed: cosines, and ink to light.
  int tolerance() const {
    const bool is_lossy = name.ends_with(".jpg") || name == "lossy.webp" || name == "rgb_jpeg.tif";
    return is_lossy || name == "cmyk.tif" ? 2 : 0;
  }
};

const std::vector<Picture>& pictures() {
  static const auto all = [] {
    std::vector<Picture> pictures;
    std::ifstream file(TRAINBUS_SOURCE "/tests/unit/images/images.txt");
    for (std::string name, bytes, pixels; file >> name >> bytes >> pixels;)
      pictures.push_back({name, bytes_of(bytes), pixels == "-" ? "" : bytes_of(pixels)});
    return pictures;
  }();
  return all;
}

const Picture& picture(const std::string& name) { return *std::ranges::find(pictures(), name, &Picture::name); }

class ImageFile : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) {
    const auto path = folder_ / "picture";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  RgbImage read(const std::string& bytes) { return read_image_file(write(bytes)); }
  std::string error(const std::string& bytes) {
    try {
      read(bytes);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "(no error)";
  }

  test::TempDir folder_;
};

TEST_F(ImageFile, OfEveryFormatAndColourTypeHasThePixelsThatPillowReads) {
  ASSERT_GT(pictures().size(), 70U);
  for (const auto& picture : pictures()) {
    if (picture.pixels.empty()) continue;
    RgbImage image;
    ASSERT_NO_THROW(image = read(picture.bytes)) << picture.name;
    ASSERT_EQ(image.width, kWidth) << picture.name;
    ASSERT_EQ(image.height, kHeight) << picture.name;
    int largest = 0;
    for (std::size_t at = 0; at < image.pixels.size(); ++at)
      largest = std::max(largest, std::abs(image.pixels[at] - static_cast<std::uint8_t>(picture.pixels[at])));
    EXPECT_LE(largest, picture.tolerance()) << picture.name;
  }
}

TEST_F(ImageFile, SaysItsSizeWithoutItsPixels) {
  for (const auto& picture : pictures()) {
    if (picture.pixels.empty()) continue;
    const auto size = read_image_size(write(picture.bytes));
    EXPECT_EQ(size.width, kWidth) << picture.name;
    EXPECT_EQ(size.height, kHeight) << picture.name;
  }
  // What is damaged behind its header still has a size.
  const auto& png = picture("rgb8.png").bytes;
  EXPECT_EQ(read_image_size(write(png.substr(0, 50))).width, kWidth);
}

TEST_F(ImageFile, OfAFormatThatIsNotReadIsNamed) {
  for (const auto& [name, expected] : std::vector<std::pair<std::string, std::string>>{
           {"animated.webp", "is an animated WebP, which is not read"},
           {"run_lengths.bmp", "is a BMP of 8 bits with compression 1, which is not read"},
           {"float.tif", "is a TIFF that is not read: "},
           {"as_text.ppm", "is a PNM file of text, which is not read"},
           {"first_picture.gif", "is a GIF file, which is not read"}})
    EXPECT_THAT(error(picture(name).bytes), StartsWith(expected)) << name;
  EXPECT_EQ(error("\0\0\0\x1c"
                  "ftypavif\0\0\0\0"s),
            "is an AVIF file, which is not read");
  EXPECT_EQ(error("<!DOCTYPE html>"), "is a text of HTML or XML, which is not read");
  EXPECT_THAT(error("\0\x05\x16\x07\0\x02"s), HasSubstr("AppleDouble"));
  EXPECT_EQ(error("neither of them"), "is none of JPEG, PNG, WebP, TIFF, BMP, PPM and PGM");
  EXPECT_EQ(error("RIFF"), "is none of JPEG, PNG, WebP, TIFF, BMP, PPM and PGM");
  EXPECT_EQ(error(""), "is empty");
}

TEST_F(ImageFile, ThatIsCutOffAnywhereIsRefusedWithAReason) {
  for (const auto& picture : pictures()) {
    if (picture.pixels.empty()) continue;
    // The ends of TIFF (its directory stands there), JPEG and PNG hold no pixels that could be missed.
    for (const auto share : {0.1, 0.3, 0.5, 0.7}) {
      const auto length = static_cast<std::size_t>(share * static_cast<double>(picture.bytes.size()));
      const auto reason = error(picture.bytes.substr(0, length));
      EXPECT_THAT(reason, AnyOf(StartsWith("damaged "), StartsWith("is "), StartsWith("says "))) << picture.name;
      EXPECT_EQ(reason.find('\n'), std::string::npos) << picture.name;
    }
  }
}

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// CRC-32 of PNG, bit by bit.
std::uint32_t crc(const std::string& bytes) {
  std::uint32_t sum = ~0U;
  for (const unsigned char byte : bytes) {
    sum ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      sum = sum >> 1 ^ ((sum & 1) != 0 ? 0xedb88320U : 0);
  }
  return ~sum;
}

TEST_F(ImageFile, ThatSaysItIsHugeIsRefusedBeforeMemoryIsAskedFor) {
  auto png = picture("rgb8.png").bytes;
  png.replace(16, 8, big_endian(60'000) + big_endian(60'000));
  png.replace(29, 4, big_endian(crc(png.substr(12, 17))));
  EXPECT_EQ(error(png), "says it is of 60000x60000 pixels, 1 to 100 million are read");
  png.replace(16, 8, big_endian(0x7fffffff) + big_endian(0x7fffffff));
  png.replace(29, 4, big_endian(crc(png.substr(12, 17))));
  EXPECT_THAT(error(png), HasSubstr("2147483647x2147483647 pixels"));

  auto jpeg = picture("rgb.jpg").bytes;
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, "\xea\x60\xea\x60");
  EXPECT_THAT(error(jpeg), HasSubstr("60000x60000 pixels"));

  auto bmp = picture("rgb24.bmp").bytes;
  bmp.replace(18, 8, "\x60\xea\0\0\x60\xea\0\0"s);
  EXPECT_THAT(error(bmp), HasSubstr("60000x60000 pixels"));
  bmp.replace(18, 8, "\x08\0\0\0\0\0\0\x80"s);  // the height whose negation does not exist
  EXPECT_THAT(error(bmp), HasSubstr("8x2147483648 pixels"));
  EXPECT_THAT(error("P6 60000 60000 255\n"), HasSubstr("60000x60000 pixels"));
  EXPECT_THAT(error("P6 99999999999999999999 1 255\n"), HasSubstr("pixels"));
}

TEST_F(ImageFile, OfAnyDamagedBytesIsAPictureOrAReason) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const auto& picture : pictures())
    for (int round = 0; round < 15; ++round) {
      auto bytes = picture.bytes;
      for (auto changes = 1 + random() % 4; changes > 0; --changes)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      try {
        const auto image = read(bytes);
        EXPECT_EQ(image.pixels.size(), std::size_t{3} * image.width * image.height);
      } catch (const std::runtime_error& error) {
        EXPECT_STRNE(error.what(), "");
      }
    }
}

TEST_F(ImageFile, ThatCannotBeOpenedSaysWhy) {
  EXPECT_THROW(read_image_file(folder_ / "absent"), std::runtime_error);
  EXPECT_THROW(read_image_file(folder_.path().string()), std::runtime_error);
}

}  // namespace
}  // namespace trainbus
