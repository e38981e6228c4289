#pragma once
// The page's files: from inside the binary, or from a folder. Belongs to the asio thread.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trainbus {

// One file that the build put into the program (embed_page.cmake makes the table).
struct EmbeddedFile {
  std::string_view path;  // "/index.html"
  std::string_view bytes;
  std::string_view gzip;
  std::string_view etag;  // with its quotes
};
std::span<const EmbeddedFile> embedded_page();

struct StaticFile {
  std::string_view bytes;
  std::string_view content_type;
  std::string etag;
  bool gzip = false;
  std::shared_ptr<const std::string> owner;  // of bytes, unless they are in the program
};

class StaticFiles {
 public:
  static constexpr std::size_t kMaxFileBytes = 16 << 20;  // of a file in the folder; larger ones are not found

  // `www_root`: a folder that is read again at each request; "": the files in the program. Throws std::runtime_error
  // when the folder has no index.html.
  explicit StaticFiles(std::string www_root);

  // `path`: decoded, absolute, without "." and ".." segments; "/" is index.html. Compressed when there is such a form.
  std::optional<StaticFile> find(std::string_view path, bool accepts_gzip) const;
  // The same of the files in the program.
  static std::optional<StaticFile> built_in(std::string_view path, bool accepts_gzip);

 private:
  std::optional<StaticFile> read(std::string_view path) const;

  std::string www_root_;
};

}  // namespace trainbus
