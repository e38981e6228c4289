#pragma once
// One broker of several: --broker NAME=tcp://HOST:P, repeatable.

#include <string>
#include <vector>

namespace trainbus {

struct BrokerSite {
  std::string name;  // "": the only one
  std::string address;
};

// "NAME=ADDRESS" of each of several, or "ADDRESS" of the only one. Throws std::invalid_argument with one line that
// names the value: an address that is none, one of several without a name, a name outside [A-Za-z0-9._-]{1,64}, one
// given twice.
std::vector<BrokerSite> parse_broker_sites(const std::vector<std::string>& texts);

}  // namespace trainbus
