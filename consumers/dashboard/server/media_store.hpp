#pragma once
// The newest media of one trainer, by name: what /api/…/media serves.
//
// Single-threaded. Bounded: kMaxNames names, kMaxRecords of a name (the oldest go), and a number of bytes over all of
// them (the oldest of the name with the most go). What is left out is counted.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "trainbus/consumer.hpp"

namespace trainbus {

struct MediaRecord {
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  double step = 0;  // of its incarnation
  std::int64_t timestamp_ms = 0;
  std::shared_ptr<const v1::MediaData> data;
  std::size_t bytes = 0;

  // "INCARNATION-SEQUENCE": never another record's.
  std::string id() const { return std::to_string(incarnation) + '-' + std::to_string(sequence); }
};

// "text", "images", "histogram", "table"; "" for none.
std::string_view media_type(const v1::MediaData& media);

class MediaStore {
 public:
  static constexpr std::size_t kMaxNames = 256;
  static constexpr std::size_t kMaxRecords = 100;

  struct Named {
    std::deque<MediaRecord> records;  // by incarnation and step, oldest first
    std::uint64_t left_out = 0;
  };
  using ByName = std::map<std::string, Named, std::less<>>;

  // At most so many bytes from now on; takes effect at once. The newest record of a name is always kept.
  void set_budget(std::size_t max_bytes);
  void take(const v1::MetricsRequest& message);

  const ByName& all() const { return names_; }
  // Valid until the next change; nullptr when it is not here (any more).
  const MediaRecord* find(std::string_view id) const;
  // Records of names beyond kMaxNames.
  std::uint64_t records_of_left_out_names() const { return of_left_out_names_; }

 private:
  void keep_budget();
  void drop_oldest(Named& named);

  ByName names_;
  std::size_t bytes_ = 0;
  std::size_t budget_ = std::size_t{64} << 20;
  std::uint64_t of_left_out_names_ = 0;
};

}  // namespace trainbus
