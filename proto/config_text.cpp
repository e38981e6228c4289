#include "config_text.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

namespace trainbus {
namespace {

constexpr std::size_t kCommentAt = 46;  // column

std::string without_password(const std::string& text) {
  static const std::regex password("(://[^:/@\\s]*):[^@/\\s]*@");
  return std::regex_replace(text, password, "$1:***@");
}

std::string quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char letter : without_password(text)) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    if (static_cast<unsigned char>(letter) < 0x20)
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(letter));
    else
      quoted += letter;
  }
  return quoted + '"';
}

// CLI11 keeps the default of a list as "[one,two]".
std::vector<std::string> default_list(const CLI::Option& option) {
  auto text = option.get_default_str();
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return text.empty() ? std::vector<std::string>{} : CLI::detail::split(text, ',');
}

std::string value_text(const CLI::Option& option) {
  const auto values = option.results();
  if (option.get_expected_min() == 0) {
    const bool on = !values.empty() && values.back() != "false" && values.back() != "0";
    return on ? "true" : "false";
  }
  if (option.get_items_expected_max() == 1)
    return values.empty() ? quoted(option.get_default_str()) : quoted(values.back());
  std::string list;
  for (const auto& value : values.empty() ? default_list(option) : values)
    list += (list.empty() ? "" : ", ") + quoted(value);
  return '[' + list + ']';
}

std::string source_text(const CLI::Option& option, const ConfigFile& file) {
  switch (value_source(option, file)) {
    case Source::kFile: return file.entries.at(&option).place;
    case Source::kEnvironment: return '$' + option.get_envname();
    case Source::kFlag: return "flag";
    case Source::kDefault: return "default";
  }
  return {};
}

std::string line_of(const CLI::Option& option, const ConfigFile& file) {
  const auto& name = option.get_lnames().front();
  const bool said = option.count() > 0 || option.get_expected_min() == 0 || !option.get_default_str().empty();
  if (!said) return "# " + name + ": not said\n";
  const auto line = name + " = " + value_text(option);
  return line + std::string(line.size() < kCommentAt ? kCommentAt - line.size() : 1, ' ') + "# " +
         source_text(option, file) + '\n';
}

std::string tables_of(const CLI::App& app, const ConfigFile& file, const std::string& above) {
  std::string text;
  for (const auto* verb : verbs_of(app)) {
    if (verb->get_name() == "config") continue;
    const auto name = above + verb->get_name();
    std::string lines;
    for (const auto* option : configurable_options(*verb))
      lines += line_of(*option, file);
    if (!lines.empty()) text += "\n[" + name + "]\n" + lines;
    text += tables_of(*verb, file, name + '.');
  }
  return text;
}

}  // namespace

std::string environment_of(const CLI::Option& option) {
  const auto name = option.get_envname();
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

Source value_source(const CLI::Option& option, const ConfigFile& file) {
  if (option.count() == 0) return Source::kDefault;
  const auto entry = file.entries.find(&option);
  if (entry != file.entries.end() && entry->second.in_force) return Source::kFile;
  const auto said = environment_of(option);
  // CLI11 does not keep who said it; where both say the same it makes no difference.
  return !said.empty() && option.results() == CLI::results_t{said} ? Source::kEnvironment : Source::kFlag;
}

std::string config_text(const CLI::App& app, const ConfigFile& file) {
  std::string text;
  for (const auto* option : configurable_options(app))
    text += line_of(*option, file);
  return text + tables_of(app, file, {});
}

}  // namespace trainbus
