#include "server_address.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

namespace trainbus {
namespace {

using Settings = std::map<std::string, std::string>;

Settings parse(const std::string& text, const std::string& option) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), nullptr),
                                                                             PQconninfoFree);
  if (!options)
    throw std::invalid_argument(
        option + ": is neither a URL (postgresql://user@host:5432/database) nor conninfo (host=... dbname=...)");
  Settings settings;
  for (const auto* each = options.get(); each->keyword != nullptr; ++each)
    if (each->val != nullptr) settings[each->keyword] = each->val;
  return settings;
}

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char each : value) {
    if (each == '\'' || each == '\\') text += '\\';
    text += each;
  }
  return text += '\'';
}

}  // namespace

ServerAddress::ServerAddress(const std::string& text, std::chrono::milliseconds timeout, const std::string& password,
                             const ServerAsker& asker) {
  auto settings = parse(text, asker.option);
  if (!password.empty()) settings["password"] = password;
  if (const auto found = settings.find("password"); found != settings.end()) password_ = found->second;
  const auto seconds = std::max<std::int64_t>(2, timeout.count() / 1000);  // less than 2 counts as 2
  const Settings presets = {
      {"application_name", asker.program},
      {"connect_timeout", std::to_string(seconds)},
      {"keepalives_idle", std::to_string(seconds)},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", std::to_string(seconds * 1000)},
  };
  for (const auto& [key, value] : presets)
    settings.try_emplace(key, value);
  settings["client_encoding"] = "UTF8";
  for (const auto& [key, value] : settings)
    conninfo_.append(conninfo_.empty() ? "" : " ").append(key).append(1, '=').append(quoted(value));
}

std::string ServerAddress::one_line(const std::string& message) const {
  auto line = message.substr(0, message.find('\n'));
  for (const std::string word : {"ERROR:  ", "FATAL:  "})
    if (const auto at = line.find(word); at != std::string::npos) line.erase(at, word.size());
  for (auto at = line.find(password_); !password_.empty() && at != std::string::npos; at = line.find(password_))
    line.erase(at, password_.size());
  return line;
}

}  // namespace trainbus
