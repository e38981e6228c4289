#pragma once
// How the sinks do, for Prometheus: --metrics 127.0.0.1:PORT.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sink_runner.hpp"

namespace prometheus {
class Exposer;
}

namespace trainbus {

// The text that is served.
std::string sink_metrics_text(const std::vector<SinkReport>& reports);

// Serves HTTP at /metrics from threads of its own, which call `reports`.
class SinkMetrics {
 public:
  // Throws std::runtime_error with one line when it cannot listen there; std::invalid_argument when it is not
  // HOST:PORT with a loopback host.
  SinkMetrics(const std::string& listen, std::function<std::vector<SinkReport>()> reports);
  ~SinkMetrics();

 private:
  std::shared_ptr<class SinkCollector> collector_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace trainbus
