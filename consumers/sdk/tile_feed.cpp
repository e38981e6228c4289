#include "trainbus/tile_feed.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <zmq.hpp>

#include "control_dealer.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kLeaseMs = 6'000;
constexpr std::int64_t kRenewMs = 2'000;
constexpr std::int64_t kTryAgainMs = 100;  // a lease that could not be sent: the broker is away

// Wakes a thread that polls.
class WakeUp {
 public:
  WakeUp() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::runtime_error("no event descriptor left for the tile feed");
  }
  ~WakeUp() { close(fd_); }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  int fd() const { return fd_; }
  void call() const { static_cast<void>(eventfd_write(fd_, 1)); }
  void clear() const {
    eventfd_t ignored;
    static_cast<void>(eventfd_read(fd_, &ignored));
  }

 private:
  int fd_;
};

}  // namespace

class TileFeed::Core {
 public:
  Core(const std::string& broker, zmq::context_t& context);
  ~Core();

  void set_demand(const SessionName& session, std::optional<v1::Demand> demand);
  void on_ready(std::function<void()> callback);
  std::vector<TileFrame> take();
  TileCounters counters() const;

 private:
  // What the feed's thread knows of a watched trainer.
  struct Watched {
    v1::Demand demand;
    std::int64_t renew_at_ms = 0;
    std::uint64_t incarnation = 0;
    std::uint64_t sequence = 0;
    std::uint64_t lost = 0;  // gaps in the sequence of this incarnation
  };
  using Demands = std::map<std::string, std::optional<v1::Demand>>;  // empty: no longer

  void run();
  void apply_demands();
  void renew_leases(std::int64_t now_ms);
  void report_losses(std::int64_t now_ms);
  bool send_demand(const std::string& session_id, const v1::Demand& demand);
  void drain();
  void fill_slot();
  std::int64_t report_at_ms_ = 0;
  std::uint64_t count_lost(Watched& watched);

  // Shared, under the mutex.
  mutable std::mutex mutex_;
  Demands changed_;
  std::map<std::string, TileFrame> slots_;
  TileCounters counters_;
  std::function<void()> on_ready_;
  bool announced_ = false;  // on_ready_ was called since the last take()

  // The feed's thread only.
  std::map<std::string, Watched> watched_;
  std::vector<zmq::message_t> frames_;
  Topic topic_;
  v1::MetricsRequest message_;
  zmq::socket_t sub_, dealer_;

