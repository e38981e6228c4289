// Any records on a consumer's way: from the live feed and the journal into one order, a view of the trainer, a JSON
// line. Each record is handed out once.
#include <google/protobuf/stubs/logging.h>

#include "stream_merge.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/liveness.hpp"
#include "trainbus/record_json.hpp"
#include "trainbus/trainer_view.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const google::protobuf::LogSilencer quiet;
  std::int64_t now_ms = 1'763'900'000'000;
  StreamMerge merge({}, size % 2 == 0, 2'000);
  TrainerView view(SessionName{"r", "t"});
  std::map<StreamKey, std::uint64_t> last;
  const auto hand_out = [&](const StreamKey& stream, std::uint64_t sequence) {
    const auto [at, first] = last.try_emplace(stream, 0);
    fuzz::require(sequence > at->second);
    at->second = sequence;
  };
  fuzz::Pieces pieces(fuzz::view(data, size));
  std::uint8_t what = 0;
  std::string_view bytes;
  for (Record record; pieces.next(what, bytes); now_ms += what) {
    const auto kind = kAllKinds[what % std::size(kAllKinds)];
    if (decode_record(topic_text(kind, "r", "t"), bytes, record.topic, record.message) != WireError::kNone) continue;
    record.bytes = bytes;
    const bool stored = (what & 64) != 0;
    view.fold(kind, record.message, now_ms, 0, stored ? 1000 : 0);
    (void)judge_liveness(view.facts(now_ms, true));
    std::string line;
    append_record_json(line, record);
    fuzz::require(line.find('\n') == std::string::npos);
    const StreamKey stream{record.message.session_id(), record.message.incarnation(), kind};
    const auto sequence = record.message.sequence();
    for (const auto& position : record.message.heartbeat().highest())
      merge.announce({stream.session_id, stream.incarnation, position.kind()}, position.sequence(), now_ms);
    if (sequence == 0 || !is_kept(kind)) continue;
    const auto verdict =
        stored ? merge.offer_stored(stream, sequence) : merge.offer_live(stream, sequence, bytes, now_ms);
    if (verdict == Verdict::kNext) hand_out(stream, sequence);
    while (const auto ready = merge.take_ready())
      hand_out(ready->stream, merge.heads().at(ready->stream));
    if (what & 128) merge.lose(stream, sequence, sequence + what);
    for (const auto& gap : merge.gaps_to_ask(now_ms, 4))
      merge.asked(gap, now_ms);
  }
  return 0;
}
