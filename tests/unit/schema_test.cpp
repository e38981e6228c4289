// What nobody may move: every field number and type of the schema, the bytes of version 1, and what a client generated
// from the design document reads and writes.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/message_differencer.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "schema/design_document.pb.h"
#include "schema/recorded_messages.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// "BatchData.batch_loss = 7: optional double"
std::string pin_of(const FieldDescriptor& field) {
  std::string text = field.containing_type()->full_name().substr(field.file()->package().size() + 1) + '.' +
                     field.name() + " = " + std::to_string(field.number()) + ": ";
  if (field.is_map()) {
    const auto& entry = *field.message_type();
    return text + "map " + entry.map_key()->type_name() + ' ' + entry.map_value()->type_name();
  }
  if (field.is_repeated()) text += "repeated ";
  if (field.has_optional_keyword()) text += "optional ";
  if (field.real_containing_oneof() != nullptr) text += "oneof ";
  if (const auto* message = field.message_type(); message != nullptr) return text + message->name();
  if (const auto* names = field.enum_type(); names != nullptr) return text + names->name();
  return text + field.type_name();
}

void pin_enum(const EnumDescriptor& names, std::vector<std::string>& pins) {
  for (int i = 0; i < names.value_count(); ++i)
    pins.push_back(names.name() + ' ' + names.value(i)->name() + " = " + std::to_string(names.value(i)->number()));
}

void pin_message(const Descriptor& message, std::vector<std::string>& pins) {
  if (message.options().map_entry()) return;
  for (int i = 0; i < message.field_count(); ++i)
    pins.push_back(pin_of(*message.field(i)));
  for (int i = 0; i < message.enum_type_count(); ++i)
    pin_enum(*message.enum_type(i), pins);
  for (int i = 0; i < message.nested_type_count(); ++i)
    pin_message(*message.nested_type(i), pins);
}

template <class Message>
std::vector<std::string> pins_of_file() {
  std::vector<std::string> pins;
  const auto& file = *Message::descriptor()->file();
  for (int i = 0; i < file.message_type_count(); ++i)
    pin_message(*file.message_type(i), pins);
  for (int i = 0; i < file.enum_type_count(); ++i)
    pin_enum(*file.enum_type(i), pins);
  std::sort(pins.begin(), pins.end());
  return pins;
}

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(std::string(TRAINBUS_SOURCE) + "/tests/schema/" + name);
  EXPECT_TRUE(file) << name;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  return lines;
}

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string hex_of(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes)
    for (const int shift : {4, 0})
      hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
  return hex;
}

// Kind by name -> bytes.
std::map<std::string, std::string> recorded_bytes() {
  std::map<std::string, std::string> recorded;
  for (const auto& line : lines_of("recorded_messages.txt"))
    recorded[line.substr(0, line.find(' '))] = bytes_of_hex(line.substr(line.find(' ') + 1));
  return recorded;
}

TEST(Schema, NoNumberAndNoTypeMoves) {
  const auto pins = pins_of_file<v1::MetricsRequest>();
  std::ostringstream now;
  for (const auto& pin : pins)
    now << pin << '\n';
  EXPECT_EQ(lines_of("pins.txt"), pins)
      << "A field that is new gets a line in tests/schema/pins.txt; one that is there is never changed. Now:\n"
      << now.str();
}

TEST(Schema, MessagesRecordedWithVersion1AreReadBack) {
  const auto recorded = recorded_bytes();
  for (const auto& [kind, expected] : recorded_messages()) {
    const std::string name(kind_name(kind));
    ASSERT_TRUE(recorded.contains(name)) << name << ' ' << hex_of(expected.SerializeAsString());
    Topic topic;
    v1::MetricsRequest read;
    ASSERT_EQ(decode_record(topic_text(kind, "mnist", "t0"), recorded.at(name), topic, read), WireError::kNone) << name;
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(expected, read))
        << name << "\n"
        << expected.DebugString() << "\nwas recorded, and reads as\n"
        << read.DebugString();
  }
  EXPECT_EQ(recorded.size(), std::size(kAllKinds));
}

