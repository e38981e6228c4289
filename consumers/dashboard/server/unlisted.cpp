#include "unlisted.hpp"

#include <boost/asio/post.hpp>
#include <optional>
#include <set>
#include <string>

#include "site.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kAtOnce = 32;
constexpr std::int64_t kHeardLatelyMs = 15'000;  // its list may be older than its first record

// What became of one; nothing where the broker did not answer.
std::optional<Shelf> ask(ControlClient& client, const SessionName& session) {
  v1::ListRequest request;
  request.set_run(session.run);
  request.set_trainer(session.trainer);
  request.set_archived(true);
  const auto list = client.list(request, ControlDesk::kTimeout);
  if (!list) return std::nullopt;
  for (const auto& entry : list->trainers())
    if (entry.session_id() == session.id()) return entry.archived() ? Shelf::kArchived : Shelf::kListed;
  return Shelf::kDeleted;
}

}  // namespace

void look_for_unlisted(Site& site) {
  std::set<std::string> listed;
  for (const auto& one : site.broker.standings)
    listed.insert(one.session_id);
  const auto now_ms = site.hub.moment().now_ms;
  std::size_t asked = 0;
  for (const auto& [name, trainer] : site.model.trainers()) {
    const SessionName session{name.first, name.second};
    const bool elsewhere = trainer.shelf() == Shelf::kArchived || trainer.shelf() == Shelf::kRetired;
    if (listed.contains(session.id()) || elsewhere) continue;
    const auto age_ms = trainer.view().last_heard_age_ms(now_ms);
    if (age_ms >= 0 && age_ms < kHeardLatelyMs) continue;
    if (asked++ == kAtOnce) break;
    const bool taken = site.desk.ask([&site, session](ControlClient& client) {
      const auto shelf = ask(client, session);
      if (!shelf) return;
      boost::asio::post(site.server.io, [&site, session, shelf] { site.model.set_shelf(session, *shelf); });
    });
    if (!taken) break;
  }
}

}  // namespace trainbus
