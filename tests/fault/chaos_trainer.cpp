// A trainer to be killed at any moment: logs batches at a steady rate, and notes each that was accepted in a mapped
// file, which outlives it: usage FILE BROKER RUN TRAINER SPOOL_DIR RATE_HZ SECONDS. The file: one uint64 incarnation,
// then one uint64 accepted batches.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "trainbus/producer.hpp"

namespace {

struct Notes {
  std::atomic<std::uint64_t> incarnation;
  std::atomic<std::uint64_t> accepted;
};

Notes& map_notes(const char* path) {
  const int fd = open(path, O_CREAT | O_RDWR, 0644);
  if (fd < 0 || ftruncate(fd, sizeof(Notes)) != 0) throw std::runtime_error(std::string("cannot write ") + path);
  void* memory = mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
  return *static_cast<Notes*>(memory);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  try {
    using Clock = std::chrono::steady_clock;
    Notes& notes = map_notes(argv[1]);
    trainbus::ProducerOptions options;
    options.broker = argv[2];
    options.run = argv[3];
    options.trainer = argv[4];
    options.spool_dir = argv[5];
    options.heartbeat_interval = std::chrono::milliseconds(500);
    trainbus::Producer producer(options);
    notes.incarnation = producer.incarnation();
    const auto interval = std::chrono::nanoseconds(std::chrono::seconds(1)) / std::stoi(argv[6]);
    const auto end = Clock::now() + std::chrono::seconds(std::stoi(argv[7]));
    auto next = Clock::now();
    for (int batch = 0; Clock::now() < end; ++batch, next += interval) {
      if (producer.log_batch({.epoch = 1, .batch = batch, .batch_size = 1, .loss = 1.0, .accuracy = 0.5}))
        notes.accepted.fetch_add(1);
      std::this_thread::sleep_until(next);
    }
    return producer.finish(trainbus::v1::COMPLETED, "", std::chrono::seconds(60)) ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
