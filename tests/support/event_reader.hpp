#pragma once
// Reads TensorBoard event files by the format's description, with none of the code that wrote them: framing, checksums
// and the fields of Event that are asked for.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus::test {

struct ReadHistogram {
  double min = 0, max = 0, number = 0, sum = 0;
  std::vector<double> limits, counts;
};

struct ReadEvent {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version;
  bool session_start = false;
  std::map<std::string, float> scalars;
  std::map<std::string, std::string> texts;                 // of string tensors with the plugin "text"
  std::map<std::string, std::string> images;                // encoded bytes
  std::map<std::string, std::vector<std::string>> samples;  // of one tag: width, height, encoded pictures
  std::map<std::string, ReadHistogram> histograms;
  std::map<std::string, std::string> hparams;  // "number 3", "text adam", "bool true"
  std::uint64_t session_end = 0;               // 1 success, 2 failure
  std::uint64_t kind = 0, sequence = 0;        // fields 1000 and 1001
};

inline std::uint32_t bitwise_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ (0x82F63B78U & (0U - (crc & 1U)));
  }
  return ~crc;
}

// The fields of one protobuf message, by number: varints and fixed values as numbers, the others as bytes.
class ReadFields {
 public:
  explicit ReadFields(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto tag = varint(bytes);
      const auto number = static_cast<int>(tag >> 3);
      switch (tag & 7) {
        case 0: numbers_[number] = varint(bytes); break;
        case 1: numbers_[number] = fixed(bytes, 8); break;
        case 2: {
          const auto size = varint(bytes);
          bytes_[number].emplace_back(take(bytes, size));
          break;
        }
        case 5: numbers_[number] = fixed(bytes, 4); break;
        default: throw std::runtime_error("a field of an unknown type");
      }
    }
  }
  std::uint64_t number(int field) const { return numbers_.contains(field) ? numbers_.at(field) : 0; }
  bool has(int field) const { return numbers_.contains(field) || bytes_.contains(field); }
  std::vector<std::string> all(int field) const {
    return bytes_.contains(field) ? bytes_.at(field) : std::vector<std::string>();
  }
  std::string bytes(int field) const { return bytes_.contains(field) ? bytes_.at(field).back() : std::string(); }
  template <typename Float>
  Float real(int field) const {
    const auto bits = number(field);
    Float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  static std::string_view take(std::string_view& bytes, std::size_t count) {
    if (count > bytes.size()) throw std::runtime_error("a field beyond its message");
    const auto taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return taken;
  }
  static std::uint64_t fixed(std::string_view& bytes, std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, take(bytes, count).data(), count);
    return value;
  }
  static std::uint64_t varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(bytes, 1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  }
  std::map<int, std::uint64_t> numbers_;
  std::map<int, std::vector<std::string>> bytes_;
};

inline std::vector<double> packed_doubles(const std::string& bytes) {
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(double));
  return numbers;
}

inline void read_hparams(const ReadFields& data, ReadEvent& event) {
  if (data.number(1) != 0) throw std::runtime_error("hparams of an unknown version");
  for (const auto& entry : ReadFields(data.bytes(3)).all(1)) {
    const ReadFields pair(entry), value(pair.bytes(2));
    event.hparams[pair.bytes(1)] = value.has(2)   ? "number " + std::to_string(value.real<double>(2))
                                   : value.has(3) ? "text " + value.bytes(3)
                                                  : std::string("bool ") + (value.number(4) != 0 ? "true" : "false");
  }
  if (data.has(4)) event.session_end = ReadFields(data.bytes(4)).number(1);
}

inline void read_tensor(const std::string& tag, const ReadFields& value, ReadEvent& event) {
  const ReadFields tensor(value.bytes(8)), metadata(value.bytes(9)), plugin(metadata.bytes(1));
  const auto strings = tensor.all(8);
  const auto size = ReadFields(ReadFields(tensor.bytes(2)).bytes(2)).number(1);
  if (plugin.bytes(1) == "hparams") return read_hparams(ReadFields(plugin.bytes(2)), event);
  if (tensor.number(1) != 7 || size != strings.size()) throw std::runtime_error(tag + ": not strings");
  if (plugin.bytes(1) == "text" && metadata.number(4) == 2 && size == 1)
    event.texts[tag] = strings[0];
  else if (plugin.bytes(1) == "images" && metadata.number(4) == 3 && size > 2)
    event.samples[tag] = strings;
  else
    throw std::runtime_error(tag + ": neither text nor pictures");
}

