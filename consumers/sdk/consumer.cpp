#include "trainbus/consumer.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <zmq.hpp>

#include "heartbeat_pages.hpp"
#include "journal_pages.hpp"
#include "live_feed.hpp"
#include "port_trouble.hpp"
#include "stream_merge.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kConnectedMs = 5'000;      // heard within this: connected
constexpr std::int64_t kByPagesAfterMs = 1'500;   // the feed alone is silent: records are fetched instead
constexpr std::int64_t kPageEveryMs = 250;        // then, so often
constexpr std::int64_t kServiceEveryMs = 10;      // sockets are looked at, however much there is to hand out
constexpr std::size_t kGapsOneByOne = 4;          // more gaps than these are one fetch of everything
constexpr std::size_t kMaxHeadsToState = 8'000;   // a question must stay below 1 MiB
constexpr std::size_t kMaxWithoutOrder = 10'000;  // asked again past it

ConsumerOptions checked(ConsumerOptions options) {
  const auto check_name = [](const char* what, const std::string& name) {
    if (!name.empty() && !valid_name(name))
      throw std::invalid_argument(std::string(what) + " '" + name +
                                  "' is not [A-Za-z0-9._-]{1,64}, and not of dots alone");
  };
  check_name("run", options.run);
  check_name("trainer", options.trainer);
  if (options.run.empty() && !options.trainer.empty())
    throw std::invalid_argument("trainer '" + options.trainer + "' needs a run: names are unique within a run only");
  for (const Kind kind : options.kinds)
    if (!is_kept(kind))
      throw std::invalid_argument("kind '" + std::string(kind_name(kind)) +
                                  "' is not kept, there is nothing to consume");
  if (options.kinds.empty()) options.kinds.assign(std::begin(kKeptKinds), std::end(kKeptKinds));
  return options;
}

}  // namespace

// Joining: when the feed's fence comes back, fetch until the end of the journal while live records are kept aside; the
// same begins again from the heads whenever it comes back. While no fence comes back though the broker answers on the
// control port, what the journal has got since is fetched a few times a second; heartbeats, which it does not keep,
// come from lists.
class Consumer::Core {
 public:
  explicit Core(ConsumerOptions options);

  const Record* next(std::chrono::milliseconds timeout);
  bool caught_up() const { return caught_up_; }
  bool connected() const {
    return !away_ && pages_.linked() && heard_ms() > 0 && steady_ms() - heard_ms() < kConnectedMs;
  }
  const std::string& journal_trouble() const { return pages_.refusal(); }
  const std::string& port_trouble() const { return port_trouble_.text(); }
  bool by_pages() const { return by_pages_; }
  std::pair<std::uint64_t, std::uint64_t> progress() const;
  const StreamHeads& heads() const { return merge_.heads(); }
  const ConsumerCounters& counters() const;

 private:
  void service(std::int64_t now_ms);
  void keep_joined(std::int64_t now_ms);
  void watch_feed(std::int64_t now_ms);
  void follow_by_pages(std::int64_t now_ms);
  void fetch_all(std::int64_t now_ms);
  void fetch_stream(const StreamKey& stream, std::int64_t now_ms);
  void state_heads(v1::FetchRequest& fetch, const StreamKey* stream) const;
  void finish_fetch();

  bool next_aside();
  bool next_stored();
  bool next_live(std::int64_t now_ms);
  bool next_listed(std::int64_t now_ms);
  bool take_live(std::int64_t now_ms);
  void take_heartbeat(std::int64_t now_ms);
  bool hand_out(bool from_history);
  void set_order();
  bool order_known() const;
  bool holds_incarnation() const;
  void release_held();
  void wait(std::int64_t until_ms, std::int64_t now_ms);
  std::int64_t heard_ms() const { return std::max(feed_.heard_ms(), pages_.heard_ms()); }
  StreamKey& key_of_record();

  zmq::context_t& context() const { return options_.context != nullptr ? *options_.context : process_context(); }

  ConsumerOptions options_;
  LiveFeed feed_;
  JournalPages pages_;
  StreamMerge merge_;
  PortTrouble port_trouble_;
  std::optional<HeartbeatPages> listed_heartbeats_;  // while by_pages_, where heartbeats are wanted

