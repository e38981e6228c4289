#include "tensorboard_sink.hpp"

#include "summaries.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxHeld = 64;  // texts of a life that has not begun
constexpr std::int64_t kStillbornAfterMs = 600'000;
constexpr int kStillbornSyncs = 3;
constexpr std::int64_t kLiveWithinMs = 30'000;  // a record that is older is history: there is nothing to look at

std::chrono::milliseconds period_of(const SinkOptions& options) {
  if (options.text("images") == "off") return {};
  const auto period = options.duration("images");
  if (period < std::chrono::seconds(1)) options.refuse("images", "must be at least 1s");
  return period;
}

// No sum of these overflows, whatever a trainer sends.
std::int64_t bounded(std::uint64_t step) {
  constexpr std::uint64_t kMaxStep = 1ULL << 53;
  return static_cast<std::int64_t>(std::min(step, kMaxStep));
}

// The trainer's own step; a client that does not count its steps is drawn over its sequence.
std::int64_t own_step(const SinkRecord& record, Kind kind) {
  const auto& message = record.message();
  const auto step = kind == v1::KIND_BATCH   ? message.batch_data().step()
                    : kind == v1::KIND_EPOCH ? message.epoch_data().step()
                                             : message.performance_data().step();
  return bounded(step != 0 ? step : record.sequence());
}

}  // namespace

TensorboardSink::TensorboardSink(const SinkOptions& options)
    : path_(options.text("folder")), images_every_(period_of(options)) {
  if (path_.empty()) options.refuse("folder", "must name a folder");
}

StreamHeads TensorboardSink::open() {
  last_trainer_ = nullptr;
  folder_.reset();  // what was not flushed is gone, and comes again
  folder_ = std::make_unique<tensorboard::EventFolder>(path_, [this](const std::string& line) { warn(line); });
  if (images_every_.count() > 0 && !camera_)
    camera_ = std::make_unique<tensorboard::TileCamera>(broker(), images_every_);
  return folder_->heads();
}

tensorboard::TrainerFiles& TensorboardSink::trainer_of(const SinkRecord& record) {
  if (last_trainer_ == nullptr || last_session_.run != record.run() || last_session_.trainer != record.trainer()) {
    last_session_ = {std::string(record.run()), std::string(record.trainer())};
    last_trainer_ = &folder_->trainer(last_session_);
  }
  return *last_trainer_;
}

void TensorboardSink::write(const SinkRecord& record) {
  auto& trainer = trainer_of(record);
  auto& life = folder_->life(trainer, record.incarnation());
  const Kind kind = kind_from_name(record.kind());
  if (!is_kept(kind) || record.sequence() <= life.marks.sequence[kind]) return;
  if (camera_) notice(record);
  event_.Clear();
  event_.set_wall_time(static_cast<double>(record.timestamp_ms()) / 1000);
  event_.set_record_kind(kind);
  event_.set_record_sequence(record.sequence());
  if (kind == v1::KIND_BATCH || kind == v1::KIND_EPOCH || kind == v1::KIND_PERF)
    place_on_line(record, trainer, life);
  else
    place_between(record, trainer, life);
}

void TensorboardSink::place_on_line(const SinkRecord& record, TrainerFiles& trainer, LifeFiles& life) {
  const auto kind = static_cast<Kind>(event_.record_kind());
  const auto& message = record.message();
  const auto own = own_step(record, kind);
  auto& line = trainer.line;
  if (!line.life(life.incarnation).offset) {
    if (kind == v1::KIND_BATCH)
      line.begin_with(life.incarnation, message.batch_data(), own);
    else if (kind == v1::KIND_EPOCH)
      line.begin_with(life.incarnation, message.epoch_data(), own);
    else
      line.begin_at(life.incarnation, own);
    begin_life(trainer, life);
  }
  const auto step = *line.life(life.incarnation).offset + own;
  line.reach(life.incarnation, step);
  event_.set_step(step);
  if (!line.superseded(life.incarnation, step)) {
    if (kind == v1::KIND_BATCH)
      add_values(*event_.mutable_summary(), message.batch_data());
    else if (kind == v1::KIND_EPOCH)
      add_values(*event_.mutable_summary(), message.epoch_data());
    else
      add_values(*event_.mutable_summary(), message.performance_data());
  }
  folder_->append(life, event_);
}

