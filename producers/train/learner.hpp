#pragma once
// The network and its optimizer: everything of libtorch behind one door.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "samples.hpp"

namespace trainbus {

struct LearnerOptions {
  ImageShape shape;
  int classes = 0;
  Normalisation normalisation;
  double learning_rate = 0.01;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string device = "cpu";  // cpu | cuda
};

struct StepResult {
  double loss = 0;            // mean over the batch; not finite when the training diverged
  double accuracy = 0;        // 0..1
  std::vector<float> logits;  // of the first rows, as many as were asked for and there are, one row after another
};

// A convolutional network of three blocks, trained by stochastic gradient descent with momentum 0.9 and cross entropy.
// Deterministic by seed on the CPU. Single-threaded: every call from the thread that made it; libtorch's own threads
// stay inside.
class Learner {
 public:
  // Throws std::runtime_error with one line when the device is not there.
  explicit Learner(const LearnerOptions& options);
  ~Learner();

  // One step of the optimizer. The logits are those of this very forward pass.
  StepResult train(const Batch& batch, std::size_t logit_rows);
  // Loss and accuracy only, nothing is learned.
  StepResult evaluate(const Batch& batch);

  double learning_rate() const;
  void set_learning_rate(double rate);

  std::string model_name() const;
  std::int64_t parameters() const;

 private:
  class Network;
  std::unique_ptr<Network> network_;
};

}  // namespace trainbus
