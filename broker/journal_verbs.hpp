#pragma once
// trainbus-broker check and repair: what they print, and their exit codes.

#include <CLI/CLI.hpp>
#include <stdexcept>
#include <string>

namespace trainbus {

// 0: every record is as it was written; 1: not. Throws std::runtime_error with one line where there is no journal, or a
// broker has it.
int check_state_dir(const std::string& state_dir);
// 0 when the journal is whole now.
int repair_state_dir(const std::string& state_dir);

// Bad usage where `parse` throws std::invalid_argument.
template <class Parse>
CLI::Validator valid_by(Parse parse) {
  return {[parse](std::string& text) {
            try {
              parse(text);
              return std::string();
            } catch (const std::invalid_argument& error) {
              return std::string(error.what());
            }
          },
          ""};
}

}  // namespace trainbus
