#include <unistd.h>

#include <array>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "broker/key_desk.hpp"
#include "broker/key_roll.hpp"
#include "trainbus/bus_key.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/program.hpp"
#include "trainbus/wire.hpp"

namespace {

using namespace trainbus;

struct Flags {
  std::string dir = keys_folder();
  NewKey key;
  std::string out;
  std::string broker;
  std::string key_file, broker_file;  // of adopt
  std::chrono::seconds overlap{86'400};
  bool json = false;
};

std::string default_broker_address() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return "tcp://" + std::string(host.data()) + ':' + std::to_string(kDefaultBasePort);
}

std::string state_of(const ClientKey& key) {
  const auto now_unix_s = unix_ms() / 1000;
  if (key.revoked) return "revoked";
  if (key.until_unix_s == 0) return "good";
  if (key.until_unix_s <= now_unix_s) return "over";
  return "good for " + std::to_string((key.until_unix_s - now_unix_s + 59) / 60) + " min";
}

int list(const Flags& flags, const std::vector<ClientKey>& keys) {
  if (!flags.json)
    std::cout << std::left << std::setw(20) << "NAME" << std::setw(16) << "ROLE" << std::setw(16) << "RUNS"
              << std::setw(16) << "STATE"
              << "KEY\n";
  for (const auto& key : keys)
    if (flags.json)
      std::cout << nlohmann::json{{"name", key.name},
                                  {"role", key.role},
                                  {"runs", key.runs},
                                  {"state", state_of(key)},
                                  {"public_key", key.public_key}}
                << '\n';
    else
      std::cout << std::setw(20) << key.name << std::setw(16) << key.role << std::setw(16) << key.runs << std::setw(16)
                << state_of(key) << fingerprint(key.public_key) << "...\n";
  return 0;
}

int init(KeyDesk& desk) {
  const bool made = desk.init();
  std::cout << (made ? "made keys in " : "keys are there already in ") << desk.path() << "\n"
            << "From now on the broker, the SDKs and the tools of this user are keyed; restart those that run.\n"
               "For others: trainbus-keys add NAME --role trainer|viewer|operator|admin\n";
  return 0;
}

int roll(const KeyDesk& desk, std::chrono::seconds overlap) {
  roll_broker_key(KeyFolder(desk.path()), overlap, unix_ms() / 1000);
  std::cout << "made another key of the broker. A running one serves it within a second, and the one before until the "
               "overlap "
               "ends;\nthen every connection ends once, and comes again by itself. Until then:\n"
               "1. Give "
            << desk.path() << "/broker.key to who has a key; for each of their files they say\n"
            << "   trainbus-keys adopt FILE broker.key\n"
            << "   (rotate also makes files for the new one, and your own key is one already)\n"
            << "2. Restart the programs that have these files: a key is read at the start.\n";
  return 0;
}

std::string file_of(const Flags& flags, const KeyDesk& desk) {
  if (!flags.out.empty()) return flags.out;
  const auto own = desk.own_path();
  if (access(own.c_str(), F_OK) == 0 && read_secret_key(own).said("name") == flags.key.name) return own;
  return flags.key.name + ".key_secret";
}

void say_handed_over(const Flags& flags, const std::string& file) {
  std::cout << "wrote " << file << ": for its user only. In a job script:\n"
            << join_line(flags.broker.empty() ? default_broker_address() : flags.broker, file) << '\n';
}

CLI::Option* add_name(CLI::App& verb, Flags& flags) {
  return verb.add_option("name", flags.key.name, "the key's name, which command records show")->required();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Makes, hands out, revokes and renews the keys of a bus.", "trainbus-keys");
  Flags flags;
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--dir", flags.dir, "folder of the keys")->type_name("DIR")->capture_default_str();
  app.add_flag("--json", flags.json, "print JSON, one object a line");
  auto* making = app.add_subcommand("init", "make the broker's key and your own: from then on all of yours is keyed");
  auto* adding = app.add_subcommand("add", "make a key, let it in, and write the one file to hand over");
  add_name(*adding, flags);
  adding->add_option("--role", flags.key.role, "trainer, viewer, operator or admin; several with commas")->required();
  adding->add_option("--run", flags.key.runs, "of which runs a trainer may publish; * ? [] as in a shell")
      ->type_name("PATTERN")
      ->capture_default_str();
  auto* listing = app.add_subcommand("list", "the keys that may come, and those that no longer may");
  auto* showing = app.add_subcommand("show", "one key, and the line for a job script");
  add_name(*showing, flags);
  auto* revoking = app.add_subcommand("revoke", "refuse a key from now on; the broker cuts its connections");
  add_name(*revoking, flags);
  auto* rotating = app.add_subcommand("rotate", "a new key for a name; the old one stays good for a while");
  add_name(*rotating, flags);
  auto* rolling = app.add_subcommand("roll", "a new key for the broker itself; the one before stays good for a while");
  for (auto* verb : {rotating, rolling})
    verb->add_option("--overlap", flags.overlap, "how long the old one is good: 30m, 12h, 7d")
        ->type_name("TIME")
        ->transform(CLI::AsNumberWithUnit(std::map<std::string, int>{{"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}},
                                          CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"))
        ->default_str("1d");
  auto* adopting = app.add_subcommand("adopt", "make a key file one for the broker's new key");
  adopting->add_option("FILE", flags.key_file, "the key file that was handed over")->required();
  adopting->add_option("BROKER", flags.broker_file, "the broker's public key: broker.key of its keys")->required();
  for (auto* verb : {adding, rotating})
    verb->add_option("--out", flags.out, "the file to hand over (default: NAME.key_secret here)")->type_name("FILE");
  for (auto* verb : {adding, rotating, showing})
    verb->add_option("--broker", flags.broker, "the broker's address in the line for job scripts")
        ->type_name("ADDRESS");
  app.footer(
      "Example, on the head node:\n  trainbus-keys init\n  trainbus-broker --listen 'tcp://*:7760' --state-dir "
      "~/runs/bus\n"
      "  trainbus-keys add alice --role trainer --run 'alice-*' --broker tcp://head:7760 --out alice.key_secret\n"
      "  trainbus-keys revoke alice          a running broker knows within a second");
  return run_program(app, argc, argv, [&] {
    if (*adopting) {
      adopt_broker_key(flags.key_file, flags.broker_file);
      return 0;
    }
    if (flags.dir.empty())
      throw std::invalid_argument("neither XDG_CONFIG_HOME nor HOME is an absolute path; say --dir");
    KeyDesk desk(flags.dir);
    if (*rolling) return roll(desk, flags.overlap);
    if (*making) return init(desk);
    if (*listing) return list(flags, desk.keys());
    if (*showing) {
      const auto keys = desk.keys(flags.key.name);
      if (keys.empty()) throw std::runtime_error("no key '" + flags.key.name + "' is known in " + flags.dir);
      list(flags, keys);
      if (!flags.json)
        std::cout << join_line(flags.broker.empty() ? default_broker_address() : flags.broker, file_of(flags, desk))
                  << '\n';
      return 0;
    }
    if (*revoking) {
      const auto revoked = desk.revoke(flags.key.name);
      std::cout << "revoked " << revoked << (revoked == 1 ? " key" : " keys") << " of " << flags.key.name << '\n';
      return 0;
    }
    const auto file = file_of(flags, desk);
    if (*adding)
      desk.add(flags.key, file);
    else
      desk.rotate(flags.key.name, file, flags.overlap);
    say_handed_over(flags, file);
    return 0;
  });
}
