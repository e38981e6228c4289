#include "broker/key_folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <stdexcept>

#include "trainbus/bus_key.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxPattern = 256;

[[noreturn]] void refuse(const KeyFile& file, const std::string& why) {
  throw std::invalid_argument("key file '" + file.path + "': " + why);
}

std::int64_t unix_seconds(const KeyFile& file, const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds <= 0)
    refuse(file, "until '" + text + "' is no time");
  return seconds;
}

std::vector<std::filesystem::path> files_of(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".key") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

ClientKey client_key_of(const KeyFile& file) {
  ClientKey key;
  key.name = file.said("name");
  if (!valid_name(key.name)) refuse(file, "name '" + key.name + "' is none");
  key.public_key = file.public_key;
  key.role = file.said("role");
  const auto roles = Roles::parse(key.role);
  if (!roles) refuse(file, "role '" + key.role + "' is none of trainer, viewer, operator and admin");
  key.roles = *roles;
  if (const auto runs = file.said("run"); !runs.empty()) key.runs = runs;
  if (key.runs.size() > kMaxPattern) refuse(file, "its run pattern is too long");
  if (const auto until = file.said("until"); !until.empty()) key.until_unix_s = unix_seconds(file, until);
  key.revoked = !file.said("revoked").empty();
  return key;
}

KeyFile KeyFolder::broker_key() const { return read_secret_key(broker_key_path(path_), false); }

std::vector<ClientKey> KeyFolder::clients(std::vector<std::string>& problems) const {
  std::vector<ClientKey> keys;
  for (const auto& path : files_of(clients_path()))
    try {
      keys.push_back(client_key_of(read_public_key(path.string())));
    } catch (const std::invalid_argument& problem) {
      problems.emplace_back(problem.what());
    }
  return keys;
}

std::uint64_t KeyFolder::version() const {
  std::uint64_t version = 0;
  const auto mix = [&](std::uint64_t value) { version = std::hash<std::uint64_t>{}(version * 1'000'003 + value); };
  auto files = files_of(clients_path());
  files.emplace_back(broker_key_path(path_));
  files.emplace_back(earlier_broker_key_path());
  for (const auto& path : files) {
    struct stat found {};
    if (lstat(path.c_str(), &found) != 0) continue;
    mix(found.st_ino);
    mix(static_cast<std::uint64_t>(found.st_ctim.tv_sec));
    mix(static_cast<std::uint64_t>(found.st_ctim.tv_nsec));
    mix(static_cast<std::uint64_t>(found.st_size));
  }
  return version;
}

}  // namespace trainbus
