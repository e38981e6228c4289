#pragma once
// tensorboard:FOLDER, event files that TensorBoard opens (README.md).

#include <memory>

#include "event_folder.hpp"
#include "tile_camera.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// One event per record, which names its record: the files are the position.
class TensorboardSink : public Sink {
 public:
  static constexpr trainbus_sink_option kOptions[] = {
      {"folder", "FOLDER", nullptr, "one folder per run and trainer is made in it", 0},
      {"images", "TIME|off", "off", "a look at the tiles of each trainer this often, as 10s", 0},
      {},
  };
  static constexpr SinkInfo kInfo{"tensorboard", "event files for TensorBoard", TRAINBUS_SINK_KNOWS, kOptions};

  explicit TensorboardSink(const SinkOptions& options);

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override;
  void sync() override;

 private:
  using Event = tensorboard::Event;
  using IncarnationFiles = tensorboard::IncarnationFiles;
  using TrainerFiles = tensorboard::TrainerFiles;

  TrainerFiles& trainer_of(const SinkRecord& record);
  // Places a record on the line of steps and writes it, or holds it until its incarnation has a place there.
  void put(TrainerFiles& trainer, IncarnationFiles& files, Kind kind, const v1::MetricsRequest& message);
  void hold(TrainerFiles& trainer, IncarnationFiles& files, Kind kind, const v1::MetricsRequest& message);
  // The START of an incarnation, and what it held.
  void begin(TrainerFiles& trainer, IncarnationFiles& files, const StepLine::Place& place, double wall_time);
  void append(TrainerFiles& trainer, IncarnationFiles& files, Kind kind, const v1::MetricsRequest& message,
              const StepLine::Place& place);
  void add_values(TrainerFiles& trainer, Kind kind, const v1::MetricsRequest& message);
  // Incarnations that said something long ago and never made a step, so that their records need not come again at each
  // start.
  void begin_stillborn();
  void notice(const SinkRecord& record);
  void take_images();

  const std::string path_;
  const std::chrono::milliseconds images_every_;  // 0: never
  std::unique_ptr<tensorboard::EventFolder> folder_;
  std::unique_ptr<tensorboard::TileCamera> camera_;
  SessionName last_session_;
  TrainerFiles* last_trainer_ = nullptr;  // mostly the same again
  Event event_;
};

}  // namespace trainbus
