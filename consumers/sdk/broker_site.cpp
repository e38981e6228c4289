#include "trainbus/broker_site.hpp"

#include <set>
#include <stdexcept>

#include "trainbus/endpoints.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

// An address has no "=" before its "://".
BrokerSite parse(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals > text.find("://")) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

std::vector<BrokerSite> parse_broker_sites(const std::vector<std::string>& texts) {
  std::vector<BrokerSite> sites;
  std::set<std::string> names;
  for (const auto& text : texts) {
    const auto& site = sites.emplace_back(parse(text));
    parse_endpoints(site.address);
    const bool alone = texts.size() == 1 && site.name.empty();
    if (!alone && !valid_name(site.name))
      throw std::invalid_argument("--broker " + text + ": of several brokers each needs a name: NAME=" + site.address);
    if (!names.insert(site.name).second)
      throw std::invalid_argument("--broker " + text + ": another one has this name");
  }
  return sites;
}

}  // namespace trainbus
