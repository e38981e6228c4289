// The tile slot, its ledger, and the encoder.
#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <numeric>

#include "record_encoder.hpp"
#include "tile_encoder.hpp"
#include "tile_slot.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;

std::vector<std::uint8_t> gradient(int width, int height, int channels) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * height * channels);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i * 7 / channels);
  return pixels;
}

bool add(TileBatch& tiles, int width, int height, int channels, std::int32_t truth = 3) {
  const auto pixels = gradient(width, height, channels);
  return tiles.add(pixels.data(), width, height, channels, 0, truth, {.predicted_class = 4, .label = "four"});
}

class TileSlotTest : public testing::Test {
 protected:
  // One batch of the training thread.
  bool produce(std::int32_t batch) {
    if (!slot_.wanted(now_)) return false;
    slot_.filling().begin({.batch = batch}, 1, 1);
    add(slot_.filling(), 8, 8, 1);
    slot_.offer();
    return true;
  }
  void expect_ledger(std::uint64_t produced, std::uint64_t skipped, std::uint64_t dropped, std::uint64_t sent) {
    const auto ledger = slot_.ledger();
    EXPECT_EQ(ledger.produced(), produced);
    EXPECT_EQ(ledger.skipped_no_demand(), skipped);
    EXPECT_EQ(ledger.dropped_at_source(), dropped);
    EXPECT_EQ(ledger.sent(), sent);
  }

  TileSlot slot_;
  TileSlot::Clock::time_point now_{100s};
};

TEST_F(TileSlotTest, WithoutDemandEverythingIsSkippedAndCounted) {
  EXPECT_FALSE(produce(0));
  EXPECT_EQ(slot_.take(), nullptr);
  expect_ledger(1, 1, 0, 0);
}

TEST_F(TileSlotTest, TheNewestWinsAndTheReplacedOneIsCounted) {
  slot_.set_watched(true);
  for (int batch = 0; batch < 3; ++batch)
    EXPECT_TRUE(produce(batch));
  const TileSet* taken = slot_.take();
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->batch().batch, 2);
  slot_.sent();
  EXPECT_EQ(slot_.take(), nullptr);
  expect_ledger(3, 0, 2, 1);
}

TEST_F(TileSlotTest, ATakenSetStaysUntouchedWhileOthersAreOffered) {
  slot_.set_watched(true);
  produce(0);
  const TileSet* taken = slot_.take();
  produce(1);
  produce(2);
  EXPECT_EQ(taken->batch().batch, 0);
  EXPECT_EQ(slot_.take()->batch().batch, 2);
}

TEST_F(TileSlotTest, KeepsTheRateInSpiteOfJitter) {
  slot_.set_watched(true);
  slot_.set_max_rate(50);
  int taken = 0;
  for (int i = 0; i < 200; ++i) {  // 100 a second, each up to 4 ms late
    now_ = TileSlot::Clock::time_point(100s) + i * 10ms + (i * 37 % 5) * 1ms;
    taken += produce(i) ? 1 : 0;
  }
  EXPECT_GE(taken, 99);
  EXPECT_LE(taken, 102);
}

TEST(TileSet, RefusesWhatIsOutOfRangeAndTheSeventeenth) {
  TileSet tiles;
  tiles.begin({}, 1, 1);
  EXPECT_FALSE(add(tiles, 8, 8, 2));
  EXPECT_FALSE(tiles.add(nullptr, 8, 8, 1, 0, 0, {}, {}));
  EXPECT_FALSE(tiles.add(reinterpret_cast<const std::uint8_t*>("x"), 0, 8, 1, 0, 0, {}, {}));
  EXPECT_FALSE(tiles.add(reinterpret_cast<const std::uint8_t*>("x"), kMaxSourcePixels + 1, 1, 1, 0, 0, {}, {}));
  for (int i = 0; i < kMaxImages; ++i)
    EXPECT_TRUE(add(tiles, 8, 8, 3));
  EXPECT_EQ(tiles.room(), 0);
  EXPECT_FALSE(add(tiles, 8, 8, 3));
}

TEST(TileSet, PacksRowsThatAreApart) {
  TileSet tiles;
  tiles.begin({}, 1, 1);
  const std::uint8_t pixels[] = {1, 2, 99, 3, 4, 99};
  ASSERT_TRUE(tiles.add(pixels, 2, 2, 1, 3, 0, {}, {}));
  EXPECT_EQ(tiles.tile(0).picture.pixels, (std::vector<std::uint8_t>{1, 2, 3, 4}));
}

