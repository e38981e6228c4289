#include "tile_camera.hpp"

namespace trainbus::tensorboard {
namespace {

constexpr std::chrono::seconds kForgetAfter{60};
constexpr double kRateHz = 10;  // while a look is due: one of the next batches

}  // namespace

void TileCamera::notice(const SessionName& session, Time now) {
  const auto [at, is_new] = subjects_.try_emplace(session.id());
  if (is_new) at->second = {.session = session, .heard_at = now, .due_at = now};
  at->second.heard_at = now;
}

void TileCamera::unwatch(Subject& subject) {
  if (std::exchange(subject.watched, false)) feed_.unwatch(subject.session);
}

void TileCamera::forget(const SessionName& session) {
  const auto found = subjects_.find(session.id());
  if (found == subjects_.end()) return;
  unwatch(found->second);
  subjects_.erase(found);
}

std::vector<TileFrame> TileCamera::look(Time now) {
  auto frames = feed_.take();
  std::erase_if(frames, [&](const TileFrame& frame) {
    const auto found = subjects_.find(frame.topic.session.id());
    if (found == subjects_.end() || !found->second.watched) return true;
    unwatch(found->second);
    found->second.due_at = now + period_;
    return false;
  });
  for (auto at = subjects_.begin(); at != subjects_.end();) {
    auto& subject = at->second;
    if (now - subject.heard_at > kForgetAfter) {
      unwatch(subject);
      at = subjects_.erase(at);
      continue;
    }
    if (!subject.watched && now >= subject.due_at) {
      feed_.watch(subject.session, kRateHz);
      subject.watched = true;
    }
    ++at;
  }
  return frames;
}

}  // namespace trainbus::tensorboard