  bool away_ = false;         // the broker said goodbye, and nothing new came
  bool join_wanted_ = false;  // a fetch of everything is due
  bool fetching_all_ = false;
  bool caught_up_ = false;
  bool by_pages_ = false;
  std::int64_t next_page_ms_ = 0;
  std::uint64_t pages_of_ = 0;       // the broker that safe_position_ was had from by pages; 0: none
  bool position_known_ = false;      // safe_position_ was taken
  std::uint64_t safe_position_ = 0;  // of the journal: everything up to here was had or is a known gap
  std::int64_t serviced_ms_ = 0;

  std::vector<zmq::message_t> frames_;
  StreamKey key_;  // reused
  struct {
    std::string session_id;
    std::uint64_t incarnation = 0;
    std::int64_t order = 0;
  } newest_order_;                                                 // that was handed out
  std::set<StreamKey> held_;                                       // until the order of their incarnations is known
  std::set<StreamKey> asked_;                                      // of these, by the running fetch
  std::set<std::pair<std::string, std::uint64_t>> without_order_;  // the journal says none of these
  Record record_;
  std::uint64_t handed_out_history_ = 0;
  mutable ConsumerCounters counters_;
};

Consumer::Core::Core(ConsumerOptions options)
    : options_(checked(std::move(options))),
      feed_(context(), {options_.broker, options_.kinds, options_.run, options_.trainer}),
      pages_(context(), options_.broker),
      merge_(options_.heads, !options_.history),
      port_trouble_(options_.broker) {}

const Record* Consumer::Core::next(std::chrono::milliseconds timeout) {
  std::int64_t now_ms = steady_ms();
  const std::int64_t until_ms = now_ms + timeout.count();
  for (;; now_ms = steady_ms()) {
    if (now_ms - serviced_ms_ >= kServiceEveryMs) service(now_ms);
    if (next_aside() || next_stored() || next_live(now_ms) || next_listed(now_ms)) return &record_;
    service(now_ms);
    if (next_stored()) return &record_;
    if (now_ms >= until_ms) return nullptr;
    wait(until_ms, now_ms);
  }
}

void Consumer::Core::wait(std::int64_t until_ms, std::int64_t now_ms) {
  constexpr std::int64_t kTimersMs = 50;
  zmq::pollitem_t items[] = {{feed_.socket().handle(), 0, ZMQ_POLLIN, 0}, {pages_.socket().handle(), 0, ZMQ_POLLIN, 0}};
  zmq_poll(items, 2, std::min(until_ms - now_ms, kTimersMs));  // EINTR: a turn with nothing to do
}

void Consumer::Core::service(std::int64_t now_ms) {
  serviced_ms_ = now_ms;
  feed_.turn(pages_.linked(), now_ms);
  const bool was_stopped = pages_.broker_stopped();
  pages_.turn(now_ms);
  if (pages_.broker_stopped() && !was_stopped) feed_.renew_fence(now_ms);  // answered by the next broker
  if (pages_.broker_stopped() != was_stopped) away_ = pages_.broker_stopped();
  watch_feed(now_ms);
  keep_joined(now_ms);
}

void Consumer::Core::watch_feed(std::int64_t now_ms) {
  const bool answers = pages_.linked() && pages_.heard_ms() > 0 && now_ms - pages_.heard_ms() < kConnectedMs;
  port_trouble_.turn(answers, feed_.joined(), now_ms);
  const bool by_pages = !feed_.joined() && (by_pages_ || port_trouble_.feed_silent_ms(now_ms) >= kByPagesAfterMs);
  if (by_pages == by_pages_) return;
  by_pages_ = by_pages;
  pages_of_ = 0;
  listed_heartbeats_.reset();
  if (by_pages && options_.heartbeats)
    listed_heartbeats_.emplace(context(), options_.broker, options_.run, options_.trainer);
}

