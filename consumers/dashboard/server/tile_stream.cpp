#include "tile_stream.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "ws_session.hpp"

namespace trainbus {

TileStream::TileStream(boost::asio::io_context& io, const std::string& broker) : feed_(broker) {
  feed_.on_ready([this, &io] { boost::asio::post(io, [this] { deliver(); }); });
}

void TileStream::watch(WsSession& viewer, const SessionName& session, const TileDemand& demand) {
  const std::string id = session.id();
  if (const auto found = watched_.find(id); found == watched_.end() || !found->second.viewers.contains(&viewer))
    unwatch(viewer);
  Watched& watched = watched_.try_emplace(id, Watched{session, {}}).first->second;
  watched.viewers[&viewer] = demand;
  state_demand(watched);
}

void TileStream::unwatch(WsSession& viewer) {
  for (auto entry = watched_.begin(); entry != watched_.end();) {
    Watched& watched = entry->second;
    if (watched.viewers.erase(&viewer) != 0 && !watched.viewers.empty()) state_demand(watched);
    if (watched.viewers.empty()) {
      feed_.unwatch(watched.session);
      entry = watched_.erase(entry);
    } else {
      ++entry;
    }
  }
}

void TileStream::state_demand(Watched& watched) {
  TileDemand most{0, 1};
  for (const auto& [viewer, demand] : watched.viewers) {
    most.max_rate_hz = std::max(most.max_rate_hz, demand.max_rate_hz);
    const bool unlimited = most.max_pixels == 0 || demand.max_pixels == 0;
    most.max_pixels = unlimited ? 0 : std::max(most.max_pixels, demand.max_pixels);
  }
  if (most == watched.stated) return;
  watched.stated = most;
  feed_.watch(watched.session, most.max_rate_hz, most.max_pixels);
}

void TileStream::deliver() {
  const auto now = BrowserQueue::Clock::now();
  for (TileFrame& frame : feed_.take()) {
    const auto watched = watched_.find(frame.topic.session.id());
    if (watched == watched_.end()) continue;
    const auto picture = std::make_shared<TilePicture>(std::move(frame.bytes));
    for (const auto& [viewer, demand] : watched->second.viewers)
      viewer->offer_tiles(picture, now);
  }
}

}  // namespace trainbus
