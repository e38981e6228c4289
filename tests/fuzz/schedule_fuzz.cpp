// Any text: a schedule, which written down reads back as the same, or an error of one line.
#include <stdexcept>

#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  try {
    const auto edits = parse_schedule(fuzz::view(data, size), "s");
    const auto again = parse_schedule(schedule_text(edits), "s");
    fuzz::require(again.size() == edits.size());
    for (std::size_t i = 0; i < edits.size(); ++i) {
      fuzz::require(again[i].step == edits[i].step && again[i].type == edits[i].type);
      fuzz::require(!takes_value(edits[i].type) || again[i].value() == edits[i].value());
    }
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
