#include "login_desk.hpp"

#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "cookie.hpp"
#include "secret_file.hpp"
#include "token.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr long kDeviceKnownSec = 365L * 24 * 3600;

std::string login_name() {
  const auto* user = getpwuid(geteuid());
  return user != nullptr ? user->pw_name : "owner";
}

template <class Action>
void or_say(const Action& action) {
  try {
    action();
  } catch (const std::exception& error) {
    spdlog::error("login: {}", error.what());
  }
}

}  // namespace

LoginDesk::LoginDesk(const std::optional<std::string>& folder, boost::asio::any_io_executor executor)
    : folder_(folder ? std::optional<LoginFolder>(*folder) : std::nullopt),
      owner_(login_name()),
      passwords_(std::move(executor)) {
  if (!folder_) return;
  read_token(Clock::now());
  read_users();
}

LoginDesk::~LoginDesk() {
  if (folder_) or_say([&] { keep_sessions(); });
}

void LoginDesk::open(std::uint16_t port, Clock::time_point now) {
  port_ = port;
  if (!folder_) return;
  sessions_.take(read_secret_file(folder_->sessions_path(port)).value_or(""), now);
  end_what_no_longer_holds();
  kept_changes_ = sessions_.changes();
}

std::string LoginDesk::one_time_token(Clock::time_point now) const {
  return folder_ ? make_one_time_token(script_token_, now) : std::string{};
}

// __Host-: a browser takes it over TLS only, and from no other host of the domain.
std::string LoginDesk::session_cookie(bool secure) const {
  return (secure ? "__Host-trainbus-" : "trainbus-") + std::to_string(port_);
}
std::string LoginDesk::device_cookie(bool secure) const {
  return (secure ? "__Host-trainbus-known-" : "trainbus-known-") + std::to_string(port_);
}

std::optional<Person> LoginDesk::person(const Credentials& from, Clock::time_point now) {
  if (!folder_) return Person{"", PageRole::kAdmin, ""};
  if (!from.authorization.empty()) {
    const auto token = from.authorization;
    const bool good = token.starts_with(kBearer) && secret_hash(token.substr(kBearer.size())) == script_token_hash_;
    return good ? std::optional(Person{owner_, PageRole::kAdmin, ""}) : std::nullopt;
  }
  for (const auto session : cookie_values(from.cookie, session_cookie(from.secure)))
    if (auto person = sessions_.find(session, now)) return person;
  return std::nullopt;
}

Entry LoginDesk::entered(const Person& person, const std::string& grant, bool secure, Clock::time_point now) {
  ++counters_.entered;
  spdlog::info("{} logged in as {}", person.name, page_role_name(person.role));
  Entry entry{.person = person};
  entry.person->session = sessions_.begin(person.name, person.role, grant, now);
  entry.cookies.push_back(set_cookie({session_cookie(secure), entry.person->session, secure}));
  return entry;
}

Entry LoginDesk::refused(std::string_view why) {
  ++counters_.refused;
  return {.person = std::nullopt, .status = 401, .why = std::string(why)};
}

// Who has a token gets in, however many attempts others make: a token cannot be guessed.
Entry LoginDesk::enter_by_token(std::string_view token, const Credentials& from, Clock::time_point now) {
  const bool good = folder_ && (one_time_->use(token, now) || secret_hash(token) == script_token_hash_);
  if (!good) return refused("this token is not good, or was used; trainbus-dashboard link prints another");
  return entered({owner_, PageRole::kAdmin, ""}, owners_grant(), from.secure, now);
}

void LoginDesk::enter_by_password(const std::string& name, std::string password, const Credentials& from,
                                  LoginAttempts::Clock::time_point now, std::function<void(Entry)> reply) {
  const auto device = device_of(name, from);
  if (const auto wait = attempts_.refuse({name, from.client, device}, now)) {
    ++counters_.limited;
    return reply({.status = 429, .why = "too many attempts", .retry_after_sec = *wait});
  }
  const auto user = users_.find(name);
  const auto tried = user == users_.end() ? PageUser{} : user->second;
  if (password.size() > kMaxPassword) password.clear();
  const bool taken = passwords_.check(
      tried.hash, std::move(password), device.empty(), [this, name, tried, reply, secure = from.secure](bool good) {
        const auto still = users_.find(name);  // it may have changed meanwhile
        if (!good || still == users_.end() || !(still->second == tried))
          return reply(refused("wrong name or password"));
        auto entry = entered({name, tried.role, ""}, grant_of(name, tried), secure, Clock::now());
        entry.cookies.push_back(
            set_cookie({device_cookie(secure), new_device(name), secure, "Strict", kDeviceKnownSec}));
        reply(entry);
      });
  if (!taken) reply({.status = 503, .why = "too many log in at once, try again", .retry_after_sec = 2});
}

std::string LoginDesk::leave(const Person& person, const Credentials& from) {
  sessions_.end(person.session);
  return set_cookie({session_cookie(from.secure), "", from.secure, "Lax", 0});
}

// NONCE-SIGNATURE: this browser logged in under this name.
std::string LoginDesk::new_device(const std::string& name) const {
  const auto nonce = new_token().substr(0, kTokenLength / 2);
  return nonce + '-' + secret_hash("device " + script_token_ + ' ' + name + ' ' + nonce);
}

std::string LoginDesk::device_of(const std::string& name, const Credentials& from) const {
  for (const auto value : cookie_values(from.cookie, device_cookie(from.secure))) {
    const std::string nonce(value.substr(0, value.find('-')));
    if (value == nonce + '-' + secret_hash("device " + script_token_ + ' ' + name + ' ' + nonce)) return nonce;
  }
  return {};
}

std::string LoginDesk::grant_of(const std::string& name, const PageUser& user) const {
  return secret_hash("user " + name + ' ' + std::string(page_role_name(user.role)) + ' ' + user.hash);
}
std::string LoginDesk::owners_grant() const { return secret_hash("owner " + script_token_); }

void LoginDesk::end_what_no_longer_holds() {
  std::set<std::string> grants{owners_grant()};
  for (const auto& [name, user] : users_)
    grants.insert(grant_of(name, user));
  sessions_.keep_only([&](const std::string& grant) { return grants.contains(grant); });
}

void LoginDesk::tick(Clock::time_point now) {
  if (!folder_ || now < next_look_) return;
  next_look_ = now + kLookEvery;
  sessions_.tick(now);
  const bool other_token = file_version(folder_->token_path()) != token_version_;
  const bool other_users = file_version(folder_->users_path()) != users_version_;
  if (other_token) or_say([&] { read_token(now); });
  if (other_users) or_say([&] { read_users(); });
  if (other_token || other_users) end_what_no_longer_holds();
  or_say([&] { keep_sessions(); });
}

void LoginDesk::read_token(Clock::time_point now) {
  token_version_ = file_version(folder_->token_path());
  script_token_ = folder_->script_token();
  script_token_hash_ = secret_hash(script_token_);
  token_version_ = file_version(folder_->token_path());
  one_time_.emplace(script_token_, now);
}

// A file that cannot be read lets nobody in.
void LoginDesk::read_users() {
  users_version_ = file_version(folder_->users_path());
  users_.clear();
  users_ = folder_->users();
}

void LoginDesk::keep_sessions() {
  if (kept_changes_ == sessions_.changes()) return;
  kept_changes_ = sessions_.changes();
  write_secret_file(folder_->sessions_path(port_), sessions_.text());
}

}  // namespace trainbus
