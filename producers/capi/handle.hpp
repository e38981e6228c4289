#pragma once
// What stands behind the handles of trainbus.h, and how its structs are read.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "trainbus.h"
#include "trainbus/producer.hpp"

struct trainbus_producer {
  explicit trainbus_producer(trainbus::ProducerOptions options) : bus(std::move(options)) {}
  trainbus::Producer bus;
};

namespace trainbus::capi {

// A caller of another version may know fewer members, or more: what it did not give is zero.
template <class Struct>
Struct read(const Struct* given) {
  Struct all{};
  if (given != nullptr) std::memcpy(&all, given, std::min(given->size, sizeof all));
  all.size = sizeof all;
  return all;
}

inline std::string_view text(const char* given) { return given == nullptr ? std::string_view{} : given; }
inline std::string string(const char* given) { return std::string(text(given)); }
inline std::vector<std::string> strings(const char* const* texts, std::size_t count) {
  std::vector<std::string> all(count);
  std::transform(texts, texts + count, all.begin(), string);
  return all;
}

// No exception may reach a caller in C: out of memory, or a system call that the standard library throws for.
template <class Result, class Call>
Result guarded(Result otherwise, const Call& call) noexcept {
  try {
    return call();
  } catch (...) {
    return otherwise;
  }
}

Prediction prediction(const trainbus_prediction& given);

}  // namespace trainbus::capi
