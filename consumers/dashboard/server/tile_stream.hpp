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

class TileStream {
 public:
  TileStream(boost::asio::io_context& io, const std::string& broker);

  // This viewer watches this trainer, and no other from now on. The trainer is asked for the highest rate over its
  // viewers.
  void watch(WsSession& viewer, const SessionName& session, double max_rate_hz);
  void unwatch(WsSession& viewer);

  bool watched(const SessionName& session) const { return watched_.contains(session.id()); }
  TileCounters counters() const { return feed_.counters(); }

 private:
  struct Watched {
    SessionName session;
    std::map<WsSession*, double> viewers;  // and the rate each can use
    double demanded_hz = 0;
  };
  void demand(Watched& watched);
  void deliver();

  std::map<std::string, Watched> watched_;  // by session id
  TileFeed feed_;
};

}  // namespace trainbus
