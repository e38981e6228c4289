#include "broker/database_pages.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace trainbus {
namespace {

constexpr unsigned char kTableLeaf = 0x0d;
constexpr unsigned char kIndexLeaf = 0x0a;
constexpr std::size_t kFileHeaderBytes = 100;        // before the first page's own header
constexpr std::uint64_t kMaxPayloadBytes = 4 << 20;  // more than any row of a journal

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes)
    value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

// SQLite's varint: at most 9 bytes, of which the last has 8 bits.
std::optional<std::uint64_t> read_varint(std::string_view bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (int i = 0; i < 9; ++i) {
    if (at >= bytes.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    if (i == 8) return value << 8 | byte;
    value = value << 7 | (byte & 0x7f);
    if (byte < 0x80) break;
  }
  return value;
}

std::size_t size_of_type(std::uint64_t type) {
  constexpr std::size_t kSizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return type < 12 ? kSizes[type] : static_cast<std::size_t>((type - 12) / 2);
}

std::int64_t signed_number(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto unused = 64 - 8 * bytes.size();
  return static_cast<std::int64_t>(big_endian(bytes) << unused) >> unused;
}

bool read_values(std::string_view payload, PageRow& row) {
  std::size_t at = 0;
  const auto header = read_varint(payload, at);
  if (!header || *header > payload.size()) return false;
  std::size_t value_at = *header;
  row.values.clear();
  while (at < *header) {
    const auto type = read_varint(payload.substr(0, *header), at);
    if (!type) return false;
    const auto size = size_of_type(*type);
    if (size > payload.size() - value_at) return false;
    const auto bytes = payload.substr(value_at, size);
    if (*type >= 12)
      row.values.emplace_back(std::string(bytes));
    else
      row.values.emplace_back(*type == 9 ? 1 : *type == 7 ? 0 : signed_number(bytes));
    value_at += size;
  }
  return true;
}

}  // namespace

DatabasePages::DatabasePages(const std::string& path, std::uint64_t page_bytes) : page_bytes_(page_bytes) {
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file_ < 0 || fstat(file_, &status) != 0) throw std::runtime_error("'" + path + "': " + std::strerror(errno));
  count_ = static_cast<std::uint64_t>(status.st_size) / page_bytes_;
}

DatabasePages::~DatabasePages() { close(file_); }

bool DatabasePages::read(std::uint64_t page, std::string& bytes) const {
  if (page == 0 || page > count_) return false;
  bytes.resize(page_bytes_);
  return pread(file_, bytes.data(), page_bytes_, static_cast<off_t>((page - 1) * page_bytes_)) ==
         static_cast<ssize_t>(page_bytes_);
}

void DatabasePages::rows(std::uint64_t page, const std::function<void(const PageRow&)>& take) {
  constexpr std::size_t kHeaderBytes = 8;
  std::string bytes;
  if (!read(page, bytes)) return;
  const std::size_t start = page == 1 ? kFileHeaderBytes : 0;
  const auto type = static_cast<unsigned char>(bytes[start]);
  if (type != kTableLeaf && type != kIndexLeaf) return;
  const std::string_view view(bytes);
  const auto cells = big_endian(view.substr(start + 3, 2));
  PageRow row;
  for (std::size_t cell = 0; cell < cells && start + kHeaderBytes + 2 * cell + 2 <= bytes.size(); ++cell) {
    const auto at = big_endian(view.substr(start + kHeaderBytes + 2 * cell, 2));
    if (at < bytes.size() && read_row(bytes, at, type == kTableLeaf, row)) take(row);
  }
}

bool DatabasePages::read_row(const std::string& page, std::size_t at, bool is_table, PageRow& row) const {
  const auto size = read_varint(page, at);
  const auto rowid = is_table ? read_varint(page, at) : 0;
  std::string payload;
  if (!size || *size > kMaxPayloadBytes || !rowid || !payload_of(page, at, *size, is_table, payload)) return false;
  row.rowid = static_cast<std::int64_t>(*rowid);
  return read_values(payload, row);
}

// What of the payload is on the page, and the chain of pages that has the rest.
bool DatabasePages::payload_of(const std::string& page, std::size_t at, std::uint64_t size, bool is_table,
                               std::string& payload) const {
  const auto most = is_table ? page_bytes_ - 35 : (page_bytes_ - 12) * 64 / 255 - 23;
  const auto least = (page_bytes_ - 12) * 32 / 255 - 23;
  auto here = size;
  if (size > most) {
    here = least + (size - least) % (page_bytes_ - 4);
    if (here > most) here = least;
  }
  const std::string_view view(page);
  if (at + here > page.size()) return false;
  payload = view.substr(at, here);
  if (here == size) return true;
  if (at + here + 4 > page.size()) return false;
  auto next = big_endian(view.substr(at + here, 4));
  std::string link;
  while (payload.size() < size) {
    if (!read(next, link)) return false;
    payload.append(link, 4, std::min<std::size_t>(size - payload.size(), page_bytes_ - 4));
    next = big_endian(std::string_view(link).substr(0, 4));
  }
  return true;
}

}  // namespace trainbus
