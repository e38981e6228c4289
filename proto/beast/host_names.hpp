#pragma once
// Which Host headers an HTTP server answers to: a page from elsewhere that had its name rebound to this address (DNS
// rebinding) asks by a name that is none of them.

#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

// The Host names this server answers to: loopback ones, the listen host, and those allowed by name. When it listens on
// an address that is not loopback, any IP address too: only a name can be rebound.
class HostNames {
 public:
  HostNames(std::string listen_host, std::vector<std::string> allowed);
  // `host`: the Host header, with or without a port.
  bool answers_to(std::string_view host) const;

 private:
  std::string listen_host_;
  std::vector<std::string> allowed_;
};

}  // namespace trainbus
