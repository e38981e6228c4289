#include "trainbus/value_name.hpp"

#include "trainbus/text.hpp"

namespace trainbus {

bool valid_value_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxValueNameBytes) return false;
  while (!name.empty()) {
    if (name[0] >= 0x20 && name[0] < 0x7f) {  // nearly always
      name.remove_prefix(1);
      continue;
    }
    const std::size_t bytes = utf8_character_bytes(name);
    const auto first = static_cast<unsigned char>(name[0]);
    const bool c1 = first == 0xc2 && bytes == 2 && static_cast<unsigned char>(name[1]) < 0xa0;
    if (bytes == 0 || first < 0x20 || first == 0x7f || c1) return false;
    name.remove_prefix(bytes);
  }
  return true;
}

std::string_view value_group(std::string_view name) {
  const auto slash = name.find('/');
  return slash == std::string_view::npos ? std::string_view{} : name.substr(0, slash);
}

std::string value_name_problem(std::string_view name) {
  if (valid_value_name(name)) return {};
  std::string shown;
  for (const char c : name.substr(0, 32))
    shown += c >= 0x20 && c < 0x7f ? c : '?';
  if (name.size() > 32) shown += "...";
  return "name '" + shown + "' of " + std::to_string(name.size()) +
         " bytes must be UTF-8 of 1 to 128 bytes without control characters";
}

}  // namespace trainbus
