#include "login_folder.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "secret_file.hpp"
#include "token.hpp"
#include "trainbus/own_folder.hpp"

namespace trainbus {
namespace {

// What root writes into the folder of a service, the service could not read.
void refuse_root_within(const std::string& folder) {
  struct stat found {};
  if (geteuid() != 0 || stat(folder.c_str(), &found) != 0 || found.st_uid == 0) return;
  const auto owner = std::to_string(found.st_uid);
  throw std::runtime_error("folder '" + folder + "' belongs to user " + owner +
                           ", and this is root: start it as that user (sudo -u '#" + owner + "')");
}

}  // namespace

LoginFolder::LoginFolder(std::string path) : path_(std::move(path)) {
  refuse_root_within(path_);
  if (const auto closed = make_own_folder(path_); !closed.empty()) spdlog::warn("{}", closed);
}

std::string LoginFolder::script_token() const {
  auto text = read_secret_file(token_path()).value_or("");
  text.erase(text.find_last_not_of(" \r\n") + 1);
  if (text.size() >= kTokenLength / 2) return text;
  text = new_token();
  write_secret_file(token_path(), text + '\n');
  return text;
}

}  // namespace trainbus
