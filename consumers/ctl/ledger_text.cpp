#include "ledger_text.hpp"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "trainbus/incarnation.hpp"

namespace trainbus {
namespace {

void add_trainer(std::vector<std::string>& lines, const TrainerLedger& ledger) {
  lines.push_back(ledger.newest ? ledger.session_id : incarnation_address(ledger.session_id, ledger.incarnation));
  if (ledger.unnumbered > 0)
    lines.push_back(fmt::format("  {} records came without numbers: what was lost before the broker is not known",
                                ledger.unnumbered));
  else if (!ledger.heard)
    lines.push_back("  no heartbeat since the broker started: what it produced is not known");
  lines.push_back(fmt::format("  {:8}{:>12}{:>12}{:>12}{:>12}", "kind", "produced", "stored", "lost", "in outbox"));
  for (const auto& record : ledger.records)
    lines.push_back(fmt::format("  {:8}{:>12}{:>12}{:>12}{:>12}", kind_name(record.kind), record.produced,
                                record.stored, record.lost, record.in_outbox()));
  const auto& tiles = ledger.tiles;
  if (tiles.produced > 0 || tiles.broker_in > 0)
    lines.push_back(
        fmt::format("  tiles: {} produced = {} without demand + {} dropped at the source + {} sent; "
                    "{} sent = {} taken in since the broker started + {} lost on the link or before",
                    tiles.produced, tiles.skipped_no_demand, tiles.dropped_at_source, tiles.sent, tiles.sent,
                    tiles.broker_in, tiles.lost_on_link()));
  if (tiles.lost_to_consumers > 0)
    lines.push_back(
        fmt::format("  tiles: {} sent on by the broker and not had by those who watched (too slow, or a bad "
                    "line; summed over them)",
                    tiles.lost_to_consumers));
}

}  // namespace

std::vector<std::string> ledger_lines(const std::vector<TrainerLedger>& ledgers) {
  if (ledgers.empty()) return {"no trainers"};
  std::vector<std::string> lines, open;
  std::size_t not_known = 0;
  for (const auto& ledger : ledgers) {
    add_trainer(lines, ledger);
    not_known += ledger.known() ? 0 : 1;
    for (const auto& sum : ledger.open_sums())
      open.push_back("does not close: " + sum);
  }
  if (not_known > 0)
    open.push_back(fmt::format("not known of {} of {} trainers: see above", not_known, ledgers.size()));
  else if (open.empty())
    open.push_back("every sum closes");
  lines.insert(lines.end(), open.begin(), open.end());
  return lines;
}

std::string ledger_json(const std::vector<TrainerLedger>& ledgers) {
  nlohmann::ordered_json json{{"trainers", nlohmann::json::array()}, {"open", nlohmann::json::array()}};
  for (const auto& ledger : ledgers) {
    const auto slash = ledger.session_id.find('/');
    const auto& tiles = ledger.tiles;
    nlohmann::ordered_json trainer{{"run", ledger.session_id.substr(0, slash)},
                                   {"trainer", ledger.session_id.substr(slash + 1)},
                                   {"incarnation", std::to_string(ledger.incarnation)},
                                   {"heartbeat", ledger.heard},
                                   {"unnumbered", ledger.unnumbered},
                                   {"known", ledger.known()},
                                   {"records", nlohmann::json::array()},
                                   {"tiles",
                                    {{"produced", tiles.produced},
                                     {"skipped_no_demand", tiles.skipped_no_demand},
                                     {"dropped_at_source", tiles.dropped_at_source},
                                     {"sent", tiles.sent},
                                     {"broker_in", tiles.broker_in},
                                     {"lost_on_link", tiles.lost_on_link()},
                                     {"lost_to_consumers", tiles.lost_to_consumers}}}};
    for (const auto& record : ledger.records)
      trainer["records"].push_back({{"kind", kind_name(record.kind)},
                                    {"produced", record.produced},
                                    {"stored", record.stored},
                                    {"lost", record.lost},
                                    {"in_outbox", record.in_outbox()}});
    json["trainers"].push_back(std::move(trainer));
    for (const auto& sum : ledger.open_sums())
      json["open"].push_back(sum);
  }
  return json.dump();
}

}  // namespace trainbus
