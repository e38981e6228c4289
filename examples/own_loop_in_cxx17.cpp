// A trainer in C++17, over the C ABI: needs trainbus/producer.hpp and one shared object, nothing of protobuf.
#include <cstdlib>
#include <iostream>
#include <trainbus/producer.hpp>

int main(int argc, char** argv) {
  trainbus::Options options;
  options.run = argc > 1 ? argv[1] : "mine";
  options.trainer = "cxx17";
  trainbus::Producer bus(options);

  double rate = 0.05;
  bus.on_learning_rate([&](double value) {
    rate = value;
    return trainbus::Applied{};
  });
  trainbus::Plan plan;
  plan.total_epochs = 1;
  plan.batches_per_epoch = 1000;
  plan.learning_rate = rate;
  bus.start(plan);

  double slope = 0;
  for (int i = 0; i < plan.batches_per_epoch && bus.step(); ++i) {
    const double x = std::rand() / static_cast<double>(RAND_MAX);
    const double error = slope * x - 3 * x;
    slope -= rate * error * x;
    trainbus::Batch batch;
    batch.epoch = 1;
    batch.batch = i;
    batch.loss = error * error;
    batch.learning_rate = rate;
    bus.log_batch(batch, {{"slope", slope}});
  }
  const bool stored = bus.finish(bus.stop_commanded() ? trainbus::Status::kStopped : trainbus::Status::kCompleted);
  std::cout << "slope " << slope << (stored ? ", all stored" : ", the rest is in the spool") << '\n';
}
