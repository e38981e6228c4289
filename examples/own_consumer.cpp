// Your own consumer: prints every epoch of a run, those of the past first, and ends when a trainer of it has ended.
// Usage: own_consumer RUN
#include <trainbus/consumer.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: own_consumer RUN\n");
    return 2;
  }
  trainbus::Consumer bus({.kinds = {trainbus::v1::KIND_EPOCH, trainbus::v1::KIND_STATUS}, .run = argv[1]});
  while (true) {
    const trainbus::Record* record = bus.next(std::chrono::milliseconds(500));
    if (!record) continue;
    const std::string trainer = record->topic.session.id();
    if (record->message.has_epoch_data()) {
      const auto& epoch = record->message.epoch_data();
      std::printf("%s epoch %d loss %.4f accuracy %.3f\n", trainer.c_str(), epoch.epoch(), epoch.average_loss(),
                  epoch.average_accuracy());
    } else if (trainbus::training_ended(record->message.status_update().status())) {
      std::printf("%s finished\n", trainer.c_str());
      return 0;
    }
  }
}
