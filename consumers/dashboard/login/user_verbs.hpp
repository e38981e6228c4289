#pragma once
// trainbus-dashboard user ... and trainbus-dashboard link: what is done beside the server, which sees it in a second.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace trainbus {

// What main() must know to run them: where the login keeps its files, and where the server can be reached.
struct LoginPlace {
  std::function<std::string()> folder;
  std::function<std::string()> url;  // with its closing slash
};

// Adds the verbs to a program. run() throws with one line that names the value.
class UserVerbs {
 public:
  UserVerbs(CLI::App& app, LoginPlace place);

  bool given() const;
  int run() const;

 private:
  int add() const;
  int change_password() const;
  int change_role() const;
  int remove() const;
  int list() const;
  int link() const;

  const LoginPlace place_;
  CLI::App* user_ = nullptr;
  CLI::App* link_ = nullptr;
  std::string name_, role_;
};

}  // namespace trainbus
