#pragma once
// The IDX format of MNIST (http://yann.lecun.com/exdb/mnist): big-endian header [0, 0, type, rank][rank sizes], then
// the values. Only type 8 (unsigned bytes) exists here.

#include <cstdint>
#include <string>
#include <vector>

namespace trainbus {

struct IdxFile {
  std::vector<std::uint32_t> sizes;  // [count] or [count, rows, columns]
  std::vector<std::uint8_t> values;
};

// Reads a plain or gzipped file with `rank` sizes. Throws std::runtime_error with one line that names the file: absent,
// damaged gzip, wrong magic, absurd sizes, or more or fewer bytes than the header says.
IdxFile read_idx(const std::string& path, std::uint32_t rank);

}  // namespace trainbus