  WakeUp wake_up_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TileFeed::Core::Core(const std::string& broker, zmq::context_t& context)
    : sub_(context, zmq::socket_type::sub), dealer_(control_dealer(context, broker)) {
  apply_lane(sub_, Lane::kTiles);
  apply_reconnect(sub_, new_command_id());
  sub_.set(zmq::sockopt::rcvhwm, 2);
  connect_to(sub_, parse_endpoints(broker).data_out());
  thread_ = std::thread([this] { run(); });
}

TileFeed::Core::~Core() {
  stop_ = true;
  wake_up_.call();
  thread_.join();
}

void TileFeed::Core::set_demand(const SessionName& session, std::optional<v1::Demand> demand) {
  {
    const std::lock_guard lock(mutex_);
    changed_[session.id()] = std::move(demand);
  }
  wake_up_.call();
}

void TileFeed::Core::on_ready(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  on_ready_ = std::move(callback);
}

std::vector<TileFrame> TileFeed::Core::take() {
  const std::lock_guard lock(mutex_);
  std::vector<TileFrame> frames;
  frames.reserve(slots_.size());
  for (auto& [session_id, frame] : slots_)
    frames.push_back(std::move(frame));
  slots_.clear();
  counters_.taken += frames.size();
  announced_ = false;
  return frames;
}

TileCounters TileFeed::Core::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void TileFeed::Core::run() {
  while (!stop_) {
    apply_demands();
    renew_leases(steady_ms());
    report_losses(steady_ms());
    zmq::pollitem_t items[] = {{sub_.handle(), 0, ZMQ_POLLIN, 0},
                               {dealer_.handle(), 0, ZMQ_POLLIN, 0},
                               {nullptr, wake_up_.fd(), ZMQ_POLLIN, 0}};
    zmq_poll(items, 3, kTryAgainMs);  // EINTR: a turn with nothing to do
    wake_up_.clear();
    while (receive_message(dealer_, frames_))
      continue;  // nothing is asked, so no answer matters
    drain();
  }
}

void TileFeed::Core::apply_demands() {
  Demands changed;
  {
    const std::lock_guard lock(mutex_);
    changed.swap(changed_);
    for (const auto& [session_id, demand] : changed)
      if (!demand) counters_.replaced += slots_.erase(session_id);
  }
  for (auto& [session_id, demand] : changed) {
    const std::string topic = std::string(kind_name(v1::KIND_TILES)) + '/' + session_id + '/';
    if (demand) {
      const auto [at, is_new] = watched_.try_emplace(session_id);
      at->second.demand = std::move(*demand);
      at->second.renew_at_ms = 0;
      if (is_new) sub_.set(zmq::sockopt::subscribe, topic);
    } else if (watched_.erase(session_id) > 0) {
      sub_.set(zmq::sockopt::unsubscribe, topic);
      send_demand(session_id, {});  // a lease of 0 ms ends at once
    }
  }
}

void TileFeed::Core::renew_leases(std::int64_t now_ms) {
  for (auto& [session_id, watched] : watched_)
    if (now_ms >= watched.renew_at_ms)
      watched.renew_at_ms = now_ms + (send_demand(session_id, watched.demand) ? kRenewMs : kTryAgainMs);
}

// The broker cannot see what it drops for a slow reader.
void TileFeed::Core::report_losses(std::int64_t now_ms) {
  if (now_ms < report_at_ms_) return;
  report_at_ms_ = now_ms + kRenewMs;
  v1::MetricsRequest message;
  auto& report = *message.mutable_consumer_report();
  for (const auto& [session_id, watched] : watched_) {
    if (watched.incarnation == 0) continue;
    auto* loss = report.add_tiles_lost();
    loss->set_session_id(session_id);
    loss->set_incarnation(watched.incarnation);
    loss->set_count(watched.lost);
  }
  if (report.tiles_lost().empty()) return;
  message.set_timestamp_ms(unix_ms());
  dealer_.send(zmq::buffer(message.SerializeAsString()), zmq::send_flags::dontwait);
}

bool TileFeed::Core::send_demand(const std::string& session_id, const v1::Demand& demand) {
  v1::MetricsRequest message;
  message.set_session_id(session_id);
  message.set_timestamp_ms(unix_ms());
  *message.mutable_demand() = demand;
  return dealer_.send(zmq::buffer(message.SerializeAsString()), zmq::send_flags::dontwait).has_value();
}

void TileFeed::Core::drain() {
  while (!stop_ && receive_message(sub_, frames_)) {
    const WireError error = frames_.size() == 2
                                ? decode_record(bytes_of(frames_[0]), bytes_of(frames_[1]), topic_, message_)
                                : WireError::kFrameCount;
    if (error == WireError::kNone) {
      fill_slot();
    } else {
      const std::lock_guard lock(mutex_);
      ++counters_.rejected[std::string(wire_error_name(error))];
    }
  }
}

void TileFeed::Core::fill_slot() {
  const auto watched = watched_.find(message_.session_id());
  if (watched == watched_.end()) return;  // was on its way when it was unwatched
  TileFrame frame{topic_, std::make_shared<const std::string>(bytes_of(frames_[1])), unix_ms(), message_.incarnation(),
                  message_.sequence()};
  std::function<void()> ready;
  {
    const std::lock_guard lock(mutex_);
    ++counters_.received;
    counters_.lost_on_link += count_lost(watched->second);
    const auto [slot, is_new] = slots_.insert_or_assign(watched->first, std::move(frame));
    counters_.replaced += is_new ? 0 : 1;
    if (!announced_) ready = on_ready_;
    announced_ = true;
  }
  if (ready) ready();
}

// Gaps in the sequence since the trainer is watched.
std::uint64_t TileFeed::Core::count_lost(Watched& watched) {
  const std::uint64_t expected = watched.sequence + 1;
  const bool known = watched.incarnation == message_.incarnation() && watched.sequence > 0;
  if (!known) {
    watched.lost = 0;
    report_at_ms_ = 0;  // from where the broker counts for this consumer
  }
  watched.incarnation = message_.incarnation();
  watched.sequence = message_.sequence();
  const std::uint64_t lost = known && message_.sequence() > expected ? message_.sequence() - expected : 0;
  watched.lost += lost;
  return lost;
}

TileFeed::TileFeed(std::string broker, zmq::context_t* context)
    : core_(std::make_unique<Core>(broker, context != nullptr ? *context : process_context())) {}
TileFeed::~TileFeed() = default;

void TileFeed::watch(const SessionName& session, double max_rate_hz, int max_pixels) {
  v1::Demand demand;
  demand.set_max_rate_hz(max_rate_hz);
  demand.set_max_pixels(max_pixels);
  demand.set_lease_ms(kLeaseMs);
  core_->set_demand(session, std::move(demand));
}
void TileFeed::unwatch(const SessionName& session) { core_->set_demand(session, std::nullopt); }
void TileFeed::on_ready(std::function<void()> callback) { core_->on_ready(std::move(callback)); }
std::vector<TileFrame> TileFeed::take() { return core_->take(); }
TileCounters TileFeed::counters() const { return core_->counters(); }

}  // namespace trainbus
