#include "trainbus/envelope.hpp"
#include "trainbus/incarnation.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "shape_memory.hpp"
#include "trainbus/text.hpp"
#include "trainbus/value_name.hpp"

namespace trainbus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// How the bytes after a tag are checked.
enum class Rule : std::uint8_t {
  kUnsure,  // a known field of another wire type, a group, field 0: the full parser decides
  kVarint,
  kFixed32,
  kFixed64,
  kBytes,  // skipped; also unknown fields, which no parser looks into
  kText,   // UTF-8
  kPackedVarints,
  kPackedFixed32,
  kPackedFixed64,
  kMessage,
  kImage,  // a tile: counted, with its size checked
  kValue,  // an entry of named values: counted, with its name checked
};

struct MessageRules;

struct FieldRule {
  Rule rule = Rule::kUnsure;
  const MessageRules* of = nullptr;  // kMessage
};

constexpr std::uint32_t kVarintType = 0, kFixed64Type = 1, kLengthType = 2, kFixed32Type = 5;

constexpr std::uint32_t tag_of(int field, std::uint32_t wire_type) {
  return static_cast<std::uint32_t>(field) << 3 | wire_type;
}

Rule rule_of_unknown(std::uint32_t tag) {
  switch (tag & 7) {
    case kVarintType: return Rule::kVarint;
    case kFixed64Type: return Rule::kFixed64;
    case kLengthType: return Rule::kBytes;
    case kFixed32Type: return Rule::kFixed32;
    default: return Rule::kUnsure;
  }
}

// By tag (field number and wire type), so that a field takes one lookup. Tags past the end are of unknown fields.
struct MessageRules {
  std::uint32_t tags = 0;
  std::unique_ptr<FieldRule[]> by_tag;

  FieldRule of(std::uint32_t tag) const { return tag < tags ? by_tag[tag] : FieldRule{rule_of_unknown(tag)}; }
};

// Made from the schema, so that a field added there is known here.
class Schema {
 public:
  const MessageRules& rules_of(const Descriptor& type) {
    const auto [known, is_new] = by_type_.try_emplace(&type, nullptr);
    if (!is_new) return *known->second;
    MessageRules& rules = rules_.emplace_back(unknown_fields_of(type));
    known->second = &rules;
    for (int i = 0; i < type.field_count(); ++i)
      add(*type.field(i), rules);
    return rules;
  }
  static MessageRules unknown_fields_of(const Descriptor& type) {
    int last_field = 0;
    for (int i = 0; i < type.field_count(); ++i)
      last_field = std::max(last_field, type.field(i)->number());
    MessageRules rules;
    rules.tags = tag_of(last_field + 1, 0);
    rules.by_tag = std::make_unique<FieldRule[]>(rules.tags);
    for (std::uint32_t tag = tag_of(1, 0); tag < rules.tags; ++tag)
      if (type.FindFieldByNumber(static_cast<int>(tag >> 3)) == nullptr) rules.by_tag[tag].rule = rule_of_unknown(tag);
    return rules;
  }

 private:
  void add(const FieldDescriptor& field, MessageRules& rules) {
    FieldRule single, packed;
    std::uint32_t wire_type = kLengthType;
    switch (field.type()) {
      case FieldDescriptor::TYPE_DOUBLE:
      case FieldDescriptor::TYPE_FIXED64:
      case FieldDescriptor::TYPE_SFIXED64:
        wire_type = kFixed64Type;
        single.rule = Rule::kFixed64;
        packed.rule = Rule::kPackedFixed64;
        break;
      case FieldDescriptor::TYPE_FLOAT:
      case FieldDescriptor::TYPE_FIXED32:
      case FieldDescriptor::TYPE_SFIXED32:
        wire_type = kFixed32Type;
        single.rule = Rule::kFixed32;
        packed.rule = Rule::kPackedFixed32;
        break;
      case FieldDescriptor::TYPE_STRING: single.rule = Rule::kText; break;
      case FieldDescriptor::TYPE_BYTES: single.rule = Rule::kBytes; break;
      case FieldDescriptor::TYPE_MESSAGE: single = rule_of_message(field); break;
      case FieldDescriptor::TYPE_GROUP: return;
      default:
        wire_type = kVarintType;
        single.rule = Rule::kVarint;
        packed.rule = Rule::kPackedVarints;
    }
    rules.by_tag[tag_of(field.number(), wire_type)] = single;
    if (field.is_packable()) rules.by_tag[tag_of(field.number(), kLengthType)] = packed;
  }

