#include "broker/archive_desk.hpp"

#include <algorithm>

#include "trainbus/text.hpp"

namespace trainbus {

ArchiveDesk::ArchiveDesk(RecordStore& store, Gatekeeper& gatekeeper) : store_(store), gatekeeper_(gatekeeper) {
  for (const auto& [name, position] : store.journal().archived_at_start())
    archives_[name].position = position;
}

std::string ArchiveDesk::problem(const v1::FetchRequest& fetch, const Identity& asker) {
  const auto& name = fetch.archived_by();
  if (name.empty()) return {};
  if (!archives_.contains(name))
    return "this broker keeps nothing for an archive '" + std::string(clipped(name, kMaxNameBytes)) +
           "': start it with --retain-until-archived";
  if (!fetch.kinds().empty() || !fetch.run().empty() || !fetch.trainer().empty())
    return "archive '" + name + "': an archive has the records of all kinds, runs and trainers";
  return gatekeeper_.archive_problem(asker, name);
}

void ArchiveDesk::answered(const FetchJob& job, std::int64_t now_ms) {
  const auto found = archives_.find(job.request.archived_by());
  if (found == archives_.end() || job.request.after_position() != 0 || !job.error.empty()) return;
  found->second = {job.reply.next_position(), now_ms};
  store_.journal().note_archived(found->first, found->second.position);
}

void ArchiveDesk::add_figures(v1::BrokerStats& stats, std::int64_t now_ms) const {
  auto& gauges = *stats.mutable_gauges();
  const std::uint64_t end = store_.journal().gauges().end_position;
  for (const auto& [name, archive] : archives_) {
    const auto label = "{archive=\"" + name + "\"}";
    gauges["archive_position" + label] = static_cast<double>(archive.position);
    gauges["archive_behind_records" + label] = static_cast<double>(end - std::min(end, archive.position));
    if (archive.said_ms >= 0)
      gauges["archive_quiet_seconds" + label] = static_cast<double>(now_ms - archive.said_ms) / 1e3;
  }
}

}  // namespace trainbus
