#include "checkpoint.hpp"

#include <zlib.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <tuple>

namespace trainbus {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "trainbus-train checkpoint 1";

template <class Number>
std::uint32_t added(std::uint32_t sum, std::span<const Number> numbers) {
  return static_cast<std::uint32_t>(crc32_z(sum, reinterpret_cast<const Bytef*>(numbers.data()), numbers.size_bytes()));
}

// The shortest text that gives the number again, to the last bit.
template <class Number>
std::string text_of(Number number) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}
std::string text_of(const std::string& text) { return text; }
// Names of folders may be any bytes; JSON takes UTF-8 only.
std::string text_of(const std::vector<std::string>& names) {
  return json(names).dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class Number>
void read_into(const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::runtime_error("'" + text + "' is no number in range");
}
void read_into(const std::string& text, std::string& to) { to = text; }
void read_into(const std::string& text, std::vector<std::string>& names) {
  names = json::parse(text).get<std::vector<std::string>>();
}

// The one list of what stands in the metadata: visited to write and to read.
template <class State, class Visit>
void visit(State& state, const Visit& visit) {
  auto& [subject, position, in_force, tensors] = state;
  visit("dataset", subject.dataset);
  visit("shape", subject.shape);
  visit("class_names", subject.class_names);
  visit("train_samples", subject.train);
  visit("validation_samples", subject.validation);
  visit("fingerprint", subject.fingerprint);
  visit("seed", subject.seed);
  visit("model", subject.model);
  visit("step", position.step);
  visit("epoch", position.epoch);
  visit("batches_taken", position.batches_taken);
  visit("samples_taken", position.samples_taken);
  visit("trained_loss", position.trained.loss);
  visit("trained_accuracy", position.trained.accuracy);
  visit("trained_samples", position.trained.samples);
  visit("best_validation_loss", position.convergence.best);
  visit("epochs_without_best", position.convergence.epochs_without_best);
  visit("batch_size", in_force.batch_size);
  visit("learning_rate", in_force.learning_rate);
  visit("momentum", in_force.momentum);
  visit("weight_decay", in_force.weight_decay);
}

// What the training relies on; a checksum only says that nothing was changed since it was written.
void require_in_range(const std::string& path, const Checkpoint& checkpoint) {
  const auto require = [&](bool good, const char* name, auto value) {
    if (!good)
      throw std::runtime_error(path + ": damaged: " + name + ": '" + text_of(value) + "' is no number in range");
  };
  const auto& [position, in_force] = std::tie(checkpoint.position, checkpoint.in_force);
  require(position.epoch >= 1, "epoch", position.epoch);
  require(position.batches_taken >= 0, "batches_taken", position.batches_taken);
  require(in_force.batch_size >= 1, "batch_size", in_force.batch_size);
  require(in_force.learning_rate > 0 && in_force.learning_rate < INFINITY, "learning_rate", in_force.learning_rate);
  require(in_force.momentum >= 0 && in_force.momentum < 1, "momentum", in_force.momentum);
  require(in_force.weight_decay >= 0 && in_force.weight_decay < INFINITY, "weight_decay", in_force.weight_decay);
}

std::string difference(const TrainingSubject& saved, const TrainingSubject& here) {
  if (saved.dataset != here.dataset) return "data set " + saved.dataset + ", not " + here.dataset + " (--dataset)";
  if (saved.model != here.model) return "model " + saved.model + ", not " + here.model;
  if (saved.shape != here.shape) return "images of " + saved.shape + ", not " + here.shape + " (--image-size)";
  if (text_of(saved.class_names) != text_of(here.class_names))
    return "other classes: " + std::to_string(saved.class_names.size()) + " there, " +
           std::to_string(here.class_names.size()) + " here";
  if (saved.seed != here.seed) return "seed " + std::to_string(saved.seed) + ", not " + std::to_string(here.seed);
  if (saved.train != here.train || saved.validation != here.validation)
    return std::to_string(saved.train) + " training and " + std::to_string(saved.validation) +
           " validation samples, not " + std::to_string(here.train) + " and " + std::to_string(here.validation) +
           " (--limit-samples, --validation)";
  return saved.fingerprint != here.fingerprint ? "as many samples, but others" : "";
}

}  // namespace

TrainingSubject subject_of(const DataSet& data, std::uint64_t seed, std::string model) {
  TrainingSubject subject{.dataset = data.name,
                          .shape = data.samples.shape().text(),
                          .class_names = data.class_names,
                          .train = data.train.size(),
                          .validation = data.validation.size(),
                          .seed = seed,
                          .model = std::move(model)};
  std::vector<std::int32_t> labels;
  for (const auto* part : {&data.train, &data.validation}) {
    for (const auto index : *part)
      labels.push_back(data.samples.label(index));
    subject.fingerprint = added(subject.fingerprint, std::span(std::as_const(*part)));
  }
  subject.fingerprint = added(subject.fingerprint, std::span(std::as_const(labels)));
  return subject;
}

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  TensorFile file{.metadata = {{"format", kFormat}}, .tensors = checkpoint.tensors};
  visit(checkpoint, [&](const char* name, const auto& value) { file.metadata[name] = text_of(value); });
  write_tensor_file(path, file);
}

Checkpoint load_checkpoint(const std::string& path) {
  auto file = read_tensor_file(path);
  if (const auto& format = file.metadata["format"]; format != kFormat)
    throw std::runtime_error(path + ": is no '" + kFormat + "'" + (format.empty() ? "" : ", but '" + format + "'"));
  Checkpoint checkpoint;
  visit(checkpoint, [&](const char* name, auto& value) {
    try {
      read_into(file.metadata.at(name), value);
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ": damaged: " + name + ": " + error.what());
    }
  });
  require_in_range(path, checkpoint);
  checkpoint.tensors = std::move(file.tensors);
  return checkpoint;
}

void require_same_subject(const std::string& path, const TrainingSubject& checkpoint, const TrainingSubject& here) {
  if (const auto what = difference(checkpoint, here); !what.empty())
    throw std::runtime_error("--resume " + path + ": was saved of " + what);
}

}  // namespace trainbus
