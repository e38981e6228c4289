#include "trainbus/spool.hpp"

#include <cstdlib>
#include <system_error>

#include "bus_context.hpp"
#include "spool_delivery.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/state_dir.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr Outbox::Burst kBurst{1024, 4 << 20};
constexpr milliseconds kTurn{10};

void read_acknowledgements(zmq::socket_t& control, SpoolDelivery& delivery) {
  std::vector<zmq::message_t> frames;
  v1::MetricsResponse response;
  while (receive_message(control, frames)) {
    if (frames.size() != 1 || decode_control(bytes_of(frames[0]), response) != WireError::kNone) continue;
    if (response.has_ack()) delivery.acknowledge(response.session_id(), response.ack(), SpoolDelivery::Clock::now());
  }
}

}  // namespace

std::string default_spool_dir() {
  if (const char* folder = std::getenv("TRAINBUS_SPOOL_DIR")) return folder;
  return default_state_dir("spool");
}

std::vector<SpooledLife> spool_list(const std::string& folder) {
  std::vector<SpooledLife> lives;
  for (const auto& files : scan_spool(folder)) {
    SpooledLife life{.session_id = files.life.session.id(), .incarnation = files.life.incarnation};
    SpoolReader::Heads heads{};
    try {
      life.in_use = !LifeLock::acquire(files.life.lock_file(folder));
      for (const auto& [number, path] : files.segments) {
        const auto segment = SpoolSegment::open(path);
        SpoolReader reader(*segment, heads);
        while (const auto entry = reader.next()) {
          ++life.records;
          life.bytes += entry->record.size();
        }
        life.damaged_files += reader.damaged() ? 1 : 0;
      }
    } catch (const std::system_error&) {
      // Somebody else's, or gone by now.
    }
    lives.push_back(std::move(life));
  }
  return lives;
}

SpoolOutcome spool_send(const std::string& folder, const std::string& broker, milliseconds deadline) {
  const Endpoints endpoints = parse_endpoints(broker);
  SpoolDelivery delivery(folder, std::nullopt);
  const auto context = shared_bus_context();
  zmq::socket_t control(*context, zmq::socket_type::dealer);
  apply_lane(control, Lane::kControl);
  apply_reconnect(control, folder);
  control.set(zmq::sockopt::immediate, 1);
  control.set(zmq::sockopt::linger, 0);
  control.connect(endpoints.control());
  const auto until = SpoolDelivery::Clock::now() + deadline;
  while (!delivery.done() && SpoolDelivery::Clock::now() < until) {
    delivery.send(
        SpoolDelivery::Clock::now(), kBurst,
        [&](const std::string& topic, std::string_view record) {
          return send_record(control, topic, zmq::message_t(record.data(), record.size()));
        },
        [&](v1::MetricsRequest& hello) {
          hello.set_timestamp_ms(unix_ms());
          const std::string bytes = hello.SerializeAsString();
          return control.send(zmq::buffer(bytes), zmq::send_flags::dontwait).has_value();
        });
    zmq_pollitem_t item{control.handle(), 0, ZMQ_POLLIN, 0};
    zmq_poll(&item, 1, kTurn.count());
    read_acknowledgements(control, delivery);
  }
  return {delivery.delivered(), delivery.damaged(), delivery.done()};
}

}  // namespace trainbus
