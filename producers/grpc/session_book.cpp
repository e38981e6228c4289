#include "session_book.hpp"

#include <stdexcept>

#include "trainbus/text.hpp"

namespace trainbus {

std::shared_ptr<Session> SessionBook::begin(const v1::SessionInfo& info) {
  const auto name = parse_session_id(info.session_id());
  if (!name)
    throw std::invalid_argument("session_id '" + clean_text(info.session_id(), 2 * kMaxNameBytes + 1) +
                                "' must be RUN/TRAINER, each of [A-Za-z0-9._-]{1,64}");
  const std::lock_guard lock(mutex_);
  auto& session = by_name_[name->id()];
  if (session == nullptr && by_name_.size() + replaced_.size() > kMost) {
    by_name_.erase(name->id());
    throw std::invalid_argument("there are " + std::to_string(kMost) + " sessions already");
  }
  if (session != nullptr) {
    session->retire();
    replaced_.push_back(session);
  }
  session = std::make_shared<Session>(*name, info, options_);
  return session;
}

std::shared_ptr<Session> SessionBook::of(const v1::MetricsRequest& record) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = by_name_.find(record.session_id());
    if (known != by_name_.end() && !known->second->is_of_another_start(record)) return known->second;
  }
  v1::SessionInfo info;
  info.set_session_id(record.session_id());
  return begin(info);
}

std::vector<std::shared_ptr<Session>> SessionBook::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Session>> sessions = replaced_;
  for (const auto& [name, session] : by_name_)
    sessions.push_back(session);
  return sessions;
}

void SessionBook::close_ended(Session::Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto close = [now](const std::shared_ptr<Session>& session) {
    if (!session->over(now)) return false;
    session->close(std::chrono::milliseconds(0));
    return true;
  };
  std::erase_if(replaced_, close);
  std::erase_if(by_name_, [&](const auto& entry) { return close(entry.second); });
}

}  // namespace trainbus
