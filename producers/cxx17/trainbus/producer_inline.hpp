#ifndef TRAINBUS_PRODUCER_INLINE_HPP_CXX17
#define TRAINBUS_PRODUCER_INLINE_HPP_CXX17
// What trainbus/producer.hpp declares: plain C++ to the structs of trainbus.h. Included by it alone.

#include <exception>
#include <locale>
#include <sstream>

namespace trainbus {
inline namespace over_c_abi {
namespace c_abi {

inline std::vector<const char*> texts(const std::vector<std::string>& all) {
  std::vector<const char*> pointers;
  for (const std::string& each : all)
    pointers.push_back(each.c_str());
  return pointers;
}

// A prediction of C, and what it points to.
class CPrediction {
 public:
  explicit CPrediction(const Prediction& given) {
    for (const Score& score : given.top_k)
      scores_.push_back({score.class_idx, score.label.c_str(), score.score});
    prediction_ = {given.predicted_class, given.label.c_str(), given.confidence, scores_.data(), scores_.size()};
  }
  const trainbus_prediction& get() const { return prediction_; }

 private:
  std::vector<trainbus_score> scores_;
  trainbus_prediction prediction_{};
};

// With a point, whatever the program's locale.
inline std::string number_text(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(17);
  text << value;
  return text.str();
}

inline double number(const std::string& text) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0;
  stream >> value;
  return value;
}

template <class Handler>
Outcome call(const Handler& handler) {
  try {
    return handler();
  } catch (const std::exception& error) {
    return Rejected{error.what()};
  } catch (...) {
    return Rejected{};
  }
}

inline double said(std::uint32_t& which, std::uint32_t bit, const std::optional<double>& value) {
  if (value) which |= bit;
  return value.value_or(0);
}

template <class Call>
auto with_plan(const Plan& plan, const Call& call) {
  const auto class_names = texts(plan.class_names);
  const auto tags = texts(plan.tags);
  std::vector<trainbus_parameter> parameters;
  for (const auto& each : plan.parameters)
    parameters.push_back({each.first.c_str(), each.second.c_str()});
  trainbus_plan made{};
  made.size = sizeof made;
  made.total_epochs = plan.total_epochs;
  made.batches_per_epoch = plan.batches_per_epoch;
  made.batch_size = plan.batch_size;
  made.learning_rate = said(made.said, TRAINBUS_LEARNING_RATE, plan.learning_rate);
  if (plan.first_step) made.said |= TRAINBUS_FIRST_STEP;
  made.first_step = plan.first_step.value_or(0);
  made.model_name = plan.model_name.c_str();
  made.dataset_name = plan.dataset_name.c_str();
  made.notes = plan.notes.c_str();
  made.class_names = class_names.data();
  made.class_name_count = class_names.size();
  made.tags = tags.data();
  made.tag_count = tags.size();
  made.parameters = parameters.data();
  made.parameter_count = parameters.size();
  return call(made);
}

// No exception passes through the library.
inline void fill_tiles(void* user, trainbus_tiles* tiles) noexcept {
  try {
    Tiles room(tiles);
    (*static_cast<const Producer::TileSource*>(user))(room);
  } catch (...) {
  }
}

inline void tell_problem(void* user, const char* line) noexcept {
  try {
    (*static_cast<const std::function<void(const std::string&)>*>(user))(line);
  } catch (...) {
  }
}

inline void handle(void* user, const char* value, trainbus_answer* answer) noexcept {
  const auto& handler = *static_cast<const std::function<Outcome(const std::string&)>*>(user);
  const Outcome outcome = call([&] { return handler(value); });
  if (const auto* applied = std::get_if<Applied>(&outcome))
    trainbus_applied(answer, applied->old_value.c_str(), applied->new_value.c_str());
  else
    trainbus_rejected(answer, std::get<Rejected>(outcome).reason.c_str());
}

}  // namespace c_abi

inline bool Tiles::add(const Picture& picture, std::int32_t truth, const Prediction* prediction,
                       const std::string& image_id) {
  const c_abi::CPrediction predicted(prediction == nullptr ? Prediction{} : *prediction);
  trainbus_tile tile{};
  tile.size = sizeof tile;
  tile.pixels = picture.pixels;
  tile.width = picture.width;
  tile.height = picture.height;
  tile.channels = picture.channels;
  tile.row_bytes = picture.row_bytes;
  tile.truth = truth;
  tile.prediction = prediction == nullptr ? nullptr : &predicted.get();
  tile.image_id = image_id.c_str();
  return trainbus_tiles_add(tiles_, &tile) != 0;
}

inline Producer::Producer(const Options& given) {
  if (trainbus_abi() < TRAINBUS_ABI)
    throw std::runtime_error("libtrainbus_producer " + std::string(trainbus_version()) + " has version " +
                             std::to_string(trainbus_abi()) + " of its ABI, " + std::to_string(TRAINBUS_ABI) +
                             " is needed");
  trainbus_options options{};
  options.size = sizeof options;
  options.run = given.run.c_str();
  options.trainer = given.trainer.c_str();
  options.broker = given.broker ? given.broker->c_str() : nullptr;
  options.spool_dir = given.spool_dir ? given.spool_dir->c_str() : nullptr;
  options.spool_bytes = given.spool_bytes;
  options.heartbeat_ms = given.heartbeat_interval.count();
  options.max_tile_rate_hz = given.max_tile_rate_hz;
  options.tile_pixels = given.tile_pixels;
  options.jpeg_quality = given.jpeg_quality;
  options.no_environment = !given.describe_environment;
  options.no_metering = !given.meter_resources;
  options.client_name = given.client_name.c_str();
  if (given.on_problem) {
    on_problem_ = std::make_unique<std::function<void(const std::string&)>>(given.on_problem);
    options.on_problem = c_abi::tell_problem;
    options.user = on_problem_.get();
  }
  char why[512];
  producer_.reset(trainbus_open(&options, why, sizeof why));
  if (producer_ == nullptr) throw std::invalid_argument(why);
}

inline bool Producer::start(const Plan& plan) {
  return c_abi::with_plan(plan, [&](const trainbus_plan& made) { return trainbus_start(get(), &made) != 0; });
}

inline bool Producer::change_plan(const Plan& plan, const std::string& message) {
  return c_abi::with_plan(
      plan, [&](const trainbus_plan& made) { return trainbus_change_plan(get(), &made, message.c_str()) != 0; });
}

inline bool Producer::log_batch(const Batch& given, const Values& values, const TileSource& tiles) {
  std::vector<c_abi::CPrediction> kept;
  std::vector<trainbus_prediction> predictions;
  kept.reserve(given.predictions.size());
  for (const Prediction& prediction : given.predictions)
    predictions.push_back(kept.emplace_back(prediction).get());
  trainbus_batch batch{};
  batch.size = sizeof batch;
  batch.epoch = given.epoch;
  batch.batch = given.batch;
  batch.batch_size = given.batch_size;
  batch.loss = c_abi::said(batch.said, TRAINBUS_LOSS, given.loss);
  batch.accuracy = c_abi::said(batch.said, TRAINBUS_ACCURACY, given.accuracy);
  batch.learning_rate = c_abi::said(batch.said, TRAINBUS_LEARNING_RATE, given.learning_rate);
  batch.values = values.data();
  batch.value_count = values.size();
  batch.predictions = predictions.data();
  batch.prediction_count = predictions.size();
  batch.ground_truth = given.ground_truth.data();
  batch.ground_truth_count = given.ground_truth.size();
  batch.no_record = !given.record;
  return trainbus_log_batch(get(), &batch, tiles ? c_abi::fill_tiles : nullptr, const_cast<TileSource*>(&tiles)) != 0;
}

inline bool Producer::log_epoch(const Epoch& given, const Values& values) {
  trainbus_epoch epoch{};
  epoch.size = sizeof epoch;
  epoch.epoch = given.epoch;
  epoch.average_loss = c_abi::said(epoch.said, TRAINBUS_LOSS, given.average_loss);
  epoch.average_accuracy = c_abi::said(epoch.said, TRAINBUS_ACCURACY, given.average_accuracy);
  epoch.learning_rate = c_abi::said(epoch.said, TRAINBUS_LEARNING_RATE, given.learning_rate);
  epoch.validation_loss = c_abi::said(epoch.said, TRAINBUS_VALIDATION_LOSS, given.validation_loss);
  epoch.validation_accuracy = c_abi::said(epoch.said, TRAINBUS_VALIDATION_ACCURACY, given.validation_accuracy);
  epoch.is_converged = given.is_converged;
  epoch.values = values.data();
  epoch.value_count = values.size();
  return trainbus_log_epoch(get(), &epoch) != 0;
}

inline bool Producer::log_images(const std::string& name, const std::vector<Picture>& pictures) {
  std::vector<trainbus_image> images;
  for (const Picture& each : pictures)
    images.push_back({each.pixels, each.width, each.height, each.channels, each.row_bytes, each.caption.c_str()});
  return trainbus_log_images(get(), name.c_str(), images.data(), images.size()) != 0;
}

inline bool Producer::log_table(const std::string& name, const std::vector<std::string>& columns,
                                const std::vector<std::string>& rows, const std::vector<double>& values) {
  if (values.size() != columns.size() * rows.size()) return false;
  const auto column_texts = c_abi::texts(columns);
  const auto row_texts = c_abi::texts(rows);
  return trainbus_log_table(get(), name.c_str(), column_texts.data(), columns.size(), row_texts.data(), rows.size(),
                            values.data()) != 0;
}

inline bool Producer::offer(const Knob& given, trainbus_knob_type type, const std::string& value, TextHandler handler,
                            const std::vector<std::string>& choices) {
  const auto choice_texts = c_abi::texts(choices);
  trainbus_knob knob{};
  knob.size = sizeof knob;
  knob.name = given.name.c_str();
  knob.type = type;
  knob.min = c_abi::said(knob.said, TRAINBUS_MIN, given.min);
  knob.max = c_abi::said(knob.said, TRAINBUS_MAX, given.max);
  knob.value = value.c_str();
  knob.unit = given.unit.c_str();
  knob.help = given.help.c_str();
  knob.choices = choice_texts.data();
  knob.choice_count = choices.size();
  handlers_.push_back(std::make_unique<TextHandler>(std::move(handler)));
  return trainbus_offer(get(), &knob, c_abi::handle, handlers_.back().get()) != 0;
}

inline bool Producer::on_number(const Knob& knob, double value, std::function<Outcome(double)> handler) {
  return offer(knob, TRAINBUS_NUMBER, c_abi::number_text(value),
               [handler = std::move(handler)](const std::string& text) { return handler(c_abi::number(text)); });
}

inline bool Producer::on_integer(const Knob& knob, std::int64_t value, std::function<Outcome(std::int64_t)> handler) {
  return offer(knob, TRAINBUS_INTEGER, std::to_string(value),
               [handler = std::move(handler)](const std::string& text) { return handler(std::stoll(text)); });
}

inline bool Producer::on_choice(const Knob& knob, const std::vector<std::string>& choices, const std::string& value,
                                std::function<Outcome(const std::string&)> handler) {
  return offer(knob, TRAINBUS_CHOICE, value, std::move(handler), choices);
}

inline bool Producer::on_switch(const Knob& knob, bool value, std::function<Outcome(bool)> handler) {
  return offer(knob, TRAINBUS_SWITCH, value ? "on" : "off",
               [handler = std::move(handler)](const std::string& text) { return handler(text == "on"); });
}

inline bool Producer::on_action(const Knob& knob, std::function<Outcome()> handler) {
  return offer(knob, TRAINBUS_ACTION, {}, [handler = std::move(handler)](const std::string&) { return handler(); });
}

inline std::string Producer::problem() const {
  char line[512] = "";
  trainbus_problem(get(), line, sizeof line);
  return line;
}

}  // namespace over_c_abi
}  // namespace trainbus

#endif
