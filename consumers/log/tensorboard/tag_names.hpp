#pragma once
// Which tag a name gets. TensorBoard takes the content of a tag from its first summary, so one tag can have one content
// only: a name that has another content already, or that is one of the tags made here (README.md), gets the dashboard's
// name appended, as in "train/loss/scalars".

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tensorboard_event.pb.h"

namespace trainbus::tensorboard {

enum class Dashboard : std::uint8_t { kScalars = 1, kImages = 2, kText = 3, kHistograms = 4 };

// Of one trainer. Single-threaded.
class TagNames {
 public:
  // Names of one trainer, as many as the SDK gives out for values and again for media.
  static constexpr std::size_t kMaxNames = 4000;

  // Valid until the next call. nullptr past kMaxNames, which is counted. What is new is told to `event`, which is the
  // memory of it.
  const std::string* tag_of(const std::string& name, Dashboard dashboard, Event& event);
  // As an event says that was read back.
  void restore(const NewTag& known);
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Use {
    Dashboard dashboard;
    std::string tag;  // empty: the name
  };
  const std::string* add(const std::string& name, Dashboard dashboard, Event& event);

  std::unordered_map<std::string, std::vector<Use>> uses_;
  std::size_t count_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace trainbus::tensorboard