inline void read_value(const ReadFields& value, ReadEvent& event) {
  const auto tag = value.bytes(1);
  if (value.has(2)) event.scalars[tag] = value.real<float>(2);
  if (value.has(4)) {
    const ReadFields image(value.bytes(4));
    if (image.number(1) == 0 || image.number(2) == 0 || image.number(3) == 0)
      throw std::runtime_error(tag + ": an image without size or colours");
    event.images[tag] = image.bytes(4);
  }
  if (value.has(5)) {
    const ReadFields histogram(value.bytes(5));
    event.histograms[tag] = {.min = histogram.real<double>(1),
                             .max = histogram.real<double>(2),
                             .number = histogram.real<double>(3),
                             .sum = histogram.real<double>(4),
                             .limits = packed_doubles(histogram.bytes(6)),
                             .counts = packed_doubles(histogram.bytes(7))};
  }
  if (value.has(8)) read_tensor(tag, value, event);
}

inline ReadEvent read_event(std::string_view data) {
  const ReadFields fields(data);
  ReadEvent event{.wall_time = fields.real<double>(1),
                  .step = static_cast<std::int64_t>(fields.number(2)),
                  .file_version = fields.bytes(3),
                  .session_start = fields.has(7) && ReadFields(fields.bytes(7)).number(1) == 1,
                  .scalars = {},
                  .texts = {},
                  .images = {},
                  .samples = {},
                  .histograms = {},
                  .hparams = {},
                  .session_end = 0,
                  .kind = fields.number(1000),
                  .sequence = fields.number(1001)};
  for (const auto& value : ReadFields(fields.bytes(5)).all(1))
    read_value(ReadFields(value), event);
  return event;
}

// Every event of a file. Throws when a byte of it is not part of a whole, checked event, or the version is not first.
inline std::vector<ReadEvent> read_event_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto crc_at = [&](std::size_t at) {
    std::uint32_t masked = 0;
    std::memcpy(&masked, bytes.data() + at, sizeof masked);
    masked -= 0xA282EAD8U;
    return (masked << 15) | (masked >> 17);
  };
  std::vector<ReadEvent> events;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t length = 0;
    if (bytes.size() - at < 16) throw std::runtime_error(path.string() + ": half an event at its end");
    std::memcpy(&length, bytes.data() + at, sizeof length);
    const std::string_view all(bytes);
    if (crc_at(at + 8) != bitwise_crc32c(all.substr(at, 8))) throw std::runtime_error(path.string() + ": bad length");
    if (bytes.size() - at - 16 < length) throw std::runtime_error(path.string() + ": half an event at its end");
    const auto data = all.substr(at + 12, length);
    if (crc_at(at + 12 + length) != bitwise_crc32c(data)) throw std::runtime_error(path.string() + ": bad data");
    events.push_back(read_event(data));
    at += 16 + length;
  }
  if (!events.empty() && events.front().file_version != "brain.Event:2")
    throw std::runtime_error(path.string() + ": no version first");
  return events;
}

// The events of a folder in the order in which TensorBoard reads them: file by file, by name.
inline std::vector<ReadEvent> read_event_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::exists(folder))
    paths.assign(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator{});
  std::sort(paths.begin(), paths.end());
  std::vector<ReadEvent> events;
  for (const auto& path : paths)
    for (auto& event : read_event_file(path))
      events.push_back(std::move(event));
  return events;
}

// The curve of a tag as TensorBoard shows it: a START purges what was at its step and later.
inline std::map<std::int64_t, float> shown_curve(const std::vector<ReadEvent>& events, const std::string& tag) {
  std::map<std::int64_t, float> curve;
  for (const auto& event : events) {
    if (event.session_start) curve.erase(curve.lower_bound(event.step), curve.end());
    if (event.scalars.contains(tag)) curve[event.step] = event.scalars.at(tag);
  }
  return curve;
}

}  // namespace trainbus::test
