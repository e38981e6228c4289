#include "prometheus_sink.hpp"

#include <prometheus/exposer.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>

#include "bus_collector.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

std::string listen_address(const SinkOptions& options) {
  const auto listen = options.text("listen");
  const auto colon = listen.rfind(':');
  const auto digits = colon == std::string::npos ? std::string{} : listen.substr(colon + 1);
  const bool is_port =
      !digits.empty() && digits.size() <= 5 && digits.find_first_not_of("0123456789") == std::string::npos;
  if (colon == 0 || !is_port || std::stoi(digits) > 65535)
    options.refuse("listen", "must look like HOST:PORT, the port from 0 to 65535");
  if (!options.flag("insecure") && !is_loopback(listen.substr(0, colon)))
    options.refuse("listen",
                   "is not a loopback address; anybody who reaches it could read the metrics. Use 127.0.0.1, "
                   "or say insecure=yes");
  return listen;
}

}  // namespace

PrometheusSink::PrometheusSink(const SinkOptions& options)
    : listen_(listen_address(options)),
      max_trainers_(options.number("max-trainers", 1, 1'000'000)),
      forget_(options.duration("forget")) {}

PrometheusSink::~PrometheusSink() = default;

StreamHeads PrometheusSink::open() {
  if (exposer_) return {};
  collector_ = std::make_shared<BusCollector>(broker(), max_trainers_, forget_);
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(listen_);
  } catch (const std::exception&) {
    throw std::runtime_error("cannot listen on '" + listen_ + "': " + std::strerror(errno));
  }
  exposer_->RegisterCollectable(collector_);
  spdlog::info("metrics at http://{}:{}/metrics", listen_.substr(0, listen_.rfind(':')),
               exposer_->GetListeningPorts().at(0));
  return {};
}

void PrometheusSink::write(const SinkRecord& record) { collector_->count(kind_from_name(record.kind())); }

}  // namespace trainbus
