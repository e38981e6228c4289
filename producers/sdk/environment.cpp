#include "environment.hpp"

#include <pthread.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <thread>
#include <vector>

#include "git_state.hpp"
#include "nvml.hpp"
#include "trainbus/host_name.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxCommandBytes = 256 << 10;

std::vector<std::string> arguments() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string bytes(kMaxCommandBytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto end = std::min(bytes.find('\0', at), bytes.size());
    found.push_back(bytes.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

// What follows the first `mark` of the first line that starts with `key`, without quotes.
std::string value_in(const char* file, std::string_view key, char mark) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::string value = line.substr(std::min(line.find(mark), line.size() - 1) + 1);
    std::erase(value, '"');
    return value.substr(std::min(value.find_first_not_of(" \t"), value.size()));
  }
  return {};
}

std::string device() {
  std::string cpu = value_in("/proc/cpuinfo", "model name", ':');
  utsname system{};
  if (cpu.empty() && uname(&system) == 0) cpu = system.machine;
  std::string text = cpu + ", " + std::to_string(std::thread::hardware_concurrency()) + " threads";
  const auto gpus = Nvml::load();
  if (!gpus) return text;
  std::map<std::string, int> count;
  for (const std::string& name : gpus->names())
    ++count[name];
  for (const auto& [name, of] : count)
    text += "; " + std::to_string(of) + " x " + name;
  return text;
}

std::string operating_system() {
  utsname system{};
  if (uname(&system) != 0) return {};
  std::string text = value_in("/etc/os-release", "PRETTY_NAME=", '=');
  if (!text.empty()) text += ", ";
  return text + system.sysname + ' ' + system.release;
}

// Asking for the name of a user number can mean to ask a server.
std::string user() {
  for (const char* variable : {"USER", "LOGNAME"})
    if (const char* name = std::getenv(variable); name != nullptr && *name != '\0') return name;
  return std::to_string(getuid());
}

Environment gather() {
  Environment found{{"env/host", host_name()}, {"env/command_line", safe_command_line(arguments())},
                    {"env/device", device()},  {"env/os", operating_system()},
                    {"env/user", user()},      {"env/pid", std::to_string(getpid())}};
  std::error_code none;
  if (const auto git = read_git_state(std::filesystem::current_path(none))) {
    found["env/git_commit"] = git->commit;
    found["env/git_branch"] = git->branch;
  }
  std::erase_if(found, [](const auto& entry) { return entry.second.empty(); });
  return found;
}

struct Cache {
  std::mutex mutex;
  std::optional<Environment> environment;
};

Cache& cache() {
  static Cache instance;
  // A lock that a thread of the parent held stays behind.
  static const int installed = pthread_atfork(nullptr, nullptr, [] { new (&cache()) Cache; });
  (void)installed;
  return instance;
}

}  // namespace

Environment environment() {
  const std::lock_guard lock(cache().mutex);
  auto& known = cache().environment;
  if (!known) known = gather();
  return *known;
}

void LateEnvironment::set(Environment environment) {
  const std::lock_guard lock(mutex_);
  environment_ = std::move(environment);
  came_.notify_all();
}

Environment LateEnvironment::get(std::chrono::milliseconds wait) const {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, wait, [this] { return environment_.has_value(); });
  return environment_.value_or(Environment{});
}

}  // namespace trainbus