// What a decoder says of a JPEG.
struct Decoded {
  int width = 0;
  int height = 0;
  int subsampling = -1;
  int colorspace = -1;
  bool readable = false;
};
Decoded decode(const std::string& jpeg) {
  Decoded decoded;
  tjhandle handle = tjInitDecompress();
  const auto* bytes = reinterpret_cast<const unsigned char*>(jpeg.data());
  if (tjDecompressHeader3(handle, bytes, jpeg.size(), &decoded.width, &decoded.height, &decoded.subsampling,
                          &decoded.colorspace) == 0) {
    std::vector<unsigned char> rgb(static_cast<std::size_t>(decoded.width) * decoded.height * 3);
    decoded.readable = tjDecompress2(handle, bytes, jpeg.size(), rgb.data(), decoded.width, 0, decoded.height, TJPF_RGB,
                                     TJFLAG_STOPONWARNING) == 0;
  }
  tjDestroy(handle);
  return decoded;
}

// The Huffman tables of a JPEG, all segments joined.
std::string huffman_tables(const std::string& jpeg) {
  std::string tables;
  for (std::size_t at = 2; at + 4 <= jpeg.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(jpeg[at + i]); };
    const std::size_t length = byte(2) << 8 | byte(3);
    if (byte(1) == 0xda) break;
    if (byte(1) == 0xc4) tables += jpeg.substr(at + 4, length - 2);
    at += 2 + length;
  }
  return tables;
}

TEST(TileEncoder, MakesReadableJpegsNoLargerThanTheLimit) {
  TileSet tiles;
  tiles.begin({}, 1, 1);
  add(tiles, 300, 150, 3, 7);
  add(tiles, 40, 30, 3);
  TileEncoder encoder(85);
  v1::BatchData batch;
  ASSERT_TRUE(encoder.encode(tiles, 100, batch));
  ASSERT_EQ(batch.images_size(), 2);
  const auto large = decode(batch.images(0).image_bytes());
  EXPECT_TRUE(large.readable);
  EXPECT_EQ(large.width, 100);
  EXPECT_EQ(large.height, 50);
  EXPECT_EQ(large.subsampling, TJSAMP_420);
  EXPECT_EQ(decode(batch.images(1).image_bytes()).width, 40);
  EXPECT_EQ(batch.images(0).width(), 100);
  EXPECT_EQ(batch.images(0).height(), 50);
  EXPECT_EQ(batch.images(0).format(), "jpeg");
  EXPECT_EQ(batch.ground_truth(0), 7);
  EXPECT_EQ(batch.predictions(1).predicted_label(), "four");
}

TEST(TileEncoder, SmallTilesKeepTheirColoursAndGreyOnesAreGrey) {
  TileSet tiles;
  tiles.begin({}, 1, 1);
  add(tiles, 32, 32, 3);
  add(tiles, 28, 28, 1);
  TileEncoder encoder(85);
  v1::BatchData batch;
  ASSERT_TRUE(encoder.encode(tiles, 256, batch));
  EXPECT_EQ(decode(batch.images(0).image_bytes()).subsampling, TJSAMP_444);
  const auto grey = decode(batch.images(1).image_bytes());
  EXPECT_TRUE(grey.readable);
  EXPECT_EQ(grey.colorspace, TJCS_GRAY);
}

TEST(TileEncoder, UsesTheSameStandardHuffmanTablesWhateverThePicture) {
  TileSet tiles;
  tiles.begin({}, 1, 1);
  add(tiles, 32, 32, 3);
  const std::vector<std::uint8_t> black(32 * 32 * 3);
  tiles.add(black.data(), 32, 32, 3, 0, 0, {}, {});
  TileEncoder encoder(85);
  v1::BatchData batch;
  ASSERT_TRUE(encoder.encode(tiles, 256, batch));
  const std::string tables = huffman_tables(batch.images(0).image_bytes());
  EXPECT_EQ(tables, huffman_tables(batch.images(1).image_bytes()));
  EXPECT_EQ(tables.size(), 2 * (1 + 16 + 12) + 2 * (1 + 16 + 162u));  // K.3 to K.6 of the JPEG standard
  EXPECT_EQ(tables.substr(0, 17), std::string("\0\0\1\5\1\1\1\1\1\1\0\0\0\0\0\0\0", 17));
}

TEST(CleanText, ReplacesWhatIsNotUtf8AndCutsAtACharacter) {
  EXPECT_EQ(clean_text("Stra\xc3\x9f"
                       "e \xe2\x82\xac \xf0\x9f\x98\x80",
                       100),
            "Stra\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(clean_text("Stra\xdf"
                       "e",
                       100),
            "Stra?e");                                                     // Latin-1
  EXPECT_EQ(clean_text("\xc0\xaf \xed\xa0\x80 \xf5x", 100), "?? ??? ?x");  // overlong, surrogate, above the range
  EXPECT_EQ(clean_text("ab\xe2\x82", 100), "ab??");                        // cut off
  EXPECT_EQ(clean_text("ab\xe2\x82\xac", 4), "ab");
}

}  // namespace
}  // namespace trainbus
