#include "tile_stream.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "ws_session.hpp"

namespace trainbus {

TileStream::TileStream(boost::asio::io_context& io, const std::string& broker) : feed_(broker) {
  feed_.on_ready([this, &io] { boost::asio::post(io, [this] { deliver(); }); });
}

void TileStream::watch(WsSession& viewer, const SessionName& session, double max_rate_hz) {
  const std::string id = session.id();
  if (const auto found = watched_.find(id); found == watched_.end() || !found->second.viewers.contains(&viewer))
    unwatch(viewer);
  Watched& watched = watched_.try_emplace(id, Watched{session, {}}).first->second;
  watched.viewers[&viewer] = max_rate_hz;
  demand(watched);
}

void TileStream::unwatch(WsSession& viewer) {
  for (auto entry = watched_.begin(); entry != watched_.end();) {
    Watched& watched = entry->second;
    if (watched.viewers.erase(&viewer) != 0 && !watched.viewers.empty()) demand(watched);
    if (watched.viewers.empty()) {
      feed_.unwatch(watched.session);
      entry = watched_.erase(entry);
    } else {
      ++entry;
    }
  }
}

void TileStream::demand(Watched& watched) {
  double highest_hz = 0;
  for (const auto& [viewer, rate_hz] : watched.viewers)
    highest_hz = std::max(highest_hz, rate_hz);
  if (highest_hz == watched.demanded_hz) return;
  watched.demanded_hz = highest_hz;
  feed_.watch(watched.session, highest_hz);
}

void TileStream::deliver() {
  const auto now = BrowserQueue::Clock::now();
  for (TileFrame& frame : feed_.take()) {
    const auto watched = watched_.find(frame.topic.session.id());
    if (watched == watched_.end()) continue;
    const auto picture = std::make_shared<TilePicture>(std::move(frame.bytes));
    for (const auto& [viewer, rate_hz] : watched->second.viewers)
      viewer->offer_tiles(picture, now);
  }
}

}  // namespace trainbus
