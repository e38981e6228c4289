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

// Where they are served, and to whom.
struct MetricsFlags {
  std::string listen = {};                   // HOST:PORT; "": nowhere
  std::vector<std::string> host_names = {};  // by which it may be asked, beside those of loopback
  std::string token_file = {};               // "": nobody is asked for a token
};

// Serves them (MetricsServer); `reports` is called from a thread of its own. Throws std::runtime_error with one line
// when it cannot listen there or read the token; std::invalid_argument when `listen` is not HOST:PORT with a loopback
// host.
std::unique_ptr<MetricsServer> serve_sink_metrics(const MetricsFlags& flags,
                                                  std::function<std::vector<SinkReport>()> reports);

}  // namespace trainbus