// `optional` changes no byte of a value that is there.
std::string without_presence(std::string pin) {
  constexpr std::string_view kOptional = "optional ";
  if (const auto at = pin.find(kOptional); at != std::string::npos) pin.erase(at, kOptional.size());
  return pin;
}

TEST(Schema, EveryFieldOfTheDesignDocumentIsHereWithItsNumberAndType) {
  std::vector<std::string> ours;
  for (const auto& pin : pins_of_file<v1::MetricsRequest>())
    ours.push_back(without_presence(pin));
  for (const auto& pin : pins_of_file<design::v1::MetricsRequest>())
    EXPECT_THAT(ours, testing::Contains(without_presence(pin)));
}

// Bytes of one are bytes of the other: what the document's client writes, and what it reads of ours.
TEST(Schema, AClientOfTheDesignDocumentReadsWhatWeWrite) {
  const auto read = [](Kind kind) {
    design::v1::MetricsRequest message;
    EXPECT_TRUE(message.ParseFromString(recorded_bytes().at(std::string(kind_name(kind)))));
    EXPECT_EQ(message.session_id(), "mnist/t0");
    EXPECT_EQ(message.timestamp_ms(), 1'700'000'000'123u);
    return message;
  };
  const auto perf = read(v1::KIND_PERF).performance_data();
  EXPECT_EQ(perf.current_fps(), 80);
  EXPECT_EQ(perf.average_fps(), 78.5F);
  EXPECT_EQ(perf.resource_usage().gpu_memory_mb(), 1024);
  EXPECT_EQ(read(v1::KIND_TILES).batch_data().images(0).image_id(), "train/00042.png");
  EXPECT_EQ(read(v1::KIND_TILES).batch_data().images(0).width(), 32u);
  EXPECT_EQ(read(v1::KIND_BATCH).batch_data().batch_accuracy(), 0.5);
  EXPECT_EQ(read(v1::KIND_BATCH).batch_data().predictions(0).top_k_scores(0).label(), "one");
  EXPECT_EQ(read(v1::KIND_EPOCH).epoch_data().validation_loss(), 0.5);
  EXPECT_EQ(read(v1::KIND_HEARTBEAT).heartbeat().sequence_number(), 9u);
  EXPECT_EQ(read(v1::KIND_STATUS).status_update().config().class_names(0), "zero");
}

TEST(Schema, WeReadWhatAClientOfTheDesignDocumentWrites) {
  design::v1::MetricsRequest written;
  written.set_session_id("mnist/t0");
  auto& batch = *written.mutable_batch_data();
  batch.set_epoch(3);
  batch.set_batch_loss(0.5);
  batch.set_batch_accuracy(0);  // without presence: not on the wire
  batch.add_ground_truth(-1);
  auto& image = *batch.add_images();
  image.set_image_bytes("x");
  image.set_width(8);
  image.set_height(8);
  image.set_channels(1);
  image.set_image_id("7");
  Topic topic;
  v1::MetricsRequest read;
  ASSERT_EQ(decode_record("tiles/mnist/t0/", written.SerializeAsString(), topic, read), WireError::kNone);
  EXPECT_EQ(read.batch_data().batch_loss(), 0.5);
  EXPECT_FALSE(read.batch_data().has_batch_accuracy()) << "an exact 0 of a client without presence is not said";
  EXPECT_EQ(read.batch_data().ground_truth(0), -1);
  EXPECT_EQ(read.batch_data().images(0).image_id(), "7");
}

TEST(Schema, OptionalChangesNoByteOfAValueThatIsThere) {
  v1::BatchData ours;
  design::v1::BatchData theirs;
  ours.set_batch_loss(0.5);
  theirs.set_batch_loss(0.5);
  EXPECT_EQ(ours.SerializeAsString(), theirs.SerializeAsString());
}

}  // namespace
}  // namespace trainbus
