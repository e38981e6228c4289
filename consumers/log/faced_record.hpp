#pragma once
// A record of the bus as a sink sees it.

#include <string>

#include "trainbus/consumer.hpp"
#include "trainbus/record_json.hpp"
#include "trainbus/sink.h"

namespace trainbus {

// A view: the record and `buffer`, which json() fills, outlive it.
struct FacedRecord : trainbus_record {
  FacedRecord(const Record& from, std::string& buffer) : trainbus_record{}, record(from), json_text(buffer) {
    json_text.clear();
    kind = kind_name(from.topic.kind).data();
    run = from.topic.session.run.c_str();
    trainer = from.topic.session.trainer.c_str();
    incarnation = from.message.incarnation();
    sequence = from.message.sequence();
    timestamp_ms = record_ms(from.message);
    message = from.bytes.data();
    message_size = from.bytes.size();
    json = [](const trainbus_record* self, std::size_t* size) {
      const auto& faced = *static_cast<const FacedRecord*>(self);
      if (faced.json_text.empty()) append_record_json(faced.json_text, faced.record);
      if (size != nullptr) *size = faced.json_text.size();
      return faced.json_text.c_str();
    };
    parsed = &from.message;
    order = from.order;
  }
  const Record& record;
  std::string& json_text;
};

}  // namespace trainbus
