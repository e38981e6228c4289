#include "broker/key_desk.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "trainbus/bus_key.hpp"
#include "trainbus/own_folder.hpp"
#include "trainbus/topic.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr char kPublicComment[] = "A key that may come to this bus. Public: there is no secret in it.";
constexpr char kSecretComment[] = "A key of a bus. Whoever has this file is its user: keep it secret.";

std::string now_text() { return std::to_string(unix_ms() / 1000); }

// A name that is a file's too: not hidden, and no earlier one of another name.
void check_name(const std::string& name) {
  if (!valid_name(name) || name.front() == '.')
    throw std::invalid_argument("key name '" + name + "': 1 to 64 of A-Z a-z 0-9 . _ -, the first no dot");
}

void check(const NewKey& key) {
  check_name(key.name);
  if (!Roles::parse(key.role))
    throw std::invalid_argument("role '" + key.role + "' is none of trainer, viewer, operator and admin");
  const bool plain = std::ranges::all_of(key.runs, [](char c) { return c > ' ' && c < 127 && c != '"' && c != '/'; });
  if (key.runs.empty() || key.runs.size() > 256 || !plain)
    throw std::invalid_argument("run pattern '" + key.runs + "': a name of runs, with * ? and [] as in a shell");
}

std::string login_name() {
  const auto* user = getpwuid(geteuid());
  std::string name = user != nullptr ? user->pw_name : "";
  std::erase_if(name, [](char c) { return !valid_name(std::string(1, c)); });
  return name.empty() || name.front() == '.' ? "owner" : name.substr(0, 64);
}

}  // namespace

std::string KeyDesk::client_path(const std::string& name) const { return folder_.clients_path() + '/' + name + ".key"; }
std::string KeyDesk::own_path() const { return own_key_path(folder_.path()); }

std::string KeyDesk::next_earlier_path(const std::string& name) const {
  for (int number = 1;; ++number)
    if (const auto path = client_path(name + '~' + std::to_string(number)); !is_there(path)) return path;
}

bool KeyDesk::init() {
  refuse_root_in(folder_.path());  // the service could not read its keys
  make_own_folder(folder_.path());
  make_own_folder(folder_.clients_path());
  const auto broker = broker_key_path(folder_.path());
  const bool made_broker = !is_there(broker);
  if (made_broker) {
    auto pair = new_key_pair();
    pair.metadata = {{"name", "broker"}, {"created", now_text()}};
    write_key_file(broker, pair, kBrokerComment);
  }
  if (is_there(own_path())) return made_broker;
  const NewKey own{login_name(), "admin,trainer", "*"};
  const auto pair = new_key_pair();
  let_in(pair, own);
  hand_over(pair, own, own_path());
  return true;
}

// Before the file is handed over, so that nobody has one that is not known.
void KeyDesk::let_in(const KeyFile& pair, const NewKey& key) {
  KeyFile file;
  file.public_key = pair.public_key;
  file.metadata = {{"name", key.name}, {"role", key.role}, {"run", key.runs}, {"created", now_text()}};
  write_key_file(client_path(key.name), file, kPublicComment);
}

void KeyDesk::hand_over(KeyFile pair, const NewKey& key, const std::string& path) {
  pair.metadata = {{"name", key.name},
                   {"role", key.role},
                   {"run", key.runs},
                   {"created", now_text()},
                   {"broker-key", folder_.broker_key().public_key}};
  write_key_file(path, pair, kSecretComment);
}

void KeyDesk::add(const NewKey& key, const std::string& handed_over) {
  check(key);
  static_cast<void>(folder_.broker_key());
  if (is_there(handed_over)) throw std::runtime_error("key file '" + handed_over + "': is there already");
  const auto path = client_path(key.name);
  if (is_there(path)) {
    if (!client_key_of(read_public_key(path)).revoked)
      throw std::runtime_error("key '" + key.name + "' is there already: rotate it, or revoke it first");
    std::filesystem::rename(path, next_earlier_path(key.name));
  }
  const auto pair = new_key_pair();
  let_in(pair, key);
  try {
    hand_over(pair, key, handed_over);
  } catch (...) {
    unlink(path.c_str());
    throw;
  }
}

std::vector<KeyFile> KeyDesk::files_of(const std::string& name) const {
  check_name(name);
  static_cast<void>(folder_.broker_key());
  std::vector<KeyFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.clients_path())) {
    if (entry.path().extension() != ".key") continue;
    auto file = read_public_key(entry.path().string());
    if (file.said("name") == name) files.push_back(std::move(file));
  }
  if (files.empty()) throw std::runtime_error("no key '" + name + "' is known in " + folder_.clients_path());
  return files;
}

std::size_t KeyDesk::revoke(const std::string& name) {
  std::size_t revoked = 0;
  for (auto& file : files_of(name)) {
    if (!file.said("revoked").empty()) continue;
    file.metadata["revoked"] = now_text();
    write_key_file(file.path, file, kPublicComment, true);
    ++revoked;
  }
  return revoked;
}

void KeyDesk::rotate(const std::string& name, const std::string& handed_over, std::chrono::seconds overlap) {
  static_cast<void>(files_of(name));
  const auto path = client_path(name);
  auto file = read_public_key(path);
  const auto old = client_key_of(file);
  if (old.revoked) throw std::runtime_error("key '" + name + "' is revoked: add it anew");
  const bool is_own = handed_over == own_path();
  if (!is_own && is_there(handed_over)) throw std::runtime_error("key file '" + handed_over + "': is there already");
  file.metadata["until"] = std::to_string(unix_ms() / 1000 + std::max<std::int64_t>(overlap.count(), 1));
  write_key_file(next_earlier_path(name), file, kPublicComment);
  // From here on the old key is known twice, with an end: whatever fails now, its user is not locked out before that.
  const auto pair = new_key_pair();
  const NewKey key{name, old.role, old.runs};
  KeyFile known = pair;
  known.secret_key.clear();
  known.metadata = {{"name", name}, {"role", key.role}, {"run", key.runs}, {"created", now_text()}};
  write_key_file(path, known, kPublicComment, true);
  if (is_own) unlink(handed_over.c_str());
  hand_over(pair, key, handed_over);
}

std::vector<ClientKey> KeyDesk::keys(const std::optional<std::string>& name) const {
  static_cast<void>(folder_.broker_key());
  std::vector<std::string> problems;
  auto keys = folder_.clients(problems);
  if (!problems.empty()) throw std::runtime_error(problems.front());
  if (name) std::erase_if(keys, [&](const ClientKey& key) { return key.name != *name; });
  std::ranges::stable_sort(keys, [](const ClientKey& a, const ClientKey& b) { return a.name < b.name; });
  return keys;
}

std::string join_line(const std::string& broker, const std::string& key_path) {
  return "export TRAINBUS_BROKER='" + broker + "' TRAINBUS_KEY='" + std::filesystem::absolute(key_path).string() + '\'';
}

}  // namespace trainbus
