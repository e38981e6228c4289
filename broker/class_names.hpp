#pragma once
// The class names of trainers' plans: often a thousand, and the same for every trainer of a data set. They are kept
// once, apart from the records that a list shows. Used by the bus thread only.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "trainbus.pb.h"

namespace trainbus {

class ClassNames {
 public:
  struct Names {
    // A MetricsRequest with a plan's class names only. Appended to the bytes of a record without them it gives the
    // whole record: concatenated messages are merged when they are parsed.
    std::string bytes;
    std::uint32_t count = 0;
  };
  using Shared = std::shared_ptr<const Names>;

  // Of a status record with class names: these, and the record without them. nullptr of one without any.
  Shared take_out(const v1::MetricsRequest& record, std::string& without) {
    const auto count = record.status_update().config().class_names_size();
    if (count == 0) return nullptr;
    v1::MetricsRequest rest = record, names;
    names.mutable_status_update()->mutable_config()->mutable_class_names()->Swap(
        rest.mutable_status_update()->mutable_config()->mutable_class_names());
    rest.SerializeToString(&without);
    return share(names.SerializeAsString(), static_cast<std::uint32_t>(count));
  }

 private:
  Shared share(std::string bytes, std::uint32_t count) {
    auto& known = known_[std::hash<std::string>()(bytes)];
    if (auto same = known.lock(); same && same->bytes == bytes) return same;
    auto names = std::make_shared<const Names>(Names{std::move(bytes), count});
    known = names;
    if (known_.size() >= 2 * kept_at_last_sweep_ + kSweepAtLeast) {
      std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
      kept_at_last_sweep_ = known_.size();
    }
    return names;
  }

  static constexpr std::size_t kSweepAtLeast = 64;
  std::unordered_map<std::size_t, std::weak_ptr<const Names>> known_;  // by hash of the bytes
  std::size_t kept_at_last_sweep_ = 0;
};

}  // namespace trainbus