void Consumer::Core::keep_joined(std::int64_t now_ms) {
  if (pages_.take_finished()) finish_fetch();
  if (join_wanted_) {
    if (!options_.history && !position_known_) {
      if (pages_.heard_ms() == 0) return;  // the first answer says where the journal ends
      safe_position_ = pages_.end_position();
      position_known_ = caught_up_ = true;
      join_wanted_ = false;
      return;
    }
    fetch_all(now_ms);
    return;
  }
  if (by_pages_) follow_by_pages(now_ms);
  if (pages_.active() || !feed_.joined()) return;
  if (merge_.gaps() == 0) {
    safe_position_ = std::max(safe_position_, pages_.end_position());
    return;
  }
  const auto due = merge_.gaps_to_ask(now_ms, kGapsOneByOne + 1);
  if (due.empty()) return;
  if (options_.history && due.size() > kGapsOneByOne)
    fetch_all(now_ms);
  else
    fetch_stream(due.front(), now_ms);
}

void Consumer::Core::follow_by_pages(std::int64_t now_ms) {
  if (listed_heartbeats_) listed_heartbeats_->turn(now_ms);
  if (pages_.active() || now_ms < next_page_ms_ || pages_.heard_ms() == 0) return;
  next_page_ms_ = now_ms + kPageEveryMs;
  if (!options_.history && !std::exchange(position_known_, true)) safe_position_ = pages_.end_position();
  fetch_all(now_ms);
}

// Everything after the heads. Without history it is everything after the position at which the consumer was joined
// last, because streams that it never saw have no head.
void Consumer::Core::fetch_all(std::int64_t now_ms) {
  v1::FetchRequest fetch;
  for (const Kind kind : options_.kinds)
    fetch.add_kinds(kind);
  fetch.set_run(options_.run);
  fetch.set_trainer(options_.trainer);
  const bool goes_on = by_pages_ && pages_of_ != 0 && pages_of_ == pages_.broker_incarnation();
  if (options_.history && !goes_on && merge_.heads().size() <= kMaxHeadsToState)
    state_heads(fetch, nullptr);
  else
    fetch.set_after_position(std::min(safe_position_, pages_.end_position()));
  for (const auto& stream : merge_.gaps_to_ask(now_ms, merge_.gaps()))
    merge_.asked(stream, now_ms);
  asked_ = held_;
  join_wanted_ = false;
  fetching_all_ = true;
  pages_.start(std::move(fetch), now_ms);
}

void Consumer::Core::fetch_stream(const StreamKey& stream, std::int64_t now_ms) {
  const auto session = parse_session_id(stream.session_id);
  v1::FetchRequest fetch;
  fetch.add_kinds(stream.kind);
  fetch.set_run(session->run);
  fetch.set_trainer(session->trainer);
  state_heads(fetch, &stream);
  merge_.asked(stream, now_ms);
  asked_ = {stream};
  fetching_all_ = false;
  pages_.start(std::move(fetch), now_ms);
}

// The heads had: of all streams, or of all incarnations of one.
void Consumer::Core::state_heads(v1::FetchRequest& fetch, const StreamKey* stream) const {
  for (const auto& [key, sequence] : merge_.heads()) {
    if (stream != nullptr && (key.session_id != stream->session_id || key.kind != stream->kind)) continue;
    auto* head = fetch.add_heads();
    head->set_session_id(key.session_id);
    head->set_incarnation(key.incarnation);
    head->set_kind(key.kind);
    head->set_sequence(sequence);
  }
}

void Consumer::Core::finish_fetch() {
  for (const auto& range : pages_.lost()) {
    const auto& stream = range.stream();
    merge_.lose({stream.session_id(), stream.incarnation(), stream.kind()}, stream.sequence(), range.last_sequence());
  }
  if (fetching_all_) caught_up_ = true;
  release_held();
  if (!by_pages_ || !fetching_all_) return;
  safe_position_ = pages_.next_position();
  pages_of_ = pages_.broker_incarnation();
}

// Which of two incarnations is the newer only the broker knows. The first live record of one waits until the journal
// was asked, which says it; but for the bus's own programs, which have no order, and without a broker to ask.
bool Consumer::Core::order_known() const {
  if (newest_order_.incarnation == key_.incarnation && newest_order_.session_id == key_.session_id) return true;
  const std::pair incarnation(key_.session_id, key_.incarnation);
  return pages_.orders().contains(incarnation) || without_order_.contains(incarnation) || !pages_.linked() ||
         record_.topic.session.run == kBusRun;
}

