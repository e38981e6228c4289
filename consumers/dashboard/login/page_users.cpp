#include "page_users.hpp"

#include <array>
#include <sstream>
#include <stdexcept>

#include "secret_file.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

std::string_view page_role_name(PageRole role) {
  constexpr std::array<std::string_view, 3> kNames{"viewer", "operator", "admin"};
  return kNames[static_cast<std::size_t>(role)];
}

std::optional<PageRole> page_role_from(std::string_view name) {
  for (const auto role : {PageRole::kViewer, PageRole::kOperator, PageRole::kAdmin})
    if (name == page_role_name(role)) return role;
  return std::nullopt;
}

PageUsers read_page_users(const std::string& path) {
  PageUsers users;
  std::istringstream lines(read_secret_file(path).value_or(""));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    std::istringstream parts(line);
    std::string name, role_name, hash;
    std::getline(std::getline(std::getline(parts, name, ':'), role_name, ':'), hash);
    const auto role = page_role_from(role_name);
    if (!role || !valid_name(name) || hash.empty())
      throw std::runtime_error("file '" + path + "', line " + std::to_string(number) +
                               ": must be NAME:viewer|operator|admin:HASH");
    users[name] = {*role, hash};
  }
  return users;
}

void write_page_users(const std::string& path, const PageUsers& users) {
  std::string text = "# Users of trainbus-dashboard; change them with trainbus-dashboard user.\n";
  for (const auto& [name, user] : users)
    text += name + ':' + std::string(page_role_name(user.role)) + ':' + user.hash + '\n';
  write_secret_file(path, text);
}

}  // namespace trainbus
