#include "ledger_api.hpp"

#include "json_text.hpp"
#include "site.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

void append_ledger(std::string& out, const TrainerLedger& ledger) {
  JsonObject object(out);
  object.add("incarnation", std::to_string(ledger.incarnation)).add("newest", ledger.newest);
  object.add("heard", ledger.heard).add("unnumbered", ledger.unnumbered);
  append_json_array(object.key("records"), ledger.records, [&](const RecordLedger& record) {
    JsonObject(out)
        .add("kind", kind_name(record.kind))
        .add("produced", record.produced)
        .add("stored", record.stored)
        .add("lost", record.lost)
        .add("in_outbox", record.in_outbox());
  });
  const TilesLedger& tiles = ledger.tiles;
  object.key("tiles");
  JsonObject(out)
      .add("produced", tiles.produced)
      .add("skipped_no_demand", tiles.skipped_no_demand)
      .add("dropped_at_source", tiles.dropped_at_source)
      .add("sent", tiles.sent)
      .add("broker_in", tiles.broker_in)
      .add("lost_on_link", tiles.lost_on_link())
      .add("lost_to_consumers", tiles.lost_to_consumers);
  append_json_array(object.key("open_sums"), ledger.known() ? ledger.open_sums() : std::vector<std::string>{},
                    [&](const std::string& line) { append_json_string(out, line); });
}

}  // namespace

Answer answer_ledger(const Site& site, const RequestTarget& target) {
  const SessionName session{target.segments[2], target.segments[3]};
  std::vector<TrainerLedger> found;
  for (const auto& ledger : site.broker.ledgers)
    if (ledger.session_id == session.id()) found.push_back(ledger);
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    append_json_array(object.key("ledgers"), found,
                      [&](const TrainerLedger& ledger) { append_ledger(answer.body, ledger); });
  }
  return answer;
}

}  // namespace trainbus
