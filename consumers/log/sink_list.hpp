#pragma once
// The sinks there are, and the text that names one: "jsonl:runs.jsonl".

#include <memory>
#include <span>
#include <string>

#include "sink.hpp"

namespace trainbus {

struct SinkType {
  std::string_view name;
  std::string_view argument;  // what follows the colon
  std::string_view description;
  std::unique_ptr<Sink> (*make)(const std::string& argument);
};

std::span<const SinkType> sink_types();

// Nothing is opened yet. Throws std::invalid_argument with one line when the type is unknown or the argument is empty.
std::unique_ptr<Sink> make_sink(const std::string& text);

}  // namespace trainbus