void TensorboardSink::place_between(const SinkRecord& record, TrainerFiles& trainer, LifeFiles& life) {
  const auto& message = record.message();
  auto& place = trainer.line.life(life.incarnation);
  bool ended = false;
  switch (event_.record_kind()) {
    case v1::KIND_STATUS: {
      const auto& status = message.status_update();
      if (status.has_config()) place.batches_per_epoch = status.config().batches_per_epoch();
      ended = status.status() == v1::COMPLETED || status.status() == v1::FAILED;
      add_values(*event_.mutable_summary(), status);
      event_.set_step(bounded(status.step()));
      break;
    }
    case v1::KIND_COMMAND:
      add_values(*event_.mutable_summary(), message.command());
      event_.set_step(bounded(message.command().applied_step()));
      break;
    default: add_values(*event_.mutable_summary(), message.alert()); break;
  }
  if (place.offset) return append_between(trainer, life, event_);
  life.held.push_back(event_);
  if (!ended && life.held.size() < kMaxHeld) return;
  trainer.line.begin_at(life.incarnation, event_.step());
  begin_life(trainer, life);
}

void TensorboardSink::begin_life(TrainerFiles& trainer, LifeFiles& life) {
  const auto& place = trainer.line.life(life.incarnation);
  Event start;
  start.set_wall_time(life.held.empty() ? event_.wall_time() : life.held.front().wall_time());
  start.set_step(place.first);
  start.mutable_session_log()->set_status(1);
  start.set_step_offset(*place.offset);
  folder_->append(life, start);
  for (auto& event : life.held)
    append_between(trainer, life, event);
  life.held = {};
}

// `event` has the trainer's own step, 0 for none. Texts of one tag need steps that grow: TensorBoard takes what comes
// at the same step, or an earlier one, for a restart.
void TensorboardSink::append_between(TrainerFiles& trainer, LifeFiles& life, Event& event) {
  const auto& place = trainer.line.life(life.incarnation);
  const auto step = std::max(place.first, event.step() > 0 ? *place.offset + event.step() : place.last);
  if (event.summary().value().empty() || trainer.line.superseded(life.incarnation, step)) {
    event.clear_summary();
    event.set_step(life.marks.step[event.record_kind()]);
  } else {
    event.set_step(std::max(step, life.marks.step[event.record_kind()] + 1));
  }
  folder_->append(life, event);
}

void TensorboardSink::notice(const SinkRecord& record) {
  const SessionName session{std::string(record.run()), std::string(record.trainer())};
  if (record.kind() == "batch" && unix_ms() - record.timestamp_ms() < kLiveWithinMs)
    camera_->notice(session, std::chrono::steady_clock::now());
}

void TensorboardSink::take_images() {
  v1::MetricsRequest message;
  for (const auto& frame : camera_->look(std::chrono::steady_clock::now())) {
    auto* trainer = folder_->find_trainer(frame.topic.session);
    if (trainer == nullptr || !message.ParseFromString(*frame.bytes)) continue;
    const auto life = trainer->lives.find(frame.incarnation);
    if (life == trainer->lives.end()) continue;
    const auto offset = trainer->line.life(frame.incarnation).offset;
    const auto& tiles = message.batch_data();
    if (!offset || tiles.step() == 0) continue;
    const auto step = *offset + bounded(tiles.step());
    if (step <= life->second.marks.step[v1::KIND_TILES] || trainer->line.superseded(frame.incarnation, step)) continue;
    event_.Clear();
    event_.set_wall_time(static_cast<double>(message.timestamp_ms()) / 1000);
    event_.set_step(step);
    event_.set_record_kind(v1::KIND_TILES);
    event_.set_record_sequence(frame.sequence);
    tensorboard::add_tiles(*event_.mutable_summary(), tiles);
    folder_->append(life->second, event_);
  }
}

void TensorboardSink::flush() {
  if (camera_) take_images();
  folder_->flush();
}

void TensorboardSink::begin_stillborn_lives() {
  const double long_ago = static_cast<double>(unix_ms() - kStillbornAfterMs) / 1000;
  for (auto& [session, trainer] : folder_->trainers())
    for (auto& [incarnation, life] : trainer.lives) {
      if (life.held.empty() || ++life.syncs_held < kStillbornSyncs || life.held.front().wall_time() > long_ago)
        continue;
      trainer.line.begin_at(incarnation, 0);
      begin_life(trainer, life);
    }
}

void TensorboardSink::sync() {
  begin_stillborn_lives();
  folder_->flush();
  folder_->sync();
}

}  // namespace trainbus