  FieldRule rule_of_message(const FieldDescriptor& field) {
    if (field.is_map() && field.message_type()->map_value()->type() == FieldDescriptor::TYPE_DOUBLE)
      return {Rule::kValue};
    if (field.message_type() == v1::ImageData::descriptor())
      return {Rule::kImage, &rules_of(*v1::ImageData::descriptor())};
    return {Rule::kMessage, &rules_of(*field.message_type())};
  }

  std::deque<MessageRules> rules_;
  std::map<const Descriptor*, MessageRules*> by_type_;
};

// What there is to know of a frequent kind. One object, made on first use.
class Rules {
 public:
  struct OfKind {
    std::uint32_t tag = 0;  // of the kind's payload in the envelope; 0: not a frequent kind
    const MessageRules* payload = nullptr;
  };

  static const Rules& get() {
    static const Rules rules;
    return rules;
  }
  const OfKind& of(Kind kind) const { return of_kind_[static_cast<std::size_t>(kind)]; }
  // Of an envelope's tag that is none of its known fields.
  Rule of_other(std::uint32_t tag) const { return envelope_.of(tag).rule; }

 private:
  Rules() : envelope_(Schema::unknown_fields_of(*v1::MetricsRequest::descriptor())) {
    add(v1::KIND_BATCH, v1::MetricsRequest::kBatchDataFieldNumber);
    add(v1::KIND_TILES, v1::MetricsRequest::kBatchDataFieldNumber);
    add(v1::KIND_EPOCH, v1::MetricsRequest::kEpochDataFieldNumber);
    add(v1::KIND_PERF, v1::MetricsRequest::kPerformanceDataFieldNumber);
    add(v1::KIND_SCALARS, v1::MetricsRequest::kScalarDataFieldNumber);
  }
  void add(Kind kind, int field) {
    const auto* payload = v1::MetricsRequest::descriptor()->FindFieldByNumber(field);
    of_kind_[static_cast<std::size_t>(kind)] = {tag_of(field, kLengthType),
                                                &schema_.rules_of(*payload->message_type())};
  }

  Schema schema_;
  MessageRules envelope_;
  std::array<OfKind, v1::Kind_ARRAYSIZE> of_kind_{};
};

bool is_utf8_beyond_ascii(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

template <class Word>
Word word_at(const char* from) {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Nearly all texts are short and ASCII: few words, which may overlap.
inline bool is_utf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const char* const at = text.data();
  const std::size_t size = text.size();
  std::uint64_t seen = 0;
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8)
      seen |= word_at<std::uint64_t>(at + i);
    seen |= word_at<std::uint64_t>(at + size - 8);
  } else if (size >= 4) {
    seen = word_at<std::uint32_t>(at) | word_at<std::uint32_t>(at + size - 4);
  } else {
    for (const char byte : text)
      seen |= static_cast<std::uint8_t>(byte);
  }
  return (seen & kHighBits) == 0 || is_utf8_beyond_ascii(text);
}

// The front of what is left. Every read says whether it could be done. Small enough to live in two registers, which is
// what the time of a check is about.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  bool at_end() const { return at_ == end_; }
  const char* at() const { return at_; }

  bool skip(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) return false;
    at_ += bytes;
    return true;
  }
  bool varint(std::uint64_t& value) {
    if (at_ == end_) return false;
    value = static_cast<std::uint8_t>(*at_++);
    return value < 0x80 || more(value, kMostVarintBytes);
  }
  // Of a tag or a length: at most four bytes, which no smaller number needs.
  bool small(std::uint32_t& number) {
    std::uint64_t value = 0;
    if (at_ == end_) return false;
    number = static_cast<std::uint8_t>(*at_++);
    if (number < 0x80) return true;
    value = number;
    if (!more(value, kMostSmallBytes) || at_[-1] == 0) return false;
    number = static_cast<std::uint32_t>(value);
    return true;
  }
  bool piece(std::string_view& bytes) {
    std::uint32_t size = 0;
    if (!small(size) || static_cast<std::size_t>(end_ - at_) < size) return false;
    bytes = {at_, size};
    at_ += size;
    return true;
  }

 private:
  static constexpr unsigned kMostVarintBytes = 10, kMostSmallBytes = 4;

  // The bytes after a first one that said there are some.
  bool more(std::uint64_t& value, unsigned most_bytes) {
    const char* at = at_;
    value &= 0x7f;
    for (unsigned shift = 7; shift < 7 * most_bytes && at != end_; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at++);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        at_ = at;
        return true;
      }
    }
    return false;
  }

  const char* at_;
  const char* end_;
};

