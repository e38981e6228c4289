#include "sink_list.hpp"

#include "csv_sink.hpp"
#include "jsonl_sink.hpp"

namespace trainbus {
namespace {

template <typename Made>
std::unique_ptr<Sink> make(const std::string& argument) {
  return std::make_unique<Made>(argument);
}

constexpr SinkType kTypes[] = {
    {"jsonl", "PATH", "one file, one JSON object a line", make<JsonlSink>},
    {"csv", "FOLDER", "one file per kind: batch.csv, epoch.csv, perf.csv, ...", make<CsvSink>},
};

}  // namespace

std::span<const SinkType> sink_types() { return kTypes; }

std::unique_ptr<Sink> make_sink(const std::string& text) {
  const auto colon = text.find(':');
  for (const auto& type : kTypes) {
    if (text.substr(0, colon) != type.name) continue;
    if (colon == std::string::npos || colon + 1 == text.size())
      throw std::invalid_argument('\'' + text + "': say where to, as " + std::string(type.name) + ':' +
                                  std::string(type.argument));
    return type.make(text.substr(colon + 1));
  }
  std::string known;
  for (const auto& type : kTypes)
    known.append(known.empty() ? "" : ", ").append(type.name);
  throw std::invalid_argument('\'' + text + "': no such sink; there are " + known);
}

}  // namespace trainbus
