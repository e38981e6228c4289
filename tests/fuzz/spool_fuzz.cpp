// Any file as a segment of a spool: entries within the file, one after another, up to the first that does not hold.
#include "producers/sdk/spool_segment.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const fuzz::InputFile file(fuzz::view(data, size));
  const auto segment = SpoolSegment::open(file.path());
  std::size_t offset = SpoolSegment::kFirst;
  std::size_t bytes = 0;
  for (std::size_t before = offset; const auto entry = segment->read(offset, segment->end()); before = offset) {
    fuzz::require(offset > before && offset <= size);
    for (const char byte : entry->record)
      bytes += static_cast<unsigned char>(byte);
  }
  fuzz::require(bytes <= 255 * size);
  return 0;
}
