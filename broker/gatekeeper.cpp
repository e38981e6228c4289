#include "broker/gatekeeper.hpp"

#include <fnmatch.h>
#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxIssuer = 128;
constexpr std::int64_t kExpireEveryMs = 1'000;

std::string quoted(const Identity& who) { return '\'' + who.name + '\''; }

const char* state_reason(Identity::State state) { return state == Identity::State::kRevoked ? "revoked" : "unknown"; }

}  // namespace

Gatekeeper::Gatekeeper(const std::optional<KeyFolder>& keys) {
  anonymous_.roles = Roles::all();
  stranger_.state = Identity::State::kUnknown;
  if (!keys) return;
  clients_path_ = keys->clients_path();
  reader_ = std::make_unique<KeyReader>(*keys);
  const auto first = reader_->wait(kLookWithin);
  if (first == nullptr)
    throw std::invalid_argument("the folder of keys '" + keys->path() + "' does not answer: nothing was read in " +
                                std::to_string(kLookWithin.count()) + " s");
  for (const auto& problem : {first->broker_problem, first->error})
    if (!problem.empty()) throw std::invalid_argument(problem);
  take(*first, steady_ms());
}

void Gatekeeper::attach(zmq::context_t& context) {
  if (has_keys()) handshakes_.attach(context);
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

std::string Gatekeeper::names_of(const Identity* who, const std::string& domain, const std::string& address) const {
  if (!has_keys()) return {};
  if (who != nullptr && !who->name.empty()) return "key " + quoted(*who);
  const auto found = came_.find({domain, address});
  if (found == came_.end()) return "no key";
  if (found->second.size() > kMaxNames) return "one of many keys from there";
  std::string names;
  for (const auto& name : found->second)
    names += (names.empty() ? "'" : ", '") + name + '\'';
  return (found->second.size() == 1 ? "key " : "one of the keys ") + names;
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
  if (said_ms_.size() >= kMaxRefused) said_ms_.clear();
  const auto [said, is_first] = said_ms_.try_emplace(line, now_ms);
  if (!is_first && now_ms - said->second < kSayEveryMs) return false;
  said->second = now_ms;
  return true;
}

const Identity& Gatekeeper::who_has(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? stranger_ : *found->second;
}

// Why a key may not come to a port; "" when it may.
std::string Gatekeeper::why_not(const Identity& who, std::string_view domain) {
  if (who.state != Identity::State::kGood) return state_reason(who.state);
  if (domain == kDataInDomain && !who.roles.may(Act::kTrain)) return "no trainer";
  if (domain == kDataOutDomain && !who.roles.may(Act::kWatch)) return "no viewer";
  return {};
}

// The status of a ZAP reply. 300 lets the client try again, and heals when the key comes; 400 tells it to give up.
std::string Gatekeeper::judge(const Handshake& handshake) {
  const auto& [from, id, domain, address, key] = handshake;
  if (key.empty()) return "500";
  const Identity& who = who_has(key);
  const auto why = why_not(who, domain);
  if (why.empty()) {
    if (came_.size() >= kMaxAddresses) came_.clear();
    if (auto& names = came_[{domain, address}]; names.size() <= kMaxNames) names.insert(who.name);
    return "200";
  }
  ++turned_away_[{who.name, why}];
  const std::string name = who.name.empty() ? fingerprint(key) + "..." : who.name;
  if (is_due(domain + (who.name.empty() ? address : key) + why))  // of strangers anybody makes as many as he likes
    spdlog::warn("turned away from {} at {}: key '{}' is {}", domain.substr(domain.find('.') + 1), address, name, why);
  return who.state == Identity::State::kRevoked ? "400" : "300";
}

void Gatekeeper::answer_handshakes(std::int64_t now_ms) {
  for (Handshake handshake; handshakes_.next(handshake);) {
    const bool is_refused = !handshake.key.empty() && !why_not(who_has(handshake.key), handshake.domain).empty();
    if (is_refused && waiting_.size() < kMaxRefused)
      waiting_.push_back({std::move(handshake), reader_->ask(), now_ms + kRefusedWaitsMs});
    else
      handshakes_.answer(handshake, judge(handshake));
  }
}

// They wait in the order in which they came, for looks in this order.
void Gatekeeper::answer_waiting(std::int64_t now_ms) {
  while (!waiting_.empty() && (waiting_.front().look <= looks_ || waiting_.front().until_ms <= now_ms)) {
    auto& handshake = waiting_.front().handshake;
    handshakes_.answer(handshake, judge(handshake));
    waiting_.pop_front();
  }
}

void Gatekeeper::look(std::int64_t now_ms) {
  if (!has_keys()) return;
  while (const auto reading = reader_->take())
    take(*reading, now_ms);
  answer_waiting(now_ms);
  if (now_ms < next_expiry_ms_) return;
  next_expiry_ms_ = now_ms + kExpireEveryMs;
  expire();
  if (reader_->at_work() >= kLookWithin) set_trouble("the folder of " + clients_path_ + " does not answer");
}

void Gatekeeper::reload() {
  if (has_keys()) reader_->ask(true);
}

std::chrono::milliseconds Gatekeeper::stale(std::int64_t now_ms) const {
  return std::chrono::milliseconds(trouble_.empty() ? 0 : now_ms - read_ms_);
}

void Gatekeeper::set_trouble(const std::string& why) {
  if (!why.empty() && is_due("folder")) spdlog::error("keys stay as they were: {}", why);
  if (why == trouble_) return;
  if (why.empty()) spdlog::info("the keys can be read again");
  trouble_ = why;
  unreadable(why);
}

void Gatekeeper::take(const KeyReading& reading, std::int64_t now_ms) {
  looks_ = reading.look;
  set_trouble(reading.error);
  if (!reading.error.empty()) return;
  read_ms_ = now_ms;
  if (!reading.changed) return;
  for (const auto& problem : reading.problems)
    spdlog::error("not used: {}", problem);
  take_clients(reading.clients);
  if (!reading.broker_problem.empty())
    spdlog::error("the broker's own key stays as it was: {}", reading.broker_problem);
  else if (std::exchange(secret_keys_, reading.broker_secrets) != reading.broker_secrets)
    rolled();
}

// Of a name's keys that are in the folder no more, nothing is known; the others are as their files say.
void Gatekeeper::take_clients(const std::vector<ClientKey>& keys) {
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
  spdlog::info("{} keys of {}", good_, clients_path_);
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
