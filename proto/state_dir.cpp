#include "trainbus/state_dir.hpp"

#include <cstdlib>
#include <stdexcept>

namespace trainbus {

std::string default_state_dir(std::string_view name) {
  const auto below = [&](const char* variable, const char* folder) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value == '/' ? std::string(value).append(folder).append(name) : std::string{};
  };
  auto folder = below("XDG_STATE_HOME", "/trainbus/");
  return folder.empty() ? below("HOME", "/.local/state/trainbus/") : folder;
}

std::string chosen_state_dir(const std::string& given, std::string_view name) {
  auto folder = given.empty() ? default_state_dir(name) : given;
  if (folder.empty()) throw std::runtime_error("neither XDG_STATE_HOME nor HOME is an absolute path; say --state-dir");
  return folder;
}

}  // namespace trainbus
