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
  using LifeFiles = tensorboard::LifeFiles;
  using TrainerFiles = tensorboard::TrainerFiles;

  TrainerFiles& trainer_of(const SinkRecord& record);
  // A record with a step of its own.
  void place_on_line(const SinkRecord& record, TrainerFiles& trainer, LifeFiles& life);
  // One that happens between steps: status, command, alert. Held until the life's first step is known.
  void place_between(const SinkRecord& record, TrainerFiles& trainer, LifeFiles& life);
  void begin_life(TrainerFiles& trainer, LifeFiles& life);
  // Lives that said something long ago and never made a step, so that their records need not come again at each start.
  void begin_stillborn_lives();
  void append_between(TrainerFiles& trainer, LifeFiles& life, Event& event);
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
