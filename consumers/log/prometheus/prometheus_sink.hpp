#pragma once
// The bus as metrics that a Prometheus server scrapes.

#include <memory>
#include <string>
#include <vector>

#include "metrics_server.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

class BusCollector;

// Serves HTTP at /metrics (MetricsServer). What a trainer's last values are is asked from the broker as often
// as Prometheus scrapes, so that an idle trainer has them too; of the records only how many came is counted. So the
// filters of trainbus-log choose what is counted, not which trainers are shown.
class PrometheusSink : public Sink {
 public:
  static constexpr trainbus_sink_option kOptions[] = {
      {"listen", "HOST:PORT", "127.0.0.1:9464", "where Prometheus finds /metrics; port 0: any free one", 0},
      {"max-trainers", "N", "1000", "the newest N are shown, the rest counted", 0},
      {"forget", "TIME", "1h", "a trainer silent for so long is shown no more", 0},
      {"hosts", "NAMES", "", "names beside loopback's and the address by which it may be asked, as head+head.lab", 0},
      {"token", "FILE", "", "whose first line who asks must show: Authorization: Bearer TOKEN", 0},
      {"insecure", "yes|no", "no", "listen on an address that is not loopback: anybody there can read the metrics", 0},
      {},
  };
  static constexpr SinkInfo kInfo{"prometheus", "the last values of all trainers and of the bus, for Prometheus",
                                  TRAINBUS_SINK_LIVE, kOptions};

  explicit PrometheusSink(const SinkOptions& options);
  ~PrometheusSink() override;

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override {}

 private:
  const ListenAddress listen_;
  const std::vector<std::string> host_names_;
  const BearerToken token_;
  const std::uint64_t max_trainers_;
  const std::chrono::milliseconds forget_;
  std::unique_ptr<BusCollector> collector_;
  std::unique_ptr<MetricsServer> server_;
};

}  // namespace trainbus
