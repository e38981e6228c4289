#include "secrets.hpp"

#include <algorithm>

#include "sink_plan.hpp"

namespace trainbus {

Secrets::Secrets(const SinkPlan& plan) {
  for (std::size_t i = 0; i < plan.values.size(); ++i) {
    secrets_.push_back(url_password(plan.values[i]));
    if (plan.type->options[i].secret != 0) secrets_.push_back(plan.values[i]);
  }
  std::erase(secrets_, "");
  std::ranges::sort(secrets_, std::greater{}, &std::string::size);
}

std::string Secrets::scrub(std::string text) const {
  for (const auto& secret : secrets_)
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3)
      text.replace(at, secret.size(), "***");
  return text;
}

std::string url_password(const std::string& text) {
  const auto scheme = text.find("://");
  if (scheme == std::string::npos) return {};
  const auto authority = scheme + 3;
  const auto at = text.rfind('@', text.find_first_of("/?#", authority));
  const auto colon = text.find(':', authority);
  if (at == std::string::npos || at < authority || colon > at) return {};
  return text.substr(colon + 1, at - colon - 1);
}

}  // namespace trainbus
