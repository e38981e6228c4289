// Any bytes: a topic of the grammar, which then reads back as exactly these bytes, or none.
#include <cstdint>
#include <cstdlib>

#include "trainbus/topic.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto topic = trainbus::parse_topic(bytes); topic && topic->text() != bytes) std::abort();
  if (const auto session = trainbus::parse_session_id(bytes); session && session->id() != bytes) std::abort();
  return 0;
}
