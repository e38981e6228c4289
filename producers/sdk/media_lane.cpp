#include "media_lane.hpp"

#include <exception>

namespace trainbus {

void MediaLane::poll_once() {
  auto waiting = state_.media.take();
  if (!waiting) return;
  try {
    encode(*waiting);
  } catch (const std::exception& error) {
    state_.media.refuse("media '" + waiting->media.name() + "': " + error.what());
  }
  state_.media.finished();
}

void MediaLane::encode(WaitingMedia& waiting) {
  if (auto problem = encoder_.encode(waiting); !problem.empty()) return state_.media.refuse(std::move(problem));
  // A full spool refuses and counts it like every record.
  static_cast<void>(state_.spool->push({waiting.timestamp_ms, waiting.step, &std::as_const(waiting.media)}));
}

void MediaLane::drop_waiting() {
  while (auto waiting = state_.media.take()) {
    state_.media.refuse("media '" + waiting->media.name() + "' was not encoded before the deadline of close()");
    state_.media.finished();
  }
}

}  // namespace trainbus
