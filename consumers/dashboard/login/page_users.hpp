#pragma once
// Who may log in with a password: a file of lines NAME:ROLE:HASH, 0600.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace trainbus {

// Each may what those before it may: watch; command; archive and delete.
enum class PageRole : std::uint8_t { kViewer, kOperator, kAdmin };
std::string_view page_role_name(PageRole role);  // "viewer", "operator", "admin"
std::optional<PageRole> page_role_from(std::string_view name);

struct PageUser {
  PageRole role = PageRole::kViewer;
  std::string hash;  // of password.hpp

  bool operator==(const PageUser&) const = default;
};

// By name, [A-Za-z0-9._-]{1,64}.
using PageUsers = std::map<std::string, PageUser>;

// None where there is no file. Throws std::runtime_error with one line: others can read it, or a line is none.
PageUsers read_page_users(const std::string& path);
// As a whole or not at all. Throws std::runtime_error with one line.
void write_page_users(const std::string& path, const PageUsers& users);

}  // namespace trainbus
