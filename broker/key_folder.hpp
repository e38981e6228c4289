#pragma once
// The keys of a site, as files in a folder that is its user's alone:
//
//   broker.key_secret    the broker's pair; broker~1.key_secret: the one before, while both are good (key_roll)
//   own.key_secret       the user's own key, which every program of this user finds
//   clients/NAME.key     who may come: the public key, its role, its runs; NAME~N.key: an earlier one of that name
//
// Pure but for the files.

#include <cstdint>
#include <string>
#include <vector>

#include "broker/roles.hpp"
#include "trainbus/key_file.hpp"

namespace trainbus {

// One key that may come, or may no longer.
struct ClientKey {
  std::string name;
  std::string public_key;
  std::string role;  // as it was given
  Roles roles;
  std::string runs = "*";         // a pattern as in a shell: of which runs a trainer may publish
  std::int64_t until_unix_s = 0;  // 0: for good
  bool revoked = false;

  bool operator==(const ClientKey&) const = default;
};

class KeyFolder {
 public:
  explicit KeyFolder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string clients_path() const { return path_ + "/clients"; }
  std::string earlier_broker_key_path() const { return path_ + "/broker~1.key_secret"; }
  // Throws std::invalid_argument with one line when it is missing or others can read it.
  KeyFile broker_key() const;
  // Every client's key. One line about each file that cannot be used, whose key is then not known. Throws
  // std::runtime_error when the folder cannot be read.
  std::vector<ClientKey> clients(std::vector<std::string>& problems) const;
  // Changes when a file comes, goes or is written; two looks at what stays are alike.
  std::uint64_t version() const;

 private:
  std::string path_;
};

inline constexpr char kBrokerComment[] = "The key of this bus's broker. Keep it secret.";

// Throws std::invalid_argument with one line about a name, role or time that is none.
ClientKey client_key_of(const KeyFile& file);

}  // namespace trainbus
