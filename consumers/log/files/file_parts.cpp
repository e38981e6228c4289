#include "file_parts.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kShape = "0000-00-00.000000";

// "2026-11-23.000001": digits where the shape has them; numbers beyond 999999 are longer.
bool has_shape(std::string_view text) {
  if (text.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char wanted = i < kShape.size() ? kShape[i] : '0';
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (wanted == '0' ? !digit : text[i] != wanted) return false;
  }
  return text.size() < 29;  // the number fits 64 bits
}

}  // namespace

std::vector<FilePart> find_parts(const std::string& path) {
  const fs::path file(path);
  const auto begin = file.stem().string() + '.';
  std::vector<FilePart> parts;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::absolute(file).parent_path(), error)) {
    std::string name = entry.path().filename().string();
    const bool compressed = name.ends_with(".zst");
    if (compressed) name.resize(name.size() - 4);
    if (!name.starts_with(begin) || !name.ends_with(file.extension().string())) continue;
    const auto middle =
        name.substr(begin.size(), name.size() - std::min(name.size(), begin.size() + file.extension().string().size()));
    if (!has_shape(middle)) continue;
    parts.push_back(
        {std::stoull(middle.substr(11)), (file.parent_path() / entry.path().filename()).string(), compressed});
  }
  std::ranges::sort(parts, {}, &FilePart::number);
  return parts;
}

std::string part_path(const std::string& path, std::uint64_t number, std::int64_t day_ms) {
  const fs::path file(path);
  const auto seconds = static_cast<std::time_t>(day_ms / 1000);
  std::tm day{};
  gmtime_r(&seconds, &day);
  char middle[64];
  std::snprintf(middle, sizeof middle, ".%04d-%02d-%02d.%06llu", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
                static_cast<unsigned long long>(number));
  return (file.parent_path() / file.stem()).string() + middle + file.extension().string();
}

}  // namespace trainbus
