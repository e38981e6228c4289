#pragma once
// Where the options of a program have their values from: a flag, else the environment, else the file, else the default.

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace trainbus {

// The file is TOML: each long option by its name, the options of a verb in a table of its name. Of one App, which
// outlives it and has all its options; single-threaded. Nothing throws: what is wrong is a line, for after the parse.
class Configuration {
 public:
  // Adds --config and the verb `config`, and names of the environment to every option: TRAINBUS_BROKER_STATE_DIR.
  // The file is that of --config, else of $TRAINBUS_CONFIG ("off": none), else /etc/trainbus/broker.toml if it is
  // there.
  explicit Configuration(CLI::App& app);
  ~Configuration();

  // "FILE:LINE:COLUMN: what is wrong" with the file; "": nothing. Known once the App was parsed, also when that threw.
  std::string problem() const;
  // What an error of the parse is about: it names the place of a value that came from the file or the environment.
  std::string explained(const CLI::Error& error) const;
  // True when the verb `config` was given.
  bool asked() const;
  // All options as a file that says the same, and where each value comes from. Passwords in addresses are left out.
  std::string text() const;

  struct Reread {
    std::string problem;               // of the file as it is now; "": none
    std::vector<std::string> changed;  // keys whose value in the file is another one than at the start
    std::string log_level;             // what the file says now and neither flag nor environment overrule; "": nothing
  };
  Reread reread() const;

 private:
  class File;

  CLI::App& app_;
  CLI::App* verb_ = nullptr;
  CLI::Option* option_ = nullptr;
  std::shared_ptr<File> file_;
  std::string unreadable_;  // why the file that nobody named cannot be read
};

}  // namespace trainbus
