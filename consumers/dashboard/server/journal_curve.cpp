#include "journal_curve.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "record_value.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAnswerTime{1000};  // of one page
constexpr std::uint32_t kPageBytes = 1 << 20;
constexpr std::uint64_t kFirstLook = 1024;  // sequence
constexpr std::uint64_t kHasAll = std::numeric_limits<std::int64_t>::max();

// One kind of records of one incarnation, read from a sequence on.
class StreamReader {
 public:
  StreamReader(ControlClient& client, const JournalRange& range, Kind kind,
               const std::vector<v1::TrainerEntry>& incarnations, const GiveUp& give_up)
      : client_(client), range_(range), kind_(kind), give_up_(give_up) {
    for (const auto& entry : incarnations) {
      add_head(entry.incarnation(), kHasAll);
      if (entry.incarnation() != range.incarnation) continue;
      for (const auto& stored : entry.stored())
        if (stored.kind() == kind) highest_ = stored.sequence();
    }
    add_head(range.incarnation, 0);
  }

  // Appends to `out`; false when not all that is there was read.
  bool read(std::vector<Point>& out, std::size_t& room) {
    const auto start = start_of_range();
    if (!start) return false;
    heads_[range_.incarnation] = *start;
    for (std::uint64_t after_position = 0;;) {
      const auto page = ask(after_position, kPageBytes);
      if (!page) return false;
      for (const auto& record : page->records()) {
        if (!message_.ParseFromString(record.message()) || message_.incarnation() != range_.incarnation) continue;
        if (room == 0 || step_in(message_) == 0) return false;
        --room;
        const auto step = static_cast<double>(step_in(message_));
        if (step > range_.x_max) return true;
        const auto value = step < range_.x_min ? std::nullopt : value_in(message_, range_.curve);
        if (value) out.push_back({step, *value});
      }
      if (page->at_end()) return true;
      after_position = page->next_position();
    }
  }

 private:
  void add_head(std::uint64_t incarnation, std::uint64_t sequence) { heads_[incarnation] = sequence; }

  // The highest sequence behind which the range lies whole: by halving, for steps rise with sequences.
  std::optional<std::uint64_t> start_of_range() {
    std::uint64_t low = 0;
    if (!std::isfinite(range_.x_min)) return low;
    std::uint64_t high = highest_;
    for (std::uint64_t ahead = kFirstLook; highest_ == 0; ahead *= 2) {  // nobody says how many there are
      const auto before = is_before_range(ahead);
      if (!before) return std::nullopt;
      high = ahead;
      if (!*before) break;
      low = ahead + 1;
    }
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      const auto before = is_before_range(middle);
      if (!before) return std::nullopt;
      (*before ? low : high) = *before ? middle + 1 : middle;
    }
    return low;
  }

  // Whether the first record behind this sequence lies before the range; empty without an answer.
  std::optional<bool> is_before_range(std::uint64_t sequence) {
    heads_[range_.incarnation] = sequence;
    bool answered = false;
    const auto step = first_step(answered);
    if (!answered) return std::nullopt;
    return step && static_cast<double>(*step) < range_.x_min;
  }

  // Of the first record behind the head; empty when there is none.
  std::optional<std::uint64_t> first_step(bool& answered) {
    for (std::uint64_t after_position = 0;;) {
      const auto page = ask(after_position, 1);
      answered = page.has_value();
      if (!page) return std::nullopt;
      for (const auto& record : page->records())
        if (message_.ParseFromString(record.message()) && message_.incarnation() == range_.incarnation)
          return step_in(message_);
      if (page->at_end()) return std::nullopt;
      after_position = page->next_position();
    }
  }

  std::optional<v1::FetchReply> ask(std::uint64_t after_position, std::uint32_t max_bytes) {
    if (give_up_()) return std::nullopt;
    v1::MetricsRequest question;
    auto& fetch = *question.mutable_fetch();
    fetch.add_kinds(kind_);
    fetch.set_run(range_.session.run);
    fetch.set_trainer(range_.session.trainer);
    fetch.set_max_bytes(max_bytes);
    fetch.set_after_position(after_position);
    for (const auto& [incarnation, sequence] : heads_) {
      auto& head = *fetch.add_heads();
      head.set_session_id(range_.session.id());
      head.set_incarnation(incarnation);
      head.set_kind(kind_);
      head.set_sequence(sequence);
    }
    auto answer = client_.ask(std::move(question), kAnswerTime);
    if (!answer || !answer->has_fetch_reply()) return std::nullopt;
    return std::move(*answer->mutable_fetch_reply());
  }

  ControlClient& client_;
  const JournalRange& range_;
  const Kind kind_;
  const GiveUp& give_up_;
  std::map<std::uint64_t, std::uint64_t> heads_;  // by incarnation: what is not asked for
  std::uint64_t highest_ = 0;                     // of this incarnation
  v1::MetricsRequest message_;
};

// All incarnations that the broker tells of, also of a session that is out of its lists.
std::vector<v1::TrainerEntry> incarnations_of(ControlClient& client, const SessionName& session) {
  for (const bool archived : {false, true}) {
    v1::ListRequest request;
    request.set_run(session.run);
    request.set_trainer(session.trainer);
    request.set_older(true);
    request.set_archived(archived);
    const auto list = client.list(request, kAnswerTime);
    if (list && !list->trainers().empty()) return {list->trainers().begin(), list->trainers().end()};
  }
  return {};
}

}  // namespace

void sort_by_x(std::vector<Point>& points) {
  std::ranges::stable_sort(points, {}, &Point::x);
  std::size_t kept = 0;
  for (const Point& point : points) {
    if (kept > 0 && points[kept - 1].x == point.x) --kept;
    points[kept++] = point;
  }
  points.resize(kept);
}

JournalPoints read_journal(ControlClient& client, const JournalRange& range, const GiveUp& give_up) {
  JournalPoints read;
  const auto incarnations = incarnations_of(client, range.session);
  const auto is_asked_for = [&](const auto& entry) { return entry.incarnation() == range.incarnation; };
  if (std::ranges::none_of(incarnations, is_asked_for)) return read;
  std::size_t room = kMaxJournalRecords;
  read.complete = true;
  for (const Kind kind : kinds_with(range.curve))
    read.complete = StreamReader(client, range, kind, incarnations, give_up).read(read.points, room) && read.complete;
  sort_by_x(read.points);
  return read;
}

}  // namespace trainbus
