#include "broker/journal_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace trainbus {
namespace {

constexpr const char* kFirstWord = "trainbus-journal";

}  // namespace

MarkFile::~MarkFile() {
  if (file_ >= 0) close(file_);
}

std::optional<Mark> MarkFile::read() const {
  std::ifstream file(path_);
  std::string word;
  Mark mark;
  if (!(file >> word >> mark.position >> mark.wall_ms >> mark.journal_ms) || word != kFirstWord) return std::nullopt;
  return mark;
}

void MarkFile::write(const Mark& mark) {
  if (file_ < 0) file_ = open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (file_ < 0) return;
  std::array<char, 96> line;
  const int size = std::snprintf(line.data(), line.size(), "%s %20llu %20lld %20lld\n", kFirstWord,
                                 static_cast<unsigned long long>(mark.position), static_cast<long long>(mark.wall_ms),
                                 static_cast<long long>(mark.journal_ms));
  [[maybe_unused]] const auto written = pwrite(file_, line.data(), static_cast<std::size_t>(size), 0);
}

}  // namespace trainbus
