#include "static_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>

namespace trainbus {
namespace {

std::string_view content_type_of(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

}  // namespace

StaticFiles::StaticFiles(std::string www_root) : www_root_(std::move(www_root)) {
  if (!www_root_.empty() && !std::filesystem::is_regular_file(www_root_ + "/index.html"))
    throw std::runtime_error("--www-root '" + www_root_ + "': no index.html in it");
}

std::optional<StaticFile> StaticFiles::find(std::string_view path, bool accepts_gzip) const {
  if (path == "/") path = "/index.html";
  return www_root_.empty() ? built_in(path, accepts_gzip) : read(path);
}

std::optional<StaticFile> StaticFiles::built_in(std::string_view path, bool accepts_gzip) {
  const auto files = embedded_page();
  const auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.path == path; });
  if (found == files.end()) return std::nullopt;
  const bool gzip = accepts_gzip && found->gzip.size() < found->bytes.size();
  return StaticFile{gzip ? found->gzip : found->bytes, content_type_of(path), std::string(found->etag), gzip, nullptr};
}

std::optional<StaticFile> StaticFiles::read(std::string_view path) const {
  const std::filesystem::path file = www_root_ + std::string(path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return std::nullopt;
  const auto size = std::filesystem::file_size(file, error);
  if (error || size > kMaxFileBytes) return std::nullopt;
  std::string bytes(size, '\0');
  if (!std::ifstream(file, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(size)))
    return std::nullopt;
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  const std::string etag = '"' + std::to_string(std::hash<std::string>{}(*owner)) + '"';
  return StaticFile{*owner, content_type_of(path), etag, false, owner};
}

}  // namespace trainbus
