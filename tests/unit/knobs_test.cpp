#include "trainbus/knobs.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

v1::Knob knob(v1::Knob::Type type, const std::string& value = {}) {
  v1::Knob made;
  made.set_name("k");
  made.set_type(type);
  made.set_value(value);
  return made;
}

v1::Knob ranged(double min, double max, v1::Knob::Type type = v1::Knob::NUMBER) {
  v1::Knob made = knob(type);
  made.set_min(min);
  made.set_max(max);
  return made;
}

v1::Knob choice(const std::vector<std::string>& choices, const std::string& value = {}) {
  v1::Knob made = knob(v1::Knob::CHOICE, value);
  made.mutable_choices()->Add(choices.begin(), choices.end());
  return made;
}

std::string refusal(const v1::Knob& knob, const std::string& value) { return knob_value_problem(knob, &value); }

TEST(Knobs, AGoodDeclarationHasNoProblem) {
  for (const auto& good : {knob(v1::Knob::NUMBER, "0.5"), ranged(0, 1), ranged(-5, 5, v1::Knob::INTEGER),
                           choice({"sgd", "adam"}, "adam"), knob(v1::Knob::SWITCH, "on"), knob(v1::Knob::ACTION)})
    EXPECT_EQ(knob_problem(good), "");
}

TEST(Knobs, ABadDeclarationIsRefusedByName) {
  v1::Knob nameless = knob(v1::Knob::ACTION);
  nameless.set_name("save checkpoint");
  EXPECT_THAT(knob_problem(nameless), HasSubstr("'save checkpoint'"));
  EXPECT_THAT(knob_problem(ranged(2, 1)), HasSubstr("min 2 is above its max 1"));
  EXPECT_THAT(knob_problem(ranged(kNan, 1)), HasSubstr("min is not a number"));
  EXPECT_THAT(knob_problem(choice({})), HasSubstr("needs choices"));
  EXPECT_THAT(knob_problem(choice({"a", "a"})), HasSubstr("'a' is there twice"));
  EXPECT_THAT(knob_problem(choice({"a", ""})), HasSubstr("empty"));
  EXPECT_THAT(knob_problem(choice({"a"}, "b")), HasSubstr("own value 'b'"));
  EXPECT_THAT(knob_problem(knob(v1::Knob::ACTION, "1")), HasSubstr("has no value"));
  EXPECT_THAT(knob_problem(knob(v1::Knob::NUMBER, "nan")), HasSubstr("'nan'"));
  v1::Knob out = ranged(0, 1);
  out.set_value("2");
  EXPECT_THAT(knob_problem(out), HasSubstr("a number from 0 to 1"));
  v1::Knob odd = knob(v1::Knob::SWITCH);
  odd.set_max(1);
  EXPECT_THAT(knob_problem(odd), HasSubstr("only a number has a range"));
  EXPECT_THAT(knob_problem(knob(static_cast<v1::Knob::Type>(9))), HasSubstr("unknown type 9"));
}

TEST(Knobs, ValuesOfAnotherTypeOrOutOfRangeAreRefused) {
  EXPECT_EQ(refusal(ranged(0, 1), "1"), "");
  EXPECT_EQ(refusal(ranged(0, 1), "1e-300"), "");
  for (const char* bad : {"", "1.0000001", "-0.1", "nan", "inf", "1e400", "0x1", "1 ", " 1", "1,5", "one", "--1"})
    EXPECT_THAT(refusal(ranged(0, 1), bad), HasSubstr("must be a number from 0 to 1, got '" + std::string(bad) + "'"));
  EXPECT_EQ(refusal(ranged(0, 9, v1::Knob::INTEGER), "9"), "");
  EXPECT_EQ(refusal(ranged(0, 9, v1::Knob::INTEGER), "9.0"), "");
  for (const char* bad : {"9.5", "10", "1e30", "9999999999999999999999", "true"})
    EXPECT_THAT(refusal(ranged(0, 9, v1::Knob::INTEGER), bad), HasSubstr("a whole number from 0 to 9"));
  EXPECT_EQ(refusal(choice({"sgd", "adam"}), "adam"), "");
  EXPECT_EQ(refusal(choice({"sgd", "adam"}), "Adam"), "k must be one of sgd|adam, got 'Adam'");
  EXPECT_EQ(refusal(knob(v1::Knob::SWITCH), "off"), "");
  EXPECT_EQ(refusal(knob(v1::Knob::SWITCH), "maybe"), "k must be on or off, got 'maybe'");
}

TEST(Knobs, AnActionTakesNoValueAndTheOthersNeedOne) {
  EXPECT_EQ(knob_value_problem(knob(v1::Knob::ACTION), nullptr), "");
  EXPECT_THAT(refusal(knob(v1::Knob::ACTION), "now"), HasSubstr("takes no value"));
  EXPECT_THAT(knob_value_problem(ranged(0, 1), nullptr), HasSubstr("needs a value: a number from 0 to 1"));
}

TEST(Knobs, TheBuiltInOnesKeepTheirBounds) {
  v1::Knob rate = knob(v1::Knob::NUMBER);
  rate.set_name(std::string(kLearningRateKnob));
  EXPECT_EQ(refusal(rate, "1e-9"), "");
  EXPECT_EQ(refusal(rate, "0"), "learning_rate must be a number above 0, got '0'");
  v1::Knob size = knob(v1::Knob::INTEGER);
  size.set_name(std::string(kBatchSizeKnob));
  size.set_min(-5);
  EXPECT_NE(refusal(size, "0"), "");
  EXPECT_EQ(refusal(size, "64"), "");
}

TEST(Knobs, AHostileDeclarationTakesNoValueAndDoesNoHarm) {
  v1::Knob hostile = ranged(kNan, kNan);
  hostile.set_unit(std::string(5000, 'x'));
  EXPECT_EQ(refusal(hostile, "1"), "") << "a bound that is no number bounds nothing";
  EXPECT_NE(refusal(knob(static_cast<v1::Knob::Type>(9)), "1"), "");
  EXPECT_NE(refusal(choice({std::string(100'000, 'a')}), std::string(100'000, 'a')), "");
}

}  // namespace
}  // namespace trainbus
