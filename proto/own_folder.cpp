#include "trainbus/own_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace trainbus {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

[[noreturn]] void fail(const std::string& path, int error) {
  throw std::system_error(error, std::generic_category(), "folder '" + path + '\'');
}

void make_with_parents(const std::filesystem::path& path) {
  if (mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST) return;
  if (errno != ENOENT || !path.has_relative_path()) fail(path.string(), errno);
  if (path.has_parent_path() && path.parent_path() != path) make_with_parents(path.parent_path());
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) fail(path.string(), errno);
}

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

}  // namespace

std::string make_own_folder(const std::string& path) {
  make_with_parents(path);
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) fail(path, errno);
  if (!S_ISDIR(found.st_mode)) fail(path, ENOTDIR);
  const bool shared = (found.st_mode & S_ISVTX) != 0;  // like /tmp: others are meant to use it
  if (found.st_uid != geteuid() || shared || (found.st_mode & kOthers) == 0) return {};
  if (chmod(path.c_str(), found.st_mode & S_IRWXU) != 0) return {};  // it stays as its user made it
  return "folder '" + path + "' was open to others (" + octal(found.st_mode) + "), now it is " +
         octal(found.st_mode & S_IRWXU);
}

bool make_own_file(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return false;
  if (found.st_uid != geteuid() || (found.st_mode & kOthers) == 0) return false;
  return chmod(path.c_str(), found.st_mode & (S_IRUSR | S_IWUSR)) == 0;
}

void refuse_root_in(const std::string& folder) {
  struct stat found {};
  if (geteuid() != 0 || stat(folder.c_str(), &found) != 0 || found.st_uid == 0) return;
  const auto owner = std::to_string(found.st_uid);
  throw std::runtime_error("folder '" + folder + "' belongs to user " + owner +
                           ", and this is root: do it as that user (sudo -u '#" + owner + "')");
}

}  // namespace trainbus
