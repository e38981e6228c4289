#pragma once
// Messages of a kind look alike: of the sixteen predictions in a record, one has the fields of another in the same
// places. A message of the same length whose framing (tags, lengths) has the same bytes as one that was good is good,
// whatever its numbers and its ASCII text say. That is seen eight bytes at a time, where a walk takes field by field.
// One thread's.

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace trainbus {

class ShapeMemory {
 public:
  static constexpr std::size_t kMinBytes = 8, kMaxBytes = 128;

  // Which bits of a message's bytes must be as they were.
  using Mask = std::array<std::uint8_t, kMaxBytes>;
  static constexpr std::uint8_t kSame = 0xff;
  static constexpr std::uint8_t kSameHighBit = 0x80;  // of a varint: the same length; of ASCII: still ASCII
  static constexpr std::uint8_t kAny = 0;

  static bool fits(std::size_t bytes) { return bytes >= kMinBytes && bytes <= kMaxBytes; }

  // Whether it is like the one remembered. `kind` tells kinds of messages apart.
  bool knows(const void* kind, std::string_view message) const {
    if (!fits(message.size())) return false;
    const Shape& shape = slot(kind, message.size());
    if (shape.kind != kind || shape.size != message.size()) return false;
    std::uint64_t differences = 0;
    const auto compare = [&](std::size_t at) {
      differences |= (word(message.data() + at) ^ word(shape.bytes.data() + at)) & word(shape.mask.data() + at);
    };
    for (std::size_t at = 0; at + sizeof(std::uint64_t) < message.size(); at += sizeof(std::uint64_t))
      compare(at);
    compare(message.size() - sizeof(std::uint64_t));
    return differences == 0;
  }

  // Whether one that is not known should be remembered: not each, where none is like the one before.
  bool should_learn(const void* kind, std::string_view message) {
    return fits(message.size()) && slot(kind, message.size()).asked++ % kLearnEvery == 0;
  }
  void learn(const void* kind, std::string_view message, const Mask& mask) {
    Shape& shape = slot(kind, message.size());
    shape.kind = kind;
    shape.size = message.size();
    shape.mask = mask;
    std::memcpy(shape.bytes.data(), message.data(), message.size());
  }

 private:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::uint32_t kLearnEvery = 4;

  struct Shape {
    const void* kind = nullptr;
    std::size_t size = 0;
    std::uint32_t asked = 0;
    Mask mask{};
    std::array<char, kMaxBytes> bytes{};
  };

  static std::uint64_t word(const void* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  static std::size_t index(const void* kind, std::size_t size) {
    return (size + (reinterpret_cast<std::uintptr_t>(kind) >> 4) * 7) % kSlots;
  }
  Shape& slot(const void* kind, std::size_t size) { return slots_[index(kind, size)]; }
  const Shape& slot(const void* kind, std::size_t size) const { return slots_[index(kind, size)]; }

  std::array<Shape, kSlots> slots_;
};

}  // namespace trainbus
