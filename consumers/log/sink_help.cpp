#include "sink_help.hpp"

#include <algorithm>
#include <stdexcept>

#include "sink_catalog.hpp"
#include "sink_plan.hpp"

namespace trainbus {
namespace {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text;
}

// "jsonl:PATH[,rotate=BYTES]": how it is written with the options that it must have.
std::string usage(const trainbus_sink_type& type) {
  std::string text = type.name;
  for (const auto* option = type.options; option->name != nullptr; ++option) {
    const bool first = option == type.options;
    if (!first && option->preset != nullptr) continue;
    text += first ? ':' : ',';
    if (!first) text.append(option->name).append(1, '=');
    text += option->value;
  }
  return text;
}

void append_options(std::string& text, const trainbus_sink_option* options) {
  for (const auto* option = options; option->name != nullptr; ++option) {
    text += padded(std::string("  ").append(option->name).append(1, '=').append(option->value), 26) + option->help;
    if (option->secret == 1)
      text += "; never shown";
    else if (option->preset == nullptr)
      text += "; needed";
    else if (*option->preset != '\0')
      text.append("; ").append(option->preset).append(" when not given");
    text += '\n';
  }
}

const char* position_text(const trainbus_sink_type& type) {
  switch (type.position) {
    case TRAINBUS_SINK_KNOWS: return "Every record once: the place itself says what it has.";
    case TRAINBUS_SINK_HOST_KEEPS:
      return "Every record at least once: the position is a file in --state-dir; after a sudden end the last ones come "
             "again.";
    default: return "Live: only what is published while it runs.";
  }
}

}  // namespace

std::string sinks_text() {
  std::string text;
  for (const auto& found : find_sinks()) {
    try {
      const auto& type = sink_type_named(found.path.empty() ? found.name : found.path);
      text += padded(usage(type), 30) + type.summary;
      if (!found.path.empty()) text += " (" + found.path + ')';
    } catch (const std::exception& error) {
      text += padded(found.name, 30) + error.what();
    }
    text += '\n';
  }
  text +=
      "\nOptions follow as key=value, with commas between; \"trainbus-log sinks NAME\" tells those of one sink.\nEvery "
      "sink takes\n";
  append_options(text, kHostOptions);
  return text;
}

std::string sink_text(const std::string& name) {
  const auto& type = sink_type_named(name);
  std::string text = usage(type) + "  " + type.summary + "\n" + position_text(type) + '\n';
  append_options(text, type.options);
  text += "and, as every sink,\n";
  append_options(text, kHostOptions);
  return text;
}

}  // namespace trainbus
