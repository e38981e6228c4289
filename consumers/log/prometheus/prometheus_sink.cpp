#include "prometheus_sink.hpp"

#include <spdlog/spdlog.h>

#include <sstream>

#include "bus_collector.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

ListenAddress listen_address(const SinkOptions& options) {
  const auto listen = parse_listen(options.text("listen"));
  if (!listen) options.refuse("listen", "must look like HOST:PORT, the port from 0 to 65535");
  if (!options.flag("insecure") && !is_loopback(listen->host))
    options.refuse("listen",
                   "is not a loopback address; anybody who reaches it could read the metrics. Use 127.0.0.1, "
                   "or say insecure=yes");
  return *listen;
}

std::vector<std::string> host_names(const SinkOptions& options) {
  std::vector<std::string> names;
  std::istringstream text(options.text("hosts"));
  for (std::string name; std::getline(text, name, '+');)
    names.push_back(name);
  return names;
}

BearerToken token(const SinkOptions& options) {
  const auto path = options.text("token");
  if (path.empty()) return {};
  try {
    return BearerToken(path);
  } catch (const std::runtime_error& error) {
    options.refuse("token", error.what());
  }
}

}  // namespace

PrometheusSink::PrometheusSink(const SinkOptions& options)
    : listen_(listen_address(options)),
      host_names_(host_names(options)),
      token_(token(options)),
      max_trainers_(options.number("max-trainers", 1, 1'000'000)),
      forget_(options.duration("forget")) {}

PrometheusSink::~PrometheusSink() = default;

StreamHeads PrometheusSink::open() {
  if (server_) return {};
  collector_ = std::make_unique<BusCollector>(
      broker(), max_trainers_, forget_,
      [this](const char* limit, std::size_t bound, const char* unit, const char* policy) {
        limit_met(limit, static_cast<double>(bound), unit, policy);
      });
  server_ = std::make_unique<MetricsServer>(
      listen_, host_names_, [this] { return collector_->collect(); }, MetricsServer::Probes{}, token_);
  spdlog::info("metrics at http://{}:{}/metrics", listen_.host, server_->port());
  return {};
}

void PrometheusSink::write(const SinkRecord& record) { collector_->count(kind_from_name(record.kind())); }

}  // namespace trainbus
