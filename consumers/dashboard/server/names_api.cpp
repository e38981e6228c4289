#include "names_api.hpp"

#include <set>
#include <string_view>

#include "bus_model.hpp"
#include "json_text.hpp"

namespace trainbus {
namespace {

using Names = std::set<std::string_view>;

std::size_t append_names(std::string& out, const Names& names) {
  std::size_t count = 0;
  out += '[';
  for (const auto name : names) {
    if (count == kMaxListedNames) break;
    if (count++ > 0) out += ',';
    append_json_string(out, name);
  }
  out += ']';
  return names.size() - count;
}

}  // namespace

Answer answer_names(const BusModel& model) {
  Names values, parameters;
  for (const auto& [name, trainer] : model.trainers()) {
    const auto& figures = trainer.view().figures();
    for (const auto& [value, last] : figures.scalars)
      values.insert(value);
    if (!figures.plan) continue;
    for (const auto& [parameter, text] : figures.plan->parameters())
      parameters.insert(parameter);
  }
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    std::size_t left_out = append_names(object.key("values"), values);
    left_out += append_names(object.key("parameters"), parameters);
    object.add("left_out", left_out);
  }
  return answer;
}

}  // namespace trainbus
