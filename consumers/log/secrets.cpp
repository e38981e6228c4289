#include "secrets.hpp"

#include <algorithm>
#include <cstring>

#include "sink_plan.hpp"

namespace trainbus {

Secrets::Secrets(const SinkPlan& plan) {
  for (std::size_t i = 0; i < plan.values.size(); ++i) {
    for (auto& password : passwords_in(plan.values[i]))
      secrets_.push_back(std::move(password));
    if (plan.type->options[i].secret == 1) secrets_.push_back(plan.values[i]);
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

namespace {

// After "://" at `authority`: "user:pw@" or, of some schemes, "token@".
void add_user_info(std::vector<std::string>& found, const std::string& text, std::size_t authority) {
  const auto at = text.rfind('@', text.find_first_of("/?# ", authority));
  if (at == std::string::npos || at < authority) return;
  const auto user_info = text.substr(authority, at - authority);
  const auto colon = user_info.find(':');
  const bool is_token = text.compare(authority < 7 ? 0 : authority - 7, 7, "nats://") == 0 ||
                        text.compare(authority < 6 ? 0 : authority - 6, 6, "tls://") == 0;
  if (colon != std::string::npos)
    found.push_back(user_info.substr(colon + 1));
  else if (is_token)
    found.push_back(user_info);
}

// The value at `at`: in quotes with backslashes (conninfo), or up to a space or the next & of a URL.
std::string value_at(const std::string& text, std::size_t at) {
  if (text[at] != '\'') return text.substr(at, text.find_first_of(" &#", at) - at);
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != '\'')
    end += text[end] == '\\' ? 2 : 1;
  return text.substr(at + 1, end - at - 1);
}

}  // namespace

std::vector<std::string> passwords_in(const std::string& text) {
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos; at += 3)
    add_user_info(found, text, at + 3);
  for (const std::string_view key : {"password", "token"})
    for (std::size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += key.size()) {
      const auto equals = text.find_first_not_of(' ', at + key.size());
      if (equals == std::string::npos || text[equals] != '=') continue;
      if (const auto value = text.find_first_not_of(' ', equals + 1); value != std::string::npos)
        found.push_back(value_at(text, value));
    }
  std::erase(found, "");
  return found;
}

bool hide_in_argument(char* argument, const Secrets& secrets) {
  bool hidden = false;
  const auto hide = [&](const std::string& secret) {
    for (char* at = argument; (at = std::strstr(at, secret.c_str())) != nullptr; hidden = true)
      at = std::fill_n(at, secret.size(), '*');
  };
  for (const auto& secret : secrets.all()) {
    hide(secret);
    std::string escaped;  // as a comma is written there
    for (const char each : secret)
      escaped += each == ',' ? "\\," : std::string(1, each);
    if (escaped != secret) hide(escaped);
  }
  return hidden;
}

}  // namespace trainbus
