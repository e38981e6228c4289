#pragma once
// What follows --sink: `TYPE:VALUE,key=value,...`.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trainbus {

struct SinkSpec {
  std::string type;                  // a name, or the path of a shared object
  std::optional<std::string> first;  // the first item when it has no `key=`
  std::vector<std::pair<std::string, std::string>> options;
};

// A comma ends an item, `\,` is a comma. Throws std::invalid_argument with one line that shows the type and the keys,
// but no value: it may be a secret.
SinkSpec parse_sink_spec(std::string_view text);

}  // namespace trainbus
