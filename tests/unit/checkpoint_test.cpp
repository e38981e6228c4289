// Checkpoints: where a training stood, to the last bit, and only for the data and network that it was.

#include <gmock/gmock.h>

#include <cmath>

#include "producers/train/batch_sampler.hpp"
#include "producers/train/checkpoint.hpp"
#include "producers/train/validation.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Checkpoint a_checkpoint() {
  return {.subject = {.dataset = "folder",
                      .shape = "32x32x3",
                      .class_names = {"cat", "d\"og", "\xc3\xa4"},
                      .train = 90,
                      .validation = 10,
                      .fingerprint = 0xfedcba98,
                      .seed = ~std::uint64_t{0},
                      .model = "cnn"},
          .position = {.step = 12345678901,
                       .epoch = 7,
                       .batches_taken = 3,
                       .samples_taken = 48,
                       .trained = {.loss = 0.1 + 0.2, .accuracy = 1.0 / 3, .samples = 48},
                       .convergence = {.best = INFINITY, .epochs_without_best = 2}},
          .in_force = {.batch_size = 16, .learning_rate = 1e-300, .momentum = 0, .weight_decay = 5e-4},
          .tensors = {{"w", "I64", {1}, std::string(8, '\1')}}};
}

class CheckpointFile : public ::testing::Test {
 protected:
  std::string error(const std::function<void()>& act) {
    try {
      act();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "(no error)";
  }
  test::TempDir folder_;
  const std::string path_ = folder_ / "c.safetensors";
};

TEST_F(CheckpointFile, HasEveryNumberToTheLastBit) {
  const auto saved = a_checkpoint();
  save_checkpoint(path_, saved);
  const auto loaded = load_checkpoint(path_);
  EXPECT_EQ(loaded.subject, saved.subject);
  EXPECT_EQ(loaded.position.step, saved.position.step);
  EXPECT_EQ(loaded.position.epoch, 7);
  EXPECT_EQ(loaded.position.batches_taken, 3);
  EXPECT_EQ(loaded.position.samples_taken, 48U);
  EXPECT_EQ(loaded.position.trained.loss, saved.position.trained.loss);
  EXPECT_EQ(loaded.position.trained.accuracy, saved.position.trained.accuracy);
  EXPECT_EQ(loaded.position.trained.samples, 48U);
  EXPECT_EQ(loaded.position.convergence.best, INFINITY);
  EXPECT_EQ(loaded.position.convergence.epochs_without_best, 2);
  EXPECT_EQ(loaded.in_force.batch_size, 16);
  EXPECT_EQ(loaded.in_force.learning_rate, 1e-300);
  EXPECT_EQ(loaded.in_force.momentum, 0);
  EXPECT_EQ(loaded.in_force.weight_decay, 5e-4);
  ASSERT_EQ(loaded.tensors.size(), 1U);
  EXPECT_EQ(loaded.tensors[0].bytes, std::string(8, '\1'));
}

TEST_F(CheckpointFile, OfADivergedTrainingIsSavedToo) {
  auto saved = a_checkpoint();
  saved.position.trained.loss = NAN;
  save_checkpoint(path_, saved);
  EXPECT_TRUE(std::isnan(load_checkpoint(path_).position.trained.loss));
}

TEST_F(CheckpointFile, ThatIsNoneOfOursIsNamed) {
  write_tensor_file(path_, {.metadata = {{"format", "pt"}}, .tensors = {}});
  EXPECT_EQ(error([&] { load_checkpoint(path_); }), path_ + ": is no 'trainbus-train checkpoint 1', but 'pt'");
  write_tensor_file(path_, {});
  EXPECT_EQ(error([&] { load_checkpoint(path_); }), path_ + ": is no 'trainbus-train checkpoint 1'");
  save_checkpoint(path_, a_checkpoint());
  for (const auto& [name, value, expected] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"epoch", "99999999999", "damaged: epoch: '99999999999' is no number in range"},
           {"batch_size", "-", "damaged: batch_size: '-' is no number in range"},
           {"momentum", "0.9x", "damaged: momentum: '0.9x' is no number in range"},
           {"epoch", "0", "damaged: epoch: '0' is no number in range"},
           {"batches_taken", "-1", "damaged: batches_taken: '-1' is no number in range"},
           {"batch_size", "0", "damaged: batch_size: '0' is no number in range"},
           {"learning_rate", "nan", "damaged: learning_rate: 'nan' is no number in range"},
           {"class_names", "{}", "damaged: class_names"}}) {
    auto file = read_tensor_file(path_);
    file.metadata[name] = value;
    write_tensor_file(folder_ / "bad", file);
    const auto line = error([&] { load_checkpoint(folder_ / "bad"); });
    EXPECT_THAT(line, HasSubstr(expected)) << name;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST_F(CheckpointFile, OfAnotherSubjectSaysInWhatTheyDiffer) {
  const auto saved = a_checkpoint().subject;
  EXPECT_NO_THROW(require_same_subject("FILE", saved, saved));
  const auto difference = [&](const std::function<void(TrainingSubject&)>& change) {
    auto here = saved;
    change(here);
    return error([&] { require_same_subject("FILE", saved, here); });
  };
  EXPECT_EQ(difference([](auto& here) { here.dataset = "mnist"; }),
            "--resume FILE: was saved of data set folder, not mnist (--dataset)");
  EXPECT_THAT(difference([](auto& here) { here.model = "mlp"; }), HasSubstr("model cnn, not mlp"));
  EXPECT_THAT(difference([](auto& here) { here.shape = "64x64x3"; }), HasSubstr("images of 32x32x3, not 64x64x3"));
  EXPECT_THAT(difference([](auto& here) { here.class_names.pop_back(); }), HasSubstr("3 there, 2 here"));
  EXPECT_THAT(difference([](auto& here) { here.seed = 4; }), HasSubstr("seed 18446744073709551615, not 4"));
  EXPECT_THAT(difference([](auto& here) { here.train = 80; }),
              HasSubstr("90 training and 10 validation samples, not 80 and 10"));
  EXPECT_THAT(difference([](auto& here) { here.fingerprint = 0; }), HasSubstr("as many samples, but others"));
}

TEST(TrainingSubject, KnowsItsSamples) {
  DataSetOptions options{.spec = "shapes", .seed = 3, .limit_samples = 30};
  const auto source = open_data_source(options);
  const auto data = load_data_set(*source, options, {});
  const auto again = load_data_set(*source, options, {});
  EXPECT_EQ(subject_of(data, 3, "m"), subject_of(again, 3, "m"));
  options.seed = 4;  // another split of the same samples
  const auto other = load_data_set(*source, options, {});
  EXPECT_NE(subject_of(data, 3, "m").fingerprint, subject_of(other, 3, "m").fingerprint);
}

TEST(BatchSampler, GoesOnWithinAnEpochAsIfItHadNotStopped) {
  std::vector<std::uint32_t> all(20);
  for (std::uint32_t index = 0; index < 20; ++index)
    all[index] = index;
  BatchSampler first(all, 4, 9);
  first.begin_epoch(3);
  first.next();
  first.next();
  EXPECT_EQ(first.samples_taken(), 8U);
  BatchSampler second(all, 4, 9);
  second.begin_epoch(3, 8);
  EXPECT_EQ(second.batches_left(), 3U);
  const auto expected = first.next();
  EXPECT_TRUE(std::ranges::equal(second.next(), expected));
  second.begin_epoch(3, 21);
  EXPECT_TRUE(second.next().empty()) << "more than there are is all of them";
}

TEST(Validation, CountsHitsMissesAndConfusions) {
  Validation validation(4);
  const std::vector<std::int32_t> labels = {0, 1, 3};
  const std::vector<float> logits = {5, 1, 2, 3,   // right
                                     4, 3, 2, 1,   // class 1 is the second
                                     4, 3, 2, 1};  // class 3 is the last
  validation.add(0.5, 1.0 / 3, labels, logits);
  validation.add(1.5, 1, std::vector<std::int32_t>{1}, std::vector<float>{0, 1, 0, 0});
  EXPECT_DOUBLE_EQ(validation.averages().loss, 0.75);
  EXPECT_DOUBLE_EQ(validation.averages().accuracy, 0.5);
  EXPECT_DOUBLE_EQ(validation.top_accuracy(), 0.75);
  EXPECT_DOUBLE_EQ(validation.worst_class_accuracy(), 0) << "class 3; class 2 has no samples and does not count";
  EXPECT_THAT(validation.confusion(), ElementsAre(1, 0, 0, 0,  //
                                                  1, 1, 0, 0,  //
                                                  0, 0, 0, 0,  //
                                                  1, 0, 0, 0));
}

TEST(Validation, OfADivergedNetworkHitsNothing) {
  Validation validation(3);
  validation.add(NAN, 0, std::vector<std::int32_t>{2}, std::vector<float>{NAN, NAN, NAN});
  EXPECT_EQ(validation.top_accuracy(), 0);
  EXPECT_EQ(validation.worst_class_accuracy(), 0);
  EXPECT_TRUE(std::isnan(validation.averages().loss));
  EXPECT_TRUE(std::isnan(Validation(3).worst_class_accuracy()));
}

}  // namespace
}  // namespace trainbus
