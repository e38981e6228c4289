#include "value_row.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <array>
#include <bit>

namespace trainbus {
namespace {

using google::protobuf::internal::WireFormatLite;
using Coded = google::protobuf::io::CodedOutputStream;

constexpr std::uint8_t kNameTag = 1 << 3 | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr std::uint8_t kValueTag = 2 << 3 | WireFormatLite::WIRETYPE_FIXED64;

}  // namespace

ValueRow::Refused ValueRow::set(const NamedValues& values, int field, std::uint64_t row, ValueNames& names) {
  if (set_same_names(values)) return {};
  Refused refused;
  bytes_.clear();
  cells_.clear();
  for (const NamedValue& value : values) {
    ValueNames::Use* use = names.admit(value.name);
    if (use == nullptr) {
      if (refused.count++ == 0) refused.first = value.name;
    } else if (use->row == row) {
      set_value(cells_[use->place], value.value);
    } else {
      *use = {row, cells_.size()};
      add(value, field);
    }
  }
  all_admitted_ = cells_.size() == values.size();
  return refused;
}

bool ValueRow::set_same_names(const NamedValues& values) {
  if (!all_admitted_ || values.size() != cells_.size()) return false;
  const std::string_view bytes = bytes_;
  auto cell = cells_.begin();
  for (const NamedValue& value : values) {
    if (bytes.substr(cell->name_at, cell->name_bytes) != value.name) return false;
    set_value(*cell++, value.value);
  }
  return true;
}

void ValueRow::set_value(const Cell& cell, double value) {
  Coded::WriteLittleEndian64ToArray(std::bit_cast<std::uint64_t>(value),
                                    reinterpret_cast<std::uint8_t*>(bytes_.data() + cell.value_at()));
}

void ValueRow::add(const NamedValue& value, int field) {
  const auto name_bytes = static_cast<std::uint32_t>(value.name.size());
  const auto name_size_bytes = static_cast<std::uint32_t>(Coded::VarintSize32(name_bytes));
  std::array<std::uint8_t, 16> head{};
  std::uint8_t* end = Coded::WriteVarint32ToArray(
      static_cast<std::uint32_t>(field) << 3 | WireFormatLite::WIRETYPE_LENGTH_DELIMITED, head.data());
  end = Coded::WriteVarint32ToArray(1 + name_size_bytes + name_bytes + 1 + sizeof(double), end);
  *end++ = kNameTag;
  end = Coded::WriteVarint32ToArray(name_bytes, end);
  bytes_.append(head.begin(), end);
  cells_.push_back({bytes_.size(), name_bytes});
  bytes_ += value.name;
  bytes_ += static_cast<char>(kValueTag);
  bytes_.append(sizeof(double), '\0');
  set_value(cells_.back(), value.value);
}

}  // namespace trainbus
