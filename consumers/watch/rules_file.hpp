#pragma once
// A rules file, read: rules.example.yaml shows all of it, README.md says what each key means.

#include <stdexcept>
#include <string>

#include "rule.hpp"

namespace trainbus {

// what(): "FILE:LINE:COLUMN: what, which value, what is allowed", one line, both counted from 1.
struct RulesError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws RulesError; "FILE: why" when it cannot be read.
RuleSet load_rules(const std::string& path);
RuleSet parse_rules(const std::string& text, const std::string& name);

}  // namespace trainbus
