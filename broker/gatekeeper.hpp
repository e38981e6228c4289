#pragma once
// Who sends, and what they may do. Used by the bus thread only. Times are steady milliseconds.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include <zmq.hpp>

#include "broker/key_folder.hpp"

namespace trainbus {

// Who is at the other end of a connection: its key, by ZAP's User-Id on every message, which is the public key. Lives
// as long as the gatekeeper.
struct Identity {
  std::string name;  // "" without keys
  std::string role;
  Roles roles;
  std::string runs = "*";  // of which runs it may publish
  std::string public_key;
  std::int64_t until_unix_s = 0;
  enum class State : std::uint8_t { kGood, kRevoked, kUnknown } state = State::kGood;
};

// Without keys everybody is one anonymous identity that may do everything, through the same code. With them it answers
// libzmq's handshakes (ZAP) and is asked about every message; a message costs a look-up by its connection's key.
//
// The keys are read again on change (looked for every kLookEveryMs) and when reload() is called. A key that is revoked,
// removed, expired or given another role is refused from the next message on, and `ended` is told so that its
// connections can be cut.
class Gatekeeper {
 public:
  static constexpr std::int64_t kLookEveryMs = 1'000;
  static constexpr std::int64_t kLookForStrangerMs = 100;  // at the soonest, whether a key that is not known was added
  static constexpr std::int64_t kSayEveryMs = 60'000;      // a line for each key and act
  static constexpr std::size_t kMaxStrangers = 1'000;      // remembered for the log; policy: forget them all

  // `keys`: none is nobody's folder. Throws std::invalid_argument with one line when the folder cannot be used.
  explicit Gatekeeper(std::optional<KeyFolder> keys = std::nullopt);
  // Answers the handshakes of this context's sockets from now on. Before any of them is bound.
  void attach(zmq::context_t& context);

  bool has_keys() const { return folder_.has_value(); }
  std::size_t keys() const { return good_; }
  // The broker's own secret key, as bind_sockets() takes it (with the one before, if that is good); "" without keys.
  const std::string& secret_key() const { return secret_key_; }

  // Who sent the message that `frame` is of (its payload, on a ROUTER).
  const Identity& sender(const zmq::message_t& frame) const {
    if (!has_keys()) return anonymous_;
    const char* key = zmq_msg_gets(frame.handle(), "User-Id");
    const auto found = key == nullptr ? by_key_.end() : by_key_.find(key);
    return found == by_key_.end() ? stranger_ : *found->second;
  }
  // Whether they may; `session_id` is "run/trainer..." where the act is about one, as Act::kTrain is. What is refused
  // is counted and said.
  bool may(const Identity& who, Act act, std::string_view session_id = {}) {
    if (who.state == Identity::State::kGood && who.roles.may(act) &&
        (act != Act::kTrain || is_own_run(who, session_id.substr(0, session_id.find('/')))))
      return true;
    refused(who, act, session_id);
    return false;
  }
  // A trainer's own session; nothing is counted.
  static bool trains(const Identity& who, std::string_view session_id) {
    return who.state == Identity::State::kGood && who.roles.may(Act::kTrain) &&
           is_own_run(who, session_id.substr(0, session_id.find('/')));
  }
  // Why they may not say what the archive of this name has, in one line; "": they may. With keys only the key of that
  // name may. What is refused is counted and said.
  std::string archive_problem(const Identity& who, const std::string& archive);
  // Why not, in one line for who was refused.
  static std::string reason(const Identity& who, Act act, std::string_view session_id);
  // What a command's record says of who issued it: the key's name. A key that speaks for people may add whom, NAME:WHO.
  static std::string issuer(const Identity& who, const std::string& said);

  zmq::socket_t* handshakes() { return has_keys() ? &zap_ : nullptr; }
  void answer_handshakes();
  void look(std::int64_t now_ms);
  void reload();
  // Called with each identity whose rights changed.
  std::function<void(const Identity&)> ended = [](const Identity&) {};

  // By "key" and "act", and of handshakes by "key" and "reason".
  const std::map<std::pair<std::string, std::string>, std::uint64_t>& refused() const { return refused_; }
  const std::map<std::pair<std::string, std::string>, std::uint64_t>& turned_away() const { return turned_away_; }

 private:
  static bool is_own_run(const Identity& who, std::string_view run);
  void refused(const Identity& who, Act act, std::string_view session_id);
  void take(const ClientKey& key, std::int64_t now_unix_s);
  void expire();
  bool is_due(const std::string& line);
  void look_for_stranger(const std::string& key);
  std::string judge(const std::string& domain, const std::string& address, const std::string& key);

  std::optional<KeyFolder> folder_;
  std::string secret_key_;
  zmq::socket_t zap_;
  Identity anonymous_, stranger_;
  std::unordered_map<std::string, std::unique_ptr<Identity>> by_key_;  // every key ever known
  std::size_t good_ = 0;
  std::uint64_t version_ = 0;
  std::int64_t next_look_ms_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> refused_, turned_away_;
  std::map<std::string, std::int64_t> said_ms_;
  std::vector<zmq::message_t> frames_;
};

// The ZAP domains of the broker's ports.
inline constexpr char kDataInDomain[] = "trainbus.data-in";
inline constexpr char kDataOutDomain[] = "trainbus.data-out";
inline constexpr char kControlDomain[] = "trainbus.control";

}  // namespace trainbus
