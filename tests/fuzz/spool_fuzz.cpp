// Any file as a segment of a spool. Read plainly: entries within the file, one after another, up to the first that does
// not hold. Read as what an ended incarnation left: at least what is read plainly, every entry once and in order.
#include <map>

#include "producers/sdk/spool_reader.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const fuzz::InputFile file(fuzz::view(data, size));
  const auto segment = SpoolSegment::open(file.path());
  std::size_t offset = SpoolSegment::kFirst;
  std::map<Kind, std::uint64_t> plainly;
  for (std::size_t before = offset; const auto entry = segment->read(offset, segment->end()); before = offset) {
    fuzz::require(offset > before && offset <= size);
    plainly[entry->kind] = std::max(plainly[entry->kind], entry->sequence);
  }
  SpoolReader::Heads heads{};
  SpoolReader reader(*segment, heads);
  std::size_t bytes = 0;
  std::map<Kind, std::uint64_t> read;
  while (const auto entry = reader.next()) {
    fuzz::require(entry->sequence > read[entry->kind]);
    read[entry->kind] = entry->sequence;
    for (const char byte : entry->record)
      bytes += static_cast<unsigned char>(byte) != 0 ? 1 : 0;
  }
  fuzz::require(bytes <= size);
  for (const auto& [kind, highest] : plainly)
    fuzz::require(read[kind] >= highest);
  return 0;
}
