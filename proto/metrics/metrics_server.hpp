#pragma once
// /metrics over HTTP for a Prometheus server, and what probes ask for: --metrics and the sink prometheus.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bearer_token.hpp"
#include "listen_address.hpp"
#include "metric_families.hpp"

namespace trainbus {

// Serves from two threads of its own: one for the connections, and one that calls `collect` and the probes, which may
// be slow: never two at a time, and each once for all who ask meanwhile.
//
// GET and HEAD of /metrics and the probes, to the loopback names, the listen address and the names that were given
// (HostNames); 404, 405 and 403 otherwise. /metrics only to who shows the token, where there is one: 401. Bounds:
// kMostConnections, past which the one that has waited longest for its request is cut; 8 KiB of headers, no body;
// kRequestWithin for a request, kIdle between two, kAnswerWithin to take an answer. What was cut is counted in the
// metrics trainbus_metrics_http_..., and said once a minute.
class MetricsServer {
 public:
  static constexpr std::size_t kMostConnections = 32;
  static constexpr std::chrono::seconds kRequestWithin{5};
  static constexpr std::chrono::seconds kAnswerWithin{10};
  static constexpr std::chrono::seconds kIdle{120};

  using Collect = std::function<MetricFamilies()>;
  // What a probe is told: 200, or 503 and why. One that throws is 503, too.
  struct Standing {
    bool good = true;
    std::string text = "ok";  // a line for people
  };
  using Probes = std::map<std::string, std::function<Standing()>, std::less<>>;  // by path: "/healthz"

  // Throws std::runtime_error with one line when it cannot listen there; port 0: any free one.
  MetricsServer(const ListenAddress& listen, std::vector<std::string> host_names, Collect collect, Probes probes = {},
                BearerToken token = {});
  // Waits for a `collect` or a probe that runs.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  std::uint16_t port() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace trainbus
