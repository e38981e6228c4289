#include "user_verbs.hpp"

#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "login_folder.hpp"
#include "one_time.hpp"
#include "password.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

// The terminal does not show what is typed.
class Unseen {
 public:
  Unseen() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &now) == 0;
  }
  ~Unseen() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string line_of_input(const char* prompt) {
  const bool asked = isatty(STDIN_FILENO) != 0;
  if (asked) std::cerr << prompt << std::flush;
  const Unseen unseen;
  std::string line;
  if (!std::getline(std::cin, line)) throw std::runtime_error("no password came on the standard input");
  if (asked) std::cerr << '\n';
  return line;
}

// Never an argument, which every user of the host could read.
std::string new_password() {
  auto password = line_of_input("password: ");
  if (const auto problem = password_problem(password); !problem.empty()) throw std::invalid_argument(problem);
  if (isatty(STDIN_FILENO) != 0 && line_of_input("once more: ") != password)
    throw std::invalid_argument("the two are not the same");
  return password;
}

PageUser& known(PageUsers& users, const std::string& name) {
  const auto found = users.find(name);
  if (found == users.end()) throw std::invalid_argument("there is no user '" + name + '\'');
  return found->second;
}

}  // namespace

UserVerbs::UserVerbs(CLI::App& app, LoginPlace place) : place_(std::move(place)) {
  user_ = app.add_subcommand("user", "who may log in with a password: add, passwd, role, remove, list");
  user_->require_subcommand(1);
  const auto roles = CLI::IsMember({"viewer", "operator", "admin"});
  const auto with_name = [&](const char* verb, const char* help) {
    auto* added = user_->add_subcommand(verb, help)->fallthrough();
    added->add_option("NAME", name_, "of the user")->required();
    return added;
  };
  with_name("add", "a new user; the password is asked for, or is a line of the standard input")
      ->add_option("--role", role_, "viewer: may watch; operator: may command too; admin: archive and delete too")
      ->required()
      ->check(roles);
  with_name("passwd", "another password; ends the user's sessions");
  with_name("role", "another role; ends the user's sessions")
      ->add_option("ROLE", role_, "viewer, operator or admin")
      ->required()
      ->check(roles);
  with_name("remove", "ends the user's sessions");
  user_->add_subcommand("list", "name and role, a line each")->fallthrough();
  link_ = app.add_subcommand("link", "print an address that logs in once, within 24 hours");
  user_->fallthrough();
  link_->fallthrough();
}

bool UserVerbs::given() const { return user_->parsed() || link_->parsed(); }

int UserVerbs::run() const {
  if (link_->parsed()) return link();
  const auto& verb = user_->get_subcommands().front()->get_name();
  if (verb == "add") return add();
  if (verb == "passwd") return change_password();
  if (verb == "role") return change_role();
  return verb == "remove" ? remove() : list();
}

int UserVerbs::add() const {
  const LoginFolder folder(place_.folder());
  auto users = folder.users();
  if (!valid_name(name_)) throw std::invalid_argument("user '" + name_ + "': a name is [A-Za-z0-9._-]{1,64}");
  if (users.contains(name_)) throw std::invalid_argument("there is a user '" + name_ + "' already");
  users[name_] = {*page_role_from(role_), hash_password(new_password())};
  write_page_users(folder.users_path(), users);
  return 0;
}

int UserVerbs::change_password() const {
  const LoginFolder folder(place_.folder());
  auto users = folder.users();
  auto& user = known(users, name_);
  user.hash = hash_password(new_password());
  write_page_users(folder.users_path(), users);
  return 0;
}

int UserVerbs::change_role() const {
  const LoginFolder folder(place_.folder());
  auto users = folder.users();
  known(users, name_).role = *page_role_from(role_);
  write_page_users(folder.users_path(), users);
  return 0;
}

int UserVerbs::remove() const {
  const LoginFolder folder(place_.folder());
  auto users = folder.users();
  known(users, name_);
  users.erase(name_);
  write_page_users(folder.users_path(), users);
  return 0;
}

int UserVerbs::list() const {
  for (const auto& [name, user] : LoginFolder(place_.folder()).users())
    std::cout << name << ' ' << page_role_name(user.role) << '\n';
  return 0;
}

int UserVerbs::link() const {
  const LoginFolder folder(place_.folder());
  std::cout << place_.url() << "?token=" << make_one_time_token(folder.script_token(), OneTimeClock::now()) << '\n';
  return 0;
}

}  // namespace trainbus
