// Any messages on the data and control ports, one after another, through all of the broker that has no socket: each
// stream comes out in order, and nothing grows past its bounds.
#include <google/protobuf/stubs/logging.h>

#include "broker/command_registry.hpp"
#include "broker/demand_board.hpp"
#include "broker/intake.hpp"
#include "broker/roster.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kStart = 1'763'900'000'000;
constexpr std::int64_t kStepMs = 700;

struct Parts {
  std::int64_t now_ms = kStart;
  Intake intake;
  Roster roster;
  CommandRegistry commands;
  DemandBoard demand;
  std::vector<ReadyRecord> ready;
  std::vector<LostRecords> lost;
  std::map<Stream*, std::uint64_t> handed_out;
  std::uint64_t offered = 0;

  void check_ready() {
    for (const auto& gap : lost) {
      fuzz::require(gap.first <= gap.last && gap.first == handed_out[gap.stream] + 1);
      handed_out[gap.stream] = gap.last;
    }
    for (const auto& record : ready) {
      if (record.store) fuzz::require(record.sequence == ++handed_out[record.stream]);
      fuzz::require(record.sequence <= Intake::kMaxSequence);
    }
    ready.clear();
    lost.clear();
  }
  void take_record(const Topic& topic, v1::MetricsRequest& message, std::string_view bytes) {
    roster.identify(topic, message, now_ms);
    const zmq::message_t body(bytes.data(), bytes.size());
    if (is_kept(topic.kind) && message.sequence() != 0) {
      bool is_new = false;
      Stream* stream = intake.find_or_make(topic, message.incarnation(), is_new);
      if (stream == nullptr) return;
      ++offered;
      intake.offer(*stream, message.sequence(), record_ms(message), zmq::message_t(bytes.data(), bytes.size()), now_ms,
                   true, ready);
      check_ready();
    }
    roster.heard(topic, message, body, now_ms);
  }
  void take_request(const v1::MetricsRequest& message) {
    const auto& session = message.session_id();
    if (message.has_hello() && parse_session_id(session)) {
      if (message.hello().from_spool())
        roster.deliver(session, message.incarnation(), message.hello().delivered_by(), now_ms);
      else
        (void)roster.hello(message, "peer", now_ms);
      intake.note_outbox(session, message.incarnation());
    }
    if (message.has_issue_command() && command_problem(message.issue_command()).empty())
      for (const auto& target : roster.matching(session)) {
        bool is_new = false;
        (void)commands.issue(target, message.issue_command(),
                             roster.target_facts(target, message.issue_command().expected_incarnation(), now_ms),
                             now_ms, kStart, is_new);
      }
    if (message.has_command_report()) {
      const auto* entry = commands.report(session, message.command_report(), now_ms);
      v1::ControlCommand again;
      fuzz::require(entry == nullptr || again.ParseFromString(entry->command.SerializeAsString()));
    }
    if (message.has_command()) commands.restore(session, message.command(), now_ms, kStart);
    if (message.has_find_command()) (void)commands.find_by_session(session);
    if (message.has_demand()) (void)demand.lease(session, "viewer", message.demand(), now_ms);
    const auto most = demand.demand(session, now_ms);
    fuzz::require(!most || (most->max_rate_hz() >= 0 && most->max_pixels() >= 0));
  }
  // Nothing that was offered has vanished.
  void check_ledger() {
    std::uint64_t waiting = 0;
    for (std::uint64_t id = 1; id <= intake.streams(); ++id)
      waiting += intake.by_id(id).waiting.size();
    const auto& counters = intake.counters();
    fuzz::require(offered == counters.accepted + counters.duplicates + counters.refused + counters.impossible +
                                 counters.forgotten + waiting);
  }
  void pass_time() {
    now_ms += kStepMs;
    intake.give_up_old_gaps(now_ms, ready, lost);
    check_ready();
    demand.forget_expired(now_ms);
    const auto due = commands.due(now_ms, [this](const std::string& session, std::uint64_t incarnation) {
      return roster.target_facts(session, incarnation, now_ms);
    });
    (void)roster.crowds(now_ms);
    for (const auto* entry : due.to_send)
      fuzz::require(!command_ended(entry->command.state()));
    (void)roster.list({}, now_ms);
  }
};

}  // namespace
}  // namespace trainbus

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const google::protobuf::LogSilencer quiet;
  Parts parts;
  fuzz::Pieces pieces(fuzz::view(data, size));
  std::uint8_t what = 0;
  std::string_view bytes;
  v1::MetricsRequest message;
  for (Topic topic; pieces.next(what, bytes);) {
    if (what % 16 == 15) {
      parts.pass_time();
    } else if (what % 2 == 0) {
      if (decode_control(bytes, message) == WireError::kNone) parts.take_request(message);
    } else {
      const auto kind = kAllKinds[what / 2 % std::size(kAllKinds)];
      if (decode_record(topic_text(kind, "r", what & 128 ? "t" : "u"), bytes, topic, message) == WireError::kNone)
        parts.take_record(topic, message, bytes);
    }
  }
  parts.check_ledger();
  return 0;
}
