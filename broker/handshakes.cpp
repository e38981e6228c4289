#include "broker/handshakes.hpp"

#include <utility>

#include "trainbus/key_file.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

constexpr char kZapAddress[] = "inproc://zeromq.zap.01";
constexpr std::size_t kCurveKeyBytes = 32;
// Of a question, behind who asks (a ROUTER's routing id and delimiter).
enum Frame : std::size_t { kFrom, kDelimiter, kVersion, kId, kDomain, kAddress, kRoutingId, kMechanism, kKey, kFrames };

std::string z85(const zmq::message_t& key) {
  if (key.size() != kCurveKeyBytes) return {};
  char text[kKeyLength + 1];
  return zmq_z85_encode(text, static_cast<const std::uint8_t*>(key.data()), key.size()) != nullptr ? text : "";
}

}  // namespace

void Handshakes::attach(zmq::context_t& context) {
  socket_ = zmq::socket_t(context, zmq::socket_type::router);
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind(kZapAddress);
}

bool Handshakes::next(Handshake& handshake) {
  if (!receive_message(socket_, frames_, kFrames)) return false;
  handshake = {};
  handshake.from = std::move(frames_[kFrom]);
  if (frames_.size() > kId) handshake.id = std::move(frames_[kId]);
  if (frames_.size() != kFrames || frames_[kMechanism].to_string_view() != "CURVE") return true;
  handshake.domain = frames_[kDomain].to_string();
  handshake.address = frames_[kAddress].to_string();
  handshake.key = z85(frames_[kKey]);
  return true;
}

void Handshakes::answer(Handshake& handshake, const std::string& status) {
  const auto more = zmq::send_flags::sndmore;
  socket_.send(std::move(handshake.from), more);
  socket_.send(zmq::str_buffer(""), more);
  socket_.send(zmq::str_buffer("1.0"), more);
  socket_.send(std::move(handshake.id), more);
  socket_.send(zmq::buffer(status), more);
  socket_.send(zmq::str_buffer(""), more);
  socket_.send(zmq::buffer(status == "200" ? handshake.key : ""), more);
  socket_.send(zmq::str_buffer(""), zmq::send_flags::none);
}

}  // namespace trainbus
