#include "consumers/dashboard/server/picture_size.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trainbus {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values)
    out += static_cast<char>(value);
  return out;
}

const std::string kPng = bytes({0x89, 'P', 'N',  'G',  '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R',  //
                                0,    0,   0x3e, 0x80, 0,    0,    0x3e, 0x81});
// SOI, a comment, padding, then a progressive frame of 32 rows of 300.
const std::string kJpeg = bytes({0xff, 0xd8, 0xff, 0xfe, 0, 4, 'a', 'b', 0xff, 0xff, 0xc2, 0, 17, 8, 0, 32, 1, 44, 3});

TEST(PictureFacts, ReadsTheSizeThatThePictureItselfSays) {
  const auto png = picture_facts(kPng);
  ASSERT_TRUE(png);
  EXPECT_EQ(png->content_type, "image/png");
  EXPECT_EQ(png->width, 16'000U);
  EXPECT_EQ(png->height, 16'001U);
  const auto jpeg = picture_facts(kJpeg);
  ASSERT_TRUE(jpeg);
  EXPECT_EQ(jpeg->content_type, "image/jpeg");
  EXPECT_EQ(jpeg->width, 300U);
  EXPECT_EQ(jpeg->height, 32U);
}

TEST(PictureFacts, KnowsNothingOfWhatIsCutOrAnotherThing) {
  for (std::size_t cut = 0; cut < kPng.size(); ++cut)
    EXPECT_FALSE(picture_facts(kPng.substr(0, cut))) << cut;
  for (std::size_t cut = 0; cut < 18; ++cut)
    EXPECT_FALSE(picture_facts(kJpeg.substr(0, cut))) << cut;
  EXPECT_FALSE(picture_facts("<svg onload=alert(1)>"));
  EXPECT_FALSE(picture_facts("GIF89a\x10\x10"));
  EXPECT_FALSE(picture_facts(bytes({0xff, 0xd8, 0xff, 0xda, 0, 4, 0, 0, 0, 0, 0, 0, 0})));
  EXPECT_FALSE(picture_facts(bytes({0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0})));
}

}  // namespace
}  // namespace trainbus
