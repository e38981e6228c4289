#include "trainbus/spool.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "bus_context.hpp"
#include "spool_delivery.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/state_dir.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr Outbox::Burst kBurst{1024, 4 << 20};
constexpr milliseconds kTurn{10};
constexpr milliseconds kIdPatience{1000};  // a broker that does not say its id

void read_acknowledgements(zmq::socket_t& control, SpoolDelivery& delivery) {
  std::vector<zmq::message_t> frames;
  v1::MetricsResponse response;
  while (receive_message(control, frames)) {
    if (frames.size() != 1 || decode_control(bytes_of(frames[0]), response) != WireError::kNone) continue;
    if (response.has_ack()) delivery.acknowledge(response.session_id(), response.ack(), SpoolDelivery::Clock::now());
  }
}

// As the broker says it to whoever greets it in the name of somebody who has ended; empty when it does not.
std::string broker_id(zmq::socket_t& control, SpoolDelivery::Clock::time_point until) {
  v1::MetricsRequest request;
  request.set_session_id(bus_session("spool").id());
  request.set_incarnation(new_incarnation());
  request.set_request_id(1);
  request.mutable_hello()->set_wire_version(kWireVersion);
  request.mutable_hello()->set_from_spool(true);
  const std::string bytes = request.SerializeAsString();
  std::vector<zmq::message_t> frames;
  v1::MetricsResponse response;
  bool sent = false;
  for (auto answered_by = until; SpoolDelivery::Clock::now() < std::min(until, answered_by);) {
    if (!sent && control.send(zmq::buffer(bytes), zmq::send_flags::dontwait)) {
      sent = true;
      answered_by = SpoolDelivery::Clock::now() + kIdPatience;
    }
    zmq_pollitem_t item{control.handle(), 0, ZMQ_POLLIN, 0};
    zmq_poll(&item, 1, kTurn.count());
    while (receive_message(control, frames)) {
      if (frames.size() != 1 || decode_control(bytes_of(frames[0]), response) != WireError::kNone) continue;
      if (response.has_welcome()) return response.welcome().broker_id();
    }
  }
  return {};
}

}  // namespace

std::string default_spool_dir() {
  if (const char* folder = std::getenv("TRAINBUS_SPOOL_DIR")) return folder;
  return default_state_dir("spool");
}

std::vector<SpooledIncarnation> spool_list(const std::string& folder) {
  std::vector<SpooledIncarnation> owners;
  for (const auto& files : scan_spool(folder)) {
    SpooledIncarnation owner;
    owner.session_id = files.owner.session.id();
    owner.incarnation = files.owner.incarnation;
    SpoolReader::Heads heads{};
    try {
      const auto lock = OwnerLock::acquire(files.owner.lock_file(folder));
      owner.in_use = !lock;
      if (lock) owner.broker = lock->read().address;
      auto all = files;
      if (lock) add_memory_without_file(all, folder);
      for (const auto& [number, path] : all.segments) {
        const auto segment = lock ? open_left(files.owner, folder, number, path) : SpoolSegment::open(path);
        SpoolReader reader(*segment, heads);
        while (const auto entry = reader.next()) {
          ++owner.records;
          owner.bytes += entry->record.size();
        }
        owner.damaged_files += reader.damaged() ? 1 : 0;
      }
    } catch (const std::system_error&) {
      // Somebody else's, or gone by now.
    }
    owners.push_back(std::move(owner));
  }
  return owners;
}

SpoolOutcome spool_send(const std::string& folder, const std::string& broker, milliseconds deadline, bool any_broker) {
  const Endpoints endpoints = parse_endpoints(broker);
  const auto context = shared_bus_context();
  zmq::socket_t control(*context, zmq::socket_type::dealer);
  apply_lane(control, Lane::kControl);
  apply_reconnect(control, folder);
  control.set(zmq::sockopt::immediate, 1);
  control.set(zmq::sockopt::linger, 0);
  connect_to(control, endpoints.control());
  const auto until = SpoolDelivery::Clock::now() + deadline;
  SpoolDelivery delivery(
      folder, std::nullopt,
      {.address = broker, .id = any_broker ? "" : broker_id(control, until), .whatever = any_broker});
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
  return {delivery.delivered(), delivery.damaged(), delivery.done() && delivery.refused().empty(), delivery.refused()};
}

}  // namespace trainbus
