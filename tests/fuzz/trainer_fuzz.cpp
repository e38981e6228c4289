// Any messages from a broker to a trainer: commands are answered, each at most once applied, and the outbox lets go of
// no more than it has.
#include <google/protobuf/stubs/logging.h>

#include "producers/sdk/outbox.hpp"
#include "producers/sdk/received_commands.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const google::protobuf::LogSilencer quiet;
  constexpr std::size_t kRecords = 8;
  std::int64_t now_ms = 1'763'900'000'000;
  ReceivedCommands commands(7);
  Outbox outbox({100, 1 << 20}, {});
  for (std::uint64_t sequence = 1; sequence <= kRecords; ++sequence)
    outbox.push(v1::KIND_BATCH, sequence, "record", 1);
  fuzz::Pieces pieces(fuzz::view(data, size));
  std::uint8_t what = 0;
  std::string_view bytes;
  v1::MetricsResponse response;
  while (pieces.next(what, bytes)) {
    now_ms += what;
    if (what % 8 == 0) commands.report_again();
    if (decode_control(bytes, response) != WireError::kNone) continue;
    if (response.has_command()) commands.receive(response.command(), now_ms);
    for (const auto& position : response.ack().stored())
      outbox.acknowledge(position.kind(), position.sequence(), {});
    fuzz::require(outbox.records() <= kRecords);
    if (auto next = commands.take_next(now_ms)) {
      fuzz::require(command_problem(*next).empty());
      commands.applied(*std::move(next), 1, "1", "2");
    }
    v1::ControlCommand again;
    for (const auto& report : commands.take_reports())
      fuzz::require(again.ParseFromString(report.SerializeAsString()));
  }
  return 0;
}
