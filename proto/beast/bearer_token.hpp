#pragma once
// The token that a script must show: "Authorization: Bearer TOKEN". A value; any thread may ask it.

#include <string>
#include <string_view>

namespace trainbus {

class BearerToken {
 public:
  static constexpr std::size_t kFewestCharacters = 16;

  // Nobody is asked for one.
  BearerToken() = default;
  // The first line of a file that its user alone may read. Throws std::runtime_error with one line when there is none,
  // or it is too short to be a secret.
  explicit BearerToken(const std::string& path);

  // Whether this value of the header Authorization may enter. How long it takes tells nothing of the token.
  bool lets_in(std::string_view authorization) const;

 private:
  std::string token_;  // "": none
};

}  // namespace trainbus
