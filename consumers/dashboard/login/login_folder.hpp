#pragma once
// What the login keeps on disk, in a folder of this user alone: users, the token for scripts, open sessions.

#include <cstdint>
#include <string>

#include "page_users.hpp"

namespace trainbus {

class LoginFolder {
 public:
  // Makes the folder (0700). Throws std::system_error or std::runtime_error with one line.
  explicit LoginFolder(std::string path);

  std::string users_path() const { return path_ + "/users"; }
  std::string token_path() const { return path_ + "/token"; }
  // Of the server on this port: cookies are shared by the ports of a host, sessions are not.
  std::string sessions_path(std::uint16_t port) const { return path_ + "/sessions-" + std::to_string(port); }

  // The token for scripts, which is made where there is none. Throws std::runtime_error with one line.
  std::string script_token() const;
  PageUsers users() const { return read_page_users(users_path()); }

 private:
  std::string path_;
};

}  // namespace trainbus
