// Any file where trainbus-log left one of its own: read back, or refused with one line and left as it is. The first
// byte says which: JSONL, a CSV table, or the heads beside them.
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "consumers/log/files/csv_sink.hpp"
#include "consumers/log/files/jsonl_sink.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/heads_file.hpp"

namespace {

const std::filesystem::path& folder() {
  static const std::filesystem::path path = "/dev/shm/trainbus-fuzz-" + std::to_string(getpid());
  return path;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

template <class Sink>
void read_back(const std::filesystem::path& file, const std::filesystem::path& sink_path, std::string_view bytes) {
  write_file(file, bytes);
  const std::string path = sink_path.string();
  const trainbus_sink_option* options = Sink::kInfo.options;
  std::vector<const char*> values{path.c_str()};
  for (int i = 1; options[i].name != nullptr; ++i)
    values.push_back(options[i].preset);
  try {
    Sink sink(trainbus::SinkOptions(options, values.data()));
    const auto heads = sink.open();
    sink.sync();
    std::filesystem::remove(file.string() + ".heads");  // only a shortcut
    trainbus::fuzz::require(sink.open() == heads);
  } catch (const std::runtime_error&) {
    std::ifstream left(file, std::ios::binary);
    const std::string same{std::istreambuf_iterator<char>(left), {}};
    trainbus::fuzz::require(same == bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  if (size == 0) return 0;
  spdlog::set_level(spdlog::level::off);
  std::filesystem::create_directories(folder());
  const auto bytes = fuzz::view(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: read_back<JsonlSink>(folder() / "log", folder() / "log", bytes); break;
    case 1: read_back<CsvSink>(folder() / "batch.csv", folder(), bytes); break;
    default: {
      const fuzz::InputFile file(bytes);
      if (const auto saved = load_heads(file.path())) fuzz::require(saved->heads.size() <= size);
    }
  }
  std::filesystem::remove_all(folder());
  return 0;
}
