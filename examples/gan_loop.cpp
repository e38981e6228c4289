// A training with two losses on the bus: a generator learns to draw what a critic takes for real. One Producer carries
// all of it, since one training loop is one trainer: each loss is a named value, and a pause stops both networks at
// once. The networks are a line each, so that the example needs nothing but the producer SDK. Usage: gan_loop [RUN]
#include <trainbus/producer.hpp>

#include <cmath>
#include <cstdio>
#include <random>
#include <utility>

int main(int argc, char** argv) {
  const std::string run = argc > 1 ? argv[1] : "gan";
  const int epochs = 3, batches = 200, batch_size = 16, side = 16;
  double rate = 0.05, mean = 0, slope = 0, bias = 0;  // draws around `mean`; real ones are around 3
  bool noisy = true;
  std::mt19937 random(1);
  std::normal_distribution<double> noise;
  const auto draw = [&](double around) { return around + (noisy ? 0.5 : 0.1) * noise(random); };
  const auto critic = [&](double x) { return 1 / (1 + std::exp(-(slope * x + bias))); };  // 1: real

  trainbus::Producer bus({.run = run, .trainer = "gan"});
  bus.on_learning_rate([&](double value) { return trainbus::Applied{std::exchange(rate, value), value}; });
  bus.on_switch({.name = "noise", .help = "draw with much noise"}, noisy, [&](bool on) {
    noisy = on;
    return trainbus::Applied{};
  });
  bus.on_action({.name = "reset_critic", .help = "forget what the critic learned"}, [&] {
    slope = bias = 0;
    return trainbus::Applied{"the critic knows nothing"};
  });
  bus.start({.total_epochs = epochs,
             .batches_per_epoch = batches,
             .batch_size = batch_size,
             .learning_rate = rate,
             .parameters = {{"target", "3"}, {"critic", "one neuron"}},
             .tags = {"example"}});
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    std::vector<float> drawn;
    for (int batch = 0; batch < batches; ++batch) {
      if (!bus.step()) return bus.finish(trainbus::v1::STOPPED) ? 0 : 1;  // commands are applied here
      double critic_loss = 0, generator_loss = 0;
      for (int i = 0; i < batch_size; ++i) {
        const double real = draw(3), fake = draw(mean), says_real = critic(real), says_fake = critic(fake);
        critic_loss -= (std::log(says_real + 1e-9) + std::log(1 - says_fake + 1e-9)) / batch_size;
        generator_loss -= std::log(says_fake + 1e-9) / batch_size;
        slope += rate * ((1 - says_real) * real - says_fake * fake) / batch_size;
        bias += rate * ((1 - says_real) - says_fake) / batch_size;
        mean += rate * (1 - says_fake) * slope / batch_size;
        drawn.push_back(static_cast<float>(fake));
      }
      bus.log_batch({.epoch = epoch,
                     .batch = batch,
                     .batch_size = batch_size,
                     .scalars = {{"loss/generator", generator_loss}, {"loss/critic", critic_loss}, {"mean", mean}}});
    }
    std::vector<std::uint8_t> pixels;  // a grey picture of what was drawn
    for (int i = 0; i < side * side; ++i)
      pixels.push_back(static_cast<std::uint8_t>(std::fmin(std::fmax(40 * drawn[drawn.size() - 1 - i], 0), 255)));
    const trainbus::MediaImage picture{.pixels = pixels.data(), .width = side, .height = side, .channels = 1};
    bus.log_images("generated", std::span(&picture, 1));
    bus.log_histogram("drawn", drawn, 32);
    bus.log_text("sample", "The generator draws around " + std::to_string(mean) + ".");
    bus.log_epoch({.epoch = epoch, .scalars = {{"distance", std::abs(3 - mean)}}});
  }
  const bool stored = bus.finish(trainbus::v1::COMPLETED);
  std::printf("%s/gan: %s\n", run.c_str(), stored ? "all records stored" : "some records not stored yet");
}
