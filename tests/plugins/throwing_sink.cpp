// Throws out of its C functions, which it must not, while the file PATH.broken is there; else appends to PATH.
#include <trainbus/sink.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

constexpr trainbus_sink_option kOptions[] = {{"path", "PATH", nullptr, "the file", 0}, {}};

const std::string& path(void* self) { return *static_cast<std::string*>(self); }

int write_record(void* self, const trainbus_record* record) {
  if (std::filesystem::exists(path(self) + ".broken")) throw std::runtime_error("thrown out of write()");
  std::ofstream(path(self), std::ios::app) << record->json(record, nullptr) << '\n';
  return 0;
}

int nothing(void* self) {
  if (std::filesystem::exists(path(self) + ".broken")) throw 42;
  return 0;
}

constexpr trainbus_sink_type kType = {
    .abi = TRAINBUS_SINK_ABI,
    .position = TRAINBUS_SINK_HOST_KEEPS,
    .built_with = nullptr,
    .name = "throwing",
    .summary = "for tests",
    .options = kOptions,
    .create = [](const trainbus_host*, const char* const* values) -> void* { return new std::string(values[0]); },
    .open = nothing,
    .write = write_record,
    .flush = nothing,
    .sync = nothing,
    .destroy = [](void* self) { delete static_cast<std::string*>(self); },
};

}  // namespace

extern "C" const trainbus_sink_type* trainbus_sink(void) { return &kType; }
