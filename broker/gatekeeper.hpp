#pragma once
// Who sends, and what they may do. Used by the bus thread only. Times are steady milliseconds.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include <zmq.hpp>

#include "broker/handshakes.hpp"
#include "broker/key_folder.hpp"
#include "broker/key_reader.hpp"

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
// libzmq's handshakes and is asked about every message; a message costs a look-up by its connection's key.
//
// A KeyReader looks at the folder, in its own thread; what it found is taken in look(). A key that is revoked, removed,
// expired or given another role is refused from the next message on, and `ended` is told so that its connections can be
// cut. While the folder cannot be read the keys stay as they were, and `unreadable` is told. The handshake of a key
// that is to be refused waits for one more look, since it may have been added a moment ago; and libzmq, asked to refuse
// at once, now keeps the newcomer waiting and now hangs up.
class Gatekeeper {
 public:
  static constexpr std::chrono::seconds kLookWithin{5};  // else the folder counts as unreadable, and no broker starts
  static constexpr std::int64_t kRefusedWaitsMs = 400;
  static constexpr std::int64_t kSayEveryMs = 60'000;   // a line for each key, or strangers' address, and act
  static constexpr std::size_t kMaxAddresses = 10'000;  // whose keys are remembered; policy: forget them all
  static constexpr std::size_t kMaxNames = 4;           // of an address, told to people
  static constexpr std::size_t kMaxRefused = 1'000;     // that wait: more are turned away; in the log: forget them all

  // `keys`: none is nobody's folder. Throws std::invalid_argument with one line when the folder cannot be used.
  explicit Gatekeeper(const std::optional<KeyFolder>& keys = std::nullopt);
  // Answers the handshakes of this context's sockets from now on. Before any of them is bound.
  void attach(zmq::context_t& context);

  bool has_keys() const { return reader_ != nullptr; }
  std::size_t keys() const { return good_; }
  // The broker's own secret keys, as bind_sockets() takes them; none without keys.
  const std::vector<std::string>& secret_keys() const { return secret_keys_; }

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
  // For people: "key 'alice'"; of who said nothing yet (nullptr) the keys that came from this address to the port of
  // this domain; "" without keys.
  std::string names_of(const Identity* who, const std::string& domain, const std::string& address) const;
  // Why not, in one line for who was refused.
  static std::string reason(const Identity& who, Act act, std::string_view session_id);
  // What a command's record says of who issued it: the key's name. A key that speaks for people may add whom, NAME:WHO.
  static std::string issuer(const Identity& who, const std::string& said);

  // Readable when answer_handshakes() or look() has something to do. With keys only.
  zmq::socket_t& handshakes() { return handshakes_.socket(); }
  int readings_fd() const { return reader_->fd(); }
  void answer_handshakes(std::int64_t now_ms);
  // Every turn; mostly does nothing.
  void look(std::int64_t now_ms);
  // Reads all keys again, soon.
  void reload();
  // Called with each identity whose rights changed; when secret_keys() are others; and with why the keys cannot be
  // read, "" once they can.
  std::function<void(const Identity&)> ended = [](const Identity&) {};
  std::function<void()> rolled = [] {};
  std::function<void(const std::string&)> unreadable = [](const std::string&) {};

  // How long ago the keys were as in the folder; 0: at the last look.
  std::chrono::milliseconds stale(std::int64_t now_ms) const;
  // By "key" and "act", and of handshakes by "key" and "reason".
  const std::map<std::pair<std::string, std::string>, std::uint64_t>& refused() const { return refused_; }
  const std::map<std::pair<std::string, std::string>, std::uint64_t>& turned_away() const { return turned_away_; }

 private:
  // Of a key that is to be refused, until this look is done.
  struct Waiting {
    Handshake handshake;
    std::uint64_t look = 0;
    std::int64_t until_ms = 0;
  };
  static bool is_own_run(const Identity& who, std::string_view run);
  void refused(const Identity& who, Act act, std::string_view session_id);
  void take(const KeyReading& reading, std::int64_t now_ms);
  void take_clients(const std::vector<ClientKey>& keys);
  void take(const ClientKey& key, std::int64_t now_unix_s);
  void expire();
  void set_trouble(const std::string& why);
  bool is_due(const std::string& line);
  const Identity& who_has(const std::string& key) const;
  static std::string why_not(const Identity& who, std::string_view domain);
  std::string judge(const Handshake& handshake);
  void answer_waiting(std::int64_t now_ms);

  std::string clients_path_;
  std::unique_ptr<KeyReader> reader_;  // none without keys
  std::vector<std::string> secret_keys_;
  Handshakes handshakes_;
  std::deque<Waiting> waiting_;
  std::uint64_t looks_ = 0;  // done
  Identity anonymous_, stranger_;
  std::unordered_map<std::string, std::unique_ptr<Identity>> by_key_;  // every key ever known
  std::size_t good_ = 0;
  std::int64_t next_expiry_ms_ = 0;
  std::int64_t read_ms_ = 0;                                                   // when the folder was read last
  std::string trouble_;                                                        // why it is not
  std::map<std::pair<std::string, std::string>, std::set<std::string>> came_;  // by domain and address: names
  std::map<std::pair<std::string, std::string>, std::uint64_t> refused_, turned_away_;
  std::map<std::string, std::int64_t> said_ms_;
};

// The ZAP domains of the broker's ports.
inline constexpr char kDataInDomain[] = "trainbus.data-in";
inline constexpr char kDataOutDomain[] = "trainbus.data-out";
inline constexpr char kControlDomain[] = "trainbus.control";

}  // namespace trainbus
