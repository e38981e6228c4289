// A sink in C++: a table of the best epoch of each trainer, written anew when there is a better one. It keeps nothing,
// so open() says that it has nothing, and each start begins with the whole history.
//   trainbus-log --sink ./best_epochs.so:best.txt,kinds=epoch
#include <trainbus/sink.hpp>

#include <filesystem>
#include <fstream>
#include <map>

class BestEpochs : public trainbus::Sink {
 public:
  static constexpr trainbus_sink_option kOptions[] = {{"path", "FILE", nullptr, "the table, which is replaced", 0},
                                                      {"least", "EPOCHS", "1", "not before this epoch", 0},
                                                      {}};
  static constexpr trainbus::SinkInfo kInfo{"best_epochs", "the best epoch of each trainer", TRAINBUS_SINK_KNOWS,
                                            kOptions};

  explicit BestEpochs(const trainbus::SinkOptions& options)
      : path_(options.text("path")), least_(options.number("least", 1, 1'000'000)) {}

  trainbus::StreamHeads open() override {
    best_.clear();
    return {};
  }
  void write(const trainbus::SinkRecord& record) override {
    const auto& epoch = record.message().epoch_data();
    if (record.kind() != "epoch" || epoch.epoch() < static_cast<int>(least_)) return;
    auto& best = best_[record.message().session_id()];
    if (epoch.average_accuracy() > best.average_accuracy()) best = epoch;
  }
  void flush() override {
    std::ofstream table(path_ + ".new");
    for (const auto& [trainer, epoch] : best_)
      table << trainer << ' ' << epoch.epoch() << ' ' << epoch.average_accuracy() << '\n';
    table.close();
    if (!table) throw std::runtime_error("'" + path_ + ".new' cannot be written");
    std::filesystem::rename(path_ + ".new", path_);
  }

 private:
  const std::string path_;
  const std::uint64_t least_;
  std::map<std::string, trainbus::v1::EpochData> best_;
};

TRAINBUS_EXPORT_SINK(BestEpochs)
