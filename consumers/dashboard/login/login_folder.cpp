#include "login_folder.hpp"

#include <spdlog/spdlog.h>

#include "secret_file.hpp"
#include "token.hpp"
#include "trainbus/own_folder.hpp"

namespace trainbus {

LoginFolder::LoginFolder(std::string path) : path_(std::move(path)) {
  refuse_root_in(path_);
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
