#include "consumers/dashboard/server/tile_strip.hpp"

#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "consumers/dashboard/server/tile_picture.hpp"

namespace trainbus {
namespace {

struct Tile {
  int width = 32;
  int height = 32;
  int subsampling = TJSAMP_444;
  int quality = 85;
  int flags = 0;
};

// A noisy, coloured gradient, different for each seed.
std::string encode(const Tile& tile, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<unsigned char> pixels(static_cast<std::size_t>(tile.width * tile.height * 3));
  for (std::size_t at = 0; at < pixels.size(); ++at)
    pixels[at] = static_cast<unsigned char>((at / 7 + seed * 31 + random() % 40) & 255);
  const std::unique_ptr<void, int (*)(void*)> encoder(tjInitCompress(), tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(encoder.get(), pixels.data(), tile.width, 0, tile.height, TJPF_RGB, &bytes, &size,
                        tile.subsampling, tile.quality, tile.flags),
            0);
  std::string jpeg(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  return jpeg;
}

struct Pixels {
  int width = 0;
  int height = 0;
  std::vector<unsigned char> rgb;
  std::vector<unsigned char> rows(int first, int count) const {
    const auto row = static_cast<std::size_t>(width * 3);
    return {rgb.begin() + static_cast<long>(row * first), rgb.begin() + static_cast<long>(row * (first + count))};
  }
};

Pixels decode(const std::string& jpeg) {
  const std::unique_ptr<void, int (*)(void*)> decoder(tjInitDecompress(), tjDestroy);
  const auto* bytes = reinterpret_cast<const unsigned char*>(jpeg.data());
  Pixels out;
  int subsampling = 0, colours = 0;
  EXPECT_EQ(tjDecompressHeader3(decoder.get(), bytes, jpeg.size(), &out.width, &out.height, &subsampling, &colours), 0);
  out.rgb.resize(static_cast<std::size_t>(out.width * out.height * 3));
  EXPECT_EQ(tjDecompress2(decoder.get(), bytes, jpeg.size(), out.rgb.data(), out.width, 0, out.height, TJPF_RGB,
                          TJFLAG_STOPONWARNING),
            0)
      << tjGetErrorStr2(decoder.get());
  return out;
}

std::vector<std::string> tiles(const Tile& tile, int count = 16) {
  std::vector<std::string> out;
  for (int seed = 0; seed < count; ++seed)
    out.push_back(encode(tile, static_cast<unsigned>(seed)));
  return out;
}

std::optional<TileStrip> join(const std::vector<std::string>& jpegs) {
  const std::vector<std::string_view> views(jpegs.begin(), jpegs.end());
  return join_tiles(views);
}

// Compares the rows of each tile in the strip with the tile's own, but `seam` rows at its ends.
void expect_same_pixels(const std::vector<std::string>& jpegs, const TileStrip& strip, int seam) {
  const Pixels all = decode(strip.jpeg);
  ASSERT_EQ(all.height, strip.rows_per_tile * static_cast<int>(jpegs.size()));
  for (std::size_t tile = 0; tile < jpegs.size(); ++tile) {
    const Pixels one = decode(jpegs[tile]);
    ASSERT_EQ(all.width, one.width);
    const int first = static_cast<int>(tile) * strip.rows_per_tile;
    const int count = one.height - 2 * seam;
    EXPECT_EQ(all.rows(first + seam, count), one.rows(seam, count)) << "tile " << tile;
  }
}

TEST(TileStrip, DecodesToTheTilesBitForBitWithoutSubsampling) {
  for (const int size : {8, 32, 64, 256}) {
    const auto jpegs = tiles({.width = size, .height = size});
    const auto strip = join(jpegs);
    ASSERT_TRUE(strip) << size;
    EXPECT_EQ(strip->tile_width, size);
    EXPECT_EQ(strip->tile_height, size);
    expect_same_pixels(jpegs, *strip, 0);
  }
}

TEST(TileStrip, PadsATileToWholeBlocks) {
  const auto jpegs = tiles({.width = 30, .height = 21});
  const auto strip = join(jpegs);
  ASSERT_TRUE(strip);
  EXPECT_EQ(strip->tile_height, 21);
  EXPECT_EQ(strip->rows_per_tile, 24);
  expect_same_pixels(jpegs, *strip, 0);
}

TEST(TileStrip, WithSubsampledColoursOnlySeamRowsDiffer) {
  for (const int subsampling : {TJSAMP_420, TJSAMP_422}) {
    const auto jpegs = tiles({.width = 64, .height = 64, .subsampling = subsampling});
    const auto strip = join(jpegs);
    ASSERT_TRUE(strip);
    expect_same_pixels(jpegs, *strip, 2);
  }
}

TEST(TileStrip, JoinsGreyTiles) {
  const auto jpegs = tiles({.width = 28, .height = 28, .subsampling = TJSAMP_GRAY}, 5);
  const auto strip = join(jpegs);
  ASSERT_TRUE(strip);
  expect_same_pixels(jpegs, *strip, 0);
}

TEST(TileStrip, RefusesTilesThatAreNotAlike) {
  const Tile usual;
  for (const Tile other :
       {Tile{.width = 40}, Tile{.height = 40}, Tile{.subsampling = TJSAMP_420}, Tile{.quality = 70}}) {
    auto jpegs = tiles(usual);
    jpegs[7] = encode(other, 7);
    EXPECT_FALSE(join(jpegs));
  }
  EXPECT_FALSE(join({}));
  EXPECT_FALSE(join(tiles(usual, 1)));
}

TEST(TileStrip, RefusesProgressiveTiles) { EXPECT_FALSE(join(tiles({.flags = TJFLAG_PROGRESSIVE}))); }

TEST(TileStrip, RefusesTilesCutShortAndTilesWithRestartMarkers) {
  auto jpegs = tiles({});
  jpegs[3].resize(jpegs[3].size() - 2);
  EXPECT_FALSE(join(jpegs));
  jpegs = tiles({});
  jpegs[3].replace(jpegs[3].size() - 10, 2, "\xFF\xD0");
  EXPECT_FALSE(join(jpegs));
  EXPECT_FALSE(join({"", ""}));
  EXPECT_FALSE(join({"\xFF\xD8\xFF", "\xFF\xD8\xFF"}));
}

TEST(TileStrip, SurvivesDamageAnywhereInTheHeaders) {
  const std::string good = encode({}, 1);
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string bad = good;
    bad[random() % 640 % bad.size()] = static_cast<char>(random());
    if (round % 3 == 0) bad.resize(random() % bad.size());
    const auto strip = join({bad, bad});
    EXPECT_TRUE(!strip || strip->jpeg.size() < 2 * good.size() + 64) << "seed " << seed;
  }
}

TEST(TilePicture, JoinsTheImagesOfAMessageAndKeepsTheRest) {
  v1::MetricsRequest message;
  message.set_session_id("r/t");
  auto& batch = *message.mutable_batch_data();
  batch.set_batch_loss(0.5);
  for (const auto& jpeg : tiles({})) {
    auto& image = *batch.add_images();
    image.set_image_bytes(jpeg);
    image.set_format("jpeg");
    image.set_width(32);
    image.set_height(32);
    batch.add_predictions()->set_predicted_class(3);
  }
  TilePicture picture(std::make_shared<const std::string>(message.SerializeAsString()));
  v1::MetricsRequest joined;
  ASSERT_TRUE(joined.ParseFromString(*picture.bytes()));
  ASSERT_EQ(joined.batch_data().images_size(), 1);
  EXPECT_EQ(joined.batch_data().images(0).strip_tiles(), 16);
  EXPECT_EQ(joined.batch_data().images(0).strip_rows(), 32);
  EXPECT_EQ(joined.batch_data().images(0).height(), 32);
  EXPECT_EQ(joined.batch_data().predictions_size(), 16);
  EXPECT_EQ(joined.batch_data().batch_loss(), 0.5);
  EXPECT_EQ(picture.bytes(), picture.bytes());  // joined once
}

TEST(TilePicture, LeavesUnequalImagesAsTheyCame) {
  v1::MetricsRequest message;
  for (const auto& jpeg : {encode({}, 1), encode({.quality = 50}, 2)}) {
    auto& image = *message.mutable_batch_data()->add_images();
    image.set_image_bytes(jpeg);
    image.set_format("jpeg");
  }
  const auto bytes = std::make_shared<const std::string>(message.SerializeAsString());
  EXPECT_EQ(TilePicture(bytes).bytes(), bytes);
}

}  // namespace
}  // namespace trainbus
