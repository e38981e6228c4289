#include "data_set.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <stdexcept>

#include "cifar10_source.hpp"
#include "folder_source.hpp"
#include "mnist_source.hpp"
#include "random.hpp"
#include "shapes_source.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kShapesDrawn = 10'000;
constexpr std::uint64_t kSplitStream = 0x5b117;

std::string folder_of(const std::string& spec) {
  const auto folder = spec.substr(spec.find(':') + 1);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw std::runtime_error("--dataset " + spec + ": there is no folder '" + folder + "'");
  return folder;
}

}  // namespace

std::string data_set_kind(const std::string& spec) { return spec.substr(0, spec.find(':')); }

std::unique_ptr<DataSource> open_data_source(const DataSetOptions& options) {
  const auto& spec = options.spec;
  const auto kind = data_set_kind(spec);
  const bool has_folder = spec.size() > kind.size() + 1;
  if (spec == "shapes") {
    // Enough for the limit after the split, and never more than there is.
    const auto wanted = std::ceil(static_cast<double>(options.limit_samples) / (1 - options.validation));
    const auto count = options.limit_samples == 0 ? kShapesDrawn : static_cast<std::size_t>(wanted) + 1;
    return std::make_unique<ShapesSource>(options.seed, std::min(count, kShapesDrawn));
  }
  if (kind == "mnist" && has_folder) return std::make_unique<MnistSource>(folder_of(spec));
  if (kind == "cifar10" && has_folder) return std::make_unique<Cifar10Source>(folder_of(spec));
  if (kind == "folder" && has_folder)
    return std::make_unique<FolderSource>(folder_of(spec), options.image_size, options.skip_bad);
  throw std::invalid_argument("--dataset '" + spec + "' is none of shapes, mnist:DIR, cifar10:DIR, folder:DIR");
}

DataSet load_data_set(const DataSource& source, const DataSetOptions& options, const StopCheck& stop) {
  auto loaded = source.load(stop);
  const std::size_t count = loaded.samples.size();
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  const auto mid = order.begin() + static_cast<std::ptrdiff_t>(std::min(loaded.first_validation, count));
  std::vector<std::uint32_t> train(order.begin(), mid);
  std::vector<std::uint32_t> validation(mid, order.end());
  Random random(options.seed, kSplitStream);
  random.shuffle(train);  // so that a limit takes of all classes
  random.shuffle(validation);
  if (validation.empty()) {
    const auto share = std::llround(static_cast<double>(count) * options.validation);
    const auto cut = train.end() - std::clamp<std::ptrdiff_t>(share, 1, std::max<std::ptrdiff_t>(1, count - 1));
    if (count > 1) {
      validation.assign(cut, train.end());
      train.erase(cut, train.end());
    }
  }
  if (options.limit_samples > 0) {
    train.resize(std::min(train.size(), options.limit_samples));
    validation.resize(std::min(validation.size(), options.limit_samples));
  }
  if (train.empty() || validation.empty())
    throw std::runtime_error("--dataset " + options.spec + ": " + std::to_string(count) +
                             " samples are too few to train and to validate with");
  return {.name = data_set_kind(options.spec),
          .class_names = std::move(loaded.class_names),
          .samples = std::move(loaded.samples),
          .train = std::move(train),
          .validation = std::move(validation),
          .notes = std::move(loaded.notes)};
}

}  // namespace trainbus
