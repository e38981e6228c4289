#pragma once
// Passwords: argon2id by libsodium, 64 MiB and a fifth of a second each, so never in the asio thread.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace trainbus {

inline constexpr std::size_t kMinPassword = 8;     // bytes
inline constexpr std::size_t kMaxPassword = 1024;  // a longer one is refused, none is cut

// Empty, or why this is no password, in one sentence.
std::string password_problem(std::string_view password);
// A text that says how it was made. Throws std::runtime_error where there is no memory for it.
std::string hash_password(std::string_view password);
bool is_password(const std::string& hash, std::string_view password);

// Compares passwords in two threads of its own.
class PasswordDesk {
 public:
  static constexpr int kAtOnce = 2;
  static constexpr int kMostWaiting = 8;
  static constexpr int kMostWaitingStrangers = 4;  // so that they leave room for who was here before

  // Answers arrive in `answers`.
  explicit PasswordDesk(boost::asio::any_io_executor answers) : answers_(std::move(answers)) {}
  ~PasswordDesk();  // waits for those under way, forgets the others

  // `hash` "": of nobody; it takes as long. False when too many wait: then nothing is called.
  [[nodiscard]] bool check(const std::string& hash, std::string password, bool stranger,
                           std::function<void(bool)> reply);

 private:
  boost::asio::any_io_executor answers_;
  std::atomic<int> waiting_{0};  // and under way
  boost::asio::thread_pool threads_{kAtOnce};
};

}  // namespace trainbus