bool are_varints(std::string_view bytes) {
  std::uint64_t value = 0;
  for (Cursor cursor(bytes); !cursor.at_end();)
    if (!cursor.varint(value)) return false;
  return true;
}

bool skip_unknown(Rule rule, Cursor& cursor) {
  std::uint64_t number = 0;
  std::string_view piece;
  switch (rule) {
    case Rule::kVarint: return cursor.varint(number);
    case Rule::kFixed32: return cursor.skip(4);
    case Rule::kFixed64: return cursor.skip(8);
    case Rule::kBytes: return cursor.piece(piece);
    default: return false;
  }
}

// [key][double] as everybody writes it.
bool is_named_value(std::string_view entry) {
  Cursor cursor(entry);
  std::uint32_t tag = 0;
  std::string_view name;
  if (!cursor.small(tag) || tag != tag_of(1, kLengthType) || !cursor.piece(name)) return false;
  return cursor.small(tag) && tag == tag_of(2, kFixed64Type) && cursor.skip(sizeof(double)) && cursor.at_end() &&
         valid_value_name(name);
}

// The check of one payload.
class Payload {
 public:
  Payload(Kind kind, ShapeMemory& shapes) : tiles_(kind == v1::KIND_TILES), shapes_(shapes) {}

  bool is_good(const MessageRules& rules, std::string_view bytes) {
    Cursor cursor(bytes);
    while (!cursor.at_end()) {
      std::uint32_t tag = 0;
      if (!cursor.small(tag)) return false;
      if (!take(rules.of(tag), cursor)) return false;
    }
    return true;
  }

 private:
  [[gnu::always_inline]] bool take(const FieldRule field, Cursor& cursor) {
    std::uint64_t number = 0;
    std::string_view piece;
    switch (field.rule) {
      case Rule::kUnsure: return false;
      case Rule::kVarint: return cursor.varint(number);
      case Rule::kFixed32: return cursor.skip(4);
      case Rule::kFixed64: return cursor.skip(8);
      case Rule::kBytes: return cursor.piece(piece);
      case Rule::kText: return cursor.piece(piece) && is_utf8(piece);
      case Rule::kPackedVarints: return cursor.piece(piece) && are_varints(piece);
      case Rule::kPackedFixed32: return cursor.piece(piece) && piece.size() % 4 == 0;
      case Rule::kPackedFixed64: return cursor.piece(piece) && piece.size() % 8 == 0;
      case Rule::kMessage: return cursor.piece(piece) && is_good_part(*field.of, piece);
      case Rule::kImage: return tiles_ && ++images_ <= kMaxImages && cursor.piece(piece) && is_tile(*field.of, piece);
      case Rule::kValue: return ++values_ <= kMaxValueNames && cursor.piece(piece) && is_named_value(piece);
    }
    return false;
  }

  bool is_good_part(const MessageRules& rules, std::string_view part) {
    if (shapes_.knows(&rules, part)) return true;
    if (!is_good(rules, part)) return false;
    ShapeMemory::Mask mask;
    mask.fill(ShapeMemory::kSame);
    if (shapes_.should_learn(&rules, part) && free_what_may_differ(rules, part, mask.data()))
      shapes_.learn(&rules, part, mask);
    return true;
  }

  // Of a good message; `mask` is of its first byte. False where more than its shape makes it good.
  static bool free_what_may_differ(const MessageRules& rules, std::string_view message, std::uint8_t* mask) {
    for (Cursor cursor(message); !cursor.at_end();) {
      std::uint32_t tag = 0;
      static_cast<void>(cursor.small(tag));
      const FieldRule field = rules.of(tag);
      const char* from = cursor.at();
      std::uint64_t number = 0;
      std::string_view piece;
      std::uint8_t may_differ = ShapeMemory::kAny;
      switch (field.rule) {
        case Rule::kVarint:
          static_cast<void>(cursor.varint(number));
          may_differ = ShapeMemory::kSameHighBit;
          break;
        case Rule::kFixed32: static_cast<void>(cursor.skip(4)); break;
        case Rule::kFixed64: static_cast<void>(cursor.skip(8)); break;
        default:
          static_cast<void>(cursor.piece(piece));
          from = piece.data();
          const bool ascii = std::ranges::none_of(piece, [](char byte) { return (byte & 0x80) != 0; });
          if (field.rule == Rule::kText) may_differ = ascii ? ShapeMemory::kSameHighBit : ShapeMemory::kSame;
          if (field.rule == Rule::kPackedVarints) may_differ = ShapeMemory::kSameHighBit;
          if (field.rule == Rule::kMessage) {
            if (!free_what_may_differ(*field.of, piece, mask + (piece.data() - message.data()))) return false;
            continue;
          }
          if (field.rule == Rule::kImage || field.rule == Rule::kValue) return false;
      }
      std::fill(mask + (from - message.data()), mask + (cursor.at() - message.data()), may_differ);
    }
    return true;
  }

