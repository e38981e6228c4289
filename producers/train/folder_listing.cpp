#include "folder_listing.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTrainNames[] = {"train", "training"};
constexpr const char* kValidationNames[] = {"val", "valid", "validation", "dev", "test", "testing"};
constexpr const char* kImageExtensions[] = {".jpg", ".jpeg", ".jpe",  ".jfif", ".png", ".webp",
                                            ".bmp", ".tif",  ".tiff", ".ppm",  ".pgm", ".pnm"};
constexpr const char* kUnreadExtensions[] = {".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg",
                                             ".psd", ".ico",  ".tga",  ".exr",  ".hdr", ".pbm", ".dng"};
constexpr const char* kSystemNames[] = {"__macosx",     "thumbs.db",  "ehthumbs.db", "desktop.ini",
                                        "$recycle.bin", "lost+found", "@eadir",      "icon\r"};

bool is_one_of(const auto& names, const std::string& name) { return std::ranges::find(names, name) != std::end(names); }

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_split_name(const std::string& name) {
  return is_one_of(kTrainNames, lower(name)) || is_one_of(kValidationNames, lower(name));
}

// Why what has this name is passed over, folder or file; "": it is not.
std::string passed_over(const std::string& name) {
  if (is_one_of(kSystemNames, lower(name))) return "of the system";
  return name.front() == '.' ? "hidden" : "";
}

bool is_image(const fs::path& path) { return is_one_of(kImageExtensions, lower(path.extension().string())); }

std::string why_no_image(const fs::path& path) {
  const auto extension = lower(path.extension().string());
  if (extension.empty() || extension.size() > 12) return "of unknown kind";
  return shown(extension) + (is_one_of(kUnreadExtensions, extension) ? " (format not read)" : "");
}

using FolderId = std::pair<dev_t, ino_t>;

std::optional<FolderId> id_of(const fs::path& folder) {
  struct stat about {};
  if (stat(folder.c_str(), &about) != 0) return std::nullopt;
  return FolderId{about.st_dev, about.st_ino};
}

struct Entries {
  std::vector<std::string> folders;  // names, sorted
  std::vector<std::string> files;    // images by their names, sorted
};

class FolderWalk {
 public:
  FolderWalk(const fs::path& root, const StopCheck& stop, FolderListing& listing)
      : root_(root), stop_(stop), listing_(listing) {
    std::error_code error;
    for (auto folder = fs::canonical(root, error); !error; folder = folder.parent_path()) {
      if (const auto id = id_of(folder)) above_.insert(*id);
      if (folder == folder.parent_path()) break;
    }
  }

  // What is directly in a folder; the rest is counted. A folder that cannot be read is a problem, and empty.
  Entries entries(const fs::path& folder) {
    if (stop_ && stop_()) throw std::runtime_error("stopped while listing " + root_.string());
    Entries found;
    std::error_code error;
    for (fs::directory_iterator at(root_ / folder, error), end; !error && at != end; at.increment(error))
      sort_in(folder, *at, found);
    if (error) add_problem(folder.empty() ? fs::path(".") : folder, error.message());
    std::ranges::sort(found.folders);
    std::ranges::sort(found.files);
    return found;
  }

  // All images in and below a folder.
  std::vector<std::string> images_below(const fs::path& top) {
    std::vector<std::string> images;
    auto read = above_;
    std::vector<fs::path> to_read = {top};
    while (!to_read.empty()) {
      const auto folder = std::move(to_read.back());
      to_read.pop_back();
      if (const auto id = id_of(root_ / folder); id && !read.insert(*id).second) {
        listing_.left_out.add("links to a folder above or read already");
        continue;
      }
      auto found = entries(folder);
      for (auto& name : found.files)
        images.push_back((folder / name).string());
      for (auto& name : found.folders)
        to_read.push_back(folder / name);
    }
    std::ranges::sort(images);
    return images;
  }

  void add_problem(const fs::path& path, const std::string& what) {
    listing_.problems.push_back(shown(path.string()) + ": " + what);
  }

 private:
  void sort_in(const fs::path& folder, const fs::directory_entry& entry, Entries& found) {
    const auto name = entry.path().filename().string();
    if (const auto reason = passed_over(name); !reason.empty()) return listing_.left_out.add(reason);
    std::error_code error;
    const auto type = entry.status(error).type();
    if (type == fs::file_type::directory)
      found.folders.push_back(name);
    else if (!is_image(name))
      listing_.left_out.add(why_no_image(name));
    else if (type == fs::file_type::regular)
      found.files.push_back(name);
    else if (type == fs::file_type::not_found)
      add_problem(folder / name, "points to nothing");
    else if (error)
      add_problem(folder / name, error.message());
    else
      listing_.left_out.add("no regular files");
  }

  const fs::path root_;
  std::set<FolderId> above_;  // the root and all above it: a link to one of them leads in a circle
  const StopCheck& stop_;
  FolderListing& listing_;
};

