#include "password.hpp"

#include <sodium.h>

#include <array>
#include <boost/asio/post.hpp>
#include <stdexcept>
#include <utility>

#include "token.hpp"

namespace trainbus {
namespace {

// Of a password that nobody has.
const std::string& nobodys_hash() {
  static const std::string hash = hash_password(new_token());
  return hash;
}

}  // namespace

std::string password_problem(std::string_view password) {
  if (password.size() < kMinPassword) return "a password has at least " + std::to_string(kMinPassword) + " characters";
  if (password.size() > kMaxPassword) return "a password has at most " + std::to_string(kMaxPassword) + " bytes";
  return {};
}

std::string hash_password(std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (sodium_init() < 0 ||
      crypto_pwhash_str(hash.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
    throw std::runtime_error("no memory to hash a password");
  return hash.data();
}

bool is_password(const std::string& hash, std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> whole{};  // what libsodium reads, whatever the length
  if (hash.size() >= whole.size() || sodium_init() < 0) return false;
  hash.copy(whole.data(), hash.size());
  return crypto_pwhash_str_verify(whole.data(), password.data(), password.size()) == 0;
}

PasswordDesk::~PasswordDesk() {
  threads_.stop();
  threads_.join();
}

bool PasswordDesk::check(const std::string& hash, std::string password, bool stranger,
                         std::function<void(bool)> reply) {
  if (waiting_ >= kAtOnce + (stranger ? kMostWaitingStrangers : kMostWaiting)) return false;
  ++waiting_;
  boost::asio::post(threads_, [this, hash, password = std::move(password), reply = std::move(reply)]() mutable {
    const bool good = is_password(hash.empty() ? nobodys_hash() : hash, password) && !hash.empty();
    sodium_memzero(password.data(), password.size());
    --waiting_;
    boost::asio::post(answers_, [good, reply = std::move(reply)] { reply(good); });
  });
  return true;
}

}  // namespace trainbus
