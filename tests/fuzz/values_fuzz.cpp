// Any scalars, media, plans and commands as they come from the wire: what is taken in keeps its bounds, and a value
// that a knob takes can be read as the knob's type says.
#include <google/protobuf/stubs/logging.h>

#include <cmath>

#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/media.hpp"
#include "trainbus/text.hpp"
#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

void check_values(const google::protobuf::Map<std::string, double>& values) {
  fuzz::require(values.size() <= kMaxValueNames);
  for (const auto& [name, value] : values) {
    fuzz::require(value_name_problem(name).empty());
    fuzz::require(name.starts_with(value_group(name)));
    fuzz::require(!number_text(value).empty());
  }
}

void check_media(const v1::MediaData& media) {
  fuzz::require(valid_value_name(media.name()) && media_problem(media).empty());
  fuzz::require(media.images().images_size() <= kMaxMediaImages);
  const auto& table = media.table();
  fuzz::require(table.values_size() == table.columns_size() * table.rows_size());
  for (int i = 1; i < media.histogram().edges_size(); ++i)
    fuzz::require(media.histogram().edges(i - 1) < media.histogram().edges(i));
}

void check_knob(const v1::Knob& knob, const v1::ControlCommand& command) {
  const bool good = knob_problem(knob).empty();
  fuzz::require(!knob_range_text(knob).empty() && !knob_type_name(knob.type()).empty());
  const std::string* value = command_value_text(command);
  if (!good || !command_problem(command).empty() || !knob_value_problem(knob, value).empty()) return;
  switch (knob.type()) {
    case v1::Knob::NUMBER: {
      const auto number = read_number(*value);
      fuzz::require(number && std::isfinite(*number));
      fuzz::require(!(knob.has_min() && *number < knob.min()) && !(knob.has_max() && *number > knob.max()));
      break;
    }
    case v1::Knob::INTEGER: fuzz::require(read_integer(*value).has_value()); break;
    case v1::Knob::SWITCH: fuzz::require(read_switch(*value).has_value()); break;
    case v1::Knob::CHOICE: fuzz::require(!value->empty()); break;
    default: fuzz::require(value == nullptr || value->empty());
  }
}

}  // namespace
}  // namespace trainbus

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const google::protobuf::LogSilencer quiet;
  constexpr Kind kKinds[] = {v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_SCALARS, v1::KIND_MEDIA, v1::KIND_STATUS};
  fuzz::Pieces pieces(fuzz::view(data, size));
  std::uint8_t what = 0;
  std::string_view bytes;
  v1::MetricsRequest message;
  v1::TrainingConfig plan;
  v1::ControlCommand command;
  for (Topic topic; pieces.next(what, bytes);) {
    if (what % 2 == 0) {
      if (decode_control(bytes, message) == WireError::kNone && message.has_issue_command())
        command = message.issue_command();
    } else if (decode_record(topic_text(kKinds[what / 2 % std::size(kKinds)], "r", "t"), bytes, topic, message) ==
               WireError::kNone) {
      check_values(message.batch_data().scalars());
      check_values(message.epoch_data().scalars());
      check_values(message.scalar_data().values());
      if (message.has_media_data()) check_media(message.media_data());
      if (message.status_update().has_config()) plan = message.status_update().config();
    }
    for (int i = 0; i < std::min<int>(plan.knobs_size(), kMaxKnobs); ++i)
      check_knob(plan.knobs(i), command);
    (void)find_knob(plan, command_knob(command));
  }
  return 0;
}
