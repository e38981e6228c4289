// What log_text and its siblings take, and what they refuse; the encoding of pictures.
#include "new_media.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "media_encoder.hpp"
#include "trainbus/media.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::string problem(const NewMedia& made) {
  const auto* text = std::get_if<std::string>(&made);
  return text == nullptr ? "" : *text;
}
v1::MediaData content(const NewMedia& made) {
  EXPECT_EQ(problem(made), "");
  return std::get<WaitingMedia>(made).media;
}

TEST(NewMedia, TextIsKeptAsItIs) {
  EXPECT_EQ(content(new_text("sample", "a\tb\nç 日本 \xf0\x9f\x98\x80")).text(), "a\tb\nç 日本 \xf0\x9f\x98\x80");
  EXPECT_EQ(content(new_text("empty", "")).content_case(), v1::MediaData::kText);
  EXPECT_EQ(content(new_text("large", std::string(1'000'000, 'x'))).text().size(), 1'000'000u);
}

TEST(NewMedia, RefusesBadNamesAndBadText) {
  EXPECT_THAT(problem(new_text("", "x")), HasSubstr("name ''"));
  EXPECT_THAT(problem(new_text("a\nb", "x")), HasSubstr("name 'a?b'"));
  EXPECT_THAT(problem(new_text("t", std::string_view("a\0b", 3))), HasSubstr("media 't': byte 1"));
  EXPECT_THAT(problem(new_text("t", "ab\xff")), HasSubstr("byte 2 of the text is NUL or not UTF-8"));
  EXPECT_THAT(problem(new_text("t", "cut \xe2\x82")), HasSubstr("byte 4"));
  EXPECT_THAT(problem(new_text("t", std::string(1 << 20, 'x'))), HasSubstr("1048576 bytes do not fit"));
}

TEST(NewMedia, RefusesAHistogramThatDoesNotFitTogether) {
  using Doubles = std::vector<double>;
  EXPECT_EQ(content(new_histogram("h", Doubles{0, 1, 2}, Doubles{5, 0})).histogram().counts(0), 5);
  EXPECT_THAT(problem(new_histogram("h", Doubles{0, 2, 1}, Doubles{1, 1})), HasSubstr("edge 2 does not rise"));
  EXPECT_THAT(problem(new_histogram("h", Doubles{0, 0}, Doubles{1})), HasSubstr("edge 1 does not rise"));
  EXPECT_THAT(problem(new_histogram("h", Doubles{0, NAN}, Doubles{1})), HasSubstr("not finite"));
  EXPECT_THAT(problem(new_histogram("h", Doubles{0, 1}, Doubles{-1})), HasSubstr("count 0 is -1"));
  EXPECT_THAT(problem(new_histogram("h", Doubles{0, 1}, Doubles{NAN})), HasSubstr("count 0 is NaN"));
  EXPECT_THAT(problem(new_histogram("h", Doubles{0, 1}, Doubles{1, 2})), HasSubstr("2 edges for 2 counts"));
  EXPECT_THAT(problem(new_histogram("h", Doubles{}, Doubles{})), HasSubstr("0 edges"));
  EXPECT_THAT(problem(new_histogram("h", Doubles(200'000), Doubles(200'000))), HasSubstr("do not fit"));
}

TEST(NewMedia, CountsValuesInEqualBins) {
  const std::vector<float> values{0, 0.5F, 1, 1.5F, 2, 4, NAN, INFINITY};
  const auto histogram = content(new_histogram("h", values, 4)).histogram();
  EXPECT_THAT(histogram.edges(), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 1, 1));
}

TEST(NewMedia, CountsEveryFiniteValueWhateverTheRange) {
  const float most = std::numeric_limits<float>::max();
  for (const auto& values : std::vector<std::vector<float>>{{0, 0, 0},
                                                            {7, 7},
                                                            {-most, most, 0},
                                                            {most, most},
                                                            {1e-38F, 2e-38F},
                                                            {16'777'216, 16'777'218},
                                                            {-1e30F, 1}}) {
    for (const int bins : {1, 2, 64, 4096}) {
      const auto media = content(new_histogram("h", values, bins));
      EXPECT_EQ(media_problem(media), "") << values[0] << ' ' << bins;
      const auto& counts = media.histogram().counts();
      EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.0), static_cast<double>(values.size())) << values[0];
    }
  }
  const auto same = content(new_histogram("h", std::vector<float>{3, 3}, 4)).histogram();
  EXPECT_THAT(same.edges(), ElementsAre(2.5, 2.75, 3, 3.25, 3.5));
  EXPECT_THAT(problem(new_histogram("h", std::vector<float>{NAN}, 4)), HasSubstr("no finite value"));
  EXPECT_THAT(problem(new_histogram("h", std::vector<float>{1}, 0)), HasSubstr("0 bins, 1 to 4096 go"));
  EXPECT_THAT(problem(new_histogram("bad\n", std::vector<float>{1}, 0)), HasSubstr("name 'bad?'"));
}

