#include "site.hpp"

#include <boost/asio/post.hpp>

#include "trainbus/storing.hpp"
#include "trainbus/wire.hpp"
#include "unlisted.hpp"

namespace trainbus {

namespace asio = boost::asio;

// The desk's and the feed's threads only post.
Site::Site(Server& owner, const NamedBroker& where)
    : server(owner),
      at(where),
      model(owner.options.max_memory_bytes),
      tiles(owner.io, at.address),
      hub(model, tiles, at.address),
      desk(at.address,
           [this](BrokerFigures figures) {
             asio::post(server.io, [this, figures = std::move(figures)]() mutable { take(std::move(figures)); });
           }),
      reading_room(at.address),
      feed(at.address, [this](BusBatch batch) {
        asio::post(server.io, [this, batch = std::move(batch)] {
          hub.publish(batch);
          feed.taken();
        });
      }) {
  if (owner.options.history.database.empty()) return;
  auto place = owner.options.history;
  if (place.site.empty()) place.site = where.name;
  history = std::make_unique<EndedRunsDesk>(*this, place);
  hub.on_watched = [this](const SessionName& session) { history->opens(session, [] {}); };
}

void Site::take(BrokerFigures figures) {
  for (const auto& one : figures.standings)
    if (const auto session = parse_session_id(one.session_id))
      model.set_standing(*session, one.incarnation, one.standing);
  broker = std::move(figures);
  if (!broker.stats) return;
  model.set_storing_trouble(storing_trouble(*broker.stats), unix_ms());
  look_for_unlisted(*this);
}

}  // namespace trainbus
