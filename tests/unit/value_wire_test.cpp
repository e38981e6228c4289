// Named values and media on the wire: what is refused, and by which reason.
#include <gmock/gmock.h>

#include <limits>

#include "trainbus/media.hpp"
#include "trainbus/text.hpp"
#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

v1::MetricsRequest envelope() {
  v1::MetricsRequest message;
  message.set_session_id("r/t");
  return message;
}

std::string_view refused_as(Kind kind, const v1::MetricsRequest& message) {
  Topic topic;
  v1::MetricsRequest read;
  return wire_error_name(decode_record(topic_text(kind, "r", "t"), message.SerializeAsString(), topic, read));
}

std::string_view values_refused_as(const std::string& name) {
  auto message = envelope();
  (*message.mutable_scalar_data()->mutable_values())[name] = kNan;
  return refused_as(v1::KIND_SCALARS, message);
}

TEST(ValueNames, AreUtf8OfBoundedLengthWithoutControlCharacters) {
  for (const std::string_view good : {"a", "val/iou", "Verlust ß", "%", "loss (mean)", "損失", "🙂", "/", "a//b"})
    EXPECT_TRUE(valid_value_name(good)) << good;
  EXPECT_TRUE(valid_value_name(std::string(128, 'x')));
  EXPECT_FALSE(valid_value_name(std::string(129, 'x')));
  for (const std::string_view bad : {"", "a\n", "\t", "\x7f", "\xc2\x85", "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf"})
    EXPECT_FALSE(valid_value_name(bad)) << value_name_problem(bad);
  EXPECT_FALSE(valid_value_name(std::string_view("a\0b", 3)));
}

TEST(ValueNames, AreGroupedByWhatStandsBeforeTheFirstSlash) {
  EXPECT_EQ(value_group("val/iou/mean"), "val");
  EXPECT_EQ(value_group("loss"), "");
  EXPECT_EQ(value_group("/loss"), "");
}

TEST(ValueWire, NamedValuesOutsideTheGrammarAreRefusedInEveryKind) {
  EXPECT_EQ(values_refused_as("val/iou"), "none");
  EXPECT_EQ(values_refused_as(""), "bad_value_name");
  EXPECT_EQ(values_refused_as("a\nb"), "bad_value_name");
  EXPECT_EQ(values_refused_as(std::string(129, 'x')), "bad_value_name");
  auto batch = envelope();
  (*batch.mutable_batch_data()->mutable_scalars())["\x01"] = 1;
  EXPECT_EQ(refused_as(v1::KIND_BATCH, batch), "bad_value_name");
  auto epoch = envelope();
  (*epoch.mutable_epoch_data()->mutable_scalars())["\x01"] = 1;
  EXPECT_EQ(refused_as(v1::KIND_EPOCH, epoch), "bad_value_name");
}

TEST(ValueWire, TooManyNamesInOneRecordAreRefused) {
  auto message = envelope();
  auto& values = *message.mutable_scalar_data()->mutable_values();
  for (std::size_t i = 0; i < kMaxValueNames; ++i)
    values["v" + std::to_string(i)] = 1e308;
  EXPECT_EQ(refused_as(v1::KIND_SCALARS, message), "none");
  values["one more"] = 1;
  EXPECT_EQ(refused_as(v1::KIND_SCALARS, message), "too_many_values");
}

TEST(ValueWire, NotANumberAndInfinityArriveAsTheyAre) {
  auto message = envelope();
  auto& values = *message.mutable_scalar_data()->mutable_values();
  values["nan"] = kNan;
  values["-inf"] = -kInf;
  Topic topic;
  v1::MetricsRequest read;
  ASSERT_EQ(decode_record("scalars/r/t/", message.SerializeAsString(), topic, read), WireError::kNone);
  EXPECT_TRUE(std::isnan(read.scalar_data().values().at("nan")));
  EXPECT_EQ(read.scalar_data().values().at("-inf"), -kInf);
}

class MediaWire : public testing::Test {
 protected:
  MediaWire() { media_.set_name("m"); }
  std::string_view refused() const { return refused_as(v1::KIND_MEDIA, message_); }

  v1::MetricsRequest message_ = envelope();
  v1::MediaData& media_ = *message_.mutable_media_data();
};

TEST_F(MediaWire, NeedsContentAndAName) {
  EXPECT_EQ(refused(), "bad_media");
  media_.set_text("");
  EXPECT_EQ(refused(), "none") << "an empty text is a text";
  media_.set_name("");
  EXPECT_EQ(refused(), "bad_value_name");
}

