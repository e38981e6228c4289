#include "value_names.hpp"

namespace trainbus {

ValueNames::Use* ValueNames::admit(std::string_view name) {
  if (const auto known = names_.find(name); known != names_.end()) return &known->second;
  if (names_.size() >= kMaxValueNames || !valid_value_name(name)) return nullptr;
  return &names_.try_emplace(std::string(name)).first->second;
}

std::string ValueNames::problem(std::string_view refused) {
  if (auto problem = value_name_problem(refused); !problem.empty()) return problem;
  return "there are " + std::to_string(kMaxValueNames) + " names of values already, '" + std::string(refused) +
         "' is one more";
}

}  // namespace trainbus
