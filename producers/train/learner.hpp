#pragma once
// The network and its optimizer: everything of libtorch behind one door.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "safetensors_file.hpp"
#include "samples.hpp"

namespace trainbus {

struct LearnerOptions {
  ImageShape shape;
  int classes = 0;
  Normalisation normalisation;
  double learning_rate = 0.01;
  double momentum = 0.9;
  double weight_decay = 5e-4;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string device = "cpu";  // cpu | cuda
};

struct BatchResult {
  double loss = 0;                    // mean over the batch; not finite when the training diverged
  double accuracy = 0;                // 0..1
  std::vector<float> logits;          // of the first rows, as many as were asked for and there are, one after another
  std::optional<double> grad_norm{};  // of all parameters together, where it was asked for
};

// The weights of one layer.
struct LayerWeights {
  std::string name;  // "conv1", ..., "head"
  std::vector<float> values;
};

// A convolutional network of three blocks, trained by stochastic gradient descent with momentum and cross entropy.
// Deterministic by seed on the CPU. Single-threaded: every call from the thread that made it; libtorch's own threads
// stay inside.
class Learner {
 public:
  static constexpr const char* kModelName = "cnn-8-16-32";

  // Throws std::runtime_error with one line when the device is not there.
  explicit Learner(const LearnerOptions& options);
  ~Learner();

  // One step of the optimizer. The logits and gradients are those of this very pass.
  BatchResult train(const Batch& batch, std::size_t logit_rows, bool grad_norm = false);
  // Nothing is learned. The logits are those of all rows.
  BatchResult evaluate(const Batch& batch);

  double learning_rate() const;
  void set_learning_rate(double rate);
  double momentum() const;
  // 0 also forgets the steps so far.
  void set_momentum(double momentum);
  double weight_decay() const;
  void set_weight_decay(double decay);

  std::int64_t parameters() const;
  std::vector<LayerWeights> weights() const;

  // Everything that was learned: the network under the names that an equal torch.nn.Sequential gives it, and the
  // optimizer's momenta as "momentum/NAME".
  std::vector<StoredTensor> tensors() const;
  // Takes it over. Throws std::runtime_error with one line that names a tensor that is missing or does not fit.
  void restore(const std::vector<StoredTensor>& tensors);

 private:
  class Network;
  std::unique_ptr<Network> network_;
};

}  // namespace trainbus
