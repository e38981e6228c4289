// two_in_one RUN FIRST.so SECOND.so: both train at once, and every record of both arrives.
#include <dlfcn.h>

#include <cstdio>
#include <thread>
#include <trainbus/consumer.hpp>

namespace {

constexpr int kBatches = 500;

bool train(const char* run, const char* path) {
  void* part = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (part == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), false;
  return reinterpret_cast<bool (*)(const char*, int)>(dlsym(part, "train"))(run, kBatches);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  bool first = false;
  bool second = false;
  std::thread other([&] { first = train(argv[1], argv[2]); });
  second = train(argv[1], argv[3]);
  other.join();
  trainbus::Consumer bus({.kinds = {trainbus::v1::KIND_BATCH}, .run = argv[1]});
  int records = 0;
  while (records < 2 * kBatches)
    if (bus.next(std::chrono::milliseconds(500)) != nullptr) ++records;
  std::printf("%d records of %s\n", records, first && second ? "both" : "which not all were stored in time");
  return first && second ? 0 : 1;
}
