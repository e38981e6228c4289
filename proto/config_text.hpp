#pragma once
// What is in force, as TOML.

#include <CLI/CLI.hpp>
#include <string>

#include "config_file.hpp"

namespace trainbus {

enum class Source { kDefault, kFile, kEnvironment, kFlag };
// Of a value after the parse.
Source value_source(const CLI::Option& option, const ConfigFile& file);
// Of the environment; "": it says nothing.
std::string environment_of(const CLI::Option& option);

// A line an option, with its source as a comment; the options of each verb in a table. Passwords in addresses are ***.
std::string config_text(const CLI::App& app, const ConfigFile& file);

}  // namespace trainbus
