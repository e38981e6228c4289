#pragma once
// How the sinks do, for Prometheus: --metrics 127.0.0.1:PORT.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "metrics_server.hpp"
#include "sink_runner.hpp"

namespace trainbus {

// The text that is served.
std::string sink_metrics_text(const std::vector<SinkReport>& reports);

// Serves them (MetricsServer); `reports` is called from a thread of its own. `host_names`: by which it may be asked,
// beside those of loopback. Throws std::runtime_error with one line when it cannot listen there;
// std::invalid_argument when `listen` is not HOST:PORT with a loopback host.
std::unique_ptr<MetricsServer> serve_sink_metrics(const std::string& listen, std::vector<std::string> host_names,
                                                  std::function<std::vector<SinkReport>()> reports);

}  // namespace trainbus
