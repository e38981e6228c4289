#pragma once
// Tensors with names in one file, in the safetensors format (https://huggingface.co/docs/safetensors): a length of 8
// bytes, a JSON header, then the numbers as they are in memory. Any Python reads it: safetensors.torch.load_file(FILE).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace trainbus {

struct StoredTensor {
  std::string name;
  std::string type;  // "F32", "I64"
  std::vector<std::int64_t> shape;
  std::string bytes;  // little-endian, the last dimension innermost
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<StoredTensor> tensors;
};

// Writes beside `path` and renames: a file that is there is whole, whatever happens meanwhile. A checksum goes into the
// metadata as "crc32". Throws std::runtime_error with one line that names the file and says why not; an older file then
// stays as it was.
void write_tensor_file(const std::string& path, const TensorFile& file);

// Throws std::runtime_error with one line that names the file: it cannot be read, is none of this format, is cut off,
// was changed since it was written, or has no checksum because others wrote it.
TensorFile read_tensor_file(const std::string& path);

}  // namespace trainbus
