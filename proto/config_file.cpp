#include "config_file.hpp"

#include <spdlog/fmt/fmt.h>
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace trainbus {
namespace {

std::optional<std::string> as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string path, ConfigFile& file) : path_(std::move(path)), file_(file) {}

  void take(const toml::table& table, const CLI::App& app, const std::vector<std::string>& above) {
    for (const auto& [key, node] : table)
      take(key, node, app, above);
  }

  void complain(const toml::source_region& where, const std::string& what) {
    const auto at = std::tuple(where.begin.line, where.begin.column);
    if (!file_.problem.empty() && first_ < at) return;
    first_ = at;
    file_.problem = place(where) + ": " + what;
  }

 private:
  std::string place(const toml::source_region& where) const {
    return fmt::format("{}:{}:{}", path_, where.begin.line, where.begin.column);
  }

  void take(const toml::key& key, const toml::node& node, const CLI::App& app, const std::vector<std::string>& above) {
    const std::string name(key.str());
    if (const auto* table = node.as_table()) {
      const auto verbs = verbs_of(app);
      const auto verb = std::ranges::find_if(verbs, [&](const CLI::App* one) { return one->get_name() == name; });
      if (verb == verbs.end()) return complain(key.source(), fmt::format("{} has no verb '{}'", app.get_name(), name));
      auto below = above;
      below.push_back(name);
      return take(*table, **verb, below);
    }
    const auto options = configurable_options(app);
    const auto option = std::ranges::find_if(options, [&](const CLI::Option* one) { return one->check_lname(name); });
    if (option == options.end())
      return complain(key.source(), fmt::format("{} has no option '{}'", app.get_name(), name));
    auto values = values_of(key, node, **option);
    if (!values.empty()) file_.entries[*option] = {{above, name, std::move(values)}, place(key.source())};
  }

  std::vector<std::string> values_of(const toml::key& key, const toml::node& node, const CLI::Option& option) {
    const std::string name(key.str());
    std::vector<std::string> values;
    const auto take_one = [&](const toml::node& one) {
      if (auto text = as_text(one))
        values.push_back(*text);
      else
        complain(one.source(), fmt::format("{} must be a text, a number, true or false", name));
    };
    const bool is_flag = option.get_expected_min() == 0;
    if (is_flag && !node.is_boolean()) {
      complain(node.source(), fmt::format("{} must be true or false", name));
    } else if (const auto* array = node.as_array(); array == nullptr) {
      take_one(node);
    } else if (option.get_items_expected_max() == 1) {
      complain(node.source(), fmt::format("{} takes one value, not a list", name));
    } else {
      for (const auto& one : *array)
        take_one(one);
    }
    return values;
  }

  const std::string path_;
  ConfigFile& file_;
  std::tuple<toml::source_index, toml::source_index> first_;
};

}  // namespace

ConfigFile read_config(std::istream& in, const std::string& path, const CLI::App& app) {
  ConfigFile file;
  Reader reader(path, file);
  try {
    reader.take(toml::parse(in, path), app, {});
  } catch (const toml::parse_error& error) {
    reader.complain(error.source(), std::string(error.description()));
  }
  return file;
}

std::vector<CLI::Option*> configurable_options(const CLI::App& app) {
  std::vector<CLI::Option*> found;
  // CLI11 gives out pointers that can be written through only of an App that can be.
  for (auto* option : const_cast<CLI::App&>(app).get_options()) {
    const bool of_cli = option == app.get_help_ptr() || option == app.get_config_ptr() || !option->get_configurable();
    if (!option->get_lnames().empty() && !of_cli) found.push_back(option);
  }
  return found;
}

std::vector<CLI::App*> verbs_of(const CLI::App& app) {
  auto verbs = const_cast<CLI::App&>(app).get_subcommands([](const CLI::App*) { return true; });
  std::erase_if(verbs, [](const CLI::App* verb) { return verb->get_name().empty(); });
  return verbs;
}

}  // namespace trainbus
