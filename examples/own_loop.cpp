// Your own training loop on the bus. Any loop will do; this one fits a logistic regression by hand, so that the example
// needs nothing but the producer SDK. Usage: own_loop [RUN [TRAINER]]
#include <trainbus/producer.hpp>

#include <cmath>
#include <cstdio>
#include <random>
#include <utility>

namespace {

struct BatchResult {
  double loss = 0;
  double accuracy = 0;
};

// Two noisy clouds of points, and the line between them.
class Model {
 public:
  BatchResult train_batch(double learning_rate, int batch_size) {
    BatchResult result;
    double slope[3] = {};
    for (int i = 0; i < batch_size; ++i) {
      const bool label = coin_(random_);
      const double x[3] = {noise_(random_) + (label ? 1 : -1), noise_(random_), 1};
      const double guess = 1 / (1 + std::exp(-(weight_[0] * x[0] + weight_[1] * x[1] + weight_[2] * x[2])));
      result.loss -= std::log(std::max(label ? guess : 1 - guess, 1e-12)) / batch_size;
      result.accuracy += (guess > 0.5) == label ? 1.0 / batch_size : 0;
      for (int k = 0; k < 3; ++k)
        slope[k] += (guess - label) * x[k] / batch_size;
    }
    for (int k = 0; k < 3; ++k)
      weight_[k] -= learning_rate * slope[k];
    epoch_.loss += result.loss, epoch_.accuracy += result.accuracy, ++epoch_batches_;
    return result;
  }

  // The mean over the batches since the last call.
  BatchResult epoch_mean() {
    const BatchResult mean{epoch_.loss / epoch_batches_, epoch_.accuracy / epoch_batches_};
    epoch_ = {}, epoch_batches_ = 0;
    return mean;
  }

 private:
  std::mt19937 random_{1};
  std::normal_distribution<> noise_;
  std::bernoulli_distribution coin_;
  double weight_[3] = {};
  BatchResult epoch_;
  int epoch_batches_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string run = argc > 1 ? argv[1] : "mine", trainer = argc > 2 ? argv[2] : "t0";
  const int epochs = 3, batches = 100, batch_size = 32;
  double learning_rate = 0.1;
  bool go_on = true;
  Model model;

  trainbus::Producer bus({.run = run, .trainer = trainer});
  bus.on_learning_rate([&](double rate) { return trainbus::Applied{std::exchange(learning_rate, rate), rate}; });
  bus.start({.total_epochs = epochs, .batches_per_epoch = batches, .batch_size = batch_size});
  for (int epoch = 1; epoch <= epochs && go_on; ++epoch) {
    for (int batch = 0; batch < batches && (go_on = bus.step()); ++batch) {  // commands are applied here
      const auto [loss, accuracy] = model.train_batch(learning_rate, batch_size);
      bus.log_batch({.epoch = epoch, .batch = batch, .batch_size = batch_size, .loss = loss, .accuracy = accuracy});
    }
    const auto [loss, accuracy] = model.epoch_mean();
    if (go_on) bus.log_epoch({.epoch = epoch, .average_loss = loss, .average_accuracy = accuracy});
  }
  const bool stored = bus.finish(trainbus::v1::COMPLETED);
  std::printf("%s/%s: %s\n", run.c_str(), trainer.c_str(),
              stored ? "all records stored" : "some records not stored yet");
}
