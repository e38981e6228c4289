#include "trainbus/text.hpp"

namespace trainbus {

std::string_view clipped(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<unsigned char>(text[max_bytes]) & 0xc0) == 0x80)
    --max_bytes;
  return text.substr(0, max_bytes);
}

}  // namespace trainbus
