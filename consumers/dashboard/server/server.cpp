#include "server.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "site.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kSitePrefix = "at";

// Of several sites each has a name; here, with one line, and not in a thread.
DashboardOptions checked(DashboardOptions options) {
  if (options.sites.empty()) options.sites.push_back({"", options.broker});
  std::set<std::string> names;
  for (const auto& [name, broker] : options.sites) {
    parse_endpoints(broker);
    if (options.sites.size() == 1 && name.empty()) continue;
    if (!valid_name(name))
      throw std::invalid_argument("--broker " + broker + ": of several brokers each needs a name: NAME=" + broker);
    if (!names.insert(name).second)
      throw std::invalid_argument("--broker " + name + '=' + broker + ": another one has this name");
  }
  return options;
}

}  // namespace

Server::Server(const DashboardOptions& chosen)
    : options(checked(chosen)),
      files(options.www_root),
      host_names(options.host, options.allowed_hosts),
      login(options.login_dir, io.get_executor()),
      command_rate(options.commands_per_second, options.command_burst),
      connections({options.max_connections}) {
  if (!options.tls_cert.empty()) tls.emplace(options.tls_cert, options.tls_key);
  for (const auto& broker : options.sites)
    sites.push_back(std::make_unique<Site>(*this, broker));
}

Server::~Server() = default;

Site* Server::site_of(RequestTarget& target) const {
  if (target.segments.empty() || target.segments.front() != kSitePrefix) return sites.front().get();
  if (target.segments.size() < 2) return nullptr;
  const std::string name = target.segments[1];
  const auto found = std::ranges::find_if(sites, [&](const auto& site) { return site->at.name == name; });
  if (found == sites.end() || name.empty()) return nullptr;
  target.path.erase(0, std::string("/at/").size() + name.size());
  if (target.path.empty()) return nullptr;  // the page's own paths are relative: it is at /at/NAME/
  target.segments.erase(target.segments.begin(), target.segments.begin() + 2);
  return found->get();
}

}  // namespace trainbus
