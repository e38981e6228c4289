// Your own consumer of named values: prints every value of a run as "TRAINER STEP NAME VALUE", those of the past first,
// and ends when a trainer of it has ended. Usage: named_values RUN
#include <trainbus/consumer.hpp>

#include <cstdio>

namespace {

template <class Record, class Values>
void print(const std::string& trainer, const Record& record, const Values& values) {
  for (const auto& [name, value] : values)  // NaN and infinity are values too
    std::printf("%s %llu %s %g\n", trainer.c_str(), static_cast<unsigned long long>(record.step()), name.c_str(),
                value);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: named_values RUN\n"), 2;
  using namespace trainbus;
  Consumer bus({.kinds = {v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_SCALARS, v1::KIND_STATUS}, .run = argv[1]});
  while (true) {
    const Record* record = bus.next(std::chrono::milliseconds(500));
    if (!record) continue;
    const auto& message = record->message;
    const std::string trainer = record->topic.session.id();
    if (message.has_batch_data()) print(trainer, message.batch_data(), message.batch_data().scalars());
    if (message.has_epoch_data()) print(trainer, message.epoch_data(), message.epoch_data().scalars());
    if (message.has_scalar_data()) print(trainer, message.scalar_data(), message.scalar_data().values());
    if (training_ended(message.status_update().status())) return 0;
  }
}
