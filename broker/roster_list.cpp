// The pages of Roster::list.

#include <algorithm>

#include "broker/roster.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kConnectedMs = 15'000;

std::int64_t age(std::int64_t then_ms, std::int64_t now_ms) { return then_ms < 0 ? -1 : now_ms - then_ms; }

}  // namespace

void Roster::add_details(const Incarnation& incarnation, bool whole, std::int64_t now_ms, v1::TrainerEntry& entry) {
  entry.set_last_heartbeat_age_ms(age(incarnation.last_heartbeat_ms, now_ms));
  entry.set_last_record_age_ms(age(incarnation.last_record_ms, now_ms));
  const auto last = incarnation.last_sign_ms();
  entry.set_connected(!incarnation.routing_id.empty() && last >= 0 && now_ms - last < kConnectedMs);
  entry.set_client_name(incarnation.client_name);
  entry.set_by_control_only(incarnation.by_control_only);
  entry.set_tiles_in(incarnation.tiles_in);
  entry.set_tiles_lost_on_link(incarnation.tiles_lost_on_link);
  entry.set_unnumbered(incarnation.unnumbered);
  if (const auto skew_ms = incarnation.skew.value()) entry.set_clock_skew_ms(*skew_ms);
  for (const Kind kind : kKeptKinds) {
    const auto lost = incarnation.lost[static_cast<std::size_t>(kind)];
    if (lost == 0) continue;
    auto* position = entry.add_lost();
    position->set_kind(kind);
    position->set_sequence(lost);
  }
  for (const Kind kind : kAllKinds) {
    const auto& body = incarnation.last[static_cast<std::size_t>(kind)];
    if (body.empty()) continue;
    auto* record = entry.add_last();
    record->set_kind(kind);
    record->set_message(body);
    record->set_taken_in_ms(incarnation.taken_in_ms[static_cast<std::size_t>(kind)]);
    if (kind != v1::KIND_STATUS || !incarnation.class_names) continue;
    if (whole)
      record->mutable_message()->append(incarnation.class_names->bytes);
    else
      entry.set_class_names_left_out(incarnation.class_names->count);
  }
}

bool Roster::is_archived(const Session& session) {
  return session.archived != 0 && session.order.newest() != nullptr &&
         session.order.newest()->incarnation == session.archived;
}

void Roster::freshen(v1::TrainerEntry& entry, std::int64_t now_ms) const {
  const auto* known = find(entry.session_id(), entry.incarnation());
  if (known == nullptr) return;
  entry.clear_last();
  add_details(*known, false, now_ms, entry);
  const auto alive = live(entry.session_id(), now_ms);
  entry.set_live(std::ranges::any_of(alive, [&](const auto* one) { return one->number == entry.incarnation(); }));
}

// The newest, those that are alive beside it, and the older ones where they are asked for; oldest first.
void Roster::add_entries(const std::string& id, const Session& session, const v1::ListRequest& request,
                         std::int64_t now_ms, v1::TrainerList& list) {
  const auto alive = live(session, now_ms);
  for (const auto& heard : session.order.all()) {
    const bool newest = &heard == session.order.newest();
    const bool is_live = std::ranges::any_of(alive, [&](const auto* one) { return one->number == heard.incarnation; });
    if (heard.deleted || (!newest && !is_live && !request.older())) continue;
    auto& entry = *list.add_trainers();
    entry.set_session_id(id);
    entry.set_incarnation(heard.incarnation);
    entry.set_order(heard.order);
    entry.set_first_heard_ms(heard.first_heard_ms);
    entry.set_live(is_live);
    entry.set_newest(newest);
    entry.set_archived(is_archived(session));
    const auto known = session.known.find(heard.incarnation);
    add_details(known == session.known.end() ? Incarnation{} : known->second, request.whole(), now_ms, entry);
  }
}

v1::TrainerList Roster::list(const v1::ListRequest& request, std::int64_t now_ms) const {
  const bool one = !request.trainer().empty();
  const std::string prefix = request.run().empty() ? "" : request.run() + '/' + request.trainer();
  const auto matches = [&](const auto& place) {
    return place != sessions_.end() && (one ? place->first == prefix : place->first.starts_with(prefix));
  };
  const auto shown = [&](const Session& session) {
    const auto* newest = session.order.newest();
    return newest != nullptr && !newest->deleted && (request.archived() || !is_archived(session));
  };
  v1::TrainerList list;
  auto place = sessions_.lower_bound(prefix);
  for (auto each = place; matches(each); ++each)
    list.set_total(list.total() + (shown(each->second) ? 1 : 0));
  if (!request.after().empty() && request.after() >= prefix) place = sessions_.upper_bound(request.after());
  const std::size_t budget =
      request.max_bytes() == 0 ? kDefaultPageBytes : std::min<std::size_t>(request.max_bytes(), kMaxPageBytes);
  std::size_t bytes = 0;
  for (const std::string* last = nullptr; matches(place); ++place) {
    if (!shown(place->second)) continue;
    const int entries = list.trainers_size();
    add_entries(place->first, place->second, request, now_ms, list);
    for (int at = entries; at < list.trainers_size(); ++at)
      bytes += list.trainers(at).ByteSizeLong();
    if (bytes <= budget || last == nullptr) {
      last = &place->first;
      continue;
    }
    while (list.trainers_size() > entries)
      list.mutable_trainers()->RemoveLast();
    list.set_next(*last);
    break;
  }
  return list;
}

}  // namespace trainbus
