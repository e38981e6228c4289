#include "sink_metrics.hpp"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>

#include "metric_families.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

double seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

MetricFamilies families_of(const std::vector<SinkReport>& reports) {
  MetricFamilies families;
  for (const auto& report : reports) {
    const MetricLabels who{{"sink", report.label}};
    families.counter("log_sink_records_written_total", "Records given to the sink", who, report.written);
    families.counter("log_sink_failures_total", "Calls of the sink that failed", who, report.failures);
    families.gauge("log_sink_up", "0 while the sink fails or hangs in a call", who, report.failing() ? 0 : 1);
    families.gauge("log_sink_behind_seconds", "Since the sink last had all that the journal was known to have", who,
                   seconds(report.behind));
    const auto [done, all] = report.progress;
    families.gauge("log_sink_behind_records", "About how many records of the history are still to come", who,
                   report.caught_up || all < done ? 0 : static_cast<double>(all - done));
    families.gauge("log_sink_position_age_seconds", "Since all that was written was last synced", who,
                   seconds(report.unsynced));
  }
  return families;
}

}  // namespace

class SinkCollector : public prometheus::Collectable {
 public:
  explicit SinkCollector(std::function<std::vector<SinkReport>()> reports) : reports_(std::move(reports)) {}
  std::vector<prometheus::MetricFamily> Collect() const override { return families_of(reports_()).all(); }

 private:
  const std::function<std::vector<SinkReport>()> reports_;
};

std::string sink_metrics_text(const std::vector<SinkReport>& reports) { return families_of(reports).text(); }

SinkMetrics::SinkMetrics(const std::string& listen, std::function<std::vector<SinkReport>()> reports)
    : collector_(std::make_shared<SinkCollector>(std::move(reports))) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0)
    throw std::invalid_argument("--metrics '" + listen + "' does not look like HOST:PORT");
  require_loopback("--metrics", listen.substr(0, colon), false);
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(listen);
  } catch (const std::exception&) {
    throw std::runtime_error("--metrics: cannot listen on '" + listen + "': " + std::strerror(errno));
  }
  exposer_->RegisterCollectable(collector_);
  spdlog::info("metrics at http://{}:{}/metrics", listen.substr(0, colon), exposer_->GetListeningPorts().at(0));
}

SinkMetrics::~SinkMetrics() = default;

}  // namespace trainbus
