#include "trainbus/envelope.hpp"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <random>

#include "trainbus/value_name.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kSession = "run/trainer";
constexpr Kind kFrequent[] = {v1::KIND_BATCH, v1::KIND_TILES, v1::KIND_EPOCH, v1::KIND_PERF, v1::KIND_SCALARS};

v1::MetricsRequest envelope_of(std::uint64_t sequence) {
  v1::MetricsRequest record;
  record.set_session_id(kSession.data(), kSession.size());
  record.set_timestamp_ms(1'763'900'000'000);
  record.set_incarnation(1'763'900'000'000ULL << 20 | 7);
  record.set_sequence(sequence);
  return record;
}

void add_image(v1::BatchData& batch, std::uint32_t width, std::uint32_t height, const std::string& bytes) {
  auto* image = batch.add_images();
  image->set_image_bytes(bytes);
  image->set_format("jpeg");
  image->set_width(width);
  image->set_height(height);
  image->set_channels(3);
  image->set_image_id("im\xc3\xa4ge 7");
}

v1::MetricsRequest full_batch() {
  auto record = envelope_of(1);
  auto& batch = *record.mutable_batch_data();
  batch.set_epoch(-1);
  batch.set_batch_idx(300);
  batch.set_batch_loss(0.5);
  batch.set_step(1'000'000);
  for (int i = 0; i < 16; ++i) {
    auto* prediction = batch.add_predictions();
    prediction->set_predicted_class(i);
    prediction->set_predicted_label(
        "stra\xc3\x9f"
        "e");
    prediction->set_confidence(0.5f);
    for (int k = 0; k < 3; ++k) {
      auto* score = prediction->add_top_k_scores();
      score->set_label("aeroplane");
      score->set_score(0.25f);
    }
    batch.add_ground_truth(i * 100);
  }
  (*batch.mutable_scalars())["val/iou"] = 0.5;
  (*batch.mutable_scalars())["\xe2\x82\xac"] = 2;
  return record;
}

// One good record of each frequent kind, with every field of it.
v1::MetricsRequest good_record(Kind kind) {
  auto record = envelope_of(2);
  switch (kind) {
    case v1::KIND_BATCH: return full_batch();
    case v1::KIND_TILES:
      add_image(*record.mutable_batch_data(), kMaxImagePixels, 1, std::string(300, '\xff'));
      add_image(*record.mutable_batch_data(), 32, 32, "x");
      break;
    case v1::KIND_EPOCH:
      record.mutable_epoch_data()->set_epoch(3);
      record.mutable_epoch_data()->set_learning_rate(0.1);
      (*record.mutable_epoch_data()->mutable_scalars())["loss"] = 1;
      break;
    case v1::KIND_PERF:
      record.mutable_performance_data()->set_current_fps(30);
      record.mutable_performance_data()->mutable_resource_usage()->set_cpu_percent(150);
      break;
    default: record.mutable_scalar_data()->set_step(4); (*record.mutable_scalar_data()->mutable_values())["a/b"] = 1;
  }
  return record;
}

struct Decoded {
  WireError error = WireError::kNone;
  v1::MetricsRequest message;
};

Decoded decode_whole(Kind kind, std::string_view body) {
  Decoded decoded;
  decoded.error = decode_body(kind, kSession, body, decoded.message);
  return decoded;
}

// What both ways must agree on for these bytes; says whether the glance was enough.
bool agree(Kind kind, std::string_view body) {
  v1::MetricsRequest message;
  Envelope envelope;
  const Decoded whole = decode_whole(kind, body);
  const WireError error = decode_envelope(kind, kSession, body, message);
  EXPECT_EQ(error, whole.error) << kind_name(kind);
  const bool glanced = glance_at_record(body, kind, kSession, envelope);
  if (error == WireError::kNone) {
    EXPECT_EQ(message.session_id(), whole.message.session_id());
    EXPECT_EQ(message.timestamp_ms(), whole.message.timestamp_ms());
    EXPECT_EQ(message.incarnation(), whole.message.incarnation());
    EXPECT_EQ(message.sequence(), whole.message.sequence());
  }
  return glanced;
}

TEST(Envelope, ARecordOfAFrequentKindIsReadWithoutItsPayload) {
  for (const Kind kind : kFrequent) {
    const std::string body = good_record(kind).SerializeAsString();
    EXPECT_TRUE(agree(kind, body)) << kind_name(kind);
    v1::MetricsRequest message;
    ASSERT_EQ(decode_envelope(kind, kSession, body, message), WireError::kNone);
    EXPECT_EQ(message.payload_case(), v1::MetricsRequest::PAYLOAD_NOT_SET);
  }
}

TEST(Envelope, ARecordOfASeldomKindIsBuilt) {
  auto record = envelope_of(1);
  record.mutable_status_update()->set_status(v1::RUNNING);
  v1::MetricsRequest message;
  ASSERT_EQ(decode_envelope(v1::KIND_STATUS, kSession, record.SerializeAsString(), message), WireError::kNone);
  EXPECT_EQ(message.status_update().status(), v1::RUNNING);
  EXPECT_FALSE(is_frequent(v1::KIND_STATUS));
}

