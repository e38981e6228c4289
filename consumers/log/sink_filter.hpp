#pragma once
// Which records one sink wants.

#include <cstdint>
#include <string>
#include <vector>

#include "trainbus/consumer.hpp"

namespace trainbus {

struct SinkFilter {
  std::vector<Kind> kinds;  // empty: all kept kinds
  std::string run;          // a name, or a pattern with * and ?; "": all
  std::string trainer;      // the same
  std::uint64_t every = 1;  // of batch and perf records only each so many, the first included

  // By sequence, so that a restart chooses the same ones.
  bool passes(const Record& record) const;
  // What of this the broker can do: kinds and whole names.
  void narrow(ConsumerOptions& bus) const;
};

// "batch+epoch". Throws std::invalid_argument with one line.
std::vector<Kind> parse_kinds(const std::string& text);
// Throws std::invalid_argument unless it is a name or a pattern of one, or empty.
void check_name_pattern(const std::string& what, const std::string& pattern);

}  // namespace trainbus
