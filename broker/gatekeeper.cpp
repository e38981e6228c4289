#include "broker/gatekeeper.hpp"

#include <fnmatch.h>
#include <spdlog/spdlog.h>

#include <set>
#include <stdexcept>
#include <utility>

#include "broker/key_roll.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr char kZapAddress[] = "inproc://zeromq.zap.01";
constexpr std::size_t kZapFrames = 7;  // version, request, domain, address, routing id, mechanism, key
constexpr std::size_t kCurveKeyBytes = 32;
constexpr std::size_t kMaxIssuer = 128;

std::string z85(const zmq::message_t& key) {
  if (key.size() != kCurveKeyBytes) return {};
  char text[kKeyLength + 1];
  return zmq_z85_encode(text, static_cast<const std::uint8_t*>(key.data()), key.size()) != nullptr ? text : "";
}

std::string quoted(const Identity& who) { return '\'' + who.name + '\''; }

const char* state_reason(Identity::State state) { return state == Identity::State::kRevoked ? "revoked" : "unknown"; }

}  // namespace

Gatekeeper::Gatekeeper(std::optional<KeyFolder> keys) : folder_(std::move(keys)) {
  anonymous_.roles = Roles::all();
  stranger_.state = Identity::State::kUnknown;
  if (!folder_) return;
  for (const auto& key : broker_keys(*folder_, unix_ms() / 1000))
    secret_key_ += (secret_key_.empty() ? "" : " ") + key.secret_key;
  reload();
}

void Gatekeeper::attach(zmq::context_t& context) {
  if (!has_keys()) return;
  zap_ = zmq::socket_t(context, zmq::socket_type::rep);
  zap_.set(zmq::sockopt::linger, 0);
  zap_.bind(kZapAddress);
}

bool Gatekeeper::is_own_run(const Identity& who, std::string_view run) {
  return who.runs == "*" || fnmatch(who.runs.c_str(), std::string(run).c_str(), 0) == 0;
}

std::string Gatekeeper::reason(const Identity& who, Act act, std::string_view session_id) {
  if (who.state == Identity::State::kUnknown) return "this key is not known any more";
  if (who.state == Identity::State::kRevoked) return "key " + quoted(who) + " was revoked";
  const std::string key = "key " + quoted(who) + " (" + who.role + ')';
  if (!who.roles.may(act)) {
    constexpr const char* kWords[] = {"publish as a trainer", "watch", "command", "raise alerts",
                                      "archive, restore or delete"};
    return key + " may not " + kWords[static_cast<std::size_t>(act)];
  }
  return key + " may not publish as '" + std::string(clipped(session_id, 130)) + "': its runs are '" + who.runs + '\'';
}

std::string Gatekeeper::issuer(const Identity& who, const std::string& said) {
  if (who.name.empty() || said.starts_with(who.name + ':')) return said;
  return who.name.substr(0, kMaxIssuer);
}

void Gatekeeper::refused(const Identity& who, Act act, std::string_view session_id) {
  const std::string what = who.state == Identity::State::kGood ? std::string(act_name(act)) : state_reason(who.state);
  ++refused_[{who.name, what}];
  if (is_due(who.public_key + what)) spdlog::warn("refused: {}", reason(who, act, session_id));
}

std::string Gatekeeper::archive_problem(const Identity& who, const std::string& archive) {
  if (!has_keys() || who.name == archive) return {};
  ++refused_[{who.name, "archive"}];
  const auto why = "key " + quoted(who) + " may not speak for archive '" + archive + "': only the key of that name may";
  if (is_due(who.public_key + "archive")) spdlog::warn("refused: {}", why);
  return why;
}

bool Gatekeeper::is_due(const std::string& line) {
  const auto now_ms = steady_ms();
  if (said_ms_.size() >= kMaxStrangers) said_ms_.clear();
  const auto [said, is_first] = said_ms_.try_emplace(line, now_ms);
  if (!is_first && now_ms - said->second < kSayEveryMs) return false;
  said->second = now_ms;
  return true;
}

// A key that was just added comes in with its first handshake.
void Gatekeeper::look_for_stranger(const std::string& key) {
  const auto now_ms = steady_ms();
  if (by_key_.contains(key) || now_ms < next_look_ms_ - kLookEveryMs + kLookForStrangerMs) return;
  next_look_ms_ = 0;
  look(now_ms);
}

