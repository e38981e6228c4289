#include "folder_source.hpp"

#include <algorithm>
#include <filesystem>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "image_file.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr int kDefaultLargestSide = 64;

bool is_image(const fs::path& path) {
  auto extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

// Names of the class folders in `folder`, sorted; hidden ones are none.
std::vector<std::string> class_folders(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && entry.path().filename().string().front() != '.')
      names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

struct ImageFile {
  std::string path;
  std::int32_t label;
};

std::vector<ImageFile> list_images(const fs::path& folder, const std::vector<std::string>& class_names) {
  std::vector<ImageFile> files;
  for (std::size_t label = 0; label < class_names.size(); ++label) {
    const auto class_folder = folder / class_names[label];
    const auto before = files.size();
    if (!fs::is_directory(class_folder)) throw std::runtime_error(class_folder.string() + ": there is no such folder");
    for (const auto& entry : fs::directory_iterator(class_folder))
      if (entry.is_regular_file() && is_image(entry.path()))
        files.push_back({entry.path().string(), static_cast<std::int32_t>(label)});
    if (files.size() == before) throw std::runtime_error(class_folder.string() + ": holds no JPEG or PNG file");
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end(),
              [](const ImageFile& a, const ImageFile& b) { return a.path < b.path; });
  }
  return files;
}

void append(const std::vector<ImageFile>& files, Samples& samples, const StopCheck& stop) {
  const cv::Size size(samples.shape().width, samples.shape().height);
  for (const auto& file : files) {
    if (stop && stop()) throw std::runtime_error("stopped while reading " + file.path);
    auto image = read_image_file(file.path);
    const cv::Mat from(image.height, image.width, CV_8UC3, image.pixels.data());
    cv::Mat to(size, CV_8UC3, samples.add(file.label).data());
    const bool shrinks = from.cols > size.width || from.rows > size.height;
    cv::resize(from, to, size, 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  }
}

fs::path validation_folder(const fs::path& folder) {
  if (fs::is_directory(folder / "train"))
    for (const char* name : {"val", "valid", "validation", "test"})
      if (fs::is_directory(folder / name)) return folder / name;
  return {};
}

}  // namespace

LoadedSamples FolderSource::load(const StopCheck& stop) const {
  const fs::path folder(folder_);
  const auto validation = validation_folder(folder);
  const auto train = validation.empty() ? folder : folder / "train";
  auto class_names = class_folders(train);
  if (class_names.size() < 2)
    throw std::runtime_error(train.string() + ": needs a subfolder per class, two at least; it has " +
                             std::to_string(class_names.size()));
  const auto files = list_images(train, class_names);
  const auto validation_files = validation.empty() ? std::vector<ImageFile>{} : list_images(validation, class_names);
  int side = image_size_;
  if (side == 0) {
    const auto first = read_image_file(files.front().path);
    side = std::min(std::max(first.width, first.height), kDefaultLargestSide);
  }
  LoadedSamples loaded{.class_names = std::move(class_names),
                       .samples = Samples({.width = side, .height = side, .channels = 3}),
                       .first_validation = files.size()};
  loaded.samples.reserve(files.size() + validation_files.size());
  append(files, loaded.samples, stop);
  append(validation_files, loaded.samples, stop);
  return loaded;
}

}  // namespace trainbus
