#pragma once
// A SQLite file page by page, without its trees: for what they no longer lead to. The format is
// https://www.sqlite.org/fileformat2.html. One thread's.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace trainbus {

// A row of a page: numbers, or text and blobs as bytes. What is NULL or a fraction is 0.
struct PageRow {
  std::int64_t rowid = 0;  // 0 in an index
  std::vector<std::variant<std::int64_t, std::string>> values;
};

class DatabasePages {
 public:
  // Throws std::runtime_error when the file cannot be opened. What is behind its last whole page is left out.
  DatabasePages(const std::string& path, std::uint64_t page_bytes);
  ~DatabasePages();
  DatabasePages(const DatabasePages&) = delete;
  DatabasePages& operator=(const DatabasePages&) = delete;

  std::uint64_t count() const { return count_; }
  // Calls `take` for each row of a leaf page that can be read, of a table or an index; page from 1.
  void rows(std::uint64_t page, const std::function<void(const PageRow&)>& take);

 private:
  bool read(std::uint64_t page, std::string& bytes) const;
  bool read_row(const std::string& page, std::size_t at, bool is_table, PageRow& row) const;
  bool payload_of(const std::string& page, std::size_t at, std::uint64_t size, bool is_table,
                  std::string& payload) const;

  int file_ = -1;
  std::uint64_t page_bytes_;
  std::uint64_t count_ = 0;
};

}  // namespace trainbus
