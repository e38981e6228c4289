#pragma once
// Hostile inputs, from a seed: random bytes, damaged bytes, topics outside the grammar, and messages that are valid
// protobuf and full of values nobody sane would send.

#include <google/protobuf/message.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "trainbus/wire.hpp"

namespace trainbus::test {

// Of $TRAINBUS_HOSTILE_SEED, else a new one.
inline std::uint64_t hostile_seed() {
  const char* given = std::getenv("TRAINBUS_HOSTILE_SEED");
  return given != nullptr ? std::stoull(given) : std::random_device{}();
}

class HostileBytes {
 public:
  explicit HostileBytes(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class Choices>
  const auto& pick(const Choices& choices) {
    return *(std::begin(choices) + static_cast<std::ptrdiff_t>(below(std::size(choices))));
  }

  std::string bytes(std::size_t count) {
    std::string bytes(count, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random_());
    return bytes;
  }

  // Cut short, some bits flipped, a piece doubled, or a length made absurd.
  std::string damaged(std::string bytes) {
    if (bytes.empty()) return this->bytes(1 + below(8));
    switch (below(4)) {
      case 0: bytes.resize(below(bytes.size())); break;
      case 1:
        for (std::size_t flips = 1 + below(8); flips > 0; --flips)
          bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8));
        break;
      case 2: {
        const std::size_t from = below(bytes.size());
        bytes.insert(below(bytes.size()), bytes.substr(from, 1 + below(64)));
        break;
      }
      default: bytes.insert(below(bytes.size()), "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"); break;
    }
    return bytes;
  }

  // Outside the grammar, nearly always.
  std::string topic() {
    static const std::string kOdd[] = {"",         "/",           "//",         "batch",          "batch/",
                                       "batch//",  "batch/r/",    "batch//t/",  "batch/r/t",      "batch/r/t//",
                                       "Batch/r/", "batch/r/t/x", "fence/1/",   "command/r/t/",   "batch/../../etc/",
                                       "tiles/",   "tiles/r/t",   "bat\0ch/r/", "heartbeat/r/t/", "batch/\xff/t/"};
    switch (below(4)) {
      case 0: return pick(kOdd);
      case 1: return "batch/" + std::string(246 + below(55) - 6, 'x');  // libzmq 4.3.4 has trouble with 246 to 255
      case 2: return "batch/" + bytes(1 + below(20)) + '/';
      default: return damaged(topic_text(pick(kAllKinds), "hostile", "h" + std::to_string(below(50))));
    }
  }

  // Every field set to something: extremes, NaN, empty, very long, zero.
  void fill(google::protobuf::Message& message, int depth = 0) {
    const auto* descriptor = message.GetDescriptor();
    const auto* reflection = message.GetReflection();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const auto* field = descriptor->field(i);
      if (one_in(3) || (field->real_containing_oneof() != nullptr && one_in(2))) continue;
      const std::size_t count = field->is_repeated() ? below(one_in(10) ? 40 : 4) : 1;
      for (std::size_t at = 0; at < count; ++at)
        set(message, *reflection, field, depth);
    }
  }

  std::uint64_t number() {
    static constexpr std::uint64_t kOdd[] = {
        0, 1, 2, 5, 100, INT32_MAX, INT64_MAX, INT64_MAX - 1, 1ULL << 63, UINT64_MAX, UINT64_MAX - 1, UINT32_MAX};
    return one_in(4) ? random_() : pick(kOdd);
  }
  double real() {
    static constexpr double kOdd[] = {0.0, -0.0, 1e308, -1e308, 1e-308, -1, 5e-324, 0.5};
    if (one_in(5)) return std::numeric_limits<double>::quiet_NaN();
    if (one_in(5)) return one_in(2) ? INFINITY : -INFINITY;
    return pick(kOdd);
  }
  // UTF-8, or protobuf would not carry it.
  std::string text() {
    static const std::string kOdd[] = {"",
                                       "run/trainer",
                                       "hostile/*",
                                       "/",
                                       "witness/*",
                                       std::string("\0", 1),
                                       "../../etc/passwd",
                                       "%s%n%x",
                                       "'; DROP TABLE records;--",
                                       "value",
                                       "nan",
                                       "1e999",
                                       "-1",
                                       "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"};
    if (one_in(40)) return repeated("\xe2\x82\xac", below(4000));
    return pick(kOdd);
  }

 private:
  static std::string repeated(std::string_view piece, std::size_t count) {
    std::string text;
    while (count-- > 0)
      text += piece;
    return text;
  }

  void set(google::protobuf::Message& message, const google::protobuf::Reflection& reflection,
           const google::protobuf::FieldDescriptor* field, int depth) {
    using Field = google::protobuf::FieldDescriptor;
    const bool many = field->is_repeated();
    const auto put = [&](auto set_one, auto add_one, auto value) {
      many ? (reflection.*add_one)(&message, field, value) : (reflection.*set_one)(&message, field, value);
    };
    using R = google::protobuf::Reflection;
    switch (field->cpp_type()) {
      case Field::CPPTYPE_INT32: return put(&R::SetInt32, &R::AddInt32, static_cast<std::int32_t>(number()));
      case Field::CPPTYPE_INT64: return put(&R::SetInt64, &R::AddInt64, static_cast<std::int64_t>(number()));
      case Field::CPPTYPE_UINT32: return put(&R::SetUInt32, &R::AddUInt32, static_cast<std::uint32_t>(number()));
      case Field::CPPTYPE_UINT64: return put(&R::SetUInt64, &R::AddUInt64, number());
      case Field::CPPTYPE_DOUBLE: return put(&R::SetDouble, &R::AddDouble, real());
      case Field::CPPTYPE_FLOAT: return put(&R::SetFloat, &R::AddFloat, static_cast<float>(real()));
      case Field::CPPTYPE_BOOL: return put(&R::SetBool, &R::AddBool, one_in(2));
      case Field::CPPTYPE_ENUM:
        return put(&R::SetEnumValue, &R::AddEnumValue, static_cast<int>(one_in(3) ? number() : below(10)));
      case Field::CPPTYPE_STRING: {
        std::string value = field->type() == Field::TYPE_BYTES ? bytes(below(200)) : text();
        many ? reflection.AddString(&message, field, std::move(value))
             : reflection.SetString(&message, field, std::move(value));
        return;
      }
      case Field::CPPTYPE_MESSAGE:
        if (depth < 4)
          fill(many ? *reflection.AddMessage(&message, field) : *reflection.MutableMessage(&message, field), depth + 1);
        return;
    }
  }

  std::mt19937_64 random_;
};

}  // namespace trainbus::test