TEST(NewMedia, RefusesATableThatDoesNotFitTogether) {
  const auto table = content(new_table("t", {.columns = {"a", "b\xff"}, .rows = {"x"}, .values = {1, NAN}})).table();
  EXPECT_EQ(table.columns(1), "b?");
  EXPECT_TRUE(std::isnan(table.values(1)));
  EXPECT_THAT(problem(new_table("t", {.columns = {}, .rows = {"x"}, .values = {}})),
              HasSubstr("without rows or columns"));
  EXPECT_THAT(problem(new_table("t", {.columns = {"a"}, .rows = {}, .values = {}})),
              HasSubstr("without rows or columns"));
  EXPECT_THAT(problem(new_table("t", {.columns = {"a", "b"}, .rows = {"x"}, .values = {1}})),
              HasSubstr("1 values for 2 cells"));
  EXPECT_THAT(problem(new_table("t", {.columns = std::vector<std::string>(10'000, std::string(128, 'c')),
                                      .rows = {"x"},
                                      .values = std::vector<double>(10'000)})),
              HasSubstr("do not fit"));
}

// Noise, which JPEG makes least of.
std::vector<std::uint8_t> noise(std::size_t bytes) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> pixels(bytes);
  std::ranges::generate(pixels, [&] { return static_cast<std::uint8_t>(random()); });
  return pixels;
}

TEST(NewMedia, RefusesPicturesThatAreNone) {
  const auto pixels = noise(300);
  const MediaImage good{.pixels = pixels.data(), .width = 10, .height = 10};
  const auto refused = [&](MediaImage image) { return problem(new_images("p", std::span(&image, 1))); };
  EXPECT_EQ(refused(good), "");
  EXPECT_THAT(refused({}), HasSubstr("a picture of 0 x 0"));
  EXPECT_THAT(refused({.pixels = nullptr, .width = 10, .height = 10}), HasSubstr("a picture of 10 x 10"));
  EXPECT_THAT(refused({.pixels = pixels.data(), .width = 10, .height = 10, .channels = 4}), HasSubstr("4 channels"));
  EXPECT_THAT(refused({.pixels = pixels.data(), .width = -3, .height = 10}), HasSubstr("-3 x 10"));
  EXPECT_THAT(refused({.pixels = pixels.data(), .width = 8193, .height = 1}), HasSubstr("1 to 8192 pixels"));
  EXPECT_THAT(refused({.pixels = pixels.data(), .width = 1 << 20, .height = 1 << 20}), HasSubstr("MiB of pixels"));
  EXPECT_THAT(problem(new_images("p", {})), HasSubstr("0 pictures, 1 to 64"));
  EXPECT_THAT(problem(new_images("p", std::vector<MediaImage>(65, good))), HasSubstr("65 pictures, 1 to 64"));
}

class MediaEncoding : public testing::Test {
 protected:
  v1::MediaData encoded(std::span<const MediaImage> images) {
    auto waiting = std::get<WaitingMedia>(new_images("p", images));
    waiting.step = 9;
    EXPECT_EQ(encoder_.encode(waiting), "");
    EXPECT_EQ(media_problem(waiting.media), "");
    EXPECT_LE(waiting.media.ByteSizeLong(), kMaxRecordBytes);
    return waiting.media;
  }
  MediaEncoder encoder_;
};

TEST_F(MediaEncoding, KeepsThePicturesInOrderWithTheirCaptions) {
  const auto pixels = noise(64 * 48 * 3);
  const MediaImage images[] = {{.pixels = pixels.data(), .width = 64, .height = 48, .caption = "first \xff"},
                               {.pixels = pixels.data(), .width = 10, .height = 20, .channels = 1, .row_bytes = 64}};
  const auto media = encoded(images);
  EXPECT_EQ(media.step(), 9u);
  ASSERT_EQ(media.images().images_size(), 2);
  EXPECT_EQ(media.images().images(0).width(), 64u);
  EXPECT_EQ(media.images().images(0).height(), 48u);
  EXPECT_EQ(media.images().images(0).format(), "jpeg");
  EXPECT_EQ(media.images().images(1).channels(), 1);
  EXPECT_THAT(media.images().captions(), ElementsAre("first ?", ""));
  EXPECT_EQ(encoded(std::span(images).last(1)).images().captions_size(), 0);
}

TEST_F(MediaEncoding, ShrinksToTheLargestSide) {
  const auto pixels = noise(8192 * 16 * 3);
  const MediaImage wide{.pixels = pixels.data(), .width = 8192, .height = 16};
  const MediaImage thin{.pixels = pixels.data(), .width = 1, .height = 8192, .channels = 1};
  const auto media = encoded(std::vector{wide, thin});
  EXPECT_EQ(media.images().images(0).width(), 1024u);
  EXPECT_EQ(media.images().images(0).height(), 2u);
  EXPECT_EQ(media.images().images(1).width(), 1u);
  EXPECT_EQ(media.images().images(1).height(), 1024u);
}

TEST_F(MediaEncoding, ShrinksUntilAllFitIntoARecord) {
  const auto pixels = noise(512 * 512 * 3);
  const std::vector<MediaImage> images(64, {.pixels = pixels.data(), .width = 512, .height = 512});
  const auto media = encoded(images);
  ASSERT_EQ(media.images().images_size(), 64);
  EXPECT_LT(media.images().images(0).width(), 200u);
  EXPECT_GT(media.images().images(0).width(), 50u);
  EXPECT_GT(media.ByteSizeLong(), kMaxRecordBytes / 2) << "no smaller than need be";
}

}  // namespace
}  // namespace trainbus
