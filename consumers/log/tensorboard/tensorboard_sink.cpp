#include "tensorboard_sink.hpp"

#include <utility>

#include "summaries.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

// Of an incarnation that has no place on the line yet; past either it begins at the end of the line.
constexpr std::size_t kMaxHeld = 64;
constexpr std::size_t kMaxHeldBytes = 4 << 20;
constexpr std::int64_t kStillbornAfterMs = 600'000;
constexpr int kStillbornSyncs = 3;
constexpr std::int64_t kLiveWithinMs = 30'000;  // a record that is older is history: there is nothing to look at

std::chrono::milliseconds period_of(const SinkOptions& options) {
  if (options.text("images") == "off") return {};
  const auto period = options.duration("images");
  if (period < std::chrono::seconds(1)) options.refuse("images", "must be at least 1s");
  return period;
}

double seconds_of(const v1::MetricsRequest& message) { return static_cast<double>(record_ms(message)) / 1000; }

bool is_between_steps(Kind kind) {
  return kind == v1::KIND_STATUS || kind == v1::KIND_COMMAND || kind == v1::KIND_ALERT;
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
  const Kind kind = kind_from_name(record.kind());
  if (!is_kept(kind)) return;
  auto& trainer = trainer_of(record);
  auto& files = folder_->incarnation(trainer, record.incarnation(), record.order());
  if (record.sequence() <= files.marks.sequence[kind]) return;
  if (camera_) notice(record);
  put(trainer, files, kind, record.message());
}

void TensorboardSink::put(TrainerFiles& trainer, IncarnationFiles& files, Kind kind,
                          const v1::MetricsRequest& message) {
  const auto place = trainer.line.place(files.incarnation, message);
  if (!place) return hold(trainer, files, kind, message);
  if (place->began)
    begin(trainer, files, *place, seconds_of(files.held.empty() ? message : files.held.front().message));
  append(trainer, files, kind, message, *place);
}

void TensorboardSink::hold(TrainerFiles& trainer, IncarnationFiles& files, Kind kind,
                           const v1::MetricsRequest& message) {
  files.held.push_back({kind, message});
  files.held_bytes += message.ByteSizeLong();
  const bool ended = training_ended(message.status_update().status());
  if (!ended && files.held.size() < kMaxHeld && files.held_bytes < kMaxHeldBytes) return;
  begin(trainer, files, trainer.line.begin_at_end(files.incarnation), seconds_of(files.held.front().message));
}

void TensorboardSink::begin(TrainerFiles& trainer, IncarnationFiles& files, const StepLine::Place& place,
                            double wall_time) {
  Event start;
  start.set_wall_time(wall_time);
  start.set_step(place.superseded_after + 1);
  start.mutable_session_log()->set_status(1);
  start.set_step_offset(*trainer.line.first_step(files.incarnation));
  start.set_provisional(place.provisional);
  folder_->append(files, start);
  for (const auto& held : std::exchange(files.held, {}))
    if (const auto held_place = trainer.line.place(files.incarnation, held.message))
      append(trainer, files, held.kind, held.message, *held_place);
  files.held_bytes = 0;
}

void TensorboardSink::append(TrainerFiles& trainer, IncarnationFiles& files, Kind kind,
                             const v1::MetricsRequest& message, const StepLine::Place& place) {
  event_.Clear();
  event_.set_wall_time(seconds_of(message));
  event_.set_record_kind(kind);
  event_.set_record_sequence(message.sequence());
  event_.set_step(place.x);
  if (place.section) {
    auto& section = *event_.mutable_section();
    section.set_epoch(place.section->epoch);
    section.set_begin(place.section->begin);
    section.set_batches(place.section->batches);
    section.set_first_batch(place.section->first_batch);
  }
  if (!trainer.line.superseded(files.incarnation, place.x)) add_values(trainer, kind, message);
  // Texts of one tag need steps that grow: TensorBoard takes what comes at the same step, or an earlier one, for a
  // restart.
  if (const auto newest = files.marks.step[kind]; is_between_steps(kind))
    event_.set_step(event_.summary().value().empty() ? newest : std::max(place.x, newest + 1));
  folder_->append(files, event_);
}

void TensorboardSink::add_values(TrainerFiles& trainer, Kind kind, const v1::MetricsRequest& message) {
  const auto left_out = trainer.tags.left_out();
  auto& summary = *event_.mutable_summary();
  switch (kind) {
    case v1::KIND_BATCH: tensorboard::add_values(event_, message.batch_data(), trainer.tags); break;
    case v1::KIND_EPOCH: tensorboard::add_values(event_, message.epoch_data(), trainer.tags); break;
    case v1::KIND_SCALARS: tensorboard::add_values(event_, message.scalar_data(), trainer.tags); break;
    case v1::KIND_MEDIA: tensorboard::add_values(event_, message.media_data(), trainer.tags); break;
    case v1::KIND_PERF: tensorboard::add_values(summary, message.performance_data()); break;
    case v1::KIND_STATUS: {
      const auto& status = message.status_update();
      tensorboard::add_values(summary, status);
      if (status.has_config()) tensorboard::add_session_start(summary, status.config(), event_.wall_time());
      if (training_ended(status.status())) tensorboard::add_session_end(summary, status.status(), event_.wall_time());
      break;
    }
    case v1::KIND_COMMAND: tensorboard::add_values(summary, message.command()); break;
    default: tensorboard::add_values(summary, message.alert()); break;
  }
  if (trainer.tags.left_out() == left_out) return;
  if (left_out == 0)
    warn('\'' + message.session_id() + "': more than " + std::to_string(tensorboard::TagNames::kMaxNames) +
         " names of values and media; the values of further ones are left out");
  limit_met("tag_names", tensorboard::TagNames::kMaxNames, "names of one trainer",
            "values of further names are left out");
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
    const auto found = trainer->incarnations.find(frame.incarnation);
    if (found == trainer->incarnations.end()) continue;
    auto& files = found->second;
    const auto& tiles = message.batch_data();
    const auto step = trainer->line.x_of(frame.incarnation, tiles.step());
    if (!step || tiles.step() == 0) continue;
    if (*step <= files.marks.step[v1::KIND_TILES] || trainer->line.superseded(frame.incarnation, *step)) continue;
    event_.Clear();
    event_.set_wall_time(seconds_of(message));
    event_.set_step(*step);
    event_.set_record_kind(v1::KIND_TILES);
    event_.set_record_sequence(frame.sequence);
    tensorboard::add_tiles(*event_.mutable_summary(), tiles);
    folder_->append(files, event_);
  }
}

void TensorboardSink::flush() {
  if (camera_) take_images();
  folder_->flush();
}

void TensorboardSink::begin_stillborn() {
  const double long_ago = static_cast<double>(unix_ms() - kStillbornAfterMs) / 1000;
  for (auto& [session, trainer] : folder_->trainers())
    for (auto& [number, files] : trainer.incarnations) {
      if (files.held.empty() || ++files.syncs_held < kStillbornSyncs) continue;
      const auto first_held = seconds_of(files.held.front().message);
      if (first_held <= long_ago) begin(trainer, files, trainer.line.begin_at_end(number), first_held);
    }
}

void TensorboardSink::sync() {
  begin_stillborn();
  folder_->flush();
  folder_->sync();
}

}  // namespace trainbus
