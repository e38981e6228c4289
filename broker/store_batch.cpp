#include "broker/store_batch.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace trainbus {

void StoreBatch::append(StoreBatch&& later) {
  const auto move_all = [](auto& from, auto& to) { std::move(from.begin(), from.end(), std::back_inserter(to)); };
  move_all(later.new_streams, new_streams);
  move_all(later.incarnations, incarnations);
  move_all(later.lost, lost);
  if (rows_.empty()) {
    rows_ = std::move(later.rows_);
    bytes_ = std::move(later.bytes_);
    return;
  }
  const auto shift = bytes_.size();
  rows_.reserve(rows_.size() + later.rows_.size());
  for (auto& row : later.rows_) {
    row.offset += shift;
    rows_.push_back(row);
  }
  bytes_.append(later.bytes_);
}

void StoreBatch::clear() {
  StoreBatch empty;
  if (bytes_.capacity() <= kMaxRoomBytes && rows_.capacity() * sizeof(Row) <= kMaxRoomBytes) {
    empty.bytes_ = std::move(bytes_);
    empty.rows_ = std::move(rows_);
    empty.bytes_.clear();
    empty.rows_.clear();
  }
  *this = std::move(empty);
}

StoreBatch::Heads StoreBatch::heads() const {
  std::unordered_map<std::uint64_t, std::uint64_t> heads;
  std::uint64_t last_stream = 0;
  std::uint64_t* last = nullptr;  // records of one stream often follow one another
  for (const auto& row : rows_) {
    if (last == nullptr || row.stream != last_stream) last = &heads[last_stream = row.stream];
    *last = std::max(*last, row.sequence);
  }
  for (const auto& range : lost) {
    auto& head = heads[range.stream];
    head = std::max(head, range.last_sequence);
  }
  return {heads.begin(), heads.end()};
}

}  // namespace trainbus
