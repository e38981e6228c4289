#include "broker/session_history.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "broker/journal_eraser.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr int kRecordsAtOnce = 500;

// A journal of an earlier broker does not know when it first heard of an incarnation.
void add_unlisted(const std::vector<StreamRow>& streams, std::vector<IncarnationRow>& incarnations) {
  std::set<std::uint64_t> known;
  for (const auto& row : incarnations)
    known.insert(row.incarnation);
  std::vector<IncarnationRow> older;
  for (const auto& stream : streams)
    if (known.insert(stream.incarnation).second) older.push_back({stream.session, stream.incarnation, 0, 0, {}});
  std::ranges::sort(older, {}, &IncarnationRow::incarnation);
  const auto first = incarnations.empty() ? 0 : incarnations.front().order;
  for (std::size_t i = 0; i < older.size(); ++i)
    older[i].order = first - static_cast<std::int64_t>(older.size() - i);
  incarnations.insert(incarnations.begin(), older.begin(), older.end());
}

constexpr std::size_t kDefaultPageBytes = 512 << 10;
constexpr std::size_t kMaxPageBytes = 4 << 20;

void add_entry(JournalReader& reader, const SessionName& session, const IncarnationRow& row, bool newest,
               v1::TrainerList& list) {
  auto* entry = list.add_trainers();
  entry->set_session_id(session.id());
  entry->set_incarnation(row.incarnation);
  entry->set_order(row.order);
  entry->set_first_heard_ms(row.first_heard_ms);
  entry->set_archived(row.visibility == Visibility::kArchived);
  entry->set_newest(newest);
  entry->set_last_heartbeat_age_ms(-1);
  entry->set_last_record_age_ms(-1);
  for (const auto& stream : reader.streams(session, row.incarnation)) {
    auto* stored = entry->add_stored();
    stored->set_kind(stream.kind);
    stored->set_sequence(stream.last_sequence);
    if (stream.kind == v1::KIND_MEDIA || stream.kind == v1::KIND_COMMAND || stream.kind == v1::KIND_ALERT) continue;
    auto* last = entry->add_last();
    last->set_kind(stream.kind);
    last->set_message(reader.last_record(stream.stream).body);
  }
}

// The newest, and the older ones where they are asked for; oldest first. Nothing of a session that was deleted.
void add_entries(JournalReader& reader, const SessionName& session, bool older, v1::TrainerList& list) {
  auto incarnations = reader.incarnations(session);
  if (incarnations.empty() || older) add_unlisted(reader.streams(session), incarnations);
  if (incarnations.empty() || incarnations.back().visibility == Visibility::kDeleted) return;
  for (const auto& row : incarnations) {
    const bool newest = &row == &incarnations.back();
    if (row.visibility != Visibility::kDeleted && (newest || older)) add_entry(reader, session, row, newest, list);
  }
}

}  // namespace

JournalList list_journal(const std::string& journal_path, const v1::ListRequest& request) {
  JournalList page;
  const std::string prefix = request.run().empty() ? "" : request.run() + '/' + request.trainer();
  const auto matches = [&](const std::string& id) {
    return !id.empty() && (request.trainer().empty() ? id.starts_with(prefix) : id == prefix);
  };
  const auto budget =
      request.max_bytes() == 0 ? kDefaultPageBytes : std::min<std::size_t>(request.max_bytes(), kMaxPageBytes);
  try {
    JournalReader reader(journal_path);
    // The prefix itself can be a session; what stands right before it is none.
    std::string at = request.after();
    if (at < prefix) at = prefix.substr(0, prefix.size() - 1) + static_cast<char>(prefix.back() - 1) + "~";
    std::size_t bytes = 0;
    for (at = reader.session_after(at); matches(at); at = reader.session_after(at)) {
      const auto entries = page.list.trainers_size();
      if (const auto session = parse_session_id(at)) add_entries(reader, *session, request.older(), page.list);
      for (int entry = entries; entry < page.list.trainers_size(); ++entry)
        bytes += page.list.trainers(entry).ByteSizeLong();
      if (bytes < budget) continue;
      page.list.set_next(at);
      break;
    }
  } catch (const SqliteError& error) {
    page.error = error.what();
  }
  return page;
}

bool SessionHistory::all(Visibility visibility) const {
  return std::ranges::all_of(incarnations, [visibility](const auto& row) { return row.visibility == visibility; });
}

SessionHistory read_session_history(const std::string& journal_path, const SessionName& session) {
  SessionHistory history;
  try {
    JournalReader reader(journal_path);
    history.incarnations = reader.incarnations(session);
    const auto streams = reader.streams(session);
    add_unlisted(streams, history.incarnations);
    const auto use = reader.use(session);
    history.records = use.records;
    history.bytes = use.bytes;
    for (const auto& stream : streams) {
      if (stream.kind != v1::KIND_COMMAND) {
        history.streams.push_back(stream.stream);
        history.last_record_ms = std::max(history.last_record_ms, reader.last_record(stream.stream).taken_in_ms);
        continue;
      }
      for (const auto& body : reader.bodies(stream.stream)) {
        --history.records;
        history.bytes -= body.size();
      }
    }
  } catch (const SqliteError& error) {
    history.error = error.what();
  }
  return history;
}

std::string delete_session_history(const std::string& journal_path, const std::vector<std::uint64_t>& streams,
                                   const std::atomic<bool>& stop, std::atomic<std::uint64_t>& deleted) {
  using Clock = std::chrono::steady_clock;
  try {
    JournalEraser eraser(journal_path);
    for (bool more = true; more && !stop;) {
      const auto started = Clock::now();
      more = eraser.erase(streams, kRecordsAtOnce);
      deleted = eraser.erased();
      std::this_thread::sleep_for(Clock::now() - started);  // as long again for those who store
    }
  } catch (const SqliteError& error) {
    return error.what();
  }
  return {};
}

}  // namespace trainbus
