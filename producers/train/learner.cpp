#include "learner.hpp"

#include <ATen/ops/_foreach_norm.h>
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
#include <cstring>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr int kChannels[] = {8, 16, 32};
constexpr const char* kMomentumPrefix = "momentum/";

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

StoredTensor stored(std::string name, const torch::Tensor& tensor) {
  const auto here = tensor.detach().to(torch::kCPU).contiguous();
  return {.name = std::move(name),
          .type = here.scalar_type() == torch::kInt64 ? "I64" : "F32",
          .shape = here.sizes().vec(),
          .bytes = {static_cast<const char*>(here.data_ptr()), here.nbytes()}};
}

// A copy in memory of its own, shaped like `like` and beside it.
torch::Tensor loaded(const StoredTensor& stored, const torch::Tensor& like) {
  if (stored.type != (like.scalar_type() == torch::kInt64 ? "I64" : "F32") || like.sizes() != stored.shape)
    throw std::runtime_error("tensor '" + stored.name + "' is not of the shape that this network has");
  auto tensor = torch::empty(like.sizes(), torch::TensorOptions(like.scalar_type()));
  std::memcpy(tensor.data_ptr(), stored.bytes.data(), stored.bytes.size());
  return tensor.to(like.device());
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
        torch::optim::SGDOptions(options.learning_rate).momentum(options.momentum).weight_decay(options.weight_decay));
    const auto channels = options.shape.channels;
    const auto per_channel = [&](const std::array<float, 3>& values) {
      return torch::tensor(at::ArrayRef<float>(values.data(), channels)).view({1, channels, 1, 1}).to(device_);
    };
    offset_ = per_channel(options.normalisation.mean) * 255;
    scale_ = 1 / (per_channel(options.normalisation.deviation) * 255);
  }

  BatchResult train(const Batch& batch, std::size_t logit_rows, bool grad_norm) {
    layers_->train();
    optimizer_->zero_grad();
    const auto truth = labels(batch);
    const auto scores = layers_->forward(images(batch));
    auto loss = torch::nn::functional::cross_entropy(scores, truth);
    loss.backward();
    auto result = measure(loss, scores, truth, logit_rows);
    if (grad_norm) result.grad_norm = gradient_norm();
    optimizer_->step();
    return result;
  }

  BatchResult evaluate(const Batch& batch) {
    const torch::NoGradGuard no_gradients;
    layers_->eval();
    const auto truth = labels(batch);
    const auto scores = layers_->forward(images(batch));
    return measure(torch::nn::functional::cross_entropy(scores, truth), scores, truth, batch.size());
  }

  const torch::optim::SGDOptions& settings() const {
    return static_cast<const torch::optim::SGDOptions&>(optimizer_->param_groups().front().options());
  }
  template <class Change>
  void change_settings(const Change& change) {
    for (auto& group : optimizer_->param_groups())
      change(static_cast<torch::optim::SGDOptions&>(group.options()));
  }
  void forget_momenta() { optimizer_->state().clear(); }

  std::int64_t parameters() const {
    std::int64_t count = 0;
    for (const auto& parameter : layers_->parameters())
      count += parameter.numel();
    return count;
  }

  std::vector<LayerWeights> weights() const {
    std::vector<LayerWeights> layers;
    for (const auto& parameter : layers_->parameters()) {
      if (parameter.dim() != 4) continue;  // scales and offsets
      const auto here = parameter.detach().to(torch::kCPU).contiguous();
      const auto* values = here.data_ptr<float>();
      layers.push_back({.name = "conv" + std::to_string(layers.size() + 1), .values = {values, values + here.numel()}});
    }
    layers.back().name = "head";
    return layers;
  }

  std::vector<StoredTensor> tensors() const {
    std::vector<StoredTensor> all;
    for (const auto& buffer : layers_->named_buffers())
      all.push_back(stored(buffer.key(), buffer.value()));
    for (const auto& parameter : layers_->named_parameters()) {
      all.push_back(stored(parameter.key(), parameter.value()));
      const auto state = optimizer_->state().find(state_key(parameter.value()));
      if (state == optimizer_->state().end()) continue;
      const auto& momentum = static_cast<const torch::optim::SGDParamState&>(*state->second).momentum_buffer();
      if (momentum.defined()) all.push_back(stored(kMomentumPrefix + parameter.key(), momentum));
    }
    return all;
  }

  void restore(const std::vector<StoredTensor>& tensors) {
    const torch::NoGradGuard no_gradients;
    const auto find = [&](const std::string& name) { return std::ranges::find(tensors, name, &StoredTensor::name); };
    const auto take = [&](const auto& named) {
      const auto tensor = find(named.key());
      if (tensor == tensors.end()) throw std::runtime_error("tensor '" + named.key() + "' is missing");
      auto value = named.value();
      value.copy_(loaded(*tensor, value));
    };
    for (const auto& buffer : layers_->named_buffers())
      take(buffer);
    for (const auto& parameter : layers_->named_parameters()) {
      take(parameter);
      const auto momentum = find(kMomentumPrefix + parameter.key());
      if (momentum == tensors.end()) continue;  // saved before the first step
      auto state = std::make_unique<torch::optim::SGDParamState>();
      state->momentum_buffer(loaded(*momentum, parameter.value()));
      optimizer_->state()[state_key(parameter.value())] = std::move(state);
    }
  }

 private:
  // How libtorch's optimizers find what they keep about a parameter.
  static std::string state_key(const torch::Tensor& parameter) {
    return c10::guts::to_string(parameter.unsafeGetTensorImpl());
  }
  double gradient_norm() const {
    std::vector<torch::Tensor> gradients;
    for (const auto& parameter : layers_->parameters())
      gradients.push_back(parameter.grad());
    return torch::stack(at::_foreach_norm(gradients)).norm().item<double>();
  }
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
  static BatchResult measure(const torch::Tensor& loss, const torch::Tensor& scores, const torch::Tensor& truth,
                             std::size_t logit_rows) {
    const auto hits = scores.detach().argmax(1).eq(truth).sum().item<std::int64_t>();
    BatchResult result{.loss = loss.item<double>(),
                       .accuracy = static_cast<double>(hits) / static_cast<double>(truth.size(0)),
                       .logits = {}};
    if (logit_rows > 0) {
      const auto on_cpu = scores.detach().to(torch::kCPU).contiguous();
      const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(logit_rows), scores.size(0)) * scores.size(1);
      result.logits.assign(on_cpu.data_ptr<float>(), on_cpu.data_ptr<float>() + count);
    }
    return result;
  }

  torch::Device device_;
  torch::nn::Sequential layers_;
  std::unique_ptr<torch::optim::SGD> optimizer_;
  torch::Tensor offset_;
  torch::Tensor scale_;
};

