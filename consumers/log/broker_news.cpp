#include "broker_news.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "trainbus/control_client.hpp"
#include "trainbus/storing.hpp"

namespace trainbus {
namespace {

// What is not in the journal yet is not in the sinks either.
void warn_of_what_is_not_stored(const std::string& broker) {
  ControlClient client(broker);
  const auto stats = client.stats(std::chrono::seconds(1));
  if (const auto trouble = stats ? storing_trouble(*stats) : ""; !trouble.empty())
    spdlog::warn("{}; what came since is not written", trouble);
}

}  // namespace

BrokerNews::BrokerNews(const BrokerSite& site, const std::vector<std::unique_ptr<SinkRunner>>& runners, Time now)
    : broker_(site.address), alerts_(site.address), archives_(site.address), heard_(now) {
  for (std::size_t i = 0; i < runners.size(); ++i)
    if (runners[i]->broker() == broker_) sinks_.push_back(i);
}

std::vector<SinkReport> BrokerNews::of_this_broker(const std::vector<SinkReport>& all) const {
  std::vector<SinkReport> reports;
  for (const auto i : sinks_)
    reports.push_back(all[i]);
  return reports;
}

void BrokerNews::turn(const std::vector<SinkReport>& all, Time now, bool once) {
  const auto reports = of_this_broker(all);
  alerts_.turn(reports, now);
  if (std::ranges::any_of(reports, &SinkReport::connected)) heard_ = now;
  if (once && now - heard_ > kOnceWaitsForBroker)
    throw std::runtime_error("no broker answered at " + broker_ + " for 10 s: " + control_silence(broker_));
  archives_.turn(reports, now);
}

void BrokerNews::end(bool once) {
  alerts_.end();
  if (once) warn_of_what_is_not_stored(broker_);
}

void BrokerNews::say_archived(const std::vector<SinkReport>& all) {
  archives_.end(of_this_broker(all), std::chrono::steady_clock::now());
}

}  // namespace trainbus
