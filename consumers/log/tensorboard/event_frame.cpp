#include "event_frame.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <boost/crc.hpp>
#include <cstring>

namespace trainbus::tensorboard {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kFooterBytes = 4;

template <typename Number>
void put(char* at, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i)
    at[i] = static_cast<char>(number >> (8 * i));
}

template <typename Number>
Number get(const char* at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number |= static_cast<Number>(static_cast<unsigned char>(at[i])) << (8 * i);
  return number;
}

// False when it is not such a message.
bool read_message(CodedInputStream& in, google::protobuf::MessageLite& message) {
  std::uint32_t size = 0;
  std::string bytes;
  return in.ReadVarint32(&size) && in.ReadString(&bytes, static_cast<int>(size)) && message.ParseFromString(bytes);
}

bool read_bytes_field(CodedInputStream& in, std::uint32_t tag, EventHead& head) {
  switch (WireFormatLite::GetTagFieldNumber(tag)) {
    case Event::kSectionFieldNumber: return read_message(in, head.section.emplace());
    case Event::kNewTagFieldNumber: return read_message(in, head.new_tags.emplace_back());
    case Event::kSessionLogFieldNumber: head.session_start = true; break;
    default: break;
  }
  return WireFormatLite::SkipField(&in, tag);
}

// Only the fields that EventHead has; the summary is skipped by its length.
bool read_head(std::string_view data, EventHead& head) {
  head = {};
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(data.data()), static_cast<int>(data.size()));
  while (const auto tag = in.ReadTag()) {
    std::uint64_t value = 0;
    const auto type = WireFormatLite::GetTagWireType(tag);
    if (type != WireFormatLite::WIRETYPE_VARINT) {
      const bool read = type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED ? read_bytes_field(in, tag, head)
                                                                          : WireFormatLite::SkipField(&in, tag);
      if (!read) return false;
      continue;
    }
    if (!in.ReadVarint64(&value)) return false;
    switch (WireFormatLite::GetTagFieldNumber(tag)) {
      case Event::kStepFieldNumber: head.step = static_cast<std::int64_t>(value); break;
      case Event::kRecordKindFieldNumber: head.record_kind = static_cast<std::uint32_t>(value); break;
      case Event::kRecordSequenceFieldNumber: head.record_sequence = value; break;
      case Event::kStepOffsetFieldNumber: head.step_offset = static_cast<std::int64_t>(value); break;
      case Event::kProvisionalFieldNumber: head.provisional = value != 0; break;
      default: break;
    }
  }
  return in.ConsumedEntireMessage();
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U; }

void append_event(std::string& out, const Event& event) {
  const auto start = out.size();
  out.append(kHeaderBytes, '\0');
  event.AppendToString(&out);
  const auto length = out.size() - start - kHeaderBytes;
  out.append(kFooterBytes, '\0');
  char* frame = out.data() + start;
  put(frame, static_cast<std::uint64_t>(length));
  put(frame + 8, masked(crc32c({frame, 8})));
  put(frame + kHeaderBytes + length, masked(crc32c({frame + kHeaderBytes, length})));
}

FrameReader::Result FrameReader::next(EventHead& head) {
  const auto rest = bytes_.substr(offset_);
  if (rest.empty()) return Result::kEnd;
  if (rest.size() < kHeaderBytes) return Result::kTorn;
  if (get<std::uint32_t>(rest.data() + 8) != masked(crc32c(rest.substr(0, 8)))) return Result::kDamaged;
  const auto length = get<std::uint64_t>(rest.data());
  if (length > rest.size() || rest.size() - length < kHeaderBytes + kFooterBytes) return Result::kTorn;
  const auto data = rest.substr(kHeaderBytes, length);
  const auto frame_bytes = kHeaderBytes + length + kFooterBytes;
  if (frame_bytes == rest.size() && get<std::uint32_t>(data.data() + length) != masked(crc32c(data)))
    return Result::kDamaged;
  if (!read_head(data, head)) return Result::kDamaged;
  offset_ += frame_bytes;
  return Result::kEvent;
}

}  // namespace trainbus::tensorboard
