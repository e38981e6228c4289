#include "sink_catalog.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <stdexcept>

#include "sink_plan.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "libtrainbus-sink-";

std::vector<fs::path> plugin_folders() {
  std::vector<fs::path> folders;
  if (const char* path = std::getenv("TRAINBUS_SINK_PATH")) {
    std::istringstream text(path);
    for (std::string folder; std::getline(text, folder, ':');)
      if (!folder.empty()) folders.emplace_back(folder);
  }
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error).parent_path();
  folders.push_back(program / "sinks");
  for (const char* lib : {"lib", "lib64", "lib/" TRAINBUS_LIBRARY_ARCHITECTURE})
    folders.push_back(program.parent_path() / lib / "trainbus/sinks");
  return folders;
}

void check_options(const trainbus_sink_type& type, const std::string& path) {
  for (const auto* option = type.options; option->name != nullptr; ++option)
    for (const auto* host = kHostOptions; host->name != nullptr; ++host)
      if (std::string_view(option->name) == host->name)
        throw std::runtime_error('\'' + path + "': its option '" + option->name + "' is one of trainbus-log itself");
}

const trainbus_sink_type& checked(const trainbus_sink_type* type, const std::string& path) {
  const auto refuse = [&](const std::string& why) { throw std::runtime_error('\'' + path + "': " + why); };
  if (type == nullptr) refuse("trainbus_sink() gave nothing");
  if (type->abi != TRAINBUS_SINK_ABI)
    refuse("is for sink ABI " + std::to_string(type->abi) + ", this trainbus-log has " +
           std::to_string(TRAINBUS_SINK_ABI));
  if (type->built_with != nullptr && std::string_view(type->built_with) != version())
    refuse(std::string("was built with trainbus ") + type->built_with + ", this is " + version() + "; build it again");
  if (type->name == nullptr || type->summary == nullptr || type->options == nullptr)
    refuse("its type lacks a name, a summary or options");
  if (type->create == nullptr || type->open == nullptr || type->write == nullptr || type->flush == nullptr ||
      type->sync == nullptr || type->destroy == nullptr)
    refuse("its type lacks a function; create, open, write, flush, sync and destroy are needed");
  if (type->position > TRAINBUS_SINK_LIVE) refuse("its position is none of those in sink.h");
  check_options(*type, path);
  return *type;
}

const trainbus_sink_type& load(const std::string& path) {
  // A path without a slash would be searched for among the system's libraries.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(std::string("the sink cannot be loaded: ") + dlerror());
  auto* symbol = dlsym(library, "trainbus_sink");
  if (symbol == nullptr) throw std::runtime_error('\'' + path + "': is no sink, it has no function trainbus_sink()");
  try {
    return checked(reinterpret_cast<decltype(&trainbus_sink)>(symbol)(), path);
  } catch (const std::runtime_error&) {
    throw;
  } catch (...) {
    throw std::runtime_error('\'' + path + "': trainbus_sink() threw");
  }
}

}  // namespace

std::vector<FoundSink> find_sinks() {
  std::vector<FoundSink> found;
  std::set<std::string> names;
  for (const auto* type : built_in_sinks())
    if (names.insert(type->name).second) found.push_back({type->name, {}});
  for (const auto& folder : plugin_folders()) {
    std::error_code error;
    std::vector<FoundSink> here;
    for (const auto& file : fs::directory_iterator(folder, error)) {
      const auto stem = file.path().stem().string();
      if (file.path().extension() == ".so" && stem.starts_with(kPrefix))
        here.push_back({stem.substr(kPrefix.size()), file.path().string()});
    }
    std::ranges::sort(here, {}, &FoundSink::name);
    for (auto& sink : here)
      if (names.insert(sink.name).second) found.push_back(std::move(sink));
  }
  return found;
}

const trainbus_sink_type& sink_type_named(const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".so")) return load(name);
  for (const auto* type : built_in_sinks())
    if (name == type->name) return *type;
  std::string known;
  for (const auto& sink : find_sinks()) {
    if (sink.name == name) return load(sink.path);
    known.append(known.empty() ? "" : ", ").append(sink.name);
  }
  throw std::invalid_argument('\'' + name + "': no such sink; there are " + known +
                              ", and ./PATH.so loads one of yours");
}

}  // namespace trainbus