struct Parts {
  std::string train;       // relative; "": the folder itself
  std::string validation;  // "": none
};

// The first of `wanted` that is among `names`, in any case.
std::string first_of(const auto& wanted, const std::vector<std::string>& names) {
  for (const char* name : wanted)
    if (const auto at = std::ranges::find(names, name, lower); at != names.end()) return *at;
  return "";
}

Parts find_parts(const fs::path& root, const Entries& top, const StopCheck& stop, FolderListing& listing) {
  const auto train = first_of(kTrainNames, top.folders);
  const bool only_parts = std::ranges::all_of(top.folders, is_split_name);
  if (train.empty() && !only_parts) return {};
  FolderListing glanced_at;  // the listing proper counts when it reads
  FolderWalk glance(root, stop, glanced_at);
  auto with_classes = top.folders;
  std::erase_if(with_classes, [&](const auto& name) { return glance.entries(name).folders.empty(); });
  if (train.empty() && only_parts && !with_classes.empty())
    throw std::runtime_error(root.string() + ": there is no train/ beside " + with_classes.front() + '/');
  const auto validation = first_of(kValidationNames, with_classes);
  if (!is_one_of(with_classes, train)) return {};
  if (validation.empty() && !only_parts) {
    listing.notes.push_back(shown(train) + "/ is taken for a class: no val/ with classes lies beside it");
    return {};
  }
  const auto reason = validation.empty() ? "no classes in it" : shown(validation) + "/ validates";
  for (const auto& name : top.folders)
    if (name != train && name != validation)
      listing.left_out.add("in " + shown(name) + "/ (" + reason + ')', glance.images_below(name).size());
  if (!top.files.empty()) listing.left_out.add("in no class folder", top.files.size());
  return {.train = train, .validation = validation};
}

void list_training_part(const std::string& part, const Entries& top, FolderWalk& walk, FolderListing& listing) {
  for (const auto& name : top.folders) {
    const auto images = walk.images_below(fs::path(part) / name);
    if (images.empty()) {
      walk.add_problem(fs::path(part) / name, "holds no image");
      continue;
    }
    const auto label = static_cast<std::int32_t>(listing.class_names.size());
    listing.class_names.push_back(name);
    for (const auto& image : images)
      listing.images.push_back({image, label});
  }
}

void list_validation_part(const std::string& part, const Entries& top, FolderWalk& walk, FolderListing& listing) {
  std::size_t classes = 0;
  for (const auto& name : top.folders) {
    const auto images = walk.images_below(fs::path(part) / name);
    const auto at = std::ranges::lower_bound(listing.class_names, name);
    if (at == listing.class_names.end() || *at != name) {
      listing.left_out.add("in " + shown(part + '/' + name) + " (no class of the training part)", images.size());
      continue;
    }
    classes += images.empty() ? 0 : 1;
    for (const auto& image : images)
      listing.images.push_back({image, static_cast<std::int32_t>(at - listing.class_names.begin())});
  }
  if (const auto missing = listing.class_names.size() - classes; missing > 0)
    listing.notes.push_back(shown(part) + "/ has no image of " + std::to_string(missing) + " of the " +
                            std::to_string(listing.class_names.size()) + " classes");
}

[[noreturn]] void refuse_too_few_classes(const fs::path& root, const Entries& top, const FolderListing& listing) {
  std::string line = root.string() + ": needs a subfolder per class, two at least; it has " +
                     std::to_string(listing.class_names.size()) + " with images";
  for (const auto& problem : listing.problems)
    line += "; " + problem;
  if (top.folders.size() == 1) line += "; are the classes in " + shown((root / top.folders.front()).string()) + '?';
  if (!listing.left_out.empty()) line += "; left out: " + listing.left_out.text();
  throw std::runtime_error(line);
}

}  // namespace

std::string shown(std::string_view name) {
  std::string clean(name);
  for (char& c : clean)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return clean;
}

FolderListing list_folder(const std::string& folder, const StopCheck& stop) {
  const fs::path root(folder);
  FolderListing listing;
  FolderWalk walk(root, stop, listing);
  auto top = walk.entries("");
  const auto parts = find_parts(root, top, stop, listing);
  if (!parts.train.empty()) top = walk.entries(parts.train);
  if (!top.files.empty()) listing.left_out.add("in no class folder", top.files.size());
  list_training_part(parts.train, top, walk, listing);
  if (listing.class_names.size() < 2)
    refuse_too_few_classes(parts.train.empty() ? root : root / parts.train, top, listing);
  listing.first_validation = listing.images.size();
  if (!parts.validation.empty()) {
    const auto validation = walk.entries(parts.validation);
    if (!validation.files.empty()) listing.left_out.add("in no class folder", validation.files.size());
    list_validation_part(parts.validation, validation, walk, listing);
  }
  return listing;
}

}  // namespace trainbus
