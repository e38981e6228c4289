#pragma once
// A look at each trainer's tiles once in a while. Tiles are live and cost the trainer their encoding, so they are
// subscribed only from when a look is due until it is had.

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "trainbus/tile_feed.hpp"

namespace trainbus::tensorboard {

// Single-threaded; owns a TileFeed with a thread of its own.
class TileCamera {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Throws std::invalid_argument on a bad address.
  TileCamera(const std::string& broker, std::chrono::milliseconds period) : feed_(broker), period_(period) {}

  // The trainer is at work: looks are due from now on. Forgotten when it is not said again for a minute.
  void notice(const SessionName& session, Time now);
  // It has ended.
  void forget(const SessionName& session);
  // The looks that were had, at most one per trainer and period.
  std::vector<TileFrame> look(Time now);

 private:
  struct Subject {
    SessionName session;
    Time heard_at, due_at;
    bool watched = false;
  };
  void unwatch(Subject& subject);

  TileFeed feed_;
  const std::chrono::milliseconds period_;
  std::map<std::string, Subject> subjects_;
};

}  // namespace trainbus::tensorboard
