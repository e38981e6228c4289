#pragma once
// A peer with a key that speaks CurveZMQ (RFC 26) by hand: what it encrypts is what the test chooses, in any state of
// the handshake, and so is what it does not encrypt.

#include <sodium.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <zmq.hpp>

#include "tests/support/zmtp_peer.hpp"
#include "trainbus/key_file.hpp"

namespace trainbus::test {

class CurvePeer {
 public:
  // What goes out as each part of the handshake, "greeting", "HELLO" or "INITIATE", instead of what is right.
  using Spoil = std::function<std::string(std::string_view part, std::string bytes)>;

  CurvePeer(int port, const KeyFile& key, std::string_view socket_type, std::string_view identity = {})
      : peer_(port),
        public_(key_of(key.public_key)),
        secret_(key_of(key.secret_key)),
        server_(key_of(key.said("broker-key"))),
        metadata_(zmtp::metadata(socket_type, identity)) {
    if (sodium_init() < 0) throw std::runtime_error("no libsodium");
    crypto_box_keypair(own_public_.data(), own_secret_.data());
  }

  // False when the other side has hung up before it was done, or something wrong went out: nothing follows that.
  bool shake_hands(const Spoil& spoil = [](std::string_view, std::string bytes) { return bytes; }) {
    const auto said = [&](std::string_view part, const std::string& right) {
      const auto bytes = spoil(part, right);
      return peer_.send(bytes) && bytes == right;
    };
    if (!said("greeting", greeting()) || peer_.read(kGreeting).size() < kGreeting) return false;
    if (!said("HELLO", zmtp::frame(hello(), zmtp::kCommand))) return false;
    const auto welcome = read_frame();
    if (!welcome.starts_with("\x07WELCOME") || !open_welcome(welcome)) return false;
    if (!said("INITIATE", zmtp::frame(initiate(), zmtp::kCommand))) return false;
    return read_frame().starts_with("\x05READY");
  }
  // One frame of a message; `flags`: 1 more, 2 a command.
  std::string sealed(std::string_view body, unsigned char flags = 0) {
    const auto number = next_number();
    return zmtp::frame("\x07MESSAGE" + number +
                       box(std::string(1, static_cast<char>(flags)) + std::string(body), "CurveZMQMESSAGEC" + number,
                           transient_, own_secret_));
  }
  bool send(std::string_view bytes) { return peer_.send(bytes); }
  bool drain() { return peer_.drain(); }
  void reset() { peer_.reset(); }
  // The numbers of messages so far are forgotten: what follows comes twice.
  void repeat_numbers() { number_ = 0; }

 private:
  static constexpr std::size_t kGreeting = 64;
  using Key = std::array<unsigned char, 32>;

  static Key key_of(const std::string& text) {
    Key key{};
    if (zmq_z85_decode(key.data(), text.c_str()) == nullptr) throw std::invalid_argument("no key: " + text);
    return key;
  }
  static std::string text_of(const Key& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }
  static const unsigned char* bytes_of(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }
  static std::string greeting() {
    auto bytes = zmtp::greeting();
    return bytes.replace(12, 5, "CURVE");
  }
  static std::string random(std::size_t count) {
    std::string bytes(count, '\0');
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
  }
  static std::string box(const std::string& text, const std::string& nonce, const Key& to, const Key& from) {
    std::string sealed(text.size() + crypto_box_MACBYTES, '\0');
    if (crypto_box_easy(reinterpret_cast<unsigned char*>(sealed.data()), bytes_of(text), text.size(), bytes_of(nonce),
                        to.data(), from.data()) != 0)
      throw std::runtime_error("no box");
    return sealed;
  }
  std::string next_number() {
    std::string number;
    ++number_;
    for (int shift = 56; shift >= 0; shift -= 8)
      number += static_cast<char>(number_ >> shift & 0xff);
    return number;
  }
  std::string hello() {
    const auto number = next_number();
    return "\x05HELLO" + std::string("\1\0", 2) + std::string(72, '\0') + text_of(own_public_) + number +
           box(std::string(64, '\0'), "CurveZMQHELLO---" + number, server_, own_secret_);
  }
  bool open_welcome(const std::string& welcome) {
    constexpr std::size_t kNonce = 8, kBox = 24, kSize = 168;
    if (welcome.size() != kSize) return false;
    const std::string nonce = "WELCOME-" + welcome.substr(kNonce, 16), sealed = welcome.substr(kBox);
    std::string text(sealed.size() - crypto_box_MACBYTES, '\0');
    if (crypto_box_open_easy(reinterpret_cast<unsigned char*>(text.data()), bytes_of(sealed), sealed.size(),
                             bytes_of(nonce), server_.data(), own_secret_.data()) != 0)
      return false;
    std::copy_n(text.begin(), transient_.size(), transient_.begin());
    cookie_ = text.substr(transient_.size());
    return true;
  }
  std::string initiate() {
    const std::string vouch_nonce = random(16), number = next_number();
    const auto vouch = box(text_of(own_public_) + text_of(server_), "VOUCH---" + vouch_nonce, transient_, secret_);
    return "\x08INITIATE" + cookie_ + number +
           box(text_of(public_) + vouch_nonce + vouch + metadata_, "CurveZMQINITIATE" + number, transient_,
               own_secret_);
  }
  // The body of the next frame; "" when none comes.
  std::string read_frame() {
    const auto flags = peer_.read(1);
    if (flags.empty()) return {};
    const auto size = peer_.read((flags[0] & zmtp::kLong) != 0 ? 8 : 1);
    std::size_t length = 0;
    for (const unsigned char byte : size)
      length = length << 8 | byte;
    return size.empty() || length > 4096 ? std::string{} : peer_.read(length);
  }

  ZmtpPeer peer_;
  const Key public_, secret_, server_;
  Key own_public_{}, own_secret_{}, transient_{};
  const std::string metadata_;
  std::string cookie_;
  std::uint64_t number_ = 0;
};

}  // namespace trainbus::test
