#pragma once
// The tiles of the trainers that browsers watch: states the demand to the bus, and offers each batch to its viewers.
// Belongs to the asio thread; the feed's thread only posts to it.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "trainbus/tile_feed.hpp"

namespace trainbus {

class WsSession;

// What one viewer can use.
struct TileDemand {
  double max_rate_hz = 60;  // batches with tiles per second
  int max_pixels = 0;       // longer side of a tile; 0: no limit stated
  bool operator==(const TileDemand&) const = default;
};

class TileStream {
 public:
  TileStream(boost::asio::io_context& io, const std::string& broker);

  // This viewer watches this trainer, and no other from now on. The trainer is asked for the highest rate and the
  // largest size over its viewers.
  void watch(WsSession& viewer, const SessionName& session, const TileDemand& demand);
  void unwatch(WsSession& viewer);

  bool watched(const SessionName& session) const { return watched_.contains(session.id()); }
  TileCounters counters() const { return feed_.counters(); }

 private:
  struct Watched {
    SessionName session;
    std::map<WsSession*, TileDemand> viewers;  // and what each can use
    TileDemand stated{0, 0};
  };
  void state_demand(Watched& watched);
  void deliver();

  std::map<std::string, Watched> watched_;  // by session id
  TileFeed feed_;
};

}  // namespace trainbus
