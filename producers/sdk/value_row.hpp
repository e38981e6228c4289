#pragma once
// The named values of a record, as they stand on the wire.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trainbus/named_values.hpp"
#include "value_names.hpp"

namespace trainbus {

// Not thread-safe. The entries of a map<string, double>, one after another; of several values with one name the last
// counts. It remembers what it wrote: the same names in the same order cost a comparison and eight bytes each.
class ValueRow {
 public:
  struct Refused {
    std::uint64_t count = 0;
    std::string_view first;  // one of `values`
  };

  // `row`: a number that no other row of these names has. `field`: the map's, the same in every call.
  Refused set(const NamedValues& values, int field, std::uint64_t row, ValueNames& names);
  std::string_view bytes() const { return bytes_; }

 private:
  struct Cell {
    std::size_t name_at;
    std::size_t name_bytes;
    std::size_t value_at() const { return name_at + name_bytes + 1; }
  };

  bool set_same_names(const NamedValues& values);
  void set_value(const Cell& cell, double value);
  void add(const NamedValue& value, int field);

  std::string bytes_;
  std::vector<Cell> cells_;
  bool all_admitted_ = false;  // a cell for each value that was given
};

}  // namespace trainbus
