// Any names, texts and numbers through the producer SDK: whatever a training gives it, what it makes of them is a
// record that every receiver takes. Any commands to its knobs: a handler sees only values that its knob takes.
#include <google/protobuf/stubs/logging.h>

#include <cmath>
#include <cstring>

#include "commands.hpp"
#include "new_media.hpp"
#include "record_writer.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

class Sdk {
 public:
  Sdk() {
    const auto answer = [](const std::string& value) -> CommandOutcome {
      if (value.size() % 3 == 0) return Rejected{value};
      if (value.size() % 3 == 1) return Applied{value, value};
      throw std::runtime_error(value);
    };
    for (const auto type :
         {v1::Knob::ACTION, v1::Knob::NUMBER, v1::Knob::INTEGER, v1::Knob::CHOICE, v1::Knob::SWITCH}) {
      v1::Knob knob;
      knob.set_name(std::string(knob_type_name(type)));
      knob.set_type(type);
      if (type == v1::Knob::NUMBER || type == v1::Knob::INTEGER) knob.set_min(-5), knob.set_max(5);
      if (type == v1::Knob::CHOICE) knob.add_choices("sgd"), knob.add_choices("adam");
      fuzz::require(commands_
                        .offer(
                            knob,
                            [knob, answer](const std::string& value) {
                              fuzz::require(knob_value_problem(knob, &value).empty());
                              return answer(value);
                            },
                            false)
                        .empty());
    }
  }

  void write(decltype(LoggedRecord::payload) payload) {
    const LoggedRecord record{.timestamp_ms = 1, .step = 2, .payload = payload};
    bytes_.resize(writer_.prepare(record, ++sequence_));
    writer_.write(reinterpret_cast<std::uint8_t*>(bytes_.data()));
    Topic topic;
    fuzz::require(decode_record(topic_text(kind_of(record), "r", "t"), bytes_, topic, read_) == WireError::kNone);
  }
  void write_media(NewMedia made) {
    if (auto* waiting = std::get_if<WaitingMedia>(&made)) write(&std::as_const(waiting->media));
  }
  void values(std::string_view bytes) {
    NamedValues values;
    for (; bytes.size() > 9;
         bytes.remove_prefix(std::min<std::size_t>(9 + static_cast<std::uint8_t>(bytes[8]), bytes.size()))) {
      double value = 0;
      std::memcpy(&value, bytes.data(), sizeof value);
      values.add({bytes.substr(9, static_cast<std::uint8_t>(bytes[8])), value});
    }
    const BatchMetrics batch{.loss = 1, .scalars = values};
    const EpochMetrics epoch{.scalars = values};
    const LoggedScalars scalars{.epoch = 1, .values = &values};
    write(&batch);
    write(&epoch);
    write(&scalars);
    fuzz::require(read_.scalar_data().values().size() <= values.size());
  }
  void media(std::string_view bytes) {
    const auto name = bytes.substr(0, bytes.size() / 3);
    const auto text = bytes.substr(name.size());
    std::vector<float> floats(text.size() / sizeof(float));
    std::memcpy(floats.data(), text.data(), floats.size() * sizeof(float));
    const std::vector<double> doubles(floats.begin(), floats.end());
    write_media(new_text(name, text));
    write_media(new_histogram(name, floats, static_cast<int>(text.size())));
    const auto edges = std::span(doubles).first((doubles.size() + 1) / 2);
    write_media(new_histogram(name, edges, std::span(doubles).last(doubles.size() - edges.size())));
    write_media(new_table(name, {{std::string(text)}, {std::string(name)}, {doubles.empty() ? NAN : doubles[0]}}));
  }
  void plan(std::string_view bytes) {
    const std::string text(bytes);
    SaidPlan said{{.model_name = text,
                   .class_names = {text},
                   .parameters = {{text.substr(0, text.size() / 2), text}},
                   .tags = {text},
                   .notes = text},
                  {{text, text}}};
    (void)clean_plan(said.plan);
    const LoggedStatus status{v1::RUNNING, text, std::make_shared<const SaidPlan>(std::move(said)), commands_.knobs()};
    write(&status);
  }
  void command(std::string_view bytes) {
    v1::MetricsResponse response;
    if (decode_control(bytes, response) == WireError::kNone && response.has_command())
      commands_.receive(response.command(), 1);
    (void)commands_.apply_waiting(std::chrono::steady_clock::time_point::min());
    v1::ControlCommand again;
    for (const auto& report : commands_.take_reports(2))
      fuzz::require(again.ParseFromString(report.SerializeAsString()));
    for (const auto& knob : commands_.knobs())
      fuzz::require(knob_problem(knob).empty());
  }

 private:
  RecordWriter writer_{"r/t", 7};
  const std::atomic<std::uint64_t> step_{7};
  Commands commands_{7,
                     step_,
                     "r/t",
                     {.pause_changed = [](bool) {},
                      .handling = [] {},
                      .handled = [](const auto&, const auto&) {},
                      .held = [](const auto&) {}}};
  std::string bytes_;
  v1::MetricsRequest read_;
  std::uint64_t sequence_ = 0;
};

}  // namespace
}  // namespace trainbus

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const google::protobuf::LogSilencer quiet;
  Sdk sdk;
  fuzz::Pieces pieces(fuzz::view(data, size));
  std::uint8_t what = 0;
  for (std::string_view bytes; pieces.next(what, bytes);) {
    switch (what % 4) {
      case 0: sdk.values(bytes); break;
      case 1: sdk.media(bytes); break;
      case 2: sdk.plan(bytes); break;
      default: sdk.command(bytes);
    }
  }
  return 0;
}
