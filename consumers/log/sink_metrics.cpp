#include "sink_metrics.hpp"

#include <spdlog/spdlog.h>

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
    families.gauge("log_sink_up", "0 while the sink fails or hangs in a call, or has ended", who,
                   report.failing() || !report.over.empty() ? 0 : 1);
    families.gauge("log_sink_behind_seconds", "Since the sink last had all that the journal was known to have", who,
                   seconds(report.behind));
    for (const auto& [limit, met] : report.limits_met)
      families.counter("log_sink_limit_met_total", "How often a bound of the sink was met, and something left out",
                       {{"sink", report.label}, {"limit", limit}}, met);
    const auto [done, all] = report.progress;
    families.gauge("log_sink_behind_records", "About how many records of the history are still to come", who,
                   report.caught_up || all < done ? 0 : static_cast<double>(all - done));
    families.gauge("log_sink_position_age_seconds", "Since all that was written was last synced", who,
                   seconds(report.unsynced));
  }
  return families;
}

}  // namespace

std::string sink_metrics_text(const std::vector<SinkReport>& reports) { return families_of(reports).text(); }

std::unique_ptr<MetricsServer> serve_sink_metrics(const MetricsFlags& flags,
                                                  std::function<std::vector<SinkReport>()> reports) {
  const auto address = parse_listen(flags.listen);
  if (!address) throw std::invalid_argument("--metrics '" + flags.listen + "' does not look like HOST:PORT");
  require_loopback("--metrics", address->host, false);
  try {
    auto token = flags.token_file.empty() ? BearerToken() : BearerToken(flags.token_file);
    auto server = std::make_unique<MetricsServer>(
        *address, flags.host_names, [reports = std::move(reports)] { return families_of(reports()); },
        MetricsServer::Probes{}, std::move(token));
    spdlog::info("metrics at http://{}:{}/metrics", address->host, server->port());
    return server;
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string("--metrics: ") + error.what());
  }
}

}  // namespace trainbus
