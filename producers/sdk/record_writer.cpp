#include "record_writer.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "record_encoder.hpp"

namespace trainbus {
namespace {

using google::protobuf::internal::WireFormatLite;
using Coded = google::protobuf::io::CodedOutputStream;
using v1::MetricsRequest;

constexpr std::uint32_t tag(int field, WireFormatLite::WireType type) {
  return static_cast<std::uint32_t>(field) << 3 | type;
}
constexpr std::uint32_t kTimestampTag = tag(MetricsRequest::kTimestampMsFieldNumber, WireFormatLite::WIRETYPE_VARINT);
constexpr std::uint32_t kSequenceTag = tag(MetricsRequest::kSequenceFieldNumber, WireFormatLite::WIRETYPE_VARINT);

}  // namespace

RecordWriter::RecordWriter(const std::string& session_id, std::uint64_t incarnation) {
  MetricsRequest envelope;
  envelope.set_session_id(session_id);
  envelope.set_incarnation(incarnation);
  prefix_ = envelope.SerializeAsString();
}

std::size_t RecordWriter::prepare(const LoggedRecord& record, std::uint64_t sequence) {
  const Kind kind = kind_of(record);
  values_ = {};
  refused_now_ = 0;
  ++prepared_;
  if (const auto* batch = std::get_if<const BatchMetrics*>(&record.payload))
    set_values((*batch)->scalars, kind, v1::BatchData::kScalarsFieldNumber);
  else if (const auto* epoch = std::get_if<const EpochMetrics*>(&record.payload))
    set_values((*epoch)->scalars, kind, v1::EpochData::kScalarsFieldNumber);
  else if (const auto* scalars = std::get_if<const LoggedScalars*>(&record.payload))
    set_values(*(*scalars)->values, kind, v1::ScalarData::kValuesFieldNumber);
  payload_bytes_ = prepare_payload(record, kind) + static_cast<std::uint32_t>(values_.size());
  timestamp_ms_ = static_cast<std::uint64_t>(record.timestamp_ms);
  sequence_ = sequence;
  const std::uint32_t payload_tag = tag(static_cast<int>(payload_field_), WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  return prefix_.size() + Coded::VarintSize32(kTimestampTag) + Coded::VarintSize64(timestamp_ms_) +
         Coded::VarintSize32(kSequenceTag) + Coded::VarintSize64(sequence_) + Coded::VarintSize32(payload_tag) +
         Coded::VarintSize32(payload_bytes_) + payload_bytes_;
}

// Without its values.
std::uint32_t RecordWriter::prepare_payload(const LoggedRecord& record, Kind kind) {
  left_out_ = nullptr;
  payload_ = nullptr;
  if (const auto* batch = std::get_if<const BatchMetrics*>(&record.payload); batch && PlainBatch::holds(**batch)) {
    plain_batch_.set(**batch, record.timestamp_ms, record.step);
    payload_field_ = MetricsRequest::kBatchDataFieldNumber;
    return static_cast<std::uint32_t>(plain_batch_.bytes().size());
  }
  MetricsRequest& message = messages_[kind];
  const WrittenPayload written = write_payload(record, kMaxRecordBytes - kEnvelopeBytes - values_.size(), message);
  payload_ = written.payload;
  left_out_ = written.left_out;
  payload_field_ = static_cast<std::uint32_t>(message.payload_case());
  return static_cast<std::uint32_t>(payload_->ByteSizeLong());
}

void RecordWriter::write(std::uint8_t* to) {
  refused_values_.count += refused_now_;
  if (left_out_ != nullptr) {
    ++cut_records_.count;
    cut_records_.problem = std::string("a record over 1 MiB went out without its ") + left_out_;
  }
  to = Coded::WriteRawToArray(prefix_.data(), static_cast<int>(prefix_.size()), to);
  to = Coded::WriteVarint64ToArray(timestamp_ms_, Coded::WriteVarint32ToArray(kTimestampTag, to));
  to = Coded::WriteVarint64ToArray(sequence_, Coded::WriteVarint32ToArray(kSequenceTag, to));
  to =
      Coded::WriteVarint32ToArray(tag(static_cast<int>(payload_field_), WireFormatLite::WIRETYPE_LENGTH_DELIMITED), to);
  to = Coded::WriteVarint32ToArray(payload_bytes_, to);
  if (payload_ == nullptr)
    to = Coded::WriteRawToArray(plain_batch_.bytes().data(), static_cast<int>(plain_batch_.bytes().size()), to);
  else
    to = payload_->SerializeWithCachedSizesToArray(to);
  Coded::WriteRawToArray(values_.data(), static_cast<int>(values_.size()), to);
}

void RecordWriter::set_values(const NamedValues& values, Kind kind, int field) {
  if (values.empty()) return;
  const ValueRow::Refused refused = rows_[kind].set(values, field, prepared_, names_);
  values_ = rows_[kind].bytes();
  refused_now_ = refused.count;
  if (refused.count > 0) refused_values_.problem = ValueNames::problem(refused.first);
}

}  // namespace trainbus
