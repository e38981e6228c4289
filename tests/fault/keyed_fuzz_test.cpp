// Each port of a broker with keys, for a while, from peers with a good key of each role: whole messages, damaged ones,
// broken boxes and broken handshakes. TRAINBUS_FUZZ_SECONDS (3) is how long for each port; what was sent is printed.

#include <gmock/gmock.h>

#include <array>
#include <deque>

#include "tests/support/curve_peer.hpp"
#include "tests/support/hostile_frames.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/siege.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::CurvePeer;
using test::eventually;
using test::Frames;
using ::testing::HasSubstr;
namespace zmtp = test::zmtp;

std::chrono::seconds fuzz_time() {
  const char* given = std::getenv("TRAINBUS_FUZZ_SECONDS");
  return std::chrono::seconds(given == nullptr ? 3 : std::stoi(given));
}

// The keys of the site are there before the broker, and this process has the one that may everything.
class Keyed {
 protected:
  Keyed() { use_key(site_.own()); }
  ~Keyed() { use_key(""); }

  test::KeySite site_;
};

class KeyedFuzz : private Keyed, public test::Siege, public testing::WithParamInterface<int> {
 protected:
  KeyedFuzz() : Siege({"--keys", site_.folder()}) {
    for (const auto* role : kRoles)
      keys_.push_back(read_secret_key(site_.add(role, role, "hostile")));
  }
  static constexpr std::array<const char*, 4> kRoles{"trainer", "viewer", "operator", "admin"};
  static constexpr std::array<const char*, 3> kParts{"greeting", "HELLO", "INITIATE"};
  static constexpr int kControl = 2;
  static constexpr std::size_t kPeers = 40;

  const KeyFile& some_key() {
    if (GetParam() == 0) return keys_[0];
    return keys_[GetParam() == kControl ? hostile_.below(4) : 1 + hostile_.below(3)];
  }
  // A new one; those before stay for a while, so that what they sent is read.
  CurvePeer& next_peer() {
    static const char* const kTypes[] = {"PUB", "SUB", "DEALER"};
    if (peers_.size() >= kPeers) peers_.pop_front();
    return peers_.emplace_back(port(GetParam()), some_key(), kTypes[GetParam()]);
  }
  // One message, of frames that are sealed as they should be.
  std::string message(CurvePeer& peer) {
    const Frames frames = hostile_frames();
    std::string bytes;
    for (std::size_t i = 0; i < frames.size(); ++i)
      bytes += peer.sealed(frames[i], i + 1 < frames.size() ? 1 : 0);
    return bytes;
  }
  Frames hostile_frames() {
    if (GetParam() == kControl) return frames_.control_frames();
    if (GetParam() == 1)
      return {std::string(1, static_cast<char>(hostile_.below(3))) +
              (hostile_.one_in(3) ? hostile_.bytes(hostile_.below(200)) : hostile_.topic())};
    if (hostile_.one_in(2)) return frames_.malformed_message();
    const Kind kind = hostile_.pick(kAllKinds);
    const auto record = frames_.odd_record(kind);
    return {std::string(kind_name(kind)) + '/' + record.session_id() + '/', record.SerializeAsString()};
  }
  // What ends a connection, mostly: a broken box, an old number, no box at all, a length that cannot be, a command.
  std::string offence(CurvePeer& peer) {
    switch (hostile_.below(6)) {
      case 0: return hostile_.damaged(peer.sealed(hostile_.bytes(hostile_.below(300))));
      case 1: peer.repeat_numbers(); return peer.sealed("again");
      case 2: return zmtp::frame(hostile_.bytes(hostile_.below(300)), static_cast<std::uint8_t>(hostile_.below(8)));
      case 3: return zmtp::frame(hostile_.bytes(50), zmtp::kLong, hostile_.number());
      case 4:
        return peer.sealed(hostile_.bytes(1 + hostile_.below(60)), static_cast<unsigned char>(hostile_.below(256)));
      default: return peer.sealed(std::string("\4PING\0\1", 7) + hostile_.bytes(hostile_.below(40)), 2);
    }
  }
  // Shakes hands in a way of its own.
  void fumble() {
    const auto* wrong = hostile_.pick(kParts);
    next_peer().shake_hands([&](std::string_view part, std::string bytes) {
      return part == wrong ? hostile_.damaged(std::move(bytes)) : bytes;
    });
    ++handshakes_;
  }
  // A hundred messages, and an offence at the end.
  void converse() {
    auto& talker = next_peer();
    ++connections_;
    if (!talker.shake_hands()) return;  // the broker has much to do
    ++taken_;
    for (std::size_t i = hostile_.below(100); i > 0 && talker.send(message(talker)); --i)
      ++messages_;
    if (talker.send(offence(talker))) ++offences_;
  }
  std::string log() { return broker_->output(); }

