#pragma once
// Secrets that nobody chose, and how to compare them.

#include <string>
#include <string_view>

namespace trainbus {

inline constexpr std::size_t kTokenLength = 64;  // 256 random bits in hexadecimal

std::string new_token();
// Hexadecimal. Equal hashes are equal secrets, and how long comparing two hashes takes tells nothing of a secret.
std::string secret_hash(std::string_view secret);

}  // namespace trainbus
