#include "sessions.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "token.hpp"

namespace trainbus {
namespace {

constexpr std::chrono::hours kNoteUse{1};

std::int64_t seconds_of(Sessions::Clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Sessions::Clock::time_point time_of(std::int64_t seconds) {
  return Sessions::Clock::time_point(std::chrono::seconds(seconds));
}

}  // namespace

std::string Sessions::begin(const std::string& name, PageRole role, const std::string& grant, Clock::time_point now) {
  make_room(name);
  auto secret = new_token();
  sessions_[secret_hash(secret)] = {name, role, grant, now, now};
  ++changes_;
  return secret;
}

void Sessions::make_room(const std::string& name) {
  const auto oldest = [](Table::iterator a, Table::iterator b) { return a->second.asked < b->second.asked; };
  std::vector<Table::iterator> own;
  for (auto session = sessions_.begin(); session != sessions_.end(); ++session)
    if (session->second.name == name) own.push_back(session);
  if (own.size() >= kMostOfAUser) end(*std::ranges::min_element(own, oldest));
}

bool Sessions::is_over(const Session& session, Clock::time_point now) {
  return now - session.asked >= kIdle || now - session.began >= kLongest;
}

std::optional<Person> Sessions::find(std::string_view session, Clock::time_point now) {
  const auto found = sessions_.find(secret_hash(session));
  if (found == sessions_.end()) return std::nullopt;
  if (is_over(found->second, now)) {
    end(found);
    return std::nullopt;
  }
  if (now - found->second.asked >= kNoteUse) ++changes_;
  found->second.asked = now;
  return Person{found->second.name, found->second.role, std::string(session)};
}

void Sessions::end(Table::iterator session) {
  const auto callbacks = std::move(session->second.on_end);
  sessions_.erase(session);
  ++changes_;
  for (const auto& watched : callbacks)
    if (const auto callback = watched.lock()) (*callback)();
}

void Sessions::end(std::string_view session) {
  if (const auto found = sessions_.find(secret_hash(session)); found != sessions_.end()) end(found);
}

void Sessions::keep_only(const std::function<bool(const std::string& grant)>& holds) {
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    const auto here = session++;
    if (!holds(here->second.grant)) end(here);
  }
}

void Sessions::tick(Clock::time_point now) {
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    const auto here = session++;
    if (is_over(here->second, now)) end(here);
  }
}

Sessions::EndWatch Sessions::on_end(std::string_view session, std::function<void()> callback) {
  auto watch = std::make_shared<std::function<void()>>(std::move(callback));
  const auto found = sessions_.find(secret_hash(session));
  if (found == sessions_.end()) {
    (*watch)();
    return watch;
  }
  std::erase_if(found->second.on_end, [](const auto& other) { return other.expired(); });
  found->second.on_end.push_back(watch);
  return watch;
}

std::string Sessions::text() const {
  std::ostringstream out;
  for (const auto& [hash, session] : sessions_)
    out << hash << ' ' << session.name << ' ' << page_role_name(session.role) << ' ' << session.grant << ' '
        << seconds_of(session.began) << ' ' << seconds_of(session.asked) << '\n';
  return out.str();
}

void Sessions::take(const std::string& text, Clock::time_point now) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, role_name;
    Session session;
    std::int64_t began = 0, asked = 0;
    if (!(words >> hash >> session.name >> role_name >> session.grant >> began >> asked)) continue;
    const auto role = page_role_from(role_name);
    session.began = time_of(began);
    session.asked = time_of(asked);
    if (!role || is_over(session, now)) continue;
    session.role = *role;
    sessions_[hash] = std::move(session);
  }
}

}  // namespace trainbus