TEST_F(MediaWire, EdgesOfAHistogramRiseAndAreOneMoreThanItsCounts) {
  auto& histogram = *media_.mutable_histogram();
  EXPECT_EQ(refused(), "bad_media");
  for (const double edge : {0.0, 1.0, 2.0})
    histogram.add_edges(edge);
  histogram.add_counts(3);
  EXPECT_EQ(refused(), "bad_media") << "three edges for one count";
  histogram.add_counts(0);
  EXPECT_EQ(refused(), "none");
  for (const double edge : {1.0, 0.5, kNan, kInf}) {
    histogram.set_edges(2, edge);
    EXPECT_EQ(refused(), "bad_media") << edge;
  }
  histogram.set_edges(2, 2);
  for (const double count : {-1.0, kNan, kInf}) {
    histogram.set_counts(0, count);
    EXPECT_EQ(refused(), "bad_media") << count;
  }
}

TEST_F(MediaWire, ATableHasAValueForEveryCell) {
  auto& table = *media_.mutable_table();
  table.add_columns("a");
  table.add_columns("b");
  table.add_rows("x");
  table.add_values(1);
  EXPECT_EQ(media_problem(media_), "1 values for 2 cells");
  table.add_values(kNan);
  EXPECT_EQ(refused(), "none");
  table.clear_rows();
  EXPECT_EQ(refused(), "bad_media");
}

TEST_F(MediaWire, PicturesAreBoundedAndCaptionedOneByOne) {
  auto& set = *media_.mutable_images();
  EXPECT_EQ(refused(), "bad_media");
  auto& image = *set.add_images();
  image.set_image_bytes("x");
  image.set_width(kMaxMediaPixels);
  image.set_height(1);
  EXPECT_EQ(refused(), "none");
  set.add_captions("one");
  EXPECT_EQ(refused(), "none");
  set.add_captions("two");
  EXPECT_EQ(media_problem(media_), "2 captions for 1 pictures");
  set.clear_captions();
  image.set_width(kMaxMediaPixels + 1);
  EXPECT_EQ(refused(), "bad_media");
  image.set_width(1);
  image.clear_image_bytes();
  EXPECT_EQ(refused(), "bad_media");
  image.set_image_bytes("x");
  while (set.images_size() <= kMaxMediaImages)
    *set.add_images() = image;
  EXPECT_EQ(refused(), "bad_media");
}

TEST_F(MediaWire, IsBoundedLikeEveryKeptRecord) {
  media_.set_text(std::string(kMaxRecordBytes, 'x'));
  EXPECT_EQ(refused(), "too_large");
}

TEST(CommandWire, SettingAKnobNeedsItsName) {
  v1::ControlCommand command;
  command.set_command_id(std::string(32, 'a'));
  command.set_type(v1::SET_KNOB);
  EXPECT_NE(command_problem(command), "");
  (*command.mutable_parameters())["name"] = "weight_decay";
  EXPECT_EQ(command_problem(command), "") << "whether it needs a value only the trainer's plan knows";
  (*command.mutable_parameters())["name"] = "weight decay\n";
  EXPECT_NE(command_problem(command), "");
}

TEST(CommandWire, ThreeCommandsNameTheKnobTheySet) {
  v1::ControlCommand command;
  command.set_type(v1::CHANGE_LEARNING_RATE);
  EXPECT_EQ(command_knob(command), "learning_rate");
  command.set_type(v1::ADJUST_BATCH_SIZE);
  EXPECT_EQ(command_knob(command), "batch_size");
  command.set_type(v1::SET_KNOB);
  (*command.mutable_parameters())["name"] = "dropout";
  EXPECT_EQ(command_knob(command), "dropout");
  command.set_type(v1::PAUSE_TRAINING);
  EXPECT_EQ(command_knob(command), "");
}

TEST(Text, NumbersReadBackAndNamesOfWhatIsNone) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(0.0005), "0.0005");
  EXPECT_EQ(number_text(-2e6), "-2000000");
  EXPECT_EQ(number_text(1e-9), "1e-09");
  EXPECT_EQ(number_text(1e300), "1e+300");
  EXPECT_EQ(number_text(-kNan), "NaN");
  EXPECT_EQ(number_text(-kInf), "-Infinity");
}

}  // namespace
}  // namespace trainbus
