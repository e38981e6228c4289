#pragma once
// What a key may do on the bus. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trainbus {

// What somebody does, as the broker judges it.
enum class Act : std::uint8_t {
  kTrain,    // publish as a session, say hello for it, deliver its spool, report its commands
  kWatch,    // subscribe, fetch, list, tiles, counters
  kCommand,  // issue commands, have a backup
  kAlert,    // raise alerts
  kErase,    // archive, restore and delete histories
  kCount
};

// "publish", "watch", ...: as in `forbidden_total{act="..."}`.
constexpr std::string_view act_name(Act act) {
  constexpr std::string_view kNames[] = {"train", "watch", "command", "alert", "erase"};
  return kNames[static_cast<std::size_t>(act)];
}

// One or more roles of a key.
class Roles {
 public:
  constexpr Roles() = default;
  static constexpr Roles all() { return Roles(bit(Act::kCount) - 1); }

  // "trainer", "viewer", "operator", "admin", or some of them with commas between; empty for anything else.
  static std::optional<Roles> parse(std::string_view text) {
    Roles roles;
    for (;;) {
      const auto comma = text.find(',');
      const auto acts = acts_of(text.substr(0, comma));
      if (acts == 0) return std::nullopt;
      roles.acts_ |= acts;
      if (comma == std::string_view::npos) return roles;
      text.remove_prefix(comma + 1);
    }
  }
  constexpr bool may(Act act) const { return (acts_ & bit(act)) != 0; }
  constexpr bool operator==(const Roles&) const = default;

 private:
  static constexpr unsigned bit(Act act) { return 1U << static_cast<unsigned>(act); }
  explicit constexpr Roles(unsigned acts) : acts_(acts) {}

  static constexpr unsigned acts_of(std::string_view role) {
    constexpr unsigned kViewer = bit(Act::kWatch);
    constexpr unsigned kOperator = kViewer | bit(Act::kCommand) | bit(Act::kAlert);
    if (role == "trainer") return bit(Act::kTrain);
    if (role == "viewer") return kViewer;
    if (role == "operator") return kOperator;
    if (role == "admin") return kOperator | bit(Act::kErase);
    return 0;
  }

  unsigned acts_ = 0;
};

}  // namespace trainbus
