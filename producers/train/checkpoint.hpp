#pragma once
// A training put into a file, and taken up again by another process.

#include <cstdint>
#include <string>
#include <vector>

#include "averages.hpp"
#include "convergence.hpp"
#include "data_set.hpp"
#include "safetensors_file.hpp"

namespace trainbus {

// What people may change while it runs.
struct Hyperparameters {
  int batch_size = 64;
  double learning_rate = 0.01;
  double momentum = 0.9;
  double weight_decay = 5e-4;
};

// Which samples, and which network: what goes on from a checkpoint has to be the same.
struct TrainingSubject {
  std::string dataset;
  std::string shape;  // "32x32x3"
  std::vector<std::string> class_names;
  std::size_t train = 0;  // samples
  std::size_t validation = 0;
  std::uint32_t fingerprint = 0;  // over which samples they are, and over their labels
  std::uint64_t seed = 0;         // of the order of the batches
  std::string model;

  bool operator==(const TrainingSubject&) const = default;
};

TrainingSubject subject_of(const DataSet& data, std::uint64_t seed, std::string model);

// Where it stood, at a step boundary.
struct TrainingPosition {
  std::uint64_t step = 0;          // batches, over the whole training
  std::int32_t epoch = 1;          // the one under way
  std::int32_t batches_taken = 0;  // of it
  std::size_t samples_taken = 0;   // of it
  Averages trained;                // over them
  Convergence convergence;
};

struct Checkpoint {
  TrainingSubject subject;
  TrainingPosition position;
  Hyperparameters in_force;
  std::vector<StoredTensor> tensors;  // the learner's
};

// Errors as write_tensor_file.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

// Throws std::runtime_error with one line that names the file: as read_tensor_file, and when it is a file of this
// format but not of trainbus-train, or of another version of it.
Checkpoint load_checkpoint(const std::string& path);

// Throws std::runtime_error with one line, that says in what they differ, unless `checkpoint` is of the same subject.
void require_same_subject(const std::string& path, const TrainingSubject& checkpoint, const TrainingSubject& here);

}  // namespace trainbus
