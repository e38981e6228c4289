#pragma once
// What the dashboard is made of, for whoever answers a request. Belongs to the asio thread.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>

#include "bus_model.hpp"
#include "connection_book.hpp"
#include "control_desk.hpp"
#include "dashboard.hpp"
#include "hub.hpp"
#include "request_guard.hpp"
#include "static_files.hpp"
#include "tile_stream.hpp"

namespace trainbus {

struct Site {
  explicit Site(const DashboardOptions& chosen);

  const DashboardOptions options;
  boost::asio::io_context io{1};
  BusModel model;
  TileStream tiles;
  Hub hub;
  StaticFiles files;
  HostNames host_names;
  RateLimit command_rate;
  ConnectionBook connections;                   // WebSockets included
  std::map<unsigned, std::uint64_t> responses;  // by HTTP status
  BrokerFigures broker;                         // the newest
  ControlDesk desk;
};

}  // namespace trainbus
