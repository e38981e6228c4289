#include "plain_batch.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <bit>

namespace trainbus {
namespace {

using google::protobuf::internal::WireFormatLite;
using Coded = google::protobuf::io::CodedOutputStream;
using v1::BatchData;

// A number that is 0 is not written, as proto3 has it.
std::uint8_t* write_number(int field, std::uint64_t number, std::uint8_t* to) {
  if (number == 0) return to;
  to = Coded::WriteTagToArray(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT), to);
  return Coded::WriteVarint64ToArray(number, to);
}
// A negative one has 64 bits.
std::uint8_t* write_int(int field, std::int32_t number, std::uint8_t* to) {
  return write_number(field, static_cast<std::uint64_t>(std::int64_t{number}), to);
}
// One that is said is written whatever it is.
std::uint8_t* write_said(int field, const std::optional<double>& value, std::uint8_t* to) {
  if (!value) return to;
  to = Coded::WriteTagToArray(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_FIXED64), to);
  return Coded::WriteLittleEndian64ToArray(std::bit_cast<std::uint64_t>(*value), to);
}

}  // namespace

void PlainBatch::set(const BatchMetrics& batch, std::int64_t timestamp_ms, std::uint64_t step) {
  std::uint8_t* to = bytes_.data();
  to = write_int(BatchData::kEpochFieldNumber, batch.epoch, to);
  to = write_int(BatchData::kBatchIdxFieldNumber, batch.batch, to);
  to = write_int(BatchData::kBatchSizeFieldNumber, batch.batch_size, to);
  to = write_said(BatchData::kBatchLossFieldNumber, batch.loss, to);
  to = write_said(BatchData::kBatchAccuracyFieldNumber, batch.accuracy, to);
  to = write_number(BatchData::kTimestampMsFieldNumber, static_cast<std::uint64_t>(timestamp_ms), to);
  to = write_number(BatchData::kStepFieldNumber, step, to);
  to = write_said(BatchData::kLearningRateFieldNumber, batch.learning_rate, to);
  size_ = static_cast<std::size_t>(to - bytes_.data());
}

}  // namespace trainbus
