#include "tile_lane.hpp"

#include <atomic>
#include <utility>

#include "bus_context.hpp"
#include "record_encoder.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

// After the last viewer went: one that comes back at once finds it there.
constexpr std::chrono::seconds kStaysConnected{1};

}  // namespace

// The bytes of one message, sent without a copy. libzmq's I/O thread says when it is done with them.
struct TileLane::Buffer {
  std::vector<char> bytes;
  std::atomic<bool> lent{false};
};

TileLane::TileLane(zmq::context_t& context, TrainerState& state, std::optional<KeyFile> key)
    : state_(state),
      context_(context),
      key_(std::move(key)),
      topic_(topic_text(v1::KIND_TILES, state.session.run, state.session.trainer)),
      encoder_(state.options.jpeg_quality) {
  message_.set_session_id(state.session.id());
  message_.set_incarnation(state.incarnation);
}

void TileLane::follow_demand(Clock::time_point now) {
  if (state_.tiles_wanted.load(std::memory_order_relaxed)) {
    wanted_at_ = now;
    if (!socket_) connect();
  } else if (socket_ && now - wanted_at_ > kStaysConnected) {
    disconnect();
  }
}

void TileLane::connect() {
  zmq::socket_t socket(context_, zmq::socket_type::xpub);
  apply_lane(socket, Lane::kTiles);
  apply_reconnect(socket, state_.session.id());
  socket.set(zmq::sockopt::immediate, 1);  // else it neither learns that the broker died nor forgets who watched
  socket.set(zmq::sockopt::sndhwm, 2);
  socket.set(zmq::sockopt::xpub_nodrop, 1);  // one peer only: a full link is an error to count, not a silent drop
  connect_to(socket, parse_endpoints(state_.options.broker).data_in(), key_);
  socket_ = std::move(socket);
}

void TileLane::disconnect() {
  socket_.reset();
  subscriptions_.clear();
  state_.tiles.set_watched(false);
}

void TileLane::poll_once(std::chrono::milliseconds timeout) {
  try {
    turn(timeout);
  } catch (const std::exception&) {
    // An interrupted call, or no memory; the next turn goes on where this one stopped.
  }
}

void TileLane::turn(std::chrono::milliseconds timeout) {
  follow_demand(Clock::now());
  zmq_pollitem_t item{socket_ ? socket_->handle() : nullptr, 0, ZMQ_POLLIN, 0};
  if (zmq_poll(&item, socket_ ? 1 : 0, timeout.count()) > 0) read_subscriptions();
  const TileSet* tiles = state_.tiles.take();
  if (tiles == nullptr) return;
  if (state_.tiles.watched() && send(*tiles))
    state_.tiles.sent();
  else
    state_.tiles.dropped();
}

// Frames are 1 (subscribe) or 0 (unsubscribe) and a prefix; a lost connection takes its subscriptions back too.
void TileLane::read_subscriptions() {
  bool changed = false;
  while (receive_message(*socket_, frames_)) {
    const std::string_view event = bytes_of(frames_[0]);
    if (frames_.size() != 1 || event.empty()) continue;
    const std::string_view prefix = event.substr(1);
    if (!prefix.starts_with("tiles/") || !topic_.starts_with(prefix)) continue;
    if (event[0] == 1)
      subscriptions_.emplace(prefix);
    else if (const auto found = subscriptions_.find(prefix); event[0] == 0 && found != subscriptions_.end())
      subscriptions_.erase(found);
    changed = true;
  }
  if (changed) state_.tiles.set_watched(!subscriptions_.empty());
}

bool TileLane::send(const TileSet& tiles) {
  v1::BatchData& batch = *message_.mutable_batch_data();
  batch.Clear();
  write_batch(tiles.batch(), tiles.timestamp_ms(), tiles.step(), batch);
  if (!encoder_.encode(tiles, state_.tiles.max_pixels(), batch)) return false;
  message_.set_timestamp_ms(tiles.timestamp_ms());
  message_.set_sequence(sequence_ + 1);
  const std::size_t size = message_.ByteSizeLong();
  if (size > kMaxTilesBytes) return false;

  const std::shared_ptr<Buffer> buffer = free_buffer();
  if (buffer->bytes.size() < size) buffer->bytes.resize(size);
  message_.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(buffer->bytes.data()));
  buffer->lent.store(true, std::memory_order_relaxed);
  const auto give_back = [](void*, void* hint) {
    const std::unique_ptr<std::shared_ptr<Buffer>> lent(static_cast<std::shared_ptr<Buffer>*>(hint));
    (*lent)->lent.store(false, std::memory_order_release);
  };
  zmq::message_t body(buffer->bytes.data(), size, give_back, new std::shared_ptr<Buffer>(buffer));
  if (!send_record(*socket_, topic_, std::move(body))) return false;
  ++sequence_;
  return true;
}

std::shared_ptr<TileLane::Buffer> TileLane::free_buffer() {
  for (const auto& buffer : buffers_)
    if (!buffer->lent.load(std::memory_order_acquire)) return buffer;
  return buffers_.emplace_back(std::make_shared<Buffer>());
}

}  // namespace trainbus
