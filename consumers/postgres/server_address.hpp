#pragma once
// Where a PostgreSQL server is and who asks, from a URL or conninfo text; and its complaints in one line.

#include <chrono>
#include <string>

namespace trainbus {

struct ServerAsker {
  std::string option = "to";             // that the text was given by
  std::string program = "trainbus-log";  // as the server lists it
};

// What the text leaves out comes from the PG* variables and ~/.pgpass, as with psql.
class ServerAddress {
 public:
  // Throws std::invalid_argument with one line when the text is neither a URL nor conninfo. That line never shows the
  // text, which may hold a password.
  // `password`, unless it is "", is used instead of the text's.
  ServerAddress(const std::string& text, std::chrono::milliseconds timeout, const std::string& password = {},
                const ServerAsker& asker = {});

  // Conninfo with what the text says, and limits of time for what it does not: a server that is gone is noticed.
  bool has_password() const { return !password_.empty(); }
  const std::string& conninfo() const { return conninfo_; }
  // The first line of what the server or the client library said, without the password.
  std::string one_line(const std::string& message) const;

 private:
  std::string conninfo_;
  std::string password_;
};

}  // namespace trainbus
