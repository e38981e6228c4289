#pragma once
// /metrics: the Prometheus text of what the dashboard knows of trainers, broker and itself. Belongs to the asio thread.

#include <string>
#include <string_view>

namespace trainbus {

struct Site;

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// A figure that is not known has no sample.
std::string metrics_text(const Site& site);

}  // namespace trainbus
