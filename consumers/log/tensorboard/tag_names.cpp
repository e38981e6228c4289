#include "tag_names.hpp"

#include <algorithm>
#include <array>

namespace trainbus::tensorboard {
namespace {

constexpr std::array<std::string_view, 4> kDashboardNames{"scalars", "images", "text", "histograms"};

// The tags of summaries.cpp and hparams.cpp.
bool is_ours(std::string_view name) {
  constexpr std::string_view kOurs[] = {"train/loss",
                                        "train/accuracy",
                                        "learning_rate",
                                        "epoch/number",
                                        "epoch/train_loss",
                                        "epoch/train_accuracy",
                                        "epoch/validation_loss",
                                        "epoch/validation_accuracy",
                                        "epoch/learning_rate",
                                        "status",
                                        "hyperparameters",
                                        "commands",
                                        "alerts"};
  for (const std::string_view group : {"perf/", "tiles/", "_hparams_/"})
    if (name.starts_with(group)) return true;
  return std::find(std::begin(kOurs), std::end(kOurs), name) != std::end(kOurs);
}

}  // namespace

const std::string* TagNames::tag_of(const std::string& name, Dashboard dashboard, Event& event) {
  if (const auto found = uses_.find(name); found != uses_.end())
    for (const auto& use : found->second)
      if (use.dashboard == dashboard) return use.tag.empty() ? &found->first : &use.tag;
  return add(name, dashboard, event);
}

const std::string* TagNames::add(const std::string& name, Dashboard dashboard, Event& event) {
  if (count_ >= kMaxNames) {
    ++left_out_;
    return nullptr;
  }
  NewTag known;
  known.set_name(name);
  known.set_dashboard(static_cast<std::uint32_t>(dashboard));
  if (auto tag = name; is_ours(tag) || uses_.contains(tag)) {
    do
      tag.append("/").append(kDashboardNames[static_cast<std::size_t>(dashboard) - 1]);
    while (uses_.contains(tag));
    known.set_tag(tag);
  }
  restore(known);
  *event.add_new_tag() = known;
  return tag_of(name, dashboard, event);
}

void TagNames::restore(const NewTag& known) {
  if (known.dashboard() < 1 || known.dashboard() > kDashboardNames.size()) return;
  ++count_;
  // Its tag is taken too: a later name may be the same.
  if (!known.tag().empty()) uses_.try_emplace(known.tag());
  // A vector of one or two: what points into it is used before the next call only.
  uses_[known.name()].push_back({static_cast<Dashboard>(known.dashboard()), known.tag()});
}

}  // namespace trainbus::tensorboard
