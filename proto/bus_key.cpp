#include "trainbus/bus_key.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <mutex>
#include <stdexcept>

namespace trainbus {
namespace {

struct Given {
  std::mutex mutex;
  std::string path;
};

Given& given() {
  static auto* const instance = new Given;
  return *instance;
}

std::string given_path() {
  const std::lock_guard lock(given().mutex);
  return given().path;
}

std::string environment_path() {
  const char* value = std::getenv("TRAINBUS_KEY");
  return value == nullptr ? "" : value;
}

KeyFile client_key(const std::string& path) {
  auto key = read_secret_key(path);
  if (key.said("broker-key").size() != kKeyLength)
    throw std::invalid_argument("key file '" + path + "': does not say the broker's public key (broker-key)");
  return key;
}

}  // namespace

bool is_there(const std::string& path) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0;
}

std::string keys_folder() {
  const auto below = [](const char* variable, const char* folder) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value == '/' ? std::string(value) + folder : std::string{};
  };
  const auto folder = below("XDG_CONFIG_HOME", "/trainbus");
  return folder.empty() ? below("HOME", "/.config/trainbus") : folder;
}

std::string own_key_path(const std::string& folder) { return folder + "/own.key_secret"; }
std::string broker_key_path(const std::string& folder) { return folder + "/broker.key_secret"; }

void use_key(const std::string& path) {
  const std::lock_guard lock(given().mutex);
  given().path = path;
}

std::optional<KeyFile> process_key() { return chosen_key({}); }

std::optional<KeyFile> chosen_key(const std::string& path) {
  for (const auto& said : {path, given_path(), environment_path()}) {
    if (said == kNoKey) return std::nullopt;
    if (!said.empty()) return client_key(said);
  }
  const auto folder = keys_folder();
  if (folder.empty() || !is_there(own_key_path(folder))) return std::nullopt;
  return client_key(own_key_path(folder));
}

void apply_key(zmq::socket_t& socket, const KeyFile& key) {
  socket.set(zmq::sockopt::curve_serverkey, key.said("broker-key"));
  socket.set(zmq::sockopt::curve_publickey, key.public_key);
  socket.set(zmq::sockopt::curve_secretkey, key.secret_key);
}

}  // namespace trainbus
