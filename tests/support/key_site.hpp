#pragma once
// The keys of a site in a folder of the test's own.

#include <map>
#include <string>

#include "broker/key_desk.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/key_file.hpp"

namespace trainbus::test {

class KeySite {
 public:
  KeySite() { desk_.init(); }

  KeyDesk& desk() { return desk_; }
  std::string folder() const { return dir_ / "keys"; }
  // The user's own key: every role.
  std::string own() const { return desk_.own_path(); }
  // Lets a new key come; the file to hand over.
  std::string add(const std::string& name, const std::string& role, const std::string& runs = "*") {
    const std::string file = dir_ / (name + std::to_string(++made_) + ".key_secret");
    desk_.add({name, role, runs}, file);
    return file;
  }
  // A file of somebody whom this site does not know, for its broker.
  std::string stranger() {
    auto key = new_key_pair();
    key.metadata = {{"name", "stranger"}, {"broker-key", read_secret_key(own()).said("broker-key")}};
    const std::string file = dir_ / ("stranger" + std::to_string(++made_) + ".key_secret");
    write_key_file(file, key, "of nobody");
    return file;
  }
  std::string path(const std::string& name) const { return dir_ / name; }

 private:
  TempDir dir_;
  KeyDesk desk_{dir_ / "keys"};
  int made_ = 0;
};

}  // namespace trainbus::test