// The status of a ZAP reply. 300 lets the client try again, and heals when the key comes; 400 tells it to give up.
std::string Gatekeeper::judge(const std::string& domain, const std::string& address, const std::string& key) {
  const auto found = by_key_.find(key);
  const Identity& who = found == by_key_.end() ? stranger_ : *found->second;
  std::string why;
  if (who.state != Identity::State::kGood)
    why = state_reason(who.state);
  else if (domain == kDataInDomain && !who.roles.may(Act::kTrain))
    why = "no trainer";
  else if (domain == kDataOutDomain && !who.roles.may(Act::kWatch))
    why = "no viewer";
  if (why.empty()) return "200";
  ++turned_away_[{who.name, why}];
  const std::string name = who.name.empty() ? fingerprint(key) + "..." : who.name;
  if (is_due(domain + key + why))
    spdlog::warn("turned away from {} at {}: key '{}' is {}", domain.substr(domain.find('.') + 1), address, name, why);
  return who.state == Identity::State::kRevoked ? "400" : "300";
}

void Gatekeeper::answer_handshakes() {
  if (!has_keys()) return;
  while (receive_message(zap_, frames_, kZapFrames)) {
    std::string status = "500", key;
    if (frames_.size() == kZapFrames && frames_[5].to_string_view() == "CURVE") {
      key = z85(frames_[6]);
      look_for_stranger(key);
      status = judge(frames_[2].to_string(), frames_[3].to_string(), key);
    }
    zmq::message_t none;
    zap_.send(zmq::str_buffer("1.0"), zmq::send_flags::sndmore);
    zap_.send(frames_.size() > 1 ? frames_[1] : none, zmq::send_flags::sndmore);
    zap_.send(zmq::buffer(status), zmq::send_flags::sndmore);
    zap_.send(zmq::str_buffer(""), zmq::send_flags::sndmore);
    zap_.send(zmq::buffer(status == "200" ? key : ""), zmq::send_flags::sndmore);
    zap_.send(zmq::str_buffer(""), zmq::send_flags::none);
  }
}

void Gatekeeper::look(std::int64_t now_ms) {
  if (!has_keys() || now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookEveryMs;
  try {
    if (folder_->version() != version_) reload();
  } catch (const std::exception& error) {
    if (is_due("folder")) spdlog::error("keys stay as they were: {}", error.what());
  }
  expire();
}

// Of a name's keys that are in the folder no more, nothing is known; the others are as their files say.
void Gatekeeper::reload() {
  if (!has_keys()) return;
  version_ = folder_->version();
  std::vector<std::string> problems;
  const auto keys = folder_->clients(problems);
  for (const auto& problem : problems)
    spdlog::error("not used: {}", problem);
  const auto now_unix_s = unix_ms() / 1000;
  std::set<std::string> there;
  for (const auto& key : keys) {
    there.insert(key.public_key);
    take(key, now_unix_s);
  }
  good_ = 0;
  for (auto& [key, identity] : by_key_) {
    if (!there.contains(key) && identity->state != Identity::State::kUnknown) {
      identity->state = Identity::State::kUnknown;
      ended(*identity);
    }
    good_ += identity->state == Identity::State::kGood ? 1 : 0;
  }
  spdlog::info("{} keys of {}", good_, folder_->clients_path());
}

void Gatekeeper::take(const ClientKey& key, std::int64_t now_unix_s) {
  auto& identity = by_key_[key.public_key];
  const bool is_new = identity == nullptr;
  if (is_new) identity = std::make_unique<Identity>();
  const bool over = key.until_unix_s != 0 && key.until_unix_s <= now_unix_s;
  const auto state = key.revoked || over ? Identity::State::kRevoked : Identity::State::kGood;
  const bool changed = identity->state != state || identity->role != key.role || identity->runs != key.runs;
  identity->name = key.name;
  identity->role = key.role;
  identity->roles = key.roles;
  identity->runs = key.runs;
  identity->public_key = key.public_key;
  identity->until_unix_s = key.until_unix_s;
  identity->state = state;
  if (changed && !is_new) ended(*identity);
}

void Gatekeeper::expire() {
  const auto now_unix_s = unix_ms() / 1000;
  for (auto& [key, identity] : by_key_) {
    if (identity->state != Identity::State::kGood || identity->until_unix_s == 0) continue;
    if (identity->until_unix_s > now_unix_s) continue;
    identity->state = Identity::State::kRevoked;
    --good_;
    spdlog::info("key '{}' is over", identity->name);
    ended(*identity);
  }
}

}  // namespace trainbus
