#include "safetensors_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

namespace trainbus {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMostHeaderBytes = 100 << 20;  // as the format's own readers
constexpr const char* kChecksum = "crc32";
constexpr const char* kMetadata = "__metadata__";

std::runtime_error problem(const std::string& path, const std::string& what) {
  return std::runtime_error(path + ": " + what);
}

std::size_t type_bytes(const std::string& type) {
  if (type == "F32") return 4;
  return type == "I64" ? 8 : 0;
}

json header_of(const TensorFile& file) {
  json header = json::object();
  if (!file.metadata.empty()) header[kMetadata] = file.metadata;
  std::size_t at = 0;
  for (const auto& tensor : file.tensors) {
    header[tensor.name] = {
        {"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  return header;
}

// Over the header without the checksum, and all numbers.
std::string checksum_of(json header, const char* numbers, std::size_t size) {
  if (header.contains(kMetadata)) {
    header[kMetadata].erase(kChecksum);
    if (header[kMetadata].empty()) header.erase(kMetadata);
  }
  const auto text = header.dump();
  auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  sum = crc32_z(sum, reinterpret_cast<const Bytef*>(numbers), size);
  return std::to_string(sum);
}

std::string text_of(const TensorFile& file) {
  std::string numbers;
  for (const auto& tensor : file.tensors)
    numbers += tensor.bytes;
  auto header = header_of(file);
  header[kMetadata][kChecksum] = checksum_of(header, numbers.data(), numbers.size());
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the numbers lie on a border of 8 bytes
  const std::uint64_t length = text.size();
  std::string all(kLengthBytes, '\0');
  std::memcpy(all.data(), &length, sizeof length);
  return all + text + numbers;
}

// A file descriptor, and a file that is not there any more unless keep() was called.
class NewFile {
 public:
  explicit NewFile(std::string path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (file_ < 0) throw std::runtime_error(std::strerror(errno));
  }
  ~NewFile() {
    if (file_ >= 0) ::close(file_);
    if (!kept_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::write(file_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw std::runtime_error(std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void rename_to(const std::string& path) {
    if (::fsync(file_) != 0 || ::close(std::exchange(file_, -1)) != 0 || ::rename(path_.c_str(), path.c_str()) != 0)
      throw std::runtime_error(std::strerror(errno));
    kept_ = true;
  }

 private:
  std::string path_;
  int file_;
  bool kept_ = false;
};

// So that the name, too, is there after a power cut. Not every file system can; the file itself is written.
void sync_folder(const std::filesystem::path& folder) {
  const int file = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

StoredTensor tensor_of(const std::string& name, const json& about, std::string_view numbers) {
  StoredTensor tensor{.name = name,
                      .type = about.at("dtype").get<std::string>(),
                      .shape = about.at("shape").get<std::vector<std::int64_t>>(),
                      .bytes = {}};
  const auto from = about.at("data_offsets").at(0).get<std::uint64_t>();
  const auto to = about.at("data_offsets").at(1).get<std::uint64_t>();
  if (from > to || to > numbers.size()) throw std::runtime_error("its numbers lie outside the file");
  std::uint64_t count = 1;
  for (const auto size : tensor.shape)
    if (size < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count))
      throw std::runtime_error("its shape is none");
  if (const auto bytes = type_bytes(tensor.type); bytes == 0)
    throw std::runtime_error("type " + tensor.type + " is not read");
  else if ((to - from) / bytes != count || (to - from) % bytes != 0)
    throw std::runtime_error("its shape and its numbers are of different size");
  tensor.bytes = numbers.substr(from, to - from);
  return tensor;
}

TensorFile file_of(const std::string& path, const json& header, std::string_view numbers) {
  TensorFile file;
  for (const auto& [name, about] : header.items())
    try {
      if (name == kMetadata)
        file.metadata = about.get<std::map<std::string, std::string>>();
      else
        file.tensors.push_back(tensor_of(name, about, numbers));
    } catch (const std::exception& error) {
      throw problem(path, "damaged, tensor '" + name + "': " + error.what());
    }
  return file;
}

}  // namespace

void write_tensor_file(const std::string& path, const TensorFile& file) {
  try {
    NewFile fresh(path + ".new-" + std::to_string(getpid()));
    fresh.write(text_of(file));
    fresh.rename_to(path);
  } catch (const std::runtime_error& error) {
    throw problem(path, std::string("cannot be written: ") + error.what());
  }
  sync_folder(std::filesystem::path(path).parent_path());
}

TensorFile read_tensor_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw problem(path, std::string("cannot be read: ") + std::strerror(errno));
  if (std::filesystem::is_directory(path)) throw problem(path, "is a folder");
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::uint64_t length = 0;
  if (bytes.size() > kLengthBytes) std::memcpy(&length, bytes.data(), sizeof length);
  if (length == 0 || length > kMostHeaderBytes || bytes[kLengthBytes] != '{')
    throw problem(path, "is no safetensors file");
  if (length > bytes.size() - kLengthBytes) throw problem(path, "damaged: ends within its header");
  const auto header = json::parse(bytes.begin() + kLengthBytes,
                                  bytes.begin() + static_cast<std::ptrdiff_t>(kLengthBytes + length), nullptr, false);
  if (!header.is_object()) throw problem(path, "damaged: its header is no JSON");
  const auto numbers = std::string_view(bytes).substr(kLengthBytes + length);
  auto file = file_of(path, header, numbers);
  const auto sum = file.metadata.find(kChecksum);
  if (sum == file.metadata.end()) throw problem(path, "has no checksum, so it is none of ours");
  if (sum->second != checksum_of(header, numbers.data(), numbers.size()))
    throw problem(path, "damaged: its checksum is not that of its content");
  return file;
}

}  // namespace trainbus
