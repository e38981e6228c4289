#pragma once
// A few values with names, on their way into a record.

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace trainbus {

struct NamedValue {
  NamedValue() = default;
  template <class Number>
  requires std::is_arithmetic_v<Number> NamedValue(std::string_view of, Number is)
      : name(of), value(static_cast<double>(is)) {}

  std::string_view name;  // UTF-8 of 1 to 128 bytes without control characters; '/' groups: "val/iou"
  double value = 0;       // NaN and infinity are values
};

// Copies the pairs, not the names: these are read before the log_* call returns. Eight need no allocation. Of two
// values with one name the later counts.
class NamedValues {
 public:
  NamedValues() = default;
  NamedValues(std::initializer_list<NamedValue> values) : NamedValues(std::span(values.begin(), values.size())) {}
  // Any range of pairs of a name and a number: std::map<std::string, double>.
  template <class Range>
  requires requires(const Range& range) { NamedValue{range.begin()->first, range.begin()->second}; }
  NamedValues(const Range& range) {
    for (const auto& [name, value] : range)
      add({name, value});
  }
  NamedValues(std::span<const NamedValue> values) {
    for (const NamedValue& value : values)
      add(value);
  }

  void add(NamedValue value) {
    if (size_ < few_.size()) {
      few_[size_++] = value;
      return;
    }
    if (size_ == few_.size()) many_.assign(few_.begin(), few_.end());
    many_.push_back(value);
    ++size_;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const NamedValue* begin() const { return size_ <= few_.size() ? few_.data() : many_.data(); }
  const NamedValue* end() const { return begin() + size_; }

 private:
  std::array<NamedValue, 8> few_{};
  std::vector<NamedValue> many_;  // all of them, once they are more
  std::size_t size_ = 0;
};

}  // namespace trainbus
