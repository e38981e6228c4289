#pragma once
// Logins that are open. Pure: `now` is an argument. Single-threaded.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "page_users.hpp"

namespace trainbus {

// Somebody who is let in.
struct Person {
  std::string name;
  PageRole role = PageRole::kViewer;
  std::string session;  // its secret, as in the cookie; "": of no session
};

class Sessions {
 public:
  // Sessions outlive the program, so they are timed by the clock of the world.
  using Clock = std::chrono::system_clock;
  static constexpr std::chrono::hours kIdle{24};  // without a request
  static constexpr std::chrono::hours kLongest{7 * 24};
  static constexpr std::size_t kMostOfAUser = 100;  // past it the one that was idle longest ends

  // The secret of a new session. `grant`: what let them in; keep_only() asks whether that still holds.
  std::string begin(const std::string& name, PageRole role, const std::string& grant, Clock::time_point now);
  // Whose it is; and notes that somebody asked.
  std::optional<Person> find(std::string_view session, Clock::time_point now);
  void end(std::string_view session);
  // Ends those whose grant no longer holds: another password or role, a user who is gone.
  void keep_only(const std::function<bool(const std::string& grant)>& holds);
  // Ends what is over; to be called now and then.
  void tick(Clock::time_point now);

  // Called when this session ends, whatever ends it, while the caller keeps what this returns; at once where there is
  // none.
  using EndWatch = std::shared_ptr<std::function<void()>>;
  [[nodiscard]] EndWatch on_end(std::string_view session, std::function<void()> callback);

  // A line for each, without their secrets: who reads it cannot log in. A line that is none is left out.
  std::string text() const;
  void take(const std::string& text, Clock::time_point now);
  // Another number after each beginning and end, and when a session was used that had not been for an hour.
  std::uint64_t changes() const { return changes_; }
  std::size_t size() const { return sessions_.size(); }

 private:
  struct Session {
    std::string name;
    PageRole role = PageRole::kViewer;
    std::string grant;
    Clock::time_point began, asked;
    std::vector<std::weak_ptr<std::function<void()>>> on_end = {};
  };
  using Table = std::map<std::string, Session>;  // by the secret's hash
  void end(Table::iterator session);
  void make_room(const std::string& name);
  static bool is_over(const Session& session, Clock::time_point now);

  Table sessions_;
  std::uint64_t changes_ = 0;
};

}  // namespace trainbus
