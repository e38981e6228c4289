#pragma once
// A CURVE key in a file: ZPL text as CZMQ and pyzmq write it, sections "metadata" and "curve" with lines name =
// "value".

#include <map>
#include <string>
#include <string_view>

namespace trainbus {

inline constexpr std::size_t kKeyLength = 40;  // of a public or secret key in Z85

struct KeyFile {
  std::string path;                             // where it was read from
  std::string public_key;                       // Z85
  std::string secret_key;                       // Z85; empty in a public one
  std::map<std::string, std::string> metadata;  // "name", "role", "run", "broker-key", ...

  // Empty where it is not said.
  std::string said(const std::string& name) const {
    const auto found = metadata.find(name);
    return found == metadata.end() ? std::string{} : found->second;
  }
};

// Throws std::invalid_argument with one line that names `path`: no public key, a key that is none.
KeyFile parse_key_file(std::string_view text, const std::string& path);
std::string key_file_text(const KeyFile& key, std::string_view comment);

// Reads a file with a secret, of this user or root, which nobody else may read. `follow`: the path may be a symbolic
// link. Throws std::invalid_argument with one line that names the path and what to do.
KeyFile read_secret_key(const std::string& path, bool follow = true);
// Reads a public key that nobody but this user or root may write; no link is followed. Throws the same.
KeyFile read_public_key(const std::string& path);

// Writes a new file, whole or not at all: 0600, and never over one that is there unless `replace`. Throws
// std::runtime_error.
void write_key_file(const std::string& path, const KeyFile& key, std::string_view comment, bool replace = false);

// A new pair. Throws std::runtime_error where this libzmq has no CURVE.
KeyFile new_key_pair();

// The first characters of a public key, for people to tell keys apart.
std::string fingerprint(const std::string& public_key);

}  // namespace trainbus
