#include "bearer_token.hpp"

#include <stdexcept>

#include "secret_file.hpp"

namespace trainbus {

BearerToken::BearerToken(const std::string& path) {
  const auto text = read_secret_file(path);
  if (!text) throw std::runtime_error("file '" + path + "': is not there");
  token_ = text->substr(0, text->find_first_of("\r\n"));
  if (token_.size() < kFewestCharacters)
    throw std::runtime_error("file '" + path + "': a token has at least " + std::to_string(kFewestCharacters) +
                             " characters, in the first line");
}

bool BearerToken::lets_in(std::string_view authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (token_.empty()) return true;
  if (!authorization.starts_with(kScheme)) return false;
  const auto shown = authorization.substr(kScheme.size());
  unsigned differences = shown.size() == token_.size() ? 0 : 1;
  for (std::size_t i = 0; i < token_.size(); ++i)
    differences |= static_cast<unsigned char>(token_[i] ^ (i < shown.size() ? shown[i] : '\0'));
  return differences == 0;
}

}  // namespace trainbus
