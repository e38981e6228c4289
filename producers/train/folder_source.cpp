#include "folder_source.hpp"

#include <algorithm>
#include <filesystem>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "folder_listing.hpp"
#include "images/image_file.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostMeasured = 1000;
constexpr std::size_t kMostNamedInError = 5;
constexpr std::size_t kMostNamedInNotes = 20;

void give_up_if_asked(const StopCheck& stop, const fs::path& at) {
  if (stop && stop()) throw std::runtime_error("stopped while reading " + at.string());
}

int usual_side(const fs::path& folder, const std::vector<ListedImage>& images, const StopCheck& stop) {
  std::vector<int> sides;
  const auto measured = std::min(images.size(), kMostMeasured);
  for (std::size_t nth = 0; nth < measured; ++nth) {
    const auto path = folder / images[nth * images.size() / measured].path;
    give_up_if_asked(stop, path);
    try {
      const auto size = read_image_size(path.string());
      sides.push_back(std::max(size.width, size.height));
    } catch (const std::runtime_error&) {  // named when its pixels are read
    }
  }
  if (sides.empty()) return FolderSource::kLargestUsualSide;
  const auto middle = sides.begin() + static_cast<std::ptrdiff_t>((sides.size() - 1) / 2);
  std::ranges::nth_element(sides, middle);
  return std::min(*middle, FolderSource::kLargestUsualSide);
}

void add_resized(RgbImage image, std::int32_t label, Samples& samples) {
  const cv::Size size(samples.shape().width, samples.shape().height);
  const cv::Mat from(image.height, image.width, CV_8UC3, image.pixels.data());
  cv::Mat to(size, CV_8UC3, samples.add(label).data());
  const bool shrinks = from.cols > size.width || from.rows > size.height;
  cv::resize(from, to, size, 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
}

std::string joined(const std::vector<std::string>& problems, std::size_t most) {
  std::string text;
  for (std::size_t at = 0; at < std::min(problems.size(), most); ++at)
    text += (at == 0 ? "" : "; ") + problems[at];
  if (problems.size() > most) text += "; and " + std::to_string(problems.size() - most) + " more";
  return text;
}

// A class that has lost all that it trains with cannot be learned.
void require_every_class(const fs::path& folder, const FolderListing& listing, const LoadedSamples& loaded) {
  std::vector<bool> has_samples(loaded.class_names.size());
  for (std::size_t index = 0; index < loaded.first_validation; ++index)
    has_samples[loaded.samples.label(index)] = true;
  for (std::size_t label = 0; label < has_samples.size(); ++label)
    if (!has_samples[label])
      throw std::runtime_error(folder.string() + ": no image of class " + shown(loaded.class_names[label]) +
                               " can be read: " + joined(listing.problems, kMostNamedInError));
}

std::vector<std::string> notes_of(const fs::path& folder, const FolderListing& listing) {
  auto notes = listing.notes;
  if (!listing.left_out.empty()) notes.push_back("left out of " + folder.string() + ": " + listing.left_out.text());
  const auto& skipped = listing.problems;
  for (std::size_t at = 0; at < std::min(skipped.size(), kMostNamedInNotes); ++at)
    notes.push_back("skipped " + skipped[at]);
  if (skipped.size() > kMostNamedInNotes)
    notes.push_back("skipped " + std::to_string(skipped.size() - kMostNamedInNotes) + " more");
  return notes;
}

}  // namespace

LoadedSamples FolderSource::load(const StopCheck& stop) const {
  const fs::path folder(folder_);
  auto listing = list_folder(folder_, stop);
  const int side = image_size_ > 0 ? image_size_ : usual_side(folder, listing.images, stop);
  LoadedSamples loaded{.class_names = std::move(listing.class_names),
                       .samples = Samples({.width = side, .height = side, .channels = 3})};
  loaded.samples.reserve(listing.images.size());
  for (std::size_t at = 0; at < listing.images.size(); ++at) {
    const auto& [path, label] = listing.images[at];
    give_up_if_asked(stop, folder / path);
    if (at == listing.first_validation) loaded.first_validation = loaded.samples.size();
    try {
      add_resized(read_image_file((folder / path).string()), label, loaded.samples);
    } catch (const std::runtime_error& error) {
      listing.problems.push_back(shown(path) + ": " + error.what());
    }
  }
  if (listing.first_validation == listing.images.size()) loaded.first_validation = loaded.samples.size();
  if (const auto& bad = listing.problems; !bad.empty() && !skip_bad_)
    throw std::runtime_error(folder_ + ": " + std::to_string(bad.size()) + " bad: " + joined(bad, kMostNamedInError) +
                             " (--skip-bad leaves out what is bad)");
  require_every_class(folder, listing, loaded);
  loaded.notes = notes_of(folder, listing);
  return loaded;
}

}  // namespace trainbus