  // What counts is the last of each field.
  bool is_tile(const MessageRules& rules, std::string_view image) {
    std::uint64_t width = 0, height = 0;
    std::string_view bytes;
    for (Cursor cursor(image); !cursor.at_end();) {
      std::uint32_t tag = 0;
      if (!cursor.small(tag)) return false;
      bool good = false;
      switch (tag) {
        case tag_of(v1::ImageData::kWidthFieldNumber, kVarintType): good = cursor.varint(width); break;
        case tag_of(v1::ImageData::kHeightFieldNumber, kVarintType): good = cursor.varint(height); break;
        case tag_of(v1::ImageData::kImageBytesFieldNumber, kLengthType): good = cursor.piece(bytes); break;
        default: good = take(rules.of(tag), cursor);
      }
      if (!good) return false;
    }
    constexpr std::uint64_t kMost = kMaxImagePixels;
    return !bytes.empty() && width > 0 && width <= kMost && height > 0 && height <= kMost;
  }

  const bool tiles_;
  ShapeMemory& shapes_;
  int images_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

bool is_frequent(Kind kind) { return Rules::get().of(kind).tag != 0; }

bool glance_at_record(std::string_view body, Kind kind, std::string_view session_id, Envelope& envelope) {
  using Record = v1::MetricsRequest;
  thread_local ShapeMemory shapes;
  const Rules& rules = Rules::get();
  const auto& own = rules.of(kind);
  if (own.tag == 0) return false;
  envelope = {};
  bool has_session = false, has_payload = false;
  std::string_view piece;
  for (Cursor cursor(body); !cursor.at_end();) {
    std::uint32_t tag = 0;
    bool good = cursor.small(tag);
    if (!good) return false;
    switch (tag) {
      case tag_of(Record::kSessionIdFieldNumber, kLengthType):
        good = has_session = cursor.piece(piece) && piece == session_id;
        break;
      case tag_of(Record::kTimestampMsFieldNumber, kVarintType): good = cursor.varint(envelope.timestamp_ms); break;
      case tag_of(Record::kIncarnationFieldNumber, kVarintType):
        good = cursor.varint(envelope.incarnation) && envelope.incarnation <= kMaxIncarnation;
        break;
      case tag_of(Record::kSequenceFieldNumber, kVarintType):
        good = cursor.varint(envelope.sequence) && envelope.sequence <= kMaxSequenceNumber;
        break;
      default:
        if (tag == own.tag) {  // a second one is merged with the first, which the full parser does
          good = !has_payload && cursor.piece(piece) && Payload(kind, shapes).is_good(*own.payload, piece);
          has_payload = true;
        } else {
          good = skip_unknown(rules.of_other(tag), cursor);
        }
    }
    if (!good) return false;
  }
  constexpr std::uint64_t kTooLarge = 1ULL << 63;  // for a journal; the full parser says so
  return has_session && has_payload && envelope.incarnation < kTooLarge && envelope.sequence < kTooLarge;
}

WireError decode_envelope(Kind topic_kind, std::string_view session_id, std::string_view body,
                          v1::MetricsRequest& message) {
  Envelope envelope;
  const bool tiles = topic_kind == v1::KIND_TILES;
  if (body.size() > (tiles ? kMaxTilesBytes : kMaxRecordBytes)) return WireError::kTooLarge;
  if (!glance_at_record(body, topic_kind, session_id, envelope))
    return decode_body(topic_kind, session_id, body, message);
  message.Clear();
  message.set_session_id(session_id.data(), session_id.size());
  message.set_timestamp_ms(envelope.timestamp_ms);
  message.set_incarnation(envelope.incarnation);
  message.set_sequence(envelope.sequence);
  return WireError::kNone;
}

}  // namespace trainbus
