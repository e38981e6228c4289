#pragma once
// The options of a program as a TOML file says them.

#include <CLI/CLI.hpp>
#include <istream>
#include <map>
#include <string>
#include <vector>

namespace trainbus {

// Of --config, --log-level and the like: the options of every program.
inline constexpr char kCommonGroup[] = "Every program";

struct ConfigFile {
  struct Entry {
    CLI::ConfigItem item;
    std::string place;      // "FILE:LINE:COLUMN" of the key
    bool in_force = false;  // no flag and no environment says otherwise
  };
  using Entries = std::map<const CLI::Option*, Entry>;
  Entries entries;
  std::string problem;  // the first one, "FILE:LINE:COLUMN: what is wrong"; then nothing is in force
};

// `path` is for the places only.
ConfigFile read_config(std::istream& in, const std::string& path, const CLI::App& app);

// Those with a long name, without --help, --version and --config.
std::vector<CLI::Option*> configurable_options(const CLI::App& app);
std::vector<CLI::App*> verbs_of(const CLI::App& app);

}  // namespace trainbus
