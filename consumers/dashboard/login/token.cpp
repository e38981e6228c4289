#include "token.hpp"

#include <sodium.h>

#include <array>
#include <span>
#include <stdexcept>

namespace trainbus {
namespace {

std::string hexadecimal(std::span<const unsigned char> bytes) {
  std::string text(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

}  // namespace

std::string new_token() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
  std::array<unsigned char, kTokenLength / 2> random{};
  randombytes_buf(random.data(), random.size());
  return hexadecimal(random);
}

std::string secret_hash(std::string_view secret) {
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
                     nullptr, 0);
  return hexadecimal(hash);
}

}  // namespace trainbus