TEST(Envelope, WhatALaterSchemaAddsIsSkipped) {
  std::string body = full_batch().SerializeAsString();
  body += std::string("\xc2\x3e\x03") + "\xff\xfe\xfd";  // field 1000, three bytes
  EXPECT_TRUE(agree(v1::KIND_BATCH, body));
}

TEST(Envelope, AFieldInTwoPiecesIsTheFullParsers) {
  const std::string once = full_batch().SerializeAsString();
  auto other = envelope_of(1);
  other.mutable_epoch_data()->set_epoch(1);
  EXPECT_FALSE(agree(v1::KIND_BATCH, once + once));
  EXPECT_FALSE(agree(v1::KIND_EPOCH, once + other.SerializeAsString())) << "the last payload is the record's";
  EXPECT_FALSE(agree(v1::KIND_BATCH, once + other.SerializeAsString()));
}

TEST(Envelope, NumbersBeyond63BitsAreTheFullParsers) {
  auto record = full_batch();
  record.set_sequence(INT64_MAX);
  EXPECT_TRUE(agree(v1::KIND_BATCH, record.SerializeAsString()));
  record.set_sequence(1ULL << 63);
  EXPECT_FALSE(agree(v1::KIND_BATCH, record.SerializeAsString()));
  record.set_sequence(1);
  record.set_incarnation(UINT64_MAX);
  EXPECT_FALSE(agree(v1::KIND_BATCH, record.SerializeAsString()));
}

TEST(Envelope, FaultsHaveTheReasonsOfTheFullParser) {
  const auto reason = [](Kind kind, const v1::MetricsRequest& record) {
    const std::string body = record.SerializeAsString();
    EXPECT_FALSE(agree(kind, body));
    return wire_error_name(decode_whole(kind, body).error);
  };
  auto record = full_batch();
  EXPECT_EQ(reason(v1::KIND_EPOCH, record), "kind_mismatch");
  record.set_session_id("run/other");
  EXPECT_EQ(reason(v1::KIND_BATCH, record), "session_mismatch");
  record = full_batch();
  (*record.mutable_batch_data()->mutable_scalars())["a\nb"] = 1;
  EXPECT_EQ(reason(v1::KIND_BATCH, record), "bad_value_name");
  record = full_batch();
  for (std::size_t i = 0; i <= kMaxValueNames; ++i)
    (*record.mutable_batch_data()->mutable_scalars())["v" + std::to_string(i)] = 1;
  EXPECT_EQ(reason(v1::KIND_BATCH, record), "too_many_values");
  EXPECT_EQ(reason(v1::KIND_BATCH, good_record(v1::KIND_TILES)), "bad_image");
  record = good_record(v1::KIND_TILES);
  add_image(*record.mutable_batch_data(), kMaxImagePixels + 1, 1, "x");
  EXPECT_EQ(reason(v1::KIND_TILES, record), "bad_image");
  record = good_record(v1::KIND_TILES);
  for (int i = 0; i < kMaxImages; ++i)
    add_image(*record.mutable_batch_data(), 1, 1, "x");
  EXPECT_EQ(reason(v1::KIND_TILES, record), "too_many_images");
  EXPECT_EQ(reason(v1::KIND_BATCH, envelope_of(1)), "no_payload");
}

TEST(Envelope, TextThatIsNotUtf8IsSeenWhereverItStands) {
  const google::protobuf::LogSilencer quiet;
  for (const std::string_view text :
       {"\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "abcdefgh\xff", "\xffxbcdefghi"}) {
    auto record = envelope_of(1);
    record.mutable_batch_data()->add_predictions()->set_predicted_label(std::string(text.size(), '#'));
    std::string body = record.SerializeAsString();
    body.replace(body.find('#'), text.size(), text);
    EXPECT_FALSE(agree(v1::KIND_BATCH, body));
  }
}

// Any change of a good record: both ways say the same.
TEST(Envelope, MutatedRecordsGetTheSameVerdict) {
  const google::protobuf::LogSilencer quiet;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::size_t bound) { return random() % std::max<std::size_t>(bound, 1); };
  std::size_t glanced = 0, refused = 0;
  for (int round = 0; round < 20'000 && !testing::Test::HasFailure(); ++round) {
    const Kind kind = kFrequent[below(std::size(kFrequent))];
    const Kind written = below(8) == 0 ? kFrequent[below(std::size(kFrequent))] : kind;
    std::string body = good_record(written).SerializeAsString();
    for (std::size_t change = below(3) + 1; change > 0 && !body.empty(); --change) {
      switch (below(4)) {
        case 0: body[below(body.size())] = static_cast<char>(random()); break;
        case 1: body[below(body.size())] ^= static_cast<char>(1 << below(8)); break;
        case 2: body.erase(below(body.size()), below(4) + 1); break;
        default: body.insert(below(body.size()), body.substr(below(body.size()), below(20)));
      }
    }
    const bool enough = agree(kind, body);
    glanced += enough ? 1 : 0;
    refused += decode_whole(kind, body).error != WireError::kNone ? 1 : 0;
  }
  EXPECT_GT(glanced, 500u);
  EXPECT_GT(refused, 500u);
}

}  // namespace
}  // namespace trainbus
