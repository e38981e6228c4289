#include "control_dealer.hpp"

#include "trainbus/addresses.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/service_type.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

zmq::socket_t control_dealer(zmq::context_t& context, const std::string& broker) {
  const std::string endpoint = parse_endpoints(broker).control();
  zmq::socket_t dealer(context, zmq::socket_type::dealer);
  apply_lane(dealer, Lane::kControl);
  apply_reconnect(dealer, new_command_id());
  dealer.set(zmq::sockopt::immediate, 1);
  dealer.set(zmq::sockopt::tos, kToolServiceType);
  dealer.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxTilesBytes));
  connect_to(dealer, endpoint);
  return dealer;
}

}  // namespace trainbus
