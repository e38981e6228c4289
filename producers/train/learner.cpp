#include "learner.hpp"

#include <torch/cuda.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include <algorithm>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr int kChannels[] = {8, 16, 32};
constexpr double kMomentum = 0.9;
constexpr double kWeightDecay = 5e-4;

torch::nn::Sequential make_layers(int in_channels, int classes) {
  namespace nn = torch::nn;
  nn::Sequential layers;
  int channels = in_channels;
  for (const int out : kChannels) {
    layers->push_back(nn::Conv2d(nn::Conv2dOptions(channels, out, 3).padding(1).bias(false)));
    layers->push_back(nn::BatchNorm2d(out));
    layers->push_back(nn::ReLU(nn::ReLUOptions(true)));
    layers->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(2).ceil_mode(true)));
    channels = out;
  }
  layers->push_back(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions(4)));
  // A linear layer over the 4x4 positions; as a convolution it runs in oneDNN, not in the reference BLAS.
  layers->push_back(nn::Conv2d(nn::Conv2dOptions(channels, classes, 4)));
  layers->push_back(nn::Flatten());
  return layers;
}

torch::Device device_named(const std::string& name) {
  if (name == "cuda" && !torch::cuda::is_available())
    throw std::runtime_error("--device cuda: this libtorch sees no CUDA device; use --device cpu");
  return torch::Device(name);
}

}  // namespace

class Learner::Network {
 public:
  explicit Network(const LearnerOptions& options) : device_(device_named(options.device)) {
    at::set_num_threads(options.threads);
    torch::manual_seed(options.seed);
    layers_ = make_layers(options.shape.channels, options.classes);
    layers_->to(device_);
    optimizer_ = std::make_unique<torch::optim::SGD>(
        layers_->parameters(),
        torch::optim::SGDOptions(options.learning_rate).momentum(kMomentum).weight_decay(kWeightDecay));
    const auto channels = options.shape.channels;
    const auto per_channel = [&](const std::array<float, 3>& values) {
      return torch::tensor(at::ArrayRef<float>(values.data(), channels)).view({1, channels, 1, 1}).to(device_);
    };
    offset_ = per_channel(options.normalisation.mean) * 255;
    scale_ = 1 / (per_channel(options.normalisation.deviation) * 255);
  }

  StepResult train(const Batch& batch, std::size_t logit_rows) {
    layers_->train();
    optimizer_->zero_grad();
    const auto truth = labels(batch);
    const auto scores = layers_->forward(images(batch));
    auto loss = torch::nn::functional::cross_entropy(scores, truth);
    loss.backward();
    optimizer_->step();
    auto result = measure(loss, scores, truth);
    if (logit_rows > 0) {
      const auto on_cpu = scores.to(torch::kCPU);
      const auto count = std::min(logit_rows, batch.size()) * scores.size(1);
      result.logits.assign(on_cpu.data_ptr<float>(), on_cpu.data_ptr<float>() + count);
    }
    return result;
  }

  StepResult evaluate(const Batch& batch) {
    const torch::NoGradGuard no_gradients;
    layers_->eval();
    const auto truth = labels(batch);
    const auto scores = layers_->forward(images(batch));
    return measure(torch::nn::functional::cross_entropy(scores, truth), scores, truth);
  }

  double learning_rate() const { return optimizer_->param_groups().front().options().get_lr(); }
  void set_learning_rate(double rate) {
    for (auto& group : optimizer_->param_groups())
      group.options().set_lr(rate);
  }
  std::int64_t parameters() const {
    std::int64_t count = 0;
    for (const auto& parameter : layers_->parameters())
      count += parameter.numel();
    return count;
  }

 private:
  torch::Tensor images(const Batch& batch) const {
    const auto rows = static_cast<std::int64_t>(batch.size());
    const auto bytes = torch::from_blob(const_cast<std::uint8_t*>(batch.pixels.data()),
                                        {rows, batch.shape.height, batch.shape.width, batch.shape.channels},
                                        torch::TensorOptions(torch::kUInt8));
    return (bytes.to(device_).permute({0, 3, 1, 2}).to(torch::kFloat32).contiguous() - offset_) * scale_;
  }
  torch::Tensor labels(const Batch& batch) const {
    return torch::from_blob(const_cast<std::int32_t*>(batch.labels.data()), {static_cast<std::int64_t>(batch.size())},
                            torch::TensorOptions(torch::kInt32))
        .to(device_, torch::kInt64);
  }
  static StepResult measure(const torch::Tensor& loss, const torch::Tensor& scores, const torch::Tensor& truth) {
    const auto hits = scores.detach().argmax(1).eq(truth).sum().item<std::int64_t>();
    return {.loss = loss.item<double>(),
            .accuracy = static_cast<double>(hits) / static_cast<double>(truth.size(0)),
            .logits = {}};
  }

  torch::Device device_;
  torch::nn::Sequential layers_;
  std::unique_ptr<torch::optim::SGD> optimizer_;
  torch::Tensor offset_;
  torch::Tensor scale_;
};

Learner::Learner(const LearnerOptions& options) : network_(std::make_unique<Network>(options)) {}
Learner::~Learner() = default;
StepResult Learner::train(const Batch& batch, std::size_t logit_rows) { return network_->train(batch, logit_rows); }
StepResult Learner::evaluate(const Batch& batch) { return network_->evaluate(batch); }
double Learner::learning_rate() const { return network_->learning_rate(); }
void Learner::set_learning_rate(double rate) { network_->set_learning_rate(rate); }
std::string Learner::model_name() const { return "cnn-8-16-32"; }
std::int64_t Learner::parameters() const { return network_->parameters(); }

}  // namespace trainbus
