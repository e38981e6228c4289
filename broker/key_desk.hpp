#pragma once
// Makes, hands out, revokes and renews the keys of a KeyFolder, for trainbus-keys. Every call throws
// std::invalid_argument or std::runtime_error with one line.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "broker/key_folder.hpp"

namespace trainbus {

struct NewKey {
  std::string name;
  std::string role;        // of Roles::parse
  std::string runs = "*";  // a pattern as in a shell
};

class KeyDesk {
 public:
  explicit KeyDesk(std::string folder) : folder_(std::move(folder)) {}

  const std::string& path() const { return folder_.path(); }
  // The broker's pair and the user's own key, where they are missing; true when something was made.
  bool init();
  // Lets a new key come, and writes the file to hand over.
  void add(const NewKey& key, const std::string& handed_over);
  // Every key of this name, from now on. How many there were to revoke.
  std::size_t revoke(const std::string& name);
  // A new pair for a name, with the role and runs it has; its old one is good for `overlap` more.
  void rotate(const std::string& name, const std::string& handed_over, std::chrono::seconds overlap);
  // Of one name, or of all: those that may come first.
  std::vector<ClientKey> keys(const std::optional<std::string>& name = {}) const;
  // Where the user's own key is.
  std::string own_path() const;

 private:
  std::string client_path(const std::string& name) const;
  std::string next_earlier_path(const std::string& name) const;
  void hand_over(KeyFile pair, const NewKey& key, const std::string& path);
  void let_in(const KeyFile& pair, const NewKey& key);
  std::vector<KeyFile> files_of(const std::string& name) const;

  KeyFolder folder_;
};

// The line of a job script that makes trainers find the broker and this key.
std::string join_line(const std::string& broker, const std::string& key_path);

}  // namespace trainbus
