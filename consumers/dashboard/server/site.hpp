#pragma once
// One broker, and what is known of it: what an API request is answered from. Belongs to the asio thread.

#include "bus_feed.hpp"
#include "bus_model.hpp"
#include "control_desk.hpp"
#include "ended_runs_desk.hpp"
#include "hub.hpp"
#include "server.hpp"
#include "site_limits.hpp"
#include "tile_stream.hpp"

namespace trainbus {

struct Site {
  Site(Server& owner, const NamedBroker& where);

  Server& server;
  const NamedBroker at;
  BusModel model;
  TileStream tiles;
  Hub hub;
  BrokerFigures broker;  // the newest
  ControlDesk desk;
  SiteLimits limits{*this};
  ControlDesk reading_room;  // long reads of the journal: no command waits for them
  BusFeed feed;
  std::unique_ptr<EndedRunsDesk> history;  // none: nobody said where it is

 private:
  void take(BrokerFigures figures);
};

}  // namespace trainbus
