#pragma once
// The names that one trainer has given its values.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "trainbus/value_name.hpp"

namespace trainbus {

// Not thread-safe. Remembers at most kMaxValueNames; a name outside the grammar, and a new one past the bound, is
// refused.
class ValueNames {
 public:
  struct Use {
    std::uint64_t row = 0;  // the last row of values that the name went into
    std::size_t place = 0;  // and its place there
  };

  // What the owner of the rows knows of the name; null when no value may go out under it.
  Use* admit(std::string_view name);

  // Why this name was refused, in one line.
  static std::string problem(std::string_view refused);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  std::unordered_map<std::string, Use, Hash, std::equal_to<>> names_;
};

}  // namespace trainbus