// Earlier records of the same incarnation wait, of whatever kind: its epochs do not overtake its batches.
bool Consumer::Core::holds_incarnation() const {
  if (held_.empty()) return false;
  const auto first = held_.lower_bound({key_.session_id, key_.incarnation, v1::KIND_UNKNOWN});
  return first != held_.end() && first->session_id == key_.session_id && first->incarnation == key_.incarnation;
}

// Also where the journal has none: it was asked, and does not know.
void Consumer::Core::release_held() {
  const auto asked = std::exchange(asked_, {});
  std::erase_if(held_, [&](const StreamKey& stream) {
    const std::pair incarnation(stream.session_id, stream.incarnation);
    const bool known = pages_.orders().contains(incarnation);
    if (!known && !asked.contains(stream)) return false;
    if (!known && without_order_.size() >= kMaxWithoutOrder) without_order_.clear();
    if (!known) without_order_.insert(incarnation);
    merge_.release(stream);
    return true;
  });
}

bool Consumer::Core::next_aside() {
  auto ready = merge_.take_ready();
  if (!ready) return false;
  record_.bytes = std::move(ready->body);
  record_.topic = {ready->stream.kind, *parse_session_id(ready->stream.session_id)};
  record_.message.ParseFromString(record_.bytes);  // it did when it came
  return hand_out(false);
}

bool Consumer::Core::next_stored() {
  while (auto* stored = pages_.next()) {
    record_.bytes.swap(*stored->mutable_message());
    const bool parsed = record_.message.ParseFromString(record_.bytes);
    auto session = parse_session_id(record_.message.session_id());
    if (!parsed || !session || payload_kind(record_.message) != stored->kind()) {
      ++counters_.rejected[std::string(wire_error_name(parsed ? WireError::kKindMismatch : WireError::kNotProtobuf))];
      continue;
    }
    record_.topic = {stored->kind(), std::move(*session)};
    if (merge_.offer_stored(key_of_record(), record_.message.sequence()) == Verdict::kNext) {
      // One that came live, and was read from the journal only because its incarnation's order had to be asked for.
      const bool live = caught_up_ && held_.contains(key_);
      handed_out_history_ += live ? 0 : 1;
      return hand_out(!live);
    }
    ++counters_.duplicates;
  }
  return false;
}

bool Consumer::Core::next_live(std::int64_t now_ms) {
  constexpr int kWithoutService = 1'000;  // that yield nothing to hand out
  for (int turns = 0; turns < kWithoutService; ++turns) {
    const auto came = feed_.receive(frames_, now_ms);
    if (came == LiveFeed::Came::kNothing) return false;
    if (came == LiveFeed::Came::kMessage && take_live(now_ms)) return true;
    if (came != LiveFeed::Came::kFence) continue;
    join_wanted_ = true;
    away_ = false;
  }
  return false;
}

bool Consumer::Core::take_live(std::int64_t now_ms) {
  const auto body = frames_.size() == 2 ? bytes_of(frames_[1]) : std::string_view{};
  const WireError error = frames_.size() != 2
                              ? WireError::kFrameCount
                              : decode_record(bytes_of(frames_[0]), body, record_.topic, record_.message);
  if (error != WireError::kNone) {
    ++counters_.rejected[std::string(wire_error_name(error))];
    return false;
  }
  if (record_.topic.kind == v1::KIND_HEARTBEAT) {
    take_heartbeat(now_ms);
    if (!options_.heartbeats) return false;
    record_.bytes.assign(body);
    record_.from_history = false;
    record_.age_ms = 0;
    set_order();
    return true;
  }
  if (record_.message.sequence() == 0 || record_.message.incarnation() == 0) {
    ++counters_.rejected["not_numbered"];  // a broker numbers what it publishes
    return false;
  }
  if (key_of_record(); !order_known() || holds_incarnation()) {
    held_.insert(key_);
    counters_.duplicates += merge_.hold(key_, record_.message.sequence(), body, now_ms) == Verdict::kDuplicate;
    return false;
  }
  switch (merge_.offer_live(key_, record_.message.sequence(), body, now_ms)) {
    case Verdict::kNext: record_.bytes.assign(body); return hand_out(false);
    case Verdict::kDuplicate: ++counters_.duplicates; return false;
    case Verdict::kGap: return false;
  }
  return false;
}

