#pragma once
// A flag that is a time with its unit: 500ms, 2s, 1min.

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace trainbus {

// Declares `name`; `milliseconds` holds the default and gets the value, which must lie from `least_ms` to a day.
inline CLI::Option* add_time_flag(CLI::App& app, const std::string& name, double& milliseconds, double least_ms,
                                  const std::string& description) {
  const std::map<std::string, double> units{{"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}};
  constexpr auto kStrict = static_cast<CLI::AsNumberWithUnit::Options>(CLI::AsNumberWithUnit::CASE_SENSITIVE |
                                                                       CLI::AsNumberWithUnit::UNIT_REQUIRED);
  return app.add_option(name, milliseconds, description)
      ->type_name("TIME")
      ->transform(CLI::AsNumberWithUnit(units, kStrict).description(""))
      ->check(CLI::Range(least_ms, 8.64e7).description("").application_index(0));
}

}  // namespace trainbus
