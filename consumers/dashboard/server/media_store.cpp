#include "media_store.hpp"

#include <algorithm>
#include <tuple>

namespace trainbus {

std::string_view media_type(const v1::MediaData& media) {
  switch (media.content_case()) {
    case v1::MediaData::kText: return "text";
    case v1::MediaData::kImages: return "images";
    case v1::MediaData::kHistogram: return "histogram";
    case v1::MediaData::kTable: return "table";
    default: return "";
  }
}

void MediaStore::set_budget(std::size_t max_bytes) {
  budget_ = max_bytes;
  keep_budget();
}

void MediaStore::drop_oldest(Named& named) {
  bytes_ -= named.records.front().bytes;
  named.records.pop_front();
  ++named.left_out;
}

void MediaStore::keep_budget() {
  while (bytes_ > budget_) {
    Named* largest = nullptr;
    std::size_t most = 0;
    for (auto& [name, named] : names_) {
      std::size_t bytes = 0;
      for (const auto& record : named.records)
        bytes += record.bytes;
      if (named.records.size() > 1 && bytes > most) {
        most = bytes;
        largest = &named;
      }
    }
    if (largest == nullptr) return;
    drop_oldest(*largest);
  }
}

void MediaStore::take(const v1::MetricsRequest& message) {
  const auto& media = message.media_data();
  auto found = names_.find(media.name());
  if (found == names_.end()) {
    if (names_.size() == kMaxNames) {
      ++of_left_out_names_;
      return;
    }
    found = names_.try_emplace(media.name()).first;
  }
  MediaRecord record{.incarnation = message.incarnation(),
                     .sequence = message.sequence(),
                     .step = static_cast<double>(media.step()),
                     .timestamp_ms = record_ms(message),
                     .data = std::make_shared<const v1::MediaData>(media),
                     .bytes = media.ByteSizeLong()};
  bytes_ += record.bytes;
  auto& records = found->second.records;
  const auto key = [](const MediaRecord& one) { return std::tuple(one.incarnation, one.step, one.sequence); };
  records.insert(std::upper_bound(records.begin(), records.end(), record,
                                  [&](const auto& a, const auto& b) { return key(a) < key(b); }),
                 std::move(record));
  if (records.size() > kMaxRecords) drop_oldest(found->second);
  keep_budget();
}

const MediaRecord* MediaStore::find(std::string_view id) const {
  for (const auto& [name, named] : names_)
    for (const auto& record : named.records)
      if (record.id() == id) return &record;
  return nullptr;
}

}  // namespace trainbus
