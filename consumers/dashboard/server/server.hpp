#pragma once
// What the dashboard is made of: one listening address, and a Site for each broker. Belongs to the asio thread.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../login/login_desk.hpp"
#include "connection_book.hpp"
#include "dashboard.hpp"
#include "host_names.hpp"
#include "request_guard.hpp"
#include "request_target.hpp"
#include "static_files.hpp"
#include "tls_files.hpp"

namespace trainbus {

struct Site;

struct Server {
  // Checks the options: throws with one line that names the value.
  explicit Server(const DashboardOptions& chosen);
  ~Server();

  // Whose a path is: "/at/NAME/api/trainers" becomes "/api/trainers" of the site NAME; a path without that is the first
  // one's. nullptr: there is no such site.
  Site* site_of(RequestTarget& target) const;

  const DashboardOptions options;
  boost::asio::io_context io{1};
  StaticFiles files;
  HostNames host_names;
  std::optional<TlsFiles> tls;
  LoginDesk login;
  RateLimit command_rate;
  ConnectionBook connections;                   // WebSockets included
  std::map<unsigned, std::uint64_t> responses;  // by HTTP status
  std::vector<std::unique_ptr<Site>> sites;     // at least one
};

}  // namespace trainbus
