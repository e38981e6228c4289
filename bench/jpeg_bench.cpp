// What the tile thread pays for a batch: 16 tiles to JPEG, as they are and shrunk from 512 px. Counter KB: of one tile.
#include <benchmark/benchmark.h>

#include "tile_encoder.hpp"
#include "tile_pictures.hpp"

namespace trainbus {
namespace {

constexpr int kQuality = 85;

void encode(benchmark::State& state, int from_pixels, int to_pixels) {
  const TilePictures pictures(from_pixels, 1);
  TileSet tiles;
  tiles.begin({}, 1, unix_ms());
  for (std::uint64_t i = 0; tiles.room() > 0; ++i)
    tiles.add(pictures.picture(i), from_pixels, from_pixels, 3, 0, 0, {}, {});
  TileEncoder encoder(kQuality);
  v1::BatchData batch;
  for (auto _ : state) {
    batch.Clear();
    if (!encoder.encode(tiles, to_pixels, batch)) return state.SkipWithError("the encoder refused a tile");
  }
  state.counters["KB"] = static_cast<double>(batch.ByteSizeLong()) / kMaxImages / 1024;
}

void EncodeTiles(benchmark::State& state) {
  const int pixels = static_cast<int>(state.range(0));
  encode(state, pixels, pixels);
}
BENCHMARK(EncodeTiles)->Arg(32)->Arg(64)->Arg(128)->Arg(256);

void ShrinkAndEncodeTiles(benchmark::State& state) { encode(state, 512, static_cast<int>(state.range(0))); }
BENCHMARK(ShrinkAndEncodeTiles)->Arg(256);

}  // namespace
}  // namespace trainbus

BENCHMARK_MAIN();
