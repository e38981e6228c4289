#pragma once
// The manual page and the completion of a program, from the same description as --help.

#include <CLI/CLI.hpp>
#include <string>

namespace trainbus {

// In roff, for section 1 of the manual: every option, verb and example of the App.
std::string manual_page(const CLI::App& app);
// For bash: verbs, options of the verb, the words an option takes where they are known, else files.
std::string bash_completion(const CLI::App& app);

}  // namespace trainbus
