// trainbus.h on top of trainbus::Producer: knobs, and the step boundary.

#include "handle.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/text.hpp"

using namespace trainbus;
using capi::guarded;
using capi::read;
using capi::string;
using capi::strings;
using capi::text;

struct trainbus_answer {
  CommandOutcome outcome = Applied{};
};

namespace {

constexpr std::int64_t kLongestWaitMs = std::int64_t{365} * 24 * 3600 * 1000;

// One handler of C for all types: it takes the value as text.
struct TextHandler {
  trainbus_handler call;
  void* user;

  CommandOutcome operator()(const std::string& value) const {
    trainbus_answer answer;
    call(user, value.c_str(), &answer);
    return answer.outcome;
  }
};

}  // namespace

void trainbus_applied(trainbus_answer* answer, const char* old_value, const char* new_value) {
  guarded(0, [&] {
    answer->outcome = Applied{string(old_value), string(new_value)};
    return 0;
  });
}

void trainbus_rejected(trainbus_answer* answer, const char* reason) {
  guarded(0, [&] {
    answer->outcome = Rejected{string(reason)};
    return 0;
  });
}

int trainbus_offer(trainbus_producer* producer, const trainbus_knob* knob, trainbus_handler handler, void* user) {
  return guarded(0, [&] {
    const trainbus_knob given = read(knob);
    const TextHandler told{handler, user};
    Knob made{.name = string(given.name), .unit = string(given.unit), .help = string(given.help)};
    if ((given.said & TRAINBUS_MIN) != 0) made.min = given.min;
    if ((given.said & TRAINBUS_MAX) != 0) made.max = given.max;
    const std::string value = string(given.value);
    Producer& bus = producer->bus;
    switch (given.type) {
      case TRAINBUS_ACTION: return int{bus.on_action(made, [told] { return told(""); })};
      case TRAINBUS_NUMBER: {
        const auto handle = [told](double now) { return told(number_text(now)); };
        if (made.name == kLearningRateKnob) return bus.on_learning_rate(handle), 1;
        const auto number = read_number(value);
        return int{number && bus.on_number(made, *number, handle)};
      }
      case TRAINBUS_INTEGER: {
        if (made.name == kBatchSizeKnob)
          return bus.on_batch_size([told](double now) { return told(std::to_string(static_cast<std::int64_t>(now))); }),
                 1;
        const auto number = read_integer(value);
        return int{number &&
                   bus.on_integer(made, *number, [told](std::int64_t now) { return told(std::to_string(now)); })};
      }
      case TRAINBUS_CHOICE: {
        return int{bus.on_choice(made, strings(given.choices, given.choice_count), value, told)};
      }
      case TRAINBUS_SWITCH: {
        const auto on = read_switch(value);
        return int{on && bus.on_switch(made, *on, [told](bool now) { return told(now ? "on" : "off"); })};
      }
      default: return 0;
    }
  });
}

int trainbus_step(trainbus_producer* producer, int64_t wait_ms) {
  return guarded(int{TRAINBUS_END}, [&]() -> int {
    switch (
        producer->bus.step_within(std::chrono::milliseconds(std::clamp<std::int64_t>(wait_ms, 0, kLongestWaitMs)))) {
      case StepResult::kGoOn: return TRAINBUS_GO;
      case StepResult::kPaused: return TRAINBUS_HELD;
      default: return TRAINBUS_END;
    }
  });
}

int trainbus_paused(const trainbus_producer* producer) { return producer->bus.paused(); }

int trainbus_stop_commanded(const trainbus_producer* producer) { return producer->bus.stop_commanded(); }

void trainbus_interrupt(trainbus_producer* producer) { producer->bus.interrupt(); }
