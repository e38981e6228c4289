// A consumer of your own: prints every epoch of every training, those of the past first. Build it against the SDK:
//
//   find_package(trainbus REQUIRED)
//   target_link_libraries(epoch_printer PRIVATE trainbus::trainbus_consumer)

#include <csignal>
#include <iostream>

#include "trainbus/consumer.hpp"

namespace {
volatile std::sig_atomic_t stop = 0;
}

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { stop = 1; });
  std::signal(SIGTERM, [](int) { stop = 1; });

  trainbus::ConsumerOptions options;
  if (argc > 1) options.broker = argv[1];
  options.kinds = {trainbus::v1::KIND_EPOCH};
  trainbus::Consumer bus(options);

  while (!stop) {
    const auto* record = bus.next(std::chrono::milliseconds(100));
    if (record == nullptr) continue;
    const auto& epoch = record->message.epoch_data();
    std::cout << record->topic.session.id() << " epoch " << epoch.epoch() << " loss " << epoch.average_loss()
              << std::endl;
  }
}
