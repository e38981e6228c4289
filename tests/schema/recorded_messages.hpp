#pragma once
// One message of every kind with every field of its payload set, as they were when the wire's version 1 was fixed.
// Their bytes stand in tests/schema/recorded_messages.txt, and are never written anew within that version.

#include <limits>
#include <map>
#include <string>

#include "trainbus/topic.hpp"

namespace trainbus {

inline v1::MetricsRequest recorded_envelope(std::uint64_t sequence) {
  v1::MetricsRequest message;
  message.set_session_id("mnist/t0");
  message.set_timestamp_ms(1'700'000'000'123);
  message.set_incarnation(1'782'579'200'000'000'042);
  message.set_sequence(sequence);
  return message;
}

inline void fill_image(v1::ImageData& image, const std::string& id) {
  image.set_image_bytes(std::string("\xff\xd8\x00\xff\xd9", 5));
  image.set_format("jpeg");
  image.set_width(32);
  image.set_height(24);
  image.set_channels(3);
  image.set_image_id(id);
}

inline void fill_batch(v1::BatchData& batch) {
  batch.set_epoch(2);
  batch.set_batch_idx(17);
  batch.set_batch_size(64);
  auto& prediction = *batch.add_predictions();
  prediction.set_predicted_class(7);
  prediction.set_predicted_label("seven");
  prediction.set_confidence(0.75F);
  auto& score = *prediction.add_top_k_scores();
  score.set_class_idx(1);
  score.set_label("one");
  score.set_score(0.25F);
  batch.add_ground_truth(7);
  batch.add_ground_truth(-1);
  batch.set_batch_loss(0.0);
  batch.set_batch_accuracy(0.5);
  batch.set_timestamp_ms(1'700'000'000'120);
  batch.set_step(486);
  batch.set_learning_rate(0.01);
}

inline void fill_config(v1::TrainingConfig& config) {
  config.set_total_epochs(10);
  config.set_batches_per_epoch(469);
  config.set_batch_size(128);
  config.set_model_name("cnn");
  config.set_dataset_name("mnist");
  config.add_class_names("zero");
  config.set_learning_rate(0.1);
  (*config.mutable_parameters())["optimizer"] = "sgd";
  config.add_tags("baseline");
  config.set_notes("a note");
  config.set_first_step(320);
  auto& knob = *config.add_knobs();
  knob.set_name("weight_decay");
  knob.set_type(v1::Knob::NUMBER);
  knob.set_unit("1/step");
  knob.set_min(0);
  knob.set_max(1);
  knob.set_value("0.0005");
  knob.add_choices("unused");
  knob.set_help("L2 penalty");
}

inline void fill_live(std::map<Kind, v1::MetricsRequest>& messages) {
  auto& tiles = *(messages[v1::KIND_TILES] = recorded_envelope(3)).mutable_batch_data();
  fill_batch(tiles);
  fill_image(*tiles.add_images(), "train/00042.png");
  auto& heartbeat = *(messages[v1::KIND_HEARTBEAT] = recorded_envelope(9)).mutable_heartbeat();
  heartbeat.set_timestamp_ms(1'700'000'000'121);
  heartbeat.set_sequence_number(9);
  heartbeat.set_step(486);
  heartbeat.set_since_last_step_ms(12);
  auto& highest = *heartbeat.add_highest();
  highest.set_kind(v1::KIND_MEDIA);
  highest.set_sequence(4);
  heartbeat.set_next_checkin_ms(30'000);
  heartbeat.mutable_tiles()->set_produced(10);
  heartbeat.mutable_tiles()->set_skipped_no_demand(5);
  heartbeat.mutable_tiles()->set_dropped_at_source(2);
  heartbeat.mutable_tiles()->set_sent(3);
}

inline void fill_media(std::map<Kind, v1::MetricsRequest>& messages) {
  auto& scalars = *(messages[v1::KIND_SCALARS] = recorded_envelope(6)).mutable_scalar_data();
  scalars.set_step(486);
  scalars.set_epoch(2);
  (*scalars.mutable_values())["val/iou"] = -std::numeric_limits<double>::infinity();
  scalars.set_timestamp_ms(1'700'000'000'122);
  auto& media = *(messages[v1::KIND_MEDIA] = recorded_envelope(4)).mutable_media_data();
  media.set_step(486);
  media.set_name("samples");
  media.set_timestamp_ms(1'700'000'000'124);
  fill_image(*media.mutable_images()->add_images(), "");
  media.mutable_images()->add_captions("a seven");
}

inline std::map<Kind, v1::MetricsRequest> recorded_messages() {
  std::map<Kind, v1::MetricsRequest> messages;
  auto& batch = *(messages[v1::KIND_BATCH] = recorded_envelope(486)).mutable_batch_data();
  fill_batch(batch);
  (*batch.mutable_scalars())["grad_norm"] = 1.5;
  auto& epoch = *(messages[v1::KIND_EPOCH] = recorded_envelope(1)).mutable_epoch_data();
  epoch.set_epoch(1);
  epoch.set_average_loss(0.25);
  epoch.set_average_accuracy(0.9);
  epoch.set_learning_rate(0.01);
  epoch.set_is_converged(true);
  epoch.set_validation_loss(0.5);
  epoch.set_validation_accuracy(0.8);
  epoch.set_timestamp_ms(1'700'000'000'119);
  epoch.set_step(469);
  (*epoch.mutable_scalars())["val/iou"] = 0.5;
  auto& perf = *(messages[v1::KIND_PERF] = recorded_envelope(97)).mutable_performance_data();
  perf.set_time_per_batch_ms(12.5);
  perf.set_total_time_for_epoch_sec(6);
  perf.set_estimated_time_remaining_sec(54);
  perf.set_current_fps(80);
  perf.set_average_fps(78.5F);
  perf.mutable_resource_usage()->set_cpu_percent(180);
  perf.mutable_resource_usage()->set_memory_mb(512);
  perf.mutable_resource_usage()->set_gpu_percent(0);
  perf.mutable_resource_usage()->set_gpu_memory_mb(1024);
  perf.set_timestamp_ms(1'700'000'000'118);
  perf.set_step(485);
  auto& status = *(messages[v1::KIND_STATUS] = recorded_envelope(1)).mutable_status_update();
  status.set_status(v1::STOPPED);
  status.set_message("stopped by command");
  fill_config(*status.mutable_config());
  status.set_timestamp_ms(1'700'000'000'125);
  status.set_step(486);
  auto& command = *(messages[v1::KIND_COMMAND] = recorded_envelope(3)).mutable_command();
  command.set_type(v1::SET_KNOB);
  (*command.mutable_parameters())["name"] = "weight_decay";
  command.set_command_id("0123456789abcdef0123456789abcdef");
  command.set_expected_incarnation(42);
  command.set_deadline_ms(1'700'000'030'000);
  command.set_issuer("ctl:alice@host");
  command.set_state(v1::COMMAND_APPLIED);
  command.set_applied_step(486);
  command.set_old_value("0.0005");
  command.set_new_value("0.001");
  command.set_reason("none");
  command.set_time_to_live_ms(30'000);
  auto& alert = *(messages[v1::KIND_ALERT] = recorded_envelope(1)).mutable_alert();
  alert.set_alert_id("not_finite/42");
  alert.set_rule("not_finite");
  alert.set_message("loss is NaN at step 480");
  alert.set_active(true);
  alert.set_trainer_incarnation(42);
  alert.set_timestamp_ms(1'700'000'000'126);
  alert.set_value(480);
  fill_live(messages);
  fill_media(messages);
  return messages;
}

}  // namespace trainbus
