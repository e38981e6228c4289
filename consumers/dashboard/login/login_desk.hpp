#pragma once
// The page's login: who asks, and how they get in. Belongs to the asio thread; passwords are compared in others.

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "attempts.hpp"
#include "login_folder.hpp"
#include "one_time.hpp"
#include "password.hpp"
#include "sessions.hpp"

namespace trainbus {

// What a request carries to say who asks.
struct Credentials {
  std::string_view cookie = {};         // the header's value
  std::string_view authorization = {};  // the same
  std::string client = {};              // address
  bool secure = false;                  // it came over TLS, to this server or to a proxy that may say so
};

// Somebody got in, or did not.
struct Entry {
  std::optional<Person> person = {};
  unsigned status = 200;  // of HTTP: 200, 401, 429 or 503
  std::string why = {};   // not
  int retry_after_sec = 0;
  std::vector<std::string> cookies = {};  // values of Set-Cookie
};

class LoginDesk {
 public:
  using Clock = Sessions::Clock;
  static constexpr std::chrono::milliseconds kLookEvery{500};

  // Without a folder nobody is asked: everybody is one admin without a name. Throws with one line that names the
  // file.
  LoginDesk(const std::optional<std::string>& folder, boost::asio::any_io_executor executor);

  ~LoginDesk();  // keeps the sessions
  LoginDesk(const LoginDesk&) = delete;
  LoginDesk& operator=(const LoginDesk&) = delete;

  // Takes up the sessions that the server on this port had; to be called once, before all below.
  void open(std::uint16_t port, Clock::time_point now);

  bool asks() const { return folder_.has_value(); }
  // For the URL that is printed; "" when nobody is asked.
  std::string one_time_token(Clock::time_point now) const;

  // Empty: nobody who may.
  std::optional<Person> person(const Credentials& from, Clock::time_point now);
  // A token of a URL, or the token for scripts.
  Entry enter_by_token(std::string_view token, const Credentials& from, Clock::time_point now);
  void enter_by_password(const std::string& name, std::string password, const Credentials& from,
                         LoginAttempts::Clock::time_point now, std::function<void(Entry)> reply);
  // Ends the session; returns the Set-Cookie that takes its cookie away.
  std::string leave(const Person& person, const Credentials& from);

  Sessions& sessions() { return sessions_; }
  // Ends what is over, looks whether users or token changed, and keeps the sessions.
  void tick(Clock::time_point now);

  struct Counters {
    std::uint64_t entered = 0;
    std::uint64_t refused = 0;  // a wrong token, name or password
    std::uint64_t limited = 0;  // too many attempts
  };
  const Counters& counters() const { return counters_; }

 private:
  std::string session_cookie(bool secure) const;
  std::string device_cookie(bool secure) const;
  std::string device_of(const std::string& name, const Credentials& from) const;
  std::string new_device(const std::string& name) const;
  std::string grant_of(const std::string& name, const PageUser& user) const;
  std::string owners_grant() const;
  Entry entered(const Person& person, const std::string& grant, bool secure, Clock::time_point now);
  Entry refused(std::string_view why);
  void read_token(Clock::time_point now);
  void read_users();
  void end_what_no_longer_holds();
  void keep_sessions();

  const std::optional<LoginFolder> folder_;
  const std::string owner_;  // this process's user
  std::uint16_t port_ = 0;
  std::string script_token_, script_token_hash_;
  std::uint64_t token_version_ = 0, users_version_ = 0, kept_changes_ = 0;
  std::optional<OneTimeTokens> one_time_;
  PageUsers users_;
  Sessions sessions_;
  LoginAttempts attempts_;
  Counters counters_;
  Clock::time_point next_look_{};
  PasswordDesk passwords_;
};

}  // namespace trainbus
