#pragma once
// Whole messages of somebody hostile, from HostileBytes: for the data port, the control port and as subscriptions.

#include <string>
#include <vector>

#include "tests/support/hostile_bytes.hpp"
#include "trainbus/topic.hpp"
#include "trainbus/wire.hpp"

namespace trainbus::test {

using Frames = std::vector<std::string>;

class HostileFrames {
 public:
  // `session`: the records are of sessions that begin so.
  explicit HostileFrames(HostileBytes& hostile, std::string session = "hostile/h")
      : hostile_(hostile), session_(std::move(session)) {}

  // A record that is in order but for the odd values in it.
  v1::MetricsRequest odd_record(Kind kind) {
    v1::MetricsRequest message;
    message.set_session_id(session_ + std::to_string(hostile_.below(50)));
    message.set_timestamp_ms(static_cast<std::int64_t>(hostile_.number()));
    message.set_incarnation(hostile_.number());
    message.set_sequence(hostile_.number());
    switch (kind) {
      case v1::KIND_TILES:
      case v1::KIND_BATCH: {
        auto& batch = *message.mutable_batch_data();
        hostile_.fill(batch);
        if (kind == v1::KIND_BATCH) batch.clear_images();
        for (auto& image : *batch.mutable_images()) {
          image.set_width(1 + static_cast<int>(hostile_.below(512)));
          image.set_height(1 + static_cast<int>(hostile_.below(512)));
          image.set_image_bytes(hostile_.bytes(1 + hostile_.below(100)));
        }
        break;
      }
      case v1::KIND_EPOCH: hostile_.fill(*message.mutable_epoch_data()); break;
      case v1::KIND_PERF: hostile_.fill(*message.mutable_performance_data()); break;
      case v1::KIND_STATUS: hostile_.fill(*message.mutable_status_update()); break;
      case v1::KIND_COMMAND: hostile_.fill(*message.mutable_command()); break;
      case v1::KIND_ALERT: hostile_.fill(*message.mutable_alert()); break;
      default: hostile_.fill(*message.mutable_heartbeat()); break;
    }
    return message;
  }

  Frames malformed_message() {
    const Kind kind = hostile_.pick(kAllKinds);
    const auto record = odd_record(kind);
    const std::string topic = std::string(kind_name(kind)) + '/' + record.session_id() + '/';
    const std::string body = record.SerializeAsString();
    switch (hostile_.below(6)) {
      case 0: return Frames(1 + hostile_.below(8), hostile_.bytes(hostile_.below(40)));
      case 1: return {hostile_.topic(), body};
      case 2: return {topic, hostile_.damaged(body)};
      case 3: return {topic, hostile_.bytes(hostile_.below(400))};
      case 4: return {topic_text(hostile_.pick(kAllKinds), "hostile", "h1"), body};
      default: return {topic, body, body};
    }
  }

  // A request of any type, odd values in all its fields, in anybody's name but not about the witness's own records.
  v1::MetricsRequest odd_request() {
    static const std::string kNames[] = {"hostile/h1", "hostile/h2", "hostile/*", "witness/t0",
                                         "witness/*",  "",           "no name",   "/"};
    v1::MetricsRequest request;
    const auto* payloads = request.GetDescriptor()->FindOneofByName("payload");
    const auto* payload =
        payloads->field(static_cast<int>(hostile_.below(static_cast<std::size_t>(payloads->field_count()))));
    hostile_.fill(*request.GetReflection()->MutableMessage(&request, payload));
    request.set_session_id(hostile_.pick(kNames));
    request.set_timestamp_ms(static_cast<std::int64_t>(hostile_.number()));
    request.set_request_id(hostile_.number());
    request.set_incarnation(hostile_.number());
    request.set_sequence(hostile_.number());
    auto* command = request.has_issue_command() ? request.mutable_issue_command() : nullptr;
    if (command != nullptr && !hostile_.one_in(3)) {
      command->set_command_id(new_command_id());
      command->set_type(static_cast<v1::CommandType>(1 + hostile_.below(5)));
      (*command->mutable_parameters())["value"] = hostile_.one_in(2) ? "16" : hostile_.text();
      command->clear_issuer();
    }
    return request;
  }
  v1::MetricsRequest greedy_fetch() const {
    v1::MetricsRequest request;
    request.mutable_fetch()->set_max_bytes(UINT32_MAX);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      auto* head = request.mutable_fetch()->add_heads();
      head->set_kind(v1::KIND_BATCH);
      head->set_sequence(i);
    }
    return request;
  }
  Frames control_frames() {
    if (hostile_.one_in(500)) return {greedy_fetch().SerializeAsString()};
    switch (hostile_.below(6)) {
      case 0: return Frames(1 + hostile_.below(8), hostile_.bytes(hostile_.below(40)));
      case 1: return {hostile_.damaged(odd_request().SerializeAsString())};
      case 2: return malformed_message();
      case 3: {
        const Kind kind = hostile_.pick(kAllKinds);
        const auto record = odd_record(kind);
        return {std::string(kind_name(kind)) + '/' + record.session_id() + '/', record.SerializeAsString()};
      }
      default: return {odd_request().SerializeAsString()};
    }
  }

 private:
  HostileBytes& hostile_;
  const std::string session_;
};

}  // namespace trainbus::test
