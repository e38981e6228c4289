#include "broker/metrics_port.hpp"

#include <stdexcept>
#include <utility>

#include "broker_metrics.hpp"

namespace trainbus {
namespace {

ListenAddress address_of(const std::string& listen) {
  const auto address = parse_listen(listen);
  if (!address) throw std::invalid_argument("--metrics '" + listen + "' does not look like HOST:PORT");
  return *address;
}

MetricFamilies families_of(const v1::BrokerStats& stats) {
  MetricFamilies families;
  add_broker_metrics(families, stats);
  return families;
}

}  // namespace

MetricsPort::MetricsPort(const std::string& listen, std::vector<std::string> host_names,
                         std::chrono::milliseconds answer_within, BearerToken token)
    : host_(address_of(listen).host), answer_within_(answer_within) {
  MetricsServer::Probes probes;
  probes["/healthz"] = [this] { return healthy(); };
  probes["/readyz"] = [this] { return ready(); };
  try {
    server_ = std::make_unique<MetricsServer>(
        address_of(listen), std::move(host_names), [this] { return families_of(figures()); }, std::move(probes),
        std::move(token));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string("--metrics: ") + error.what());
  }
}

MetricsPort::~MetricsPort() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  answered_.notify_all();
  server_.reset();
}

void MetricsPort::turn(const std::function<v1::BrokerStats()>& stats) {
  turned_ = true;
  if (!asked_.exchange(false)) return;
  auto figures = stats();
  const std::lock_guard lock(mutex_);
  answer_ = std::move(figures);
  answered_.notify_all();
}

v1::BrokerStats MetricsPort::figures() {
  if (!turned_) throw std::runtime_error("the broker starts: it reads its journal back");
  std::unique_lock lock(mutex_);
  answer_.reset();
  asked_ = true;
  if (!answered_.wait_for(lock, answer_within_, [this] { return answer_ || ended_; }))
    throw std::runtime_error("the broker's loop has not turned for " + std::to_string(answer_within_.count()) + " ms");
  if (!answer_) throw std::runtime_error("the broker ends");
  return *answer_;
}

// A start may take long, and is not to be ended for that.
MetricsServer::Standing MetricsPort::healthy() {
  if (!turned_) return {true, "starting"};
  figures();
  return {};
}

MetricsServer::Standing MetricsPort::ready() {
  const auto reason = not_ready(figures());
  return {reason.empty(), reason.empty() ? "ok" : reason};
}

std::string not_ready(const v1::BrokerStats& stats) {
  const auto holds = [&](const char* gauge) {
    const auto found = stats.gauges().find(gauge);
    return found != stats.gauges().end() && found->second != 0;
  };
  if (holds("state_folder_missing")) return "the state folder, or a file of it, was taken away: nothing is stored";
  if (holds("journal_failing")) return "the journal cannot be written: nothing is stored";
  return {};
}

}  // namespace trainbus