Learner::Learner(const LearnerOptions& options) : network_(std::make_unique<Network>(options)) {}
Learner::~Learner() = default;
BatchResult Learner::train(const Batch& batch, std::size_t logit_rows, bool grad_norm) {
  return network_->train(batch, logit_rows, grad_norm);
}
BatchResult Learner::evaluate(const Batch& batch) { return network_->evaluate(batch); }
double Learner::learning_rate() const { return network_->settings().lr(); }
void Learner::set_learning_rate(double rate) {
  network_->change_settings([&](auto& settings) { settings.lr(rate); });
}
double Learner::momentum() const { return network_->settings().momentum(); }
void Learner::set_momentum(double momentum) {
  network_->change_settings([&](auto& settings) { settings.momentum(momentum); });
  if (momentum == 0) network_->forget_momenta();
}
double Learner::weight_decay() const { return network_->settings().weight_decay(); }
void Learner::set_weight_decay(double decay) {
  network_->change_settings([&](auto& settings) { settings.weight_decay(decay); });
}
std::int64_t Learner::parameters() const { return network_->parameters(); }
std::vector<LayerWeights> Learner::weights() const { return network_->weights(); }
std::vector<StoredTensor> Learner::tensors() const { return network_->tensors(); }
void Learner::restore(const std::vector<StoredTensor>& tensors) { network_->restore(tensors); }

}  // namespace trainbus
