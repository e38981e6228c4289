#include <algorithm>
#include <cctype>
#include <string_view>

#include "environment.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxBytes = 2048;
constexpr std::string_view kHidden = "***";
constexpr std::string_view kSecretWords[] = {"password", "passwd", "secret",     "token",
                                             "api_key",  "apikey", "credential", "auth"};

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

bool names_secret(std::string_view name) {
  std::string plain;
  for (const char c : name)
    plain += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::any_of(kSecretWords, [&](std::string_view word) { return plain.find(word) != plain.npos; });
}

// user:password@ of every URL. The last '@' of a word counts, because people do not escape those in a password.
std::string without_passwords(std::string text) {
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
    at += 3;
    const auto end = std::min(text.find_first_of(" \t\r\n\"'<>", at), text.size());
    const auto host = text.rfind('@', end);
    if (host == std::string::npos || host < at) continue;
    const auto colon = text.find(':', at);
    const bool has_user = colon < host;
    // Alone before the '@' of a web address stands a token.
    if (!has_user && !text.substr(0, at).ends_with("http://") && !text.substr(0, at).ends_with("https://")) continue;
    const auto from = has_user ? colon + 1 : at;
    text.replace(from, host - from, kHidden);
    at = from + kHidden.size();
  }
  return text;
}

// NAME=VALUE and NAME: VALUE within a longer text: {"token": "x"}, Authorization: Bearer x, ?api_key=x&.
std::string without_assigned_secrets(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_name_character(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_name_character(text[end]))
      ++end;
    const bool secret = names_secret(std::string_view(text).substr(at, end - at));
    at = end;
    if (!secret) continue;
    while (end < text.size() && (text[end] == '"' || text[end] == '\'' || text[end] == ' '))
      ++end;
    if (end == text.size() || (text[end] != ':' && text[end] != '=')) continue;
    const auto value = text.find_first_not_of(" \"'", end + 1);
    if (value == std::string::npos) break;
    const auto rest = std::min(text.find_first_of("\"'&,;}\n", value), text.size());
    text.replace(value, rest - value, kHidden);
    at = value + kHidden.size();
  }
  return text;
}

// An argument that is an assignment or a flag with its value: --db-password=x, auth.token=x.
std::string safe_argument(const std::string& argument) {
  const auto sign = argument.find('=');
  const std::string_view name = std::string_view(argument).substr(0, std::min(sign, argument.size()));
  if (sign != std::string::npos && std::ranges::all_of(name, [](char c) { return is_name_character(c) || c == '+'; }) &&
      names_secret(name))
    return argument.substr(0, sign + 1).append(kHidden);
  return without_assigned_secrets(without_passwords(argument));
}

bool takes_secret(std::string_view argument) {
  return argument.starts_with('-') && argument.find('=') == std::string_view::npos && names_secret(argument) &&
         std::ranges::all_of(argument, is_name_character);
}

std::string quoted(const std::string& argument) {
  const bool plain = !argument.empty() && std::ranges::all_of(argument, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./=:,@%+*").find(c) != std::string_view::npos;
  });
  if (plain) return argument;
  std::string text = "'";
  for (const char c : argument)
    c == '\'' ? text += "'\\''" : text += c;
  return text + '\'';
}

}  // namespace

std::string safe_command_line(std::span<const std::string> arguments) {
  std::string line;
  bool hide = false;
  for (const std::string& argument : arguments) {
    if (!line.empty()) line += ' ';
    line += hide && !argument.starts_with('-') ? std::string(kHidden) : quoted(safe_argument(argument));
    hide = takes_secret(argument);
    if (line.size() > kMaxBytes) break;
  }
  if (line.size() <= kMaxBytes) return clean_text(line, kMaxBytes);
  return clean_text(line, kMaxBytes - 3) + "...";
}

}  // namespace trainbus
