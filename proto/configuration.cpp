#include "trainbus/configuration.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "config_file.hpp"
#include "config_text.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

constexpr char kFolder[] = "/etc/trainbus/";
constexpr char kLogLevel[] = "log-level";

std::string short_name(const CLI::App& app) {
  const std::string name = app.get_name();
  constexpr std::string_view kPrefix = "trainbus-";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

std::string environment_name(std::string text) {
  for (char& letter : text)
    letter = letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return text;
}

void name_in_environment(CLI::App& app, const std::string& prefix) {
  for (auto* option : configurable_options(app)) {
    const auto name = option->get_lnames().front();
    const bool of_all = name == "broker" || name == "key" || name == "spool-dir";
    option->envname((of_all ? "TRAINBUS_" : prefix) + environment_name(name));
  }
  for (auto* verb : verbs_of(app))
    name_in_environment(*verb, prefix + environment_name(verb->get_name()) + '_');
}

// The help names the environment once, not beside each option.
class HelpText : public CLI::Formatter {
  std::string make_option_opts(const CLI::Option* option) const override {
    auto text = CLI::Formatter::make_option_opts(option);
    const auto named = " (" + get_label("Env") + ':' + option->get_envname() + ')';
    if (const auto at = text.find(named); at != std::string::npos) text.erase(at, named.size());
    return text;
  }
};

void set_help_text(CLI::App& app, const std::shared_ptr<CLI::FormatterBase>& formatter) {
  app.formatter(formatter);
  for (auto* verb : verbs_of(app))
    set_help_text(*verb, formatter);
}

std::string default_path(const CLI::App& app) {
  const char* said = std::getenv("TRAINBUS_CONFIG");
  if (said != nullptr && *said != '\0') return said == std::string_view("off") ? "" : said;
  const auto path = kFolder + short_name(app) + ".toml";
  return access(path.c_str(), F_OK) == 0 ? path : "";
}

}  // namespace

// What CLI11 asks for the values of a file. It asks after it has read the flags, and takes what it gets only for
// options that no flag gave.
class Configuration::File : public CLI::Config {
 public:
  explicit File(const CLI::App& app) : app_(app) {}

  std::string to_config(const CLI::App* app, bool, bool, std::string) const override { return config_text(*app, {}); }

  std::vector<CLI::ConfigItem> from_config(std::istream& in) const override {
    read_ = read_config(in, app_.get_config_ptr()->as<std::string>(), app_);
    std::vector<CLI::ConfigItem> taken;
    if (!read_.problem.empty()) return taken;
    for (auto& [option, entry] : read_.entries) {
      entry.in_force = option->count() == 0 && environment_of(*option).empty();
      if (entry.in_force) taken.push_back(entry.item);
    }
    return taken;
  }

  const ConfigFile& read() const { return read_; }

 private:
  const CLI::App& app_;
  mutable ConfigFile read_;  // CLI11 asks a constant object
};

Configuration::Configuration(CLI::App& app) : app_(app), file_(std::make_shared<File>(app)) {
  const auto name = short_name(app);
  const auto path = default_path(app);
  if (!path.empty() && access(path.c_str(), R_OK) != 0) unreadable_ = path + " cannot be read: " + std::strerror(errno);
  if (std::filesystem::is_directory(path)) unreadable_ = path + " is a folder, not a configuration file";
  option_ = app.set_config("--config", unreadable_.empty() ? path : "",
                           fmt::format("TOML file of these options by name (default: {}{}.toml); before it comes the "
                                       "environment, as $TRAINBUS_{}_LOG_LEVEL, before both the flag",
                                       kFolder, name, environment_name(name)));
  option_->type_name("FILE")->group(kCommonGroup);
  app.config_formatter(file_);
  name_in_environment(app, "TRAINBUS_" + environment_name(name) + '_');
  verb_ = app.add_subcommand("config", "print what is in force and where each value comes from");
  verb_->fallthrough();
  set_help_text(app, std::make_shared<HelpText>());
}

Configuration::~Configuration() = default;

bool Configuration::asked() const { return verb_->parsed(); }

std::string Configuration::problem() const {
  if (!unreadable_.empty() && option_->count() == 0) return unreadable_;
  return file_->read().problem;
}

std::string Configuration::explained(const CLI::Error& error) const {
  const std::string text = error.what();
  for (const auto& [option, entry] : file_->read().entries)
    if (entry.in_force && text.starts_with(option->get_name() + ':')) return entry.place + ": " + text;
  const std::function<std::string(const CLI::App&)> in_environment = [&](const CLI::App& app) {
    for (const auto* option : configurable_options(app))
      if (text.starts_with(option->get_name() + ':') && value_source(*option, file_->read()) == Source::kEnvironment)
        return '$' + option->get_envname() + ": " + text;
    for (const auto* verb : verbs_of(app))
      if (auto found = in_environment(*verb); !found.empty()) return found;
    return std::string{};
  };
  const auto found = in_environment(app_);
  return found.empty() ? text : found;
}

std::string Configuration::text() const {
  const auto path = option_->count() == 0 ? std::string{} : option_->as<std::string>();
  return fmt::format("# {} {}, {}\n", app_.get_name(), version(), path.empty() ? "no file" : "with " + path) +
         config_text(app_, file_->read());
}

Configuration::Reread Configuration::reread() const {
  Reread now;
  if (option_->count() == 0) return now;
  const auto path = option_->as<std::string>();
  std::ifstream in(path);
  if (!in) {
    now.problem = path + " cannot be read: " + std::strerror(errno);
    return now;
  }
  const auto read = read_config(in, path, app_);
  now.problem = read.problem;
  if (!now.problem.empty()) return now;
  const auto& before = file_->read().entries;
  const auto note = [&](const CLI::Option* option, const ConfigFile::Entry& entry, const ConfigFile::Entries& others) {
    const auto other = others.find(option);
    const bool same = other != others.end() && other->second.item.inputs == entry.item.inputs;
    if (!same && std::ranges::find(now.changed, entry.item.fullname()) == now.changed.end())
      now.changed.push_back(entry.item.fullname());
  };
  for (const auto& [option, entry] : read.entries)
    note(option, entry, before);
  for (const auto& [option, entry] : before)
    note(option, entry, read.entries);
  const auto* level = app_.get_option_no_throw(std::string("--") + kLogLevel);
  if (level == nullptr) return now;
  if (const auto said = read.entries.find(level); said != read.entries.end()) {
    const auto source = value_source(*level, file_->read());
    if (source == Source::kFile || source == Source::kDefault) now.log_level = said->second.item.inputs.front();
  }
  return now;
}

}  // namespace trainbus