void Consumer::Core::take_heartbeat(std::int64_t now_ms) {
  ++counters_.heartbeats;
  for (const auto& position : record_.message.heartbeat().highest()) {
    if (std::find(options_.kinds.begin(), options_.kinds.end(), position.kind()) == options_.kinds.end()) continue;
    merge_.announce({record_.message.session_id(), record_.message.incarnation(), position.kind()}, position.sequence(),
                    now_ms);
  }
}

bool Consumer::Core::next_listed(std::int64_t now_ms) {
  while (auto body = listed_heartbeats_ ? listed_heartbeats_->next() : std::nullopt) {
    record_.bytes = std::move(*body);
    if (!record_.message.ParseFromString(record_.bytes) || !record_.message.has_heartbeat()) continue;
    const auto session = parse_session_id(record_.message.session_id());
    if (!session) continue;
    record_.topic = {v1::KIND_HEARTBEAT, *session};
    take_heartbeat(now_ms);
    record_.from_history = false;
    return true;
  }
  return false;
}

StreamKey& Consumer::Core::key_of_record() {
  key_.session_id = record_.message.session_id();
  key_.incarnation = record_.message.incarnation();
  key_.kind = record_.topic.kind;
  return key_;
}

// Nearly every record is of the same incarnation as the one before, or of one of a few.
void Consumer::Core::set_order() {
  auto& of = newest_order_;
  if (of.incarnation != record_.message.incarnation() || of.session_id != record_.message.session_id()) {
    of = {record_.message.session_id(), record_.message.incarnation(), 0};
    const auto known = pages_.orders().find({of.session_id, of.incarnation});
    if (known != pages_.orders().end()) of.order = known->second;
  }
  record_.order = of.order;
  if (of.order == 0) of.incarnation = 0;  // it may be known by the next
}

bool Consumer::Core::hand_out(bool from_history) {
  record_.from_history = from_history;
  record_.age_ms = from_history ? pages_.record_age_ms() : 0;
  if (record_.age_ms < 0) record_.age_ms = std::max<std::int64_t>(0, pages_.broker_ms() - record_ms(record_.message));
  set_order();
  ++counters_.received;
  return true;
}

std::pair<std::uint64_t, std::uint64_t> Consumer::Core::progress() const {
  const auto position = pages_.position();
  if (caught_up_ || position == 0) return {handed_out_history_, handed_out_history_};
  const auto part = static_cast<double>(position) / static_cast<double>(std::max(position, pages_.end_position()));
  return {handed_out_history_, static_cast<std::uint64_t>(static_cast<double>(handed_out_history_) / part)};
}

const ConsumerCounters& Consumer::Core::counters() const {
  counters_.lost = merge_.lost();
  counters_.gaps = merge_.gaps_found();
  counters_.dropped_aside = merge_.dropped_aside();
  return counters_;
}

Consumer::Consumer(ConsumerOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
Consumer::~Consumer() = default;
const Record* Consumer::next(std::chrono::milliseconds timeout) { return core_->next(timeout); }
bool Consumer::caught_up() const { return core_->caught_up(); }
bool Consumer::connected() const { return core_->connected(); }
const std::string& Consumer::journal_trouble() const { return core_->journal_trouble(); }
const std::string& Consumer::port_trouble() const { return core_->port_trouble(); }
bool Consumer::by_pages() const { return core_->by_pages(); }
std::pair<std::uint64_t, std::uint64_t> Consumer::progress() const { return core_->progress(); }
const StreamHeads& Consumer::heads() const { return core_->heads(); }
const ConsumerCounters& Consumer::counters() const { return core_->counters(); }

}  // namespace trainbus
