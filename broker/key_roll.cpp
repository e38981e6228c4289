#include "broker/key_roll.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "trainbus/bus_key.hpp"

namespace trainbus {
namespace {

constexpr char kBrokerHalfComment[] = "The public key of a broker, for trainbus-keys adopt. There is no secret in it.";
constexpr char kOwnComment[] = "A key of a bus. Whoever has this file is its user: keep it secret.";

// The pair before; empty where there is none, or it is over.
std::optional<KeyFile> earlier_key(const KeyFolder& folder, std::int64_t now_unix_s) {
  const auto path = folder.earlier_broker_key_path();
  if (!is_there(path)) return std::nullopt;
  auto key = read_secret_key(path, false);
  const auto text = key.said("until");
  std::int64_t until_unix_s = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), until_unix_s);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument("key file '" + path + "': until '" + text + "' is no time");
  return until_unix_s > now_unix_s ? std::optional(std::move(key)) : std::nullopt;
}

void point_at(const std::string& key_file, const std::string& broker_public_key) {
  auto key = read_secret_key(key_file);
  key.metadata["broker-key"] = broker_public_key;
  write_key_file(key_file, key, kOwnComment, true);
}

}  // namespace

std::vector<KeyFile> broker_keys(const KeyFolder& folder, std::int64_t now_unix_s) {
  std::vector<KeyFile> keys{folder.broker_key()};
  auto earlier = earlier_key(folder, now_unix_s);
  if (earlier && earlier->public_key != keys.front().public_key)
    keys.push_back(std::move(*earlier));  // not half rolled
  return keys;
}

// The pair before is kept first: whatever fails after that, nobody is locked out.
void roll_broker_key(const KeyFolder& folder, std::chrono::seconds overlap, std::int64_t now_unix_s) {
  if (const auto earlier = earlier_key(folder, now_unix_s))
    throw std::runtime_error("the broker's key was rolled already, and the one before is still good: wait, or remove " +
                             earlier->path);
  auto before = folder.broker_key();
  before.metadata["until"] = std::to_string(now_unix_s + std::max<std::int64_t>(overlap.count(), 1));
  write_key_file(folder.earlier_broker_key_path(), before, kBrokerComment, true);
  auto pair = new_key_pair();
  pair.metadata = {{"name", "broker"}, {"created", std::to_string(now_unix_s)}};
  write_key_file(broker_key_path(folder.path()), pair, kBrokerComment, true);
  KeyFile half;
  half.public_key = pair.public_key;
  half.metadata = pair.metadata;
  write_key_file(folder.path() + "/broker.key", half, kBrokerHalfComment, true);
  if (const auto own = own_key_path(folder.path()); is_there(own)) point_at(own, pair.public_key);
}

void adopt_broker_key(const std::string& key_file, const std::string& broker_file) {
  point_at(key_file, read_public_key(broker_file).public_key);
}

}  // namespace trainbus