  test::HostileFrames frames_{hostile_};
  std::vector<KeyFile> keys_;
  std::deque<CurvePeer> peers_;
  std::uint64_t connections_ = 0, taken_ = 0, messages_ = 0, offences_ = 0, handshakes_ = 0;
};

TEST_P(KeyedFuzz, WhateverAKeySendsTheBrokerGoesOn) {
  const auto until = std::chrono::steady_clock::now() + fuzz_time();
  while (std::chrono::steady_clock::now() < until || messages_ == 0 || handshakes_ == 0) {
    ASSERT_FALSE(broker_->wait(0ms)) << log();
    try {
      hostile_.one_in(5) ? fumble() : converse();
    } catch (const std::runtime_error& error) {  // not let in now: too many of ours are still there
      std::cout << error.what() << std::endl;
      std::this_thread::sleep_for(10ms);
    }
  }
  std::cout << "port " << GetParam() << ": " << connections_ << " connections (" << taken_ << " taken), " << messages_
            << " messages, " << offences_ << " offences, " << handshakes_ << " broken handshakes" << std::endl;
  peers_.clear();
  EXPECT_TRUE(eventually("broken handshakes are counted", [&] { return counters()["handshakes_failed_total"] > 0; }));
  expect_unharmed();
}

// A message that cannot be decrypted ends the connection, whose file is given back; the broker and its pings go on.
TEST_P(KeyedFuzz, ABrokenBoxEndsTheConnection) {
  static const char* const kTypes[] = {"PUB", "SUB", "DEALER"};
  CurvePeer peer(port(GetParam()), keys_[GetParam() == 1 ? 1 : 0], kTypes[GetParam()]);
  ASSERT_TRUE(peer.shake_hands());
  ASSERT_TRUE(peer.send(peer.sealed(std::string("\1batch/", 7))));
  std::this_thread::sleep_for(200ms);
  auto box = peer.sealed("what nobody can read");
  box.back() = static_cast<char>(box.back() ^ 1);
  ASSERT_TRUE(peer.send(box));
  EXPECT_TRUE(eventually(
      "the broker hangs up", [&] { return !peer.drain(); }, 3s));
  peer.reset();
  expect_unharmed();
}

// With a key, too, a message has an end: who sends frames for ever is cut, and the log names the key.
TEST_P(KeyedFuzz, EndlessFramesOfAKeyAreCutAndItIsNamed) {
  constexpr std::size_t kEnough = 48 << 20;
  const KeyFile& key = keys_[GetParam() == 1 ? 1 : 0];
  static const char* const kTypes[] = {"PUB", "SUB", "DEALER"};
  CurvePeer peer(port(GetParam()), key, kTypes[GetParam()]);
  ASSERT_TRUE(peer.shake_hands());
  std::size_t sent = 0;
  for (bool connected = true; connected && sent < kEnough;) {
    std::string block;
    while (block.size() < (64 << 10))
      block += peer.sealed("", 1);
    connected = peer.send(block);
    sent += block.size();
  }
  EXPECT_LT(sent, kEnough);
  EXPECT_TRUE(broker_->wait_for("bytes of an unfinished message")) << log();
  EXPECT_THAT(log(), HasSubstr("'" + key.said("name") + "'")) << "or it is among those of its address";
  expect_unharmed();
}

std::string port_name(const testing::TestParamInfo<int>& info) {
  constexpr const char* kNames[] = {"DataIn", "DataOut", "Control"};
  return kNames[info.param];
}
INSTANTIATE_TEST_SUITE_P(Port, KeyedFuzz, testing::Values(0, 1, 2), port_name);

}  // namespace
}  // namespace trainbus
