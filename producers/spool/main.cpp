// trainbus-spool: what trainers left on this machine without a broker, and the way to deliver it without a trainer.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "trainbus/endpoints.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "trainbus/spool.hpp"

namespace {

using trainbus::SpooledIncarnation;

// The upper bits of an incarnation are when it started.
std::string started(const SpooledIncarnation& owner) {
  const std::time_t seconds = static_cast<std::time_t>((owner.incarnation >> 20) / 1000);
  char text[32];
  std::tm local{};
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &local));
  return text;
}

void print_json(const std::vector<SpooledIncarnation>& owners) {
  auto json = nlohmann::json::array();
  for (const SpooledIncarnation& owner : owners)
    json.push_back({{"session_id", owner.session_id},
                    {"incarnation", owner.incarnation},
                    {"records", owner.records},
                    {"bytes", owner.bytes},
                    {"damaged_files", owner.damaged_files},
                    {"broker", owner.broker},
                    {"in_use", owner.in_use}});
  std::cout << json.dump(2) << std::endl;
}

std::string damage_text(std::uint64_t files) {
  if (files == 0) return {};
  return "  " + std::to_string(files) + (files == 1 ? " damaged file" : " damaged files");
}

void print_table(const std::vector<SpooledIncarnation>& owners, const std::string& folder) {
  if (owners.empty()) std::cout << "nothing in " << folder << std::endl;
  for (const SpooledIncarnation& owner : owners)
    std::cout << std::left << std::setw(30) << owner.session_id << "  " << started(owner) << std::right << std::setw(10)
              << owner.records << " records" << (owner.broker.empty() ? "" : "  for " + owner.broker)
              << (owner.in_use ? "  in use" : "") << damage_text(owner.damaged_files) << std::endl;
}

int send(const std::string& folder, const std::string& broker, int wait_seconds, bool any_broker) {
  const auto limit = std::chrono::seconds(wait_seconds);
  const auto outcome = trainbus::spool_send(folder, broker, limit, any_broker);
  std::cout << outcome.delivered << " records delivered" << std::endl;
  if (outcome.damaged_files > 0)
    std::cout << damage_text(outcome.damaged_files).substr(2)
              << ": the journal has what could be read, and names the rest "
              << "as lost; kept as *.spool.damaged in " << folder << std::endl;
  for (const auto& line : outcome.refused)
    std::cerr << line << std::endl;
  if (!outcome.refused.empty())
    throw std::runtime_error(std::to_string(outcome.refused.size()) +
                             " left for another broker; --any-broker sends it too");
  if (!outcome.complete)
    throw std::runtime_error(broker + " has not stored everything within " + std::to_string(wait_seconds) +
                             " s; what is left stays in " + folder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What trainers accepted and no broker has stored yet: it waits in files of the machine they ran on.",
               "trainbus-spool");
  std::string folder = trainbus::default_spool_dir();
  std::string broker = trainbus::default_broker();
  int wait_seconds = 30;
  bool any_broker = false;
  bool json = false;
  auto* list = app.add_subcommand("list", "What waits, the oldest first");
  list->add_flag("--json", json, "As JSON");
  auto* deliver = app.add_subcommand("send", "Deliver it to a broker; files are deleted once their records are stored");
  deliver->add_option("--broker", broker, "Address of the broker, or $TRAINBUS_BROKER")->capture_default_str();
  trainbus::add_key_option(*deliver);
  deliver->add_option("--wait", wait_seconds, "Seconds to try")->check(CLI::Range(1, 86'400))->capture_default_str();
  deliver->add_flag("--any-broker", any_broker, "Also what was left for another broker");
  for (auto* command : {list, deliver})
    command->add_option("DIR", folder, "The spool folder, or $TRAINBUS_SPOOL_DIR")->capture_default_str();
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  trainbus-spool list\n"
      "  trainbus-spool send --broker tcp://head:7760\n\n"
      "The next start of the same trainer delivers its spool by itself. What a living trainer holds is left to it.");
  return trainbus::run_program(app, argc, argv, [&] {
    if (folder.empty() || !std::filesystem::is_directory(folder))
      throw std::runtime_error("no spool folder '" + folder + "'");
    if (*deliver) trainbus::require_key_taken(broker);
    if (*deliver) return send(folder, broker, wait_seconds, any_broker);
    const auto owners = trainbus::spool_list(folder);
    json ? print_json(owners) : print_table(owners, folder);
    return 0;
  });
}
