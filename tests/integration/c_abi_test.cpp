// The C ABI: copies of its library beside the SDK and protobuf in one process, and a layout that never moves.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "producers/capi/trainbus.h"
#include "tests/support/eventually.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

// Of ABI 1 on 64 bits. A member may be added at the end of a struct that begins with `size`; nothing else may change.
#define AT(type, member, offset) static_assert(offsetof(type, member) == (offset))
AT(trainbus_options, run, 8);
AT(trainbus_options, spool_bytes, 40);
AT(trainbus_options, tile_pixels, 64);
AT(trainbus_options, client_name, 80);
AT(trainbus_options, user, 96);
AT(trainbus_plan, said, 8);
AT(trainbus_plan, learning_rate, 24);
AT(trainbus_plan, model_name, 40);
AT(trainbus_plan, class_names, 64);
AT(trainbus_plan, parameter_count, 104);
AT(trainbus_batch, loss, 24);
AT(trainbus_batch, values, 48);
AT(trainbus_batch, predictions, 64);
AT(trainbus_batch, no_record, 96);
AT(trainbus_epoch, average_loss, 16);
AT(trainbus_epoch, is_converged, 56);
AT(trainbus_epoch, value_count, 72);
AT(trainbus_tile, pixels, 8);
AT(trainbus_tile, row_bytes, 32);
AT(trainbus_tile, image_id, 56);
AT(trainbus_knob, type, 16);
AT(trainbus_knob, value, 40);
AT(trainbus_knob, choice_count, 72);
AT(trainbus_counters, tiles_sent, 104);
static_assert(sizeof(trainbus_value) == 16 && sizeof(trainbus_score) == 24 && sizeof(trainbus_prediction) == 40);
static_assert(sizeof(trainbus_image) == 40 && sizeof(trainbus_parameter) == 16);
static_assert(TRAINBUS_ABI == 1);
#undef AT

// One copy of the library, loaded for itself.
class Copy {
 public:
  Copy(const std::string& folder, const std::string& name) {
    const std::string path = folder + '/' + name;
    std::filesystem::copy_file(TRAINBUS_BIN "/../producers/capi/libtrainbus_producer.so.1", path);
    handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(handle_, nullptr) << dlerror();
  }
  template <class Function>
  Function* get(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(handle_, name));
  }
#define CALL(function) copy.get<decltype(::function)>(#function)

 private:
  void* handle_ = nullptr;  // never closed: its threads' exit handlers live in it
};

trainbus_producer* open(const Copy& copy, const std::string& broker, const char* trainer) {
  trainbus_options options{};
  options.size = sizeof options;
  options.run = "r";
  options.trainer = trainer;
  options.broker = broker.c_str();
  options.spool_dir = "";
  options.no_metering = 1;
  char why[256];
  trainbus_producer* producer = CALL(trainbus_open)(&options, why, sizeof why);
  EXPECT_NE(producer, nullptr) << why;
  return producer;
}

TEST(CAbi, TwoCopiesTheSdkAndItsSchemaLiveInOneProcess) {
  test::TempDir folder;
  test::RunningBroker broker;
  const Copy first(folder.path(), "one.so"), second(folder.path(), "two.so");
  for (const auto& [copy, trainer] : {std::pair(first, "one"), std::pair(second, "two")}) {
    trainbus_producer* producer = open(copy, broker.address(), trainer);
    ASSERT_NE(producer, nullptr);
    const trainbus_value value{"loss/critic", 0.5};
    EXPECT_EQ(CALL(trainbus_log_values)(producer, 7, &value, 1), 1);
    EXPECT_EQ(CALL(trainbus_finish)(producer, TRAINBUS_COMPLETED, "done", 30'000), 1);
    CALL(trainbus_free)(producer);
  }
  Producer bus({.run = "r", .trainer = "three", .broker = broker.address(), .spool_dir = ""});
  EXPECT_TRUE(bus.log_scalars(7, {{"loss/critic", 0.5}}));
  EXPECT_TRUE(bus.close(std::chrono::seconds(30)));
  Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_SCALARS}});
  std::set<std::string> seen;
  EXPECT_TRUE(test::eventually("the records of all three", [&] {
    while (const Record* record = consumer.next(std::chrono::milliseconds(60))) {
      EXPECT_EQ(record->message.scalar_data().values().at("loss/critic"), 0.5);
      EXPECT_EQ(record->message.scalar_data().step(), 7U);
      seen.insert(record->message.session_id());
    }
    return seen.size() == 3;
  }));
}

TEST(CAbi, ACallerOfAnEarlierVersionSaysLess) {
  test::TempDir folder;
  test::RunningBroker broker;
  const Copy copy(folder.path(), "early.so");
  trainbus_producer* producer = open(copy, broker.address(), "early");
  ASSERT_NE(producer, nullptr);
  trainbus_batch batch{};
  batch.size = offsetof(trainbus_batch, values);  // knew no named values: what stands there is not read
  batch.said = TRAINBUS_LOSS;
  batch.loss = 2;
  batch.values = reinterpret_cast<const trainbus_value*>(8);
  batch.value_count = 1000;
  EXPECT_EQ(CALL(trainbus_log_batch)(producer, &batch, nullptr, nullptr), 1);
  struct {
    trainbus_counters counters;
    std::uint64_t beyond;
  } later{};
  later.counters.size = offsetof(trainbus_counters, in_outbox);
  later.counters.in_outbox = later.beyond = 77;
  CALL(trainbus_count)(producer, &later.counters);
  EXPECT_EQ(later.counters.accepted, 1U);
  EXPECT_EQ(later.counters.in_outbox, 77U);
  EXPECT_EQ(later.beyond, 77U);
  CALL(trainbus_close)(producer, 30'000);
  CALL(trainbus_free)(producer);
}

TEST(CAbi, WhatIsWrongIsOneLineThatFits) {
  test::TempDir folder;
  const Copy copy(folder.path(), "wrong.so");
  trainbus_options options{};
  options.size = sizeof options;
  options.run = "a b";
  char why[16];
  EXPECT_EQ(CALL(trainbus_open)(&options, why, sizeof why), nullptr);
  EXPECT_EQ(std::string(why), "run name 'a b' ");
  EXPECT_EQ(CALL(trainbus_open)(nullptr, nullptr, 0), nullptr);
}

}  // namespace
}  // namespace trainbus
